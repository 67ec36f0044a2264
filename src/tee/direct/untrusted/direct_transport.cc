#include "tee/direct/untrusted/direct_transport.h"

#include <sys/mman.h>

#include <utility>

#include "crypto/wipe.h"

namespace penumbra::tee {

// Anonymous memory, so that a large region costs only the pages that are touched.
struct DirectTransport::Region {
  explicit Region(size_t size) {
    void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address != MAP_FAILED) bytes = {static_cast<uint8_t*>(address), size};
  }
  ~Region() {
    if (!bytes.empty()) munmap(bytes.data(), bytes.size());
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  std::span<uint8_t> bytes;
};

DirectTransport::DirectTransport(DirectOptions options) : options_(std::move(options)) {}

DirectTransport::~DirectTransport() {
  Stop();
  crypto::Wipe(options_.device_key);
}

Status DirectTransport::Start(uint64_t exchange_size, uint64_t secure_memory_size) {
  failure_.clear();
  if (enclave_ != nullptr) return Status::kWrongState;
  auto region = std::make_shared<Region>(exchange_size);
  auto enclave = std::make_unique<DirectEnclave>();
  Status status = Status::kOutOfMemory;
  if (!region->bytes.empty()) {
    const char* state = options_.state_directory ? options_.state_directory->c_str() : nullptr;
    status = enclave->Create(region->bytes, secure_memory_size, options_.device_key, state);
  }
  if (!IsOk(status)) {
    failure_ = "the trusted runtime could not be created in this process";
    return status;
  }
  region_ = std::move(region);
  enclave_ = std::move(enclave);
  return Status::kOk;
}

Status DirectTransport::Call(const Command& command, Reply* out_reply) {
  failure_.clear();
  *out_reply = {};
  if (enclave_ == nullptr) {
    failure_ = "the trusted half was not started";
    return Status::kWrongState;
  }
  enclave_->Call(command, out_reply);
  return Status::kOk;
}

std::span<uint8_t> DirectTransport::exchange() {
  return region_ == nullptr ? std::span<uint8_t>() : region_->bytes;
}

std::shared_ptr<const void> DirectTransport::exchange_owner() { return region_; }

void DirectTransport::Stop() {
  enclave_.reset();
  region_.reset();
}

std::string DirectTransport::label() const {
  return "direct (same process, no isolation); " +
         std::string(host::ProtectionNotice(CarrierKind::kDirect));
}

}  // namespace penumbra::tee
