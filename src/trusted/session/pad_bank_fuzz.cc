// A hostile host and its ledgers: bytes of any kind; stories of two trusted halves, crashes and old ledgers, in which no
// pad may serve twice; and ledgers that authenticate but say anything, as only a fault of ours could write them.
#include <cstdlib>
#include <cstring>

#include "trusted/testing/pad_world.h"

namespace penumbra::trusted {
namespace {

using testing::CounterFault;
using testing::OpenLedger;
using testing::PadWorld;

// One step a byte: bit 7 names the machine.
void PlayStory(PadWorld* world, std::span<const uint8_t> steps) {
  constexpr size_t kLongest = 512;
  for (const uint8_t step : steps.first(steps.size() < kLongest ? steps.size() : kLongest)) {
    const uint32_t machine = step >> 7;
    const uint8_t detail = step / 8 % 16;
    switch (step % 8) {
      case 0:
      case 1: world->Make(machine); break;
      case 2:
      case 3: world->Use(machine); break;
      case 4: (void)world->Record(machine, detail); break;
      case 5: (void)world->Record(machine, detail % 4, detail < 8 ? CounterFault::kFails : CounterFault::kDies); break;
      case 6: (void)world->Start(machine, world->Ledger(detail)); break;
      default: {
        std::vector<uint8_t> rotten(world->Ledger(0).begin(), world->Ledger(0).end());
        if (!rotten.empty()) rotten[detail * 31 % rotten.size()] ^= 1;
        (void)world->Start(machine, rotten);
        break;
      }
    }
  }
  if (world->reuse_count() != 0) std::abort();
}

// The head of a genuine ledger with fields and identifiers from `bytes`.
void PlayForged(PadWorld* world, std::span<const uint8_t> bytes) {
  world->Make(0);
  (void)world->Record(0, 0);
  OpenLedger open = UnsealLedger(*world->port(), world->Ledger(0));
  if (bytes.size() < 12) return;
  std::memcpy(&open.head.pad_count, bytes.data(), sizeof(open.head.pad_count));
  if ((bytes[4] & 1) != 0) open.head.counter += bytes[5];
  if ((bytes[4] & 2) != 0) open.head.reserved = bytes[6];
  if ((bytes[4] & 4) != 0) open.head.model_id[bytes[7] % 32] ^= bytes[8];
  const std::span<const uint8_t> rest = bytes.subspan(12);
  const size_t count = rest.size() / sizeof(uint64_t) < 64 ? rest.size() / sizeof(uint64_t) : 64;
  open.ids.resize(count);
  open.seeds.resize(count);
  if (count != 0) std::memcpy(open.ids.data(), rest.data(), count * sizeof(uint64_t));
  if ((bytes[4] & 8) == 0) open.head.pad_count = static_cast<uint32_t>(count);
  const std::vector<uint8_t> forged = ResealLedger(*world->port(), open);
  if (IsOk(world->Start(1, forged))) {
    uint64_t last = 0;
    for (const uint64_t id : open.ids) {
      if (id <= last || id > kMaxPadId) std::abort();
      last = id;
    }
    if (world->book(1).ready() != count || count > PadWorld::kCapacity) std::abort();
  }
  for (int i = 0; i < 8; ++i) {
    world->Make(1);
    (void)world->Record(1, 2);
    world->Use(1);
  }
}

}  // namespace
}  // namespace penumbra::trusted

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penumbra::trusted;
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  PadWorld world;
  switch (data[0] % 3) {
    case 0: (void)world.Start(0, rest); break;
    case 1: PlayStory(&world, rest); break;
    default: PlayForged(&world, rest); break;
  }
  return 0;
}
