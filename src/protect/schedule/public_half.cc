#include "protect/schedule/public_half.h"

#include "protect/emit/byte_writer.h"

namespace penumbra::protect {
namespace {

struct Tables {
  std::vector<SegmentRec> segments;
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  std::vector<uint32_t> ports;
};

template <typename T>
uint32_t AppendTo(std::vector<T>* table, const std::vector<T>& more) {
  const auto first = static_cast<uint32_t>(table->size());
  table->insert(table->end(), more.begin(), more.end());
  return first;
}

Tables CollectTables(const CompiledPlan& plan) {
  Tables t;
  for (const PublicSegment& s : plan.segments) {
    SegmentRec rec{};
    rec.first_tensor = AppendTo(&t.tensors, s.tensors);
    rec.tensor_count = static_cast<uint32_t>(s.tensors.size());
    rec.first_node = AppendTo(&t.nodes, s.nodes);
    rec.node_count = static_cast<uint32_t>(s.nodes.size());
    rec.first_input = AppendTo(&t.ports, s.inputs);
    rec.input_count = static_cast<uint32_t>(s.inputs.size());
    rec.first_output = AppendTo(&t.ports, s.outputs);
    rec.output_count = static_cast<uint32_t>(s.outputs.size());
    t.segments.push_back(rec);
  }
  return t;
}

}  // namespace

PublicLayout LayOutPublicHalf(const CompiledPlan& plan) {
  const Tables t = CollectTables(plan);
  const uint64_t tables_size =
      sizeof(PublicHead) + t.segments.size() * sizeof(SegmentRec) +
      t.tensors.size() * sizeof(SegmentTensor) + t.nodes.size() * sizeof(SegmentNode) +
      t.ports.size() * sizeof(uint32_t) + plan.blobs.size() * sizeof(BlobRec);
  PublicLayout layout{};
  PublicHead head{};
  head.version = kPublicVersion;
  head.segment_count = static_cast<uint32_t>(t.segments.size());
  head.tensor_count = static_cast<uint32_t>(t.tensors.size());
  head.node_count = static_cast<uint32_t>(t.nodes.size());
  head.port_count = static_cast<uint32_t>(t.ports.size());
  head.blob_count = static_cast<uint32_t>(plan.blobs.size());
  head.blobs_offset = AlignUp(tables_size, kBlobAlignment);
  layout.size = head.blobs_offset;
  for (const PublicBlob& blob : plan.blobs) {
    const uint64_t offset = AlignUp(layout.size, kBlobAlignment);
    layout.blobs.push_back({offset, blob.size});
    layout.size = offset + blob.size;
  }
  ByteWriter writer;
  writer.Put(head);
  writer.PutAll(t.segments);
  writer.PutAll(t.tensors);
  writer.PutAll(t.nodes);
  writer.PutAll(t.ports);
  writer.PutAll(layout.blobs);
  writer.PadTo(head.blobs_offset);
  layout.tables = writer.Take();
  return layout;
}

}  // namespace penumbra::protect
