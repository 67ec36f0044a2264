#include "tee/testing/scripted_enclave.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "trusted/entry/entry.h"

namespace penumbra::trusted {

class Enclave {
 public:
  Enclave(std::span<uint8_t> secure_memory, std::span<uint8_t> exchange, const Port& port)
      : secure_memory_(secure_memory), exchange_(exchange), port_(port) {}

  void Run(const Command& command, Reply* out_reply);

 private:
  void Misbehave(tee::Script script);
  void UsePort(tee::Script script, uint64_t argument, Reply* out_reply);
  void Invert(uint64_t count, Reply* out_reply);

  std::span<uint8_t> secure_memory_, exchange_;
  Port port_;
};

namespace {

constexpr uint8_t kAllOnes[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                  255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void BusyWait(uint64_t ns) {
  const int64_t end = NowNs() + static_cast<int64_t>(ns);
  while (NowNs() < end) {
  }
}

// volatile: the compiler may not drop the pair.
void AllocateAndFree(size_t size) {
  auto* volatile memory = static_cast<uint8_t*>(std::malloc(size));
  if (memory != nullptr) memory[size / 2] = 1;
  std::free(memory);
}

}  // namespace

void Enclave::Invert(uint64_t count, Reply* out_reply) {
  for (uint64_t i = 0; i < count && i < exchange_.size(); ++i) {
    out_reply->info.clamped_count += exchange_[i];
    exchange_[i] = static_cast<uint8_t>(~exchange_[i]);
  }
}

void Enclave::Misbehave(tee::Script script) {
  switch (script) {
    case tee::Script::kAbort:
      port_.abort(port_.context);
      break;
    case tee::Script::kHang:
      for (volatile bool forever = true; forever;) {
      }
      break;
    case tee::Script::kOpenFile:
      static_cast<void>(open("/etc/hostname", O_RDONLY));
      break;
    case tee::Script::kFork:
      static_cast<void>(fork());
      break;
    case tee::Script::kConnect:
      static_cast<void>(socket(AF_INET, SOCK_STREAM, 0));
      break;
    case tee::Script::kMapExecutable:
      static_cast<void>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      break;
    default:
      break;
  }
}

void Enclave::UsePort(tee::Script script, uint64_t argument, Reply* out_reply) {
  if (script == tee::Script::kAdvanceVersion) {
    out_reply->status = port_.version_advance(port_.context, kAllOnes, argument);
  } else if (script == tee::Script::kGetVersion) {
    out_reply->status = port_.version_get(port_.context, kAllOnes, &out_reply->info.clamped_count);
  } else if (script == tee::Script::kDeviceKey) {
    uint8_t key[32];
    out_reply->status = port_.device_key(port_.context, key);
    std::memcpy(&out_reply->info.clamped_count, key, sizeof(uint64_t));
  } else if (script == tee::Script::kEntropy) {
    out_reply->status = port_.entropy(port_.context, exchange_.data(), argument);
  }
}

void Enclave::Run(const Command& command, Reply* out_reply) {
  const auto script = static_cast<tee::Script>(command.args[0]);
  out_reply->status = Status::kOk;
  out_reply->info.carrier = static_cast<uint32_t>(port_.carrier);
  out_reply->info.exchange_size = exchange_.size();
  out_reply->info.secure_memory_size = secure_memory_.size();
  if (script == tee::Script::kInvert) Invert(command.args[1], out_reply);
  if (script == tee::Script::kAllocate) AllocateAndFree(command.args[1]);
  if (script == tee::Script::kSleep) BusyWait(command.args[1]);
  if (script == tee::Script::kWrongReply) out_reply->status = Status::kIntegrity;
  UsePort(script, command.args[1], out_reply);
  Misbehave(script);
}

Status CreateEnclave(std::span<uint8_t> secure_memory, std::span<uint8_t> exchange,
                     const Port& port, Enclave** out_enclave) {
  if (secure_memory.size() < sizeof(Enclave)) return Status::kSecureMemoryExceeded;
  if (exchange.size() < kLoadWindowSize) return Status::kInvalidArgument;
  *out_enclave = new (secure_memory.data()) Enclave(secure_memory, exchange, port);
  return Status::kOk;
}

void Dispatch(Enclave* enclave, const Command& command, Reply* out_reply) {
  enclave->Run(command, out_reply);
}

void DestroyEnclave(Enclave* enclave) { enclave->~Enclave(); }

}  // namespace penumbra::trusted
