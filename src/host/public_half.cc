#include "host/public_half.h"

namespace penumbra::host {

SegmentView PublicHalf::Segment(uint32_t index) const {
  const SegmentRec& s = tables_.segments[index];
  const std::span<const uint32_t> ports(tables_.ports);
  return {
      .tensors = std::span(tables_.tensors).subspan(s.first_tensor, s.tensor_count),
      .nodes = std::span(tables_.nodes).subspan(s.first_node, s.node_count),
      .inputs = ports.subspan(s.first_input, s.input_count),
      .outputs = ports.subspan(s.first_output, s.output_count),
  };
}

std::span<const std::byte> PublicHalf::Blob(uint32_t index) const {
  if (index >= tables_.blobs.size()) return {};
  const BlobRec& blob = tables_.blobs[index];
  return std::as_bytes(bytes_.subspan(blob.offset, blob.size));
}

}  // namespace penumbra::host
