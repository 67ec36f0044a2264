#include "tee/process/untrusted/process_transport.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "tee/process/isolation.h"
#include "tee/process/untrusted/processor_stay.h"

namespace penumbra::tee {
namespace {

using Clock = std::chrono::steady_clock;

// How long a sleeping host goes without looking whether the enclave is still alive.
constexpr int64_t kDeathCheckNs = 10'000'000;
constexpr char kBinaryName[] = "penumbra-enclave";

// A visitor and the processor it shares with the enclave.
class SharedProcessor final : public host::Visit {
 public:
  int processor() const { return stay_.processor(); }

 private:
  ProcessorStay stay_;
};

}  // namespace

// A memfd of fixed size, mapped here and inherited by the enclave. Pages cost memory once touched.
class ProcessTransport::SharedRegion {
 public:
  explicit SharedRegion(const char* name, uint64_t size)
      : fd_(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    if (!fd_.valid() || ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return;
    if (fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return;
    void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (address != MAP_FAILED) bytes_ = {static_cast<uint8_t*>(address), size};
  }
  ~SharedRegion() {
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
  }
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;

  bool valid() const { return !bytes_.empty(); }
  int fd() const { return fd_.get(); }
  std::span<uint8_t> bytes() const { return bytes_; }

 private:
  UniqueFd fd_;
  std::span<uint8_t> bytes_;
};

std::filesystem::path FindEnclaveBinary() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path candidates[] = {
      error ? std::filesystem::path() : self.parent_path() / kBinaryName,
      std::filesystem::path(PENUMBRA_LIBEXEC_DIR) / kBinaryName,
  };
  for (const std::filesystem::path& candidate : candidates) {
    if (!candidate.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

// Whoever spins on a shared processor keeps the other from answering.
ProcessTransport::ProcessTransport(ProcessOptions options)
    : options_(std::move(options)),
      same_processor_(options_.same_processor && ProcessorStay().processor() >= 0),
      budget_(SpinNs()) {}

ProcessTransport::~ProcessTransport() { Stop(); }

std::vector<std::string> ProcessTransport::Arguments(uint64_t secure_memory_size) const {
  std::vector<std::string> arguments = {"--secure-memory", std::to_string(secure_memory_size),
                                        "--spin-ns",       std::to_string(SpinNs()),
                                        "--device-key",    options_.device_key_file.string()};
  if (options_.state_directory.has_value()) {
    arguments.insert(arguments.end(), {"--state", options_.state_directory->string()});
  }
  return arguments;
}

Status ProcessTransport::Fail(Status status, std::string why) {
  Stop();
  failure_ = std::move(why);
  return status;
}

Status ProcessTransport::Start(uint64_t exchange_size, uint64_t secure_memory_size) {
  failure_.clear();
  if (started_) return Status::kWrongState;
  const Status status = Launch(exchange_size, secure_memory_size);
  return IsOk(status) ? AwaitStart() : status;
}

Status ProcessTransport::Launch(uint64_t exchange_size, uint64_t secure_memory_size) {
  std::filesystem::path binary = options_.enclave_binary;
  if (binary.empty()) binary = FindEnclaveBinary();
  if (binary.empty()) {
    return Fail(Status::kNotFound, std::string(kBinaryName) +
                                       " is neither beside this program nor in " +
                                       PENUMBRA_LIBEXEC_DIR);
  }
  control_region_ = std::make_shared<SharedRegion>("penumbra-control", sizeof(ControlBlock));
  exchange_region_ = std::make_shared<SharedRegion>("penumbra-exchange", exchange_size);
  if (!control_region_->valid() || !exchange_region_->valid()) {
    return Fail(Status::kOutOfMemory,
                "shared memory of " + std::to_string(exchange_size) + " bytes cannot be had");
  }
  control_ = reinterpret_cast<ControlBlock*>(control_region_->bytes().data());
  int line[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) != 0) {
    return Fail(Status::kIo, std::string("no socket pair: ") + std::strerror(errno));
  }
  lifeline_ = UniqueFd(line[0]);
  const UniqueFd enclave_end(line[1]);
  const Status status =
      child_.Spawn(binary.string(), Arguments(secure_memory_size),
                   {enclave_end.get(), control_region_->fd(), exchange_region_->fd()});
  if (!IsOk(status)) return Fail(status, "cannot run " + binary.string());
  sequence_ = 0;
  enclave_processor_ = -1;
  return Status::kOk;
}

Status ProcessTransport::AwaitStart() {
  const Status waited = Await(&control_->started, 0, options_.start_timeout);
  if (!IsOk(waited)) return Fail(waited, "the enclave ended while it started: " + child_.ending());
  StartupReport report;
  std::memcpy(&report, &control_->startup, sizeof(report));
  report.text[sizeof(report.text) - 1] = '\0';
  if (!IsOk(report.status)) return Fail(report.status, report.text);
  isolation_ = report.isolation;
  started_ = true;
  return Status::kOk;
}

Status ProcessTransport::Await(HandoffWord* word, uint32_t seen,
                               std::chrono::milliseconds timeout) {
  if (SpinWhileEqual(*word, seen, &budget_)) return Status::kOk;
  const Clock::time_point deadline = Clock::now() + timeout;
  for (;;) {
    SleepWhileEqual(word, seen, kDeathCheckNs);
    if (word->sequence.load(std::memory_order_acquire) != seen) return Status::kOk;
    if (child_.HasEnded()) {
      // It may have answered and died between the two looks.
      const bool answered = word->sequence.load(std::memory_order_acquire) != seen;
      return answered ? Status::kOk : Status::kEnclaveDied;
    }
    if (Clock::now() > deadline) return Status::kTimeout;
  }
}

std::unique_ptr<host::Visit> ProcessTransport::BeginVisit() {
  if (!started_ || !same_processor_) return nullptr;
  auto visit = std::make_unique<SharedProcessor>();
  const int processor = visit->processor();
  if (processor < 0) return nullptr;
  if (processor != enclave_processor_) {
    if (!child_.MoveTo(processor)) return nullptr;
    enclave_processor_ = processor;
  }
  return visit;
}

Status ProcessTransport::Call(const Command& command, Reply* out_reply) {
  *out_reply = {};
  if (!started_) {
    if (failure_.empty()) failure_ = "the enclave is not running";
    return child_.ending().empty() ? Status::kWrongState : Status::kEnclaveDied;
  }
  failure_.clear();
  std::memcpy(&control_->command, &command, sizeof(command));
  const uint32_t seen = sequence_;
  Post(&control_->request, ++sequence_);
  const Status status = Await(&control_->response, seen, options_.call_timeout);
  if (status == Status::kEnclaveDied) {
    return Fail(status, "the enclave process ended: " + child_.ending());
  }
  if (!IsOk(status)) return Fail(status, "the enclave did not answer and was ended");
  std::memcpy(out_reply, &control_->reply, sizeof(*out_reply));
  return Status::kOk;
}

std::span<uint8_t> ProcessTransport::exchange() {
  return exchange_region_ == nullptr ? std::span<uint8_t>() : exchange_region_->bytes();
}

std::shared_ptr<const void> ProcessTransport::exchange_owner() { return exchange_region_; }

void ProcessTransport::Stop() {
  child_.Kill();
  lifeline_.Reset();
  control_ = nullptr;
  control_region_.reset();
  exchange_region_.reset();
  started_ = false;
}

std::string ProcessTransport::label() const {
  return "process (" + IsolationText(isolation_) + "); " +
         std::string(host::ProtectionNotice(CarrierKind::kProcess));
}

}  // namespace penumbra::tee
