#include "protect/schedule/float_segment_builder.h"

#include <algorithm>

#include "boundary/segment.h"
#include "protect/schedule/layer_tables.h"

namespace penumbra::protect {
namespace {

ConvGeometry Pointwise(uint32_t h, uint32_t w, uint32_t in_c, uint32_t out_c, uint32_t groups) {
  return {h, w, in_c, h, w, out_c, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, groups};
}

}  // namespace

bool FloatSegmentBuilder::Add(const LoweredOp& op) {
  return std::visit([this](const auto& kind) { return Lower(kind); }, op.kind);
}

void FloatSegmentBuilder::AddOutput(TensorId id) {
  out_.graph.outputs.push_back(made_.at(id));
  out_.outputs.push_back(id);
}

FloatSegmentBuilder::Shape FloatSegmentBuilder::ShapeOf(TensorId id) const {
  const auto made = made_.find((*root_)[id]);
  if (made != made_.end()) {
    const SegmentTensor& t = out_.graph.tensors[made->second];
    return {t.h, t.w, t.c};
  }
  const std::vector<uint32_t>& dims = graph_->tensors[id].dims;
  Shape shape{1, dims.size() > 1 ? dims[dims.size() - 2] : 1, dims.back()};
  for (size_t d = 0; d + 2 < dims.size(); ++d) shape.h *= dims[d];
  return shape;
}

uint32_t FloatSegmentBuilder::Use(TensorId id) {
  const auto made = made_.find((*root_)[id]);
  if (made != made_.end()) return made->second;
  const auto read = read_.find(id);
  if (read != read_.end()) return read->second;
  const uint32_t tensor = NewTensor(ShapeOf(id));
  out_.graph.inputs.push_back(tensor);
  out_.inputs.push_back(id);
  return read_[id] = tensor;
}

uint32_t FloatSegmentBuilder::NewTensor(const Shape& shape) {
  out_.graph.tensors.push_back({shape.h, shape.w, shape.c, ElementType::kF32, 0});
  return static_cast<uint32_t>(out_.graph.tensors.size() - 1);
}

uint32_t FloatSegmentBuilder::NewBlob(uint64_t count, Floats make, std::string content) {
  const auto bytes = [make = std::move(make)](uint32_t) { return BytesOf(make()); };
  out_.blobs.push_back({count * sizeof(float), 1, bytes, std::move(content)});
  return static_cast<uint32_t>(out_.blobs.size() - 1);
}

SegmentNode& FloatSegmentBuilder::AddNode(SegmentOp op, std::vector<uint32_t> inputs,
                                          const Shape& out) {
  SegmentNode node{};
  node.op = op;
  node.input_count = static_cast<uint16_t>(inputs.size());
  std::ranges::copy(inputs, node.inputs);
  node.output = NewTensor(out);
  node.weight_blob = node.bias_blob = kNoBlob;
  out_.graph.nodes.push_back(node);
  return out_.graph.nodes.back();
}

bool FloatSegmentBuilder::Define(TensorId id) {
  made_[id] = LastTensor();
  return true;
}

uint32_t FloatSegmentBuilder::AddAffine(uint32_t x, const Shape& shape, Floats scale,
                                        Floats shift) {
  SegmentNode& node = AddNode(SegmentOp::kConvFloat, {x}, shape);
  node.geometry = Pointwise(shape.h, shape.w, shape.c, shape.c, shape.c);
  node.weight_blob = NewBlob(shape.c, std::move(scale));
  node.bias_blob = NewBlob(shape.c, std::move(shift));
  return node.output;
}

uint32_t FloatSegmentBuilder::AddSelection(uint32_t x, const Shape& shape,
                                           std::vector<uint32_t> channels) {
  const auto count = static_cast<uint32_t>(channels.size());
  SegmentNode& node = AddNode(SegmentOp::kConvFloat, {x}, {shape.h, shape.w, count});
  node.geometry = Pointwise(shape.h, shape.w, shape.c, count, 1);
  std::string content = "channels of " + std::to_string(shape.c);
  for (const uint32_t channel : channels) content += ' ' + std::to_string(channel);
  const auto make = [in_c = shape.c, picks = std::move(channels)] {
    std::vector<float> weights(picks.size() * in_c);
    for (size_t i = 0; i < picks.size(); ++i) weights[i * in_c + picks[i]] = 1.0f;
    return weights;
  };
  node.weight_blob = NewBlob(uint64_t{count} * shape.c, make, std::move(content));
  return node.output;
}

// More parts than one node takes are joined in steps.
uint32_t FloatSegmentBuilder::AddConcat(std::vector<uint32_t> parts) {
  while (parts.size() > 1) {
    const size_t count = std::min<size_t>(parts.size(), kMaxSegmentInputs);
    const std::vector<uint32_t> first(parts.begin(),
                                      parts.begin() + static_cast<std::ptrdiff_t>(count));
    const SegmentTensor t = out_.graph.tensors[first.front()];
    Shape shape{t.h, t.w, 0};
    for (const uint32_t part : first) shape.c += out_.graph.tensors[part].c;
    parts.erase(parts.begin() + 1, parts.begin() + static_cast<std::ptrdiff_t>(count));
    parts.front() = AddNode(SegmentOp::kConcat, first, shape).output;
  }
  return parts.front();
}

}  // namespace penumbra::protect
