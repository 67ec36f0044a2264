#include <algorithm>

#include "accel/validate.h"

namespace penumbra {

std::vector<NodeMethod> InOrder(std::vector<NodeMethod> some, const std::vector<NodeMethod>& others) {
  some.insert(some.end(), others.begin(), others.end());
  std::ranges::stable_sort(some, {}, &NodeMethod::node);
  return some;
}

bool AllowsRowRanges(const OwnedSegment& segment) {
  return segment.nodes.size() == 1 && IsResidueConv(segment.nodes[0].op);
}

Status CheckJob(const OwnedSegment& segment, const Job& job, uint32_t max_batch, bool row_ranges) {
  const auto aligned = [](const void* p) {
    return p != nullptr && reinterpret_cast<uintptr_t>(p) % kExchangeAlignment == 0;
  };
  if (job.batch == 0 || job.batch > max_batch) return Status::kInvalidArgument;
  if (job.inputs.size() != segment.inputs.size()) return Status::kInvalidArgument;
  if (job.outputs.size() != segment.outputs.size()) return Status::kInvalidArgument;
  for (const std::byte* p : job.inputs) {
    if (!aligned(p)) return Status::kInvalidArgument;
  }
  for (const std::byte* p : job.outputs) {
    if (!aligned(p)) return Status::kInvalidArgument;
  }
  const bool part = row_ranges && AllowsRowRanges(segment);
  uint32_t tallest = 0;
  for (uint32_t id : segment.outputs) tallest = std::max(tallest, segment.tensors[id].h);
  const bool full = job.rows.begin == 0 && job.rows.end == tallest;
  const bool legal_part = part && job.rows.begin < job.rows.end && job.rows.end <= tallest;
  return full || legal_part ? Status::kOk : Status::kInvalidArgument;
}

}  // namespace penumbra
