// A hostile host: any sequence of commands, several runs in any order, any bytes in the exchange region at any moment.
// Whatever happens, an inference that completes gives outputs of this model's arithmetic or an error, and nothing is
// read out of bounds.
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
constexpr uint32_t kRuns = 3;

struct World {
  // kind: 0 plain, 1 with checked replies, 2 with a partition drawn inside.
  explicit World(uint32_t kind) : bundle(Bundle(kind)) { port.device_key = bundle.device_private; }
  static TinyBundle Bundle(uint32_t kind) {
    testing::TinyBundleOptions options;
    options.checked = kind == 1;
    if (kind == 2) options.change_plan = [](testing::TinyPlan* plan) { *plan = testing::MakeTinyPartitionPlan(); };
    return testing::MakeTinyBundle(options);
  }
  TinyBundle bundle;
  TinyPort port;
  alignas(64) uint8_t exchange[kRuns * testing::kExchangeSize];
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
  // 1 to 8: all of them.
  const uint32_t id = script->Next() % 8;
  command.id = id == 0 ? CommandId::kRecordPads : static_cast<CommandId>(id);
  command.program = static_cast<ProgramId>(script->Next() % 4);
  command.run = script->Next() % 8 == 0 ? script->NextWide() : script->Next() % kRuns;
  command.run_count = script->Next() % 8 == 0 ? script->NextWide() : kRuns;
  command.args[0] = script->Next() % 8 == 0 ? script->NextWide() : world.bundle.manifest.size();
  if (command.id == CommandId::kStep) command.args[0] = script->Next() % 4 == 0 ? script->NextWide() : 0;
  command.args[1] = script->Next() % 8 == 0 ? script->NextWide() : 0;
  // A bank that starts empty, or bytes of the exchange region as its ledger.
  if (command.id == CommandId::kOpenPadBank && command.args[1] == 0) command.args[0] = 0;
  command.args[2] = 16;
  std::memcpy(command.vendor_key, world.bundle.vendor_public.data(), 32);
  return command;
}

// The jobs the host was asked for, by run; those of loading belong to run 0.
class Player {
 public:
  Player(World* world, Enclave* enclave) : world_(world), enclave_(enclave), host_(&world->bundle, world->exchange) {}

  void Play(Script* script) {
    while (!script->Done()) {
      const uint32_t choice = script->Next(), run = choice / 4 % kRuns;
      if (jobs_[run].kind != JobKind::kNone && choice % 4 != 0) {
        Serve(run, choice, script);
        continue;
      }
      const Command command = MakeCommand(*world_, script);
      if (command.id == CommandId::kLoad) {
        std::memcpy(world_->exchange, world_->bundle.manifest.data(), world_->bundle.manifest.size());
      }
      Send(command);
    }
  }

 private:
  void Serve(uint32_t run, uint32_t choice, Script* script) {
    host_.Serve(jobs_[run]);
    if (choice % 16 == 1) world_->exchange[script->NextWide() % sizeof(world_->exchange)] ^= 1 << (choice / 16 % 8);
    Command step{};
    step.id = CommandId::kStep;
    step.run = run;
    Send(step);
  }
  void Send(const Command& command) {
    Reply reply{};
    Dispatch(enclave_, command, &reply);
    const uint32_t run = command.id == CommandId::kLoad ? 0 : command.run;
    const bool answers = command.id == CommandId::kLoad || command.id == CommandId::kStart ||
                         command.id == CommandId::kStep;
    // A refused command leaves the run it named as it was.
    const bool refused = reply.status == Status::kWrongState || reply.status == Status::kInvalidArgument;
    if (answers && !refused && run < kRuns) jobs_[run] = reply.job;
  }

  World* world_;
  Enclave* enclave_;
  TinyHost host_;
  HostJob jobs_[kRuns] = {};
};

}  // namespace
}  // namespace penumbra::trusted

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penumbra::trusted;
  static World* const worlds[] = {new World(0), new World(1), new World(2)};
  // The last byte of a script says against which it plays.
  constexpr uint8_t kKinds[] = {0, 1, 2, 1};
  World* const world = worlds[size == 0 ? 0 : kKinds[data[size - 1] % 4]];
  std::memset(world->exchange, 0, sizeof(world->exchange));
  Enclave* enclave = nullptr;
  if (!penumbra::IsOk(CreateEnclave(world->secure, world->exchange, world->port.Make(), &enclave))) return 0;
  Script script(data, size < 4096 ? size : 4096);
  Player(world, enclave).Play(&script);
  DestroyEnclave(enclave);
  return 0;
}
