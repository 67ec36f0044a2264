#include "hoard.h"

#include <algorithm>
#include <utility>

namespace penumbra::storm {
namespace {

constexpr size_t kMaxTilesPerSlot = 256;

thread_local uint64_t replays_here = 0;

}  // namespace

HoardingPadStore::HoardingPadStore(Hoard* hoard, uint32_t one_in, std::unique_ptr<host::PadStore> honest)
    : hoard_(hoard), one_in_(one_in), honest_(std::move(honest)) {}

uint64_t HoardingPadStore::ReplaysHere() { return replays_here; }

Status HoardingPadStore::Put(host::PadSlot where, std::span<const uint8_t> sealed) {
  const std::lock_guard lock(hoard_->mutex);
  std::vector<std::vector<uint8_t>>& old = hoard_->tiles[where.slot];
  if (old.size() < kMaxTilesPerSlot) {
    old.emplace_back(sealed.begin(), sealed.end());
  } else {
    old[hoard_->random() % kMaxTilesPerSlot].assign(sealed.begin(), sealed.end());
  }
  return honest_->Put(where, sealed);
}

Status HoardingPadStore::Take(host::PadSlot where, std::span<uint8_t> out_sealed) {
  const Status status = honest_->Take(where, out_sealed);
  const std::lock_guard lock(hoard_->mutex);
  if (!IsOk(status) || one_in_ == 0 || hoard_->random() % one_in_ != 0) return status;
  const std::vector<std::vector<uint8_t>>& old = hoard_->tiles[where.slot];
  if (old.empty()) return status;  // a pad of an earlier process
  const std::vector<uint8_t>& tile = old[hoard_->random() % old.size()];
  if (tile.size() == out_sealed.size() && !std::ranges::equal(tile, out_sealed)) {
    std::ranges::copy(tile, out_sealed.begin());
    ++hoard_->replay_count;
    ++replays_here;
  }
  return status;
}

}  // namespace penumbra::storm
