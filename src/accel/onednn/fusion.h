// Which nodes of a float segment run inside the convolution before them.
#ifndef PENUMBRA_ACCEL_ONEDNN_FUSION_H_
#define PENUMBRA_ACCEL_ONEDNN_FUSION_H_

#include <cstdint>
#include <vector>

#include "accel/validate.h"

namespace penumbra::onednn {

// One float node with what follows it, in execution order.
struct FusedNode {
  uint32_t node;               // index into the segment's nodes
  std::vector<uint32_t> tail;  // element-wise nodes applied to its sums, in order
  // Tensor that a kAdd of the tail reads and whose memory the result takes over; kNoTensor if none.
  uint32_t added;
  uint32_t output;  // tensor that finally comes out
};
inline constexpr uint32_t kNoTensor = 0xffffffffu;

bool IsUnary(SegmentOp op);

// Float nodes only. A tail grows while its value has one reader and is no segment output; an addend
// must have been computed before the convolution and be read by nobody after it.
std::vector<FusedNode> Fuse(const OwnedSegment& segment);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_FUSION_H_
