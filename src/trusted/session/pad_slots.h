// Pads that wait inside, in the clear: secure memory that is left when a model is loaded, cut into slots of one pad each
// (docs/pad_bank.md). A slot holds the u of one pad from the moment the pad is begun until it is used up or burnt; then it is
// wiped. Which pads exist, and that none serves twice, is the bank's business (session/pad_bank.h): a slot only says where u is.
#ifndef PENUMBRA_TRUSTED_SESSION_PAD_SLOTS_H_
#define PENUMBRA_TRUSTED_SESSION_PAD_SLOTS_H_

#include <cstdint>
#include <span>

#include "trusted/base/arena.h"
#include "trusted/plan/plan.h"

namespace penumbra::trusted {

inline constexpr uint32_t kMaxPadSlots = 8;

class PadSlots {
 public:
  // Takes as many slots for pads of `plan`, at most `count`, as `arena` has room for; fewer, or none, is no error.
  void Place(const Plan& plan, uint64_t count, Arena* arena);

  // Pad `id`, which has no slot yet, gets one if one is free; else it has to wait outside.
  void Take(uint64_t id);
  // The pad, if it has a slot, has none any more. Any id. Whoever used it up has wiped it (session/run.h) ...
  void Release(uint64_t id);
  // ... or it is wiped here.
  void Wipe(uint64_t id);
  // Where a tile of a pad's u stands, aligned to kTileAlignment; null: not inside. `tensor` is of kind kPad.
  uint8_t* Tile(uint64_t id, uint32_t tensor, uint32_t tile) const;
  // The pad of each slot; 0: the slot is free.
  std::span<const uint64_t> ids() const { return std::span(ids_).first(count_); }

 private:
  struct TensorPlace {
    uint64_t begin;   // in a slot
    uint64_t stride;  // from tile to tile
  };
  std::span<uint8_t> Slot(uint32_t slot) const { return memory_.subspan(slot * size_, size_); }

  std::span<TensorPlace> places_;  // of each tensor of the plan
  std::span<uint8_t> memory_;
  uint64_t size_ = 0;  // of a slot
  uint32_t count_ = 0;
  uint64_t ids_[kMaxPadSlots] = {};
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_PAD_SLOTS_H_
