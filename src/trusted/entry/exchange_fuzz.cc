// A hostile host: any sequence of commands, any bytes in the exchange region at any moment. Whatever happens, an
// inference that completes gives outputs of this model's arithmetic or an error, and nothing is read out of bounds.
#include <cstring>
#include <vector>

#include "trusted/entry/entry.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::trusted {
namespace {

using testing::TinyBundle;
using testing::TinyHost;
using testing::TinyPort;

constexpr size_t kSecureSize = size_t{2} << 20;

struct World {
  World() : bundle(testing::MakeTinyBundle()) { port.device_key = bundle.device_private; }
  TinyBundle bundle;
  TinyPort port;
  alignas(64) uint8_t exchange[testing::kExchangeSize];
  alignas(64) uint8_t secure[kSecureSize];
};

// One decision a byte.
class Script {
 public:
  Script(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool Done() const { return at_ >= size_; }
  uint32_t Next() { return Done() ? 0 : data_[at_++]; }
  uint32_t NextWide() { return Next() | Next() << 8 | Next() << 16 | Next() << 24; }

 private:
  const uint8_t* data_;
  size_t size_, at_ = 0;
};

Command MakeCommand(const World& world, Script* script) {
  Command command{};
  command.id = static_cast<CommandId>(script->Next() % 8);
  command.program = static_cast<ProgramId>(script->Next() % 4);
  command.args[0] = script->Next() % 8 == 0 ? script->NextWide() : world.bundle.manifest.size();
  if (command.id == CommandId::kStep) command.args[0] = script->Next() % 4 == 0 ? script->NextWide() : 0;
  command.args[1] = script->Next() % 8 == 0 ? script->NextWide() : 0;
  std::memcpy(command.vendor_key, world.bundle.vendor_public.data(), 32);
  return command;
}

void Play(World* world, Enclave* enclave, Script* script) {
  TinyHost host(&world->bundle, world->exchange);
  Reply reply{};
  while (!script->Done()) {
    const uint32_t choice = script->Next();
    if (reply.job.kind != JobKind::kNone && choice % 4 != 0) {
      host.Serve(reply.job);
      if (choice % 16 == 1) world->exchange[script->NextWide() % sizeof(world->exchange)] ^= 1 << (choice / 16 % 8);
      Command step{};
      step.id = CommandId::kStep;
      Dispatch(enclave, step, &reply);
      continue;
    }
    const Command command = MakeCommand(*world, script);
    if (command.id == CommandId::kLoad) {
      std::memcpy(world->exchange, world->bundle.manifest.data(), world->bundle.manifest.size());
    }
    Dispatch(enclave, command, &reply);
  }
}

}  // namespace
}  // namespace penumbra::trusted

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penumbra::trusted;
  static World* const world = new World;
  std::memset(world->exchange, 0, sizeof(world->exchange));
  Enclave* enclave = nullptr;
  if (!penumbra::IsOk(CreateEnclave(world->secure, world->exchange, world->port.Make(), &enclave))) return 0;
  Script script(data, size < 4096 ? size : 4096);
  Play(world, enclave, &script);
  DestroyEnclave(enclave);
  return 0;
}
