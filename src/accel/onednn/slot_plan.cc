#include "accel/onednn/slot_plan.h"

#include <algorithm>

#include "accel/onednn/strip_kernel.h"

namespace penumbra::onednn {
namespace {

// Whether a slot of size a serves better than one of size b: the tightest that fits, else the
// largest.
bool Closer(size_t wanted, size_t a, size_t b) {
  if ((a >= wanted) != (b >= wanted)) return a >= wanted;
  return a >= wanted ? a < b : a > b;
}

}  // namespace

size_t SlotPlan::Acquire(size_t size) {
  size_t best = slots_.size();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].free) continue;
    if (best == slots_.size() || Closer(size, slots_[i].size, slots_[best].size)) best = i;
  }
  if (best == slots_.size()) slots_.push_back({0, true});
  slots_[best].size = std::max(slots_[best].size, size);
  slots_[best].free = false;
  return best;
}

void SlotPlan::Allocate(const dnnl::engine& engine, std::vector<dnnl::memory>* out_storage) {
  const size_t first = out_storage->size();
  out_storage->resize(first + slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    Reserve(engine, slots_[i].size, &(*out_storage)[first + i]);
  }
  for (Bound& b : bound_) b.m.set_data_handle((*out_storage)[first + b.slot].get_data_handle());
}

}  // namespace penumbra::onednn
