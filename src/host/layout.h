// Between the axis order users know (logical) and the channel-last order tensors travel in
// (physical).
#ifndef PENUMBRA_HOST_LAYOUT_H_
#define PENUMBRA_HOST_LAYOUT_H_

#include <cstdint>
#include <span>

namespace penumbra::host {

inline constexpr size_t kMaxRank = 8;

// `shape`: logical extents, at most kMaxRank of them, whose product is the size of both arrays.
// perm[d]: the logical axis that is physical axis d; {0, 2, 3, 1} turns NCHW into NHWC.
void ToPhysical(std::span<const uint32_t> shape, std::span<const uint32_t> perm,
                std::span<const float> logical, std::span<float> out_physical);
void ToLogical(std::span<const uint32_t> shape, std::span<const uint32_t> perm,
               std::span<const float> physical, std::span<float> out_logical);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_LAYOUT_H_
