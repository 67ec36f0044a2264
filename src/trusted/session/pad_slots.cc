#include "trusted/session/pad_slots.h"

#include "crypto/wipe.h"
#include "trusted/plan/tiles.h"

namespace penumbra::trusted {

void PadSlots::Place(const Plan& plan, uint64_t count, Arena* arena) {
  // A tile's place is told in units from the arena of its run (trusted/plan/tiles.h).
  if (count == 0 || plan.pad_program.empty() || arena->capacity() / kTileAlignment >= kAbsent) return;
  const uint64_t mark = arena->used();
  places_ = arena->TakeArray<TensorPlace>(plan.tensors.size());
  if (places_.empty()) return;
  for (uint32_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorRec& t = plan.tensors[i];
    if (t.kind != TensorKind::kPad) continue;
    places_[i] = {size_, AlignUp(TileSize(plan, i, 0), kTileAlignment)};  // the first tile is as large as any
    size_ += places_[i].stride * TileCount(t);
  }
  const uint64_t room = size_ == 0 ? 0 : (arena->capacity() - arena->used()) / size_;
  const uint64_t wanted = count < kMaxPadSlots ? count : kMaxPadSlots;
  count_ = static_cast<uint32_t>(room < wanted ? room : wanted);
  memory_ = arena->Take(count_ * size_);
  if (count_ == 0) arena->ResetTo(mark);
}

void PadSlots::Take(uint64_t id) {
  for (uint32_t slot = 0; slot < count_; ++slot) {
    if (ids_[slot] != 0) continue;
    ids_[slot] = id;
    return;
  }
}

void PadSlots::Release(uint64_t id) {
  for (uint64_t& holder : ids_) {
    if (holder == id) holder = 0;
  }
}

void PadSlots::Wipe(uint64_t id) {
  if (id == 0) return;
  for (uint32_t slot = 0; slot < count_; ++slot) {
    if (ids_[slot] == id) crypto::Wipe(Slot(slot));
  }
  Release(id);
}

uint8_t* PadSlots::Tile(uint64_t id, uint32_t tensor, uint32_t tile) const {
  if (id == 0) return nullptr;
  for (uint32_t slot = 0; slot < count_; ++slot) {
    if (ids_[slot] == id) return Slot(slot).data() + places_[tensor].begin + tile * places_[tensor].stride;
  }
  return nullptr;
}

}  // namespace penumbra::trusted
