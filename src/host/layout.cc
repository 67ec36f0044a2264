#include "host/layout.h"

#include <array>
#include <cstddef>

namespace penumbra::host {
namespace {

// Calls visit(logical index, physical index) for every element, in physical order.
template <typename Visit>
void ForEachPair(std::span<const uint32_t> shape, std::span<const uint32_t> perm, Visit visit) {
  const size_t rank = shape.size();
  std::array<size_t, kMaxRank> logical_stride{};
  size_t count = 1;
  for (size_t d = rank; d-- > 0;) {
    logical_stride[d] = count;
    count *= shape[d];
  }
  if (count == 0) return;
  const size_t inner = rank == 0 ? 1 : shape[perm[rank - 1]];
  const size_t inner_stride = rank == 0 ? 1 : logical_stride[perm[rank - 1]];
  std::array<uint32_t, kMaxRank> position{};
  size_t logical = 0;
  for (size_t physical = 0; physical < count; physical += inner) {
    for (size_t i = 0; i < inner; ++i) visit(logical + i * inner_stride, physical + i);
    for (size_t d = rank < 2 ? 0 : rank - 1; d-- > 0;) {
      logical += logical_stride[perm[d]];
      if (++position[d] < shape[perm[d]]) break;
      logical -= logical_stride[perm[d]] * shape[perm[d]];
      position[d] = 0;
    }
  }
}

}  // namespace

void ToPhysical(std::span<const uint32_t> shape, std::span<const uint32_t> perm,
                std::span<const float> logical, std::span<float> out_physical) {
  ForEachPair(shape, perm, [&](size_t l, size_t p) { out_physical[p] = logical[l]; });
}

void ToLogical(std::span<const uint32_t> shape, std::span<const uint32_t> perm,
               std::span<const float> physical, std::span<float> out_logical) {
  ForEachPair(shape, perm, [&](size_t l, size_t p) { out_logical[l] = physical[p]; });
}

}  // namespace penumbra::host
