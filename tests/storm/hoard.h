// A pad store in the adversary's hands: it keeps every sealed pad it ever saw, over the lives of
// several loaded models, and now and then hands out an old one.
#ifndef PENUMBRA_TESTS_STORM_HOARD_H_
#define PENUMBRA_TESTS_STORM_HOARD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <vector>

#include "host/pad_store.h"

namespace penumbra::storm {

// Old sealed tiles by the slot they belong to; lives as long as the process.
struct Hoard {
  std::mutex mutex;  // of everything below
  std::map<uint32_t, std::vector<std::vector<uint8_t>>> tiles;
  std::mt19937_64 random;
  uint64_t replay_count = 0;  // old tiles that were handed out
};

class HoardingPadStore final : public host::PadStore {
 public:
  // Replays with probability 1 / one_in at each Take(); 0: never. `hoard` outlives the store. `honest`: where pads are
  // kept.
  HoardingPadStore(Hoard* hoard, uint32_t one_in, std::unique_ptr<host::PadStore> honest);

  // Old tiles handed out to this thread, over all stores: a request takes its pads on its own
  // thread.
  static uint64_t ReplaysHere();

  Status Put(host::PadSlot where, std::span<const uint8_t> sealed) override;
  Status Take(host::PadSlot where, std::span<uint8_t> out_sealed) override;
  void Complete(uint64_t pad) override { honest_->Complete(pad); }
  void Drop(uint64_t pad) override { honest_->Drop(pad); }
  void KeepOnly(std::span<const uint64_t> pads) override { honest_->KeepOnly(pads); }
  uint64_t size() const override { return honest_->size(); }

 private:
  Hoard* hoard_;
  uint32_t one_in_;
  std::unique_ptr<host::PadStore> honest_;
};

}  // namespace penumbra::storm

#endif  // PENUMBRA_TESTS_STORM_HOARD_H_
