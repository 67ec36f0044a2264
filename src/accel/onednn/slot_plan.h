// Memory of a program's intermediate tensors, reused once nobody reads a tensor any more. Sizes are
// settled first, addresses given out at the end.
#ifndef PENUMBRA_ACCEL_ONEDNN_SLOT_PLAN_H_
#define PENUMBRA_ACCEL_ONEDNN_SLOT_PLAN_H_

#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace penumbra::onednn {

class SlotPlan {
 public:
  // A slot of at least `size` bytes that is occupied until Release.
  size_t Acquire(size_t size);
  void Release(size_t slot) { slots_[slot].free = true; }

  // `m`, created without memory, will live in `slot`.
  void Bind(const dnnl::memory& m, size_t slot) { bound_.push_back({m, slot}); }

  // Allocates every slot, appends them to *out_storage and points what was bound at them.
  void Allocate(const dnnl::engine& engine, std::vector<dnnl::memory>* out_storage);

 private:
  struct Slot {
    size_t size;
    bool free;
  };
  struct Bound {
    dnnl::memory m;
    size_t slot;
  };

  std::vector<Slot> slots_;
  std::vector<Bound> bound_;
};

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_SLOT_PLAN_H_
