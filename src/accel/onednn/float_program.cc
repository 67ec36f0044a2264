#include <algorithm>
#include <optional>

#include "accel/onednn/float_graph.h"
#include "accel/onednn/slot_plan.h"
#include "accel/onednn/strip_kernel.h"
#include "accel/reached_padding.h"

namespace penumbra::onednn {
namespace {

using dnnl::memory;
using dnnl::prop_kind;
using Type = memory::data_type;
using Arguments = std::unordered_map<int, memory>;

class Builder {
 public:
  Builder(const dnnl::engine& engine, const OwnedSegment& segment, uint32_t batch,
          WeightStore* weights)
      : engine_(engine), s_(segment), batch_(batch), weights_(weights), values_(s_.tensors.size()) {
    attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  }

  Program Build(std::span<const FusedNode> nodes) {
    CountReads(nodes);
    for (uint32_t id : s_.inputs) {
      if (s_.tensors[id].type != ElementType::kF32) continue;
      values_[id] = {memory(Plain(id), engine_, DNNL_MEMORY_NONE), kNoSlot};
      program_.ends[id] = values_[id]->data;
    }
    for (const FusedNode& f : nodes) {
      fused_ = static_cast<uint32_t>(&f - nodes.data());
      AddNode(f);
      if (IsOutput(f.output)) Deliver(f.output);
      for (uint32_t id : ReadsOf(f)) Done(id);
    }
    slots_.Allocate(engine_, &program_.storage);
    memory scratchpad;
    Reserve(engine_, scratchpad_size_, &scratchpad);
    for (memory& m : scratchpads_) m.set_data_handle(scratchpad.get_data_handle());
    program_.storage.push_back(scratchpad);
    return std::move(program_);
  }

 private:
  static constexpr size_t kNoSlot = ~size_t{0};
  struct Value {
    memory data;
    size_t slot;
  };

  bool IsOutput(uint32_t id) const {
    return std::find(s_.outputs.begin(), s_.outputs.end(), id) != s_.outputs.end();
  }
  bool IsInput(uint32_t id) const {
    return std::find(s_.inputs.begin(), s_.inputs.end(), id) != s_.inputs.end();
  }

  memory::dims Dims(uint32_t id) const {
    const SegmentTensor& t = s_.tensors[id];
    return {batch_, t.c, t.h, t.w};
  }
  memory::desc Plain(uint32_t id) const { return {Dims(id), Type::f32, memory::format_tag::nhwc}; }
  memory::desc Any(uint32_t id) const { return {Dims(id), Type::f32, memory::format_tag::any}; }
  const memory& Data(uint32_t id) const { return values_[id]->data; }
  memory::desc Desc(uint32_t id) const { return Data(id).get_desc(); }

  // Tensors a fused node reads. One that it takes over is handed on, not read.
  std::vector<uint32_t> ReadsOf(const FusedNode& f) const {
    const SegmentNode& n = s_.nodes[f.node];
    return {n.inputs, n.inputs + n.input_count};
  }

  void CountReads(std::span<const FusedNode> nodes) {
    reads_.assign(s_.tensors.size(), 0);
    for (const FusedNode& f : nodes) {
      for (uint32_t id : ReadsOf(f)) ++reads_[id];
      if (f.added != kNoTensor) ++reads_[f.added];
    }
  }

  void Done(uint32_t id) {
    if (--reads_[id] == 0 && values_[id]->slot != kNoSlot) slots_.Release(values_[id]->slot);
  }

  memory NewMemory(const memory::desc& desc, size_t* out_slot) {
    *out_slot = slots_.Acquire(desc.get_size());
    memory m(desc, engine_, DNNL_MEMORY_NONE);
    slots_.Bind(m, *out_slot);
    return m;
  }

  // Memory of a tensor computed in layout `desc`.
  memory NewValue(uint32_t id, const memory::desc& desc) {
    if (IsOutput(id) && desc == Plain(id)) {
      values_[id] = {memory(desc, engine_, DNNL_MEMORY_NONE), kNoSlot};
      program_.ends[id] = values_[id]->data;
    } else {
      size_t slot;
      memory m = NewMemory(desc, &slot);
      values_[id] = {m, slot};
    }
    // A value nobody reads may be overwritten at once.
    if (reads_[id] == 0 && !IsOutput(id) && values_[id]->slot != kNoSlot) unread_.push_back(id);
    return values_[id]->data;
  }

  // Copies an output that was computed in another layout to its end.
  void Deliver(uint32_t id) {
    if (program_.ends.count(id) != 0) return;
    memory end(Plain(id), engine_, DNNL_MEMORY_NONE);
    program_.ends[id] = end;
    AddReorder(Data(id), end);
    if (reads_[id] == 0) slots_.Release(values_[id]->slot);
  }

  template <typename Description>
  void AddStep(const Description& pd, Arguments arguments, bool is_copy = false) {
    scratchpad_size_ = std::max(scratchpad_size_, pd.scratchpad_desc().get_size());
    scratchpads_.push_back(memory(pd.scratchpad_desc(), engine_, DNNL_MEMORY_NONE));
    arguments.emplace(DNNL_ARG_SCRATCHPAD, scratchpads_.back());
    program_.steps.push_back(
        {dnnl::primitive(pd.get()), std::move(arguments), fused_, is_copy, pd.impl_info_str()});
  }

  void AddReorder(const memory& from, const memory& to) {
    AddStep(dnnl::reorder::primitive_desc(from, to, attributes_),
            {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, /*is_copy=*/true);
  }

  // `data` in layout `desc`. A copy occupies a slot until EndCopies.
  memory InLayout(const memory& data, const memory::desc& desc) {
    if (data.get_desc() == desc) return data;
    size_t slot;
    memory copy = NewMemory(desc, &slot);
    copies_.push_back(slot);
    AddReorder(data, copy);
    return copy;
  }
  void EndCopies() {
    for (size_t slot : copies_) slots_.Release(slot);
    copies_.clear();
  }

  void AddNode(const FusedNode& f) {
    const SegmentNode& n = s_.nodes[f.node];
    switch (n.op) {
      case SegmentOp::kConvFloat:
        AddConv(f);
        break;
      case SegmentOp::kMaxPool:
      case SegmentOp::kAveragePool:
      case SegmentOp::kGlobalAveragePool:
        AddPool(n);
        break;
      case SegmentOp::kAdd:
      case SegmentOp::kMul:
        AddBinary(n);
        break;
      case SegmentOp::kConcat:
        AddConcat(n);
        break;
      case SegmentOp::kSoftmax:
        AddSoftmax(n);
        break;
      case SegmentOp::kResizeNearest:
        AddResize(n);
        break;
      default:
        AddUnary(n);
    }
    EndCopies();
    for (uint32_t id : unread_) slots_.Release(values_[id]->slot);
    unread_.clear();
  }

  struct Eltwise {
    dnnl::algorithm algorithm;
    float alpha, beta;
  };
  static Eltwise EltwiseOf(const SegmentNode& n) {
    switch (n.op) {
      case SegmentOp::kRelu:
        return {dnnl::algorithm::eltwise_relu, 0, 0};
      case SegmentOp::kLeakyRelu:
        return {dnnl::algorithm::eltwise_relu, n.attr_f[0], 0};
      case SegmentOp::kClip:
        return {dnnl::algorithm::eltwise_clip, n.attr_f[0], n.attr_f[1]};
      case SegmentOp::kSigmoid:
        return {dnnl::algorithm::eltwise_logistic, 0, 0};
      case SegmentOp::kTanh:
        return {dnnl::algorithm::eltwise_tanh, 0, 0};
      default:  // kHardSwish
        return {dnnl::algorithm::eltwise_hardswish, 0, 0};
    }
  }

  dnnl::primitive_attr TailAttributes(const FusedNode& f) const {
    dnnl::post_ops ops;
    for (uint32_t index : f.tail) {
      const SegmentNode& n = s_.nodes[index];
      if (n.op == SegmentOp::kAdd) {
        ops.append_sum();
      } else {
        const Eltwise e = EltwiseOf(n);
        ops.append_eltwise(1.0f, e.algorithm, e.alpha, e.beta);
      }
    }
    dnnl::primitive_attr attributes;  // a copy of attributes_ would share its state
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attributes.set_post_ops(ops);
    return attributes;
  }

  void AddConv(const FusedNode& f) {
    const SegmentNode& n = s_.nodes[f.node];
    const ConvGeometry& g = n.geometry;
    const uint32_t input = n.inputs[0];
    // Between two ends of the segment a blocked layout would only be converted to and back.
    const bool plain = IsInput(input) && IsOutput(f.output);
    const memory::desc source = plain ? Plain(input) : Any(input);
    const memory::desc destination =
        f.added != kNoTensor ? Desc(f.added) : (plain ? Plain(f.output) : Any(f.output));
    const memory::desc weights(WeightDims(g), Type::f32, memory::format_tag::any);
    const bool has_bias = weights_->HasBias(f.node);
    const memory::desc bias =
        has_bias ? memory::desc({g.out_c}, Type::f32, memory::format_tag::a) : memory::desc();
    const dnnl::convolution_forward::desc desc(
        prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, weights, bias,
        destination, {g.stride_h, g.stride_w}, {g.dilation_h - 1, g.dilation_w - 1},
        {g.pad_top, g.pad_left}, {g.pad_bottom, g.pad_right});
    const dnnl::convolution_forward::primitive_desc pd(desc, TailAttributes(f), engine_);
    const memory x = InLayout(Data(input), pd.src_desc());
    if (f.added != kNoTensor) {
      values_[f.output] = values_[f.added];
    } else {
      NewValue(f.output, pd.dst_desc());
    }
    Arguments arguments = {{DNNL_ARG_SRC, x},
                           {DNNL_ARG_WEIGHTS, weights_->Weights(f.node, pd.weights_desc())},
                           {DNNL_ARG_DST, Data(f.output)}};
    if (has_bias) arguments.emplace(DNNL_ARG_BIAS, weights_->Bias(f.node));
    AddStep(pd, std::move(arguments));
  }

  void AddPool(const SegmentNode& n) {
    ConvGeometry g = n.geometry;
    const SegmentTensor& in = s_.tensors[n.inputs[0]];
    dnnl::algorithm algorithm = dnnl::algorithm::pooling_avg_exclude_padding;
    if (n.op == SegmentOp::kGlobalAveragePool) {
      g = {};
      g.kernel_h = in.h;
      g.kernel_w = in.w;
      g.stride_h = g.stride_w = g.dilation_h = g.dilation_w = 1;
    } else if (n.op == SegmentOp::kMaxPool) {
      algorithm = dnnl::algorithm::pooling_max;
    } else if (n.attr_u[0] == 1) {
      algorithm = dnnl::algorithm::pooling_avg_include_padding;
    }
    if (n.op != SegmentOp::kGlobalAveragePool) g = WithReachedPadding(g);
    const dnnl::pooling_v2_forward::desc desc(
        prop_kind::forward_inference, algorithm, Desc(n.inputs[0]), Any(n.output),
        {g.stride_h, g.stride_w}, {g.kernel_h, g.kernel_w}, {g.dilation_h - 1, g.dilation_w - 1},
        {g.pad_top, g.pad_left}, {g.pad_bottom, g.pad_right});
    const dnnl::pooling_v2_forward::primitive_desc pd(desc, attributes_, engine_);
    const memory y = NewValue(n.output, pd.dst_desc());
    AddStep(pd, {{DNNL_ARG_SRC, Data(n.inputs[0])}, {DNNL_ARG_DST, y}});
  }

  void AddBinary(const SegmentNode& n) {
    const memory a = Data(n.inputs[0]);
    const memory b = InLayout(Data(n.inputs[1]), a.get_desc());
    const dnnl::binary::desc desc(
        n.op == SegmentOp::kAdd ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul,
        a.get_desc(), b.get_desc(), a.get_desc());
    const dnnl::binary::primitive_desc pd(desc, attributes_, engine_);
    const memory y = NewValue(n.output, pd.dst_desc());
    AddStep(pd, {{DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b}, {DNNL_ARG_DST, y}});
  }

  void AddConcat(const SegmentNode& n) {
    // Blocks of channels can be put side by side only when every input fills its blocks.
    const bool blocks = std::all_of(n.inputs, n.inputs + n.input_count,
                                    [&](uint32_t id) { return s_.tensors[id].c % 16 == 0; });
    std::vector<memory::desc> descs;
    Arguments arguments;
    for (uint32_t i = 0; i < n.input_count; ++i) {
      const uint32_t id = n.inputs[i];
      const memory x = blocks ? Data(id) : InLayout(Data(id), Plain(id));
      descs.push_back(x.get_desc());
      arguments.emplace(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), x);
    }
    const dnnl::concat::primitive_desc pd(1, descs, engine_, attributes_);
    arguments.emplace(DNNL_ARG_DST, NewValue(n.output, pd.dst_desc()));
    AddStep(pd, std::move(arguments));
  }

  void AddSoftmax(const SegmentNode& n) {
    const memory x = InLayout(Data(n.inputs[0]), Plain(n.inputs[0]));
    const dnnl::softmax_forward::desc desc(prop_kind::forward_inference, x.get_desc(), 1);
    const dnnl::softmax_forward::primitive_desc pd(desc, attributes_, engine_);
    const memory y = NewValue(n.output, pd.dst_desc());
    AddStep(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  }

  void AddResize(const SegmentNode& n) {
    const dnnl::resampling_forward::desc desc(prop_kind::forward_inference,
                                              dnnl::algorithm::resampling_nearest,
                                              Desc(n.inputs[0]), Any(n.output));
    const dnnl::resampling_forward::primitive_desc pd(desc, attributes_, engine_);
    const memory y = NewValue(n.output, pd.dst_desc());
    AddStep(pd, {{DNNL_ARG_SRC, Data(n.inputs[0])}, {DNNL_ARG_DST, y}});
  }

  void AddUnary(const SegmentNode& n) {
    const Eltwise e = EltwiseOf(n);
    const dnnl::eltwise_forward::desc desc(prop_kind::forward_inference, e.algorithm,
                                           Desc(n.inputs[0]), e.alpha, e.beta);
    const dnnl::eltwise_forward::primitive_desc pd(desc, attributes_, engine_);
    const memory y = NewValue(n.output, pd.dst_desc());
    AddStep(pd, {{DNNL_ARG_SRC, Data(n.inputs[0])}, {DNNL_ARG_DST, y}});
  }

  const dnnl::engine& engine_;
  const OwnedSegment& s_;
  const uint32_t batch_;
  WeightStore* const weights_;
  dnnl::primitive_attr attributes_;
  std::vector<std::optional<Value>> values_;  // per tensor, once computed
  std::vector<uint32_t> reads_;               // per tensor, still to come
  std::vector<uint32_t> unread_;              // tensors of the current node nobody reads
  std::vector<size_t> copies_;                // slots of the current node's reordered inputs
  std::vector<memory> scratchpads_;
  size_t scratchpad_size_ = 0;
  uint32_t fused_ = 0;  // that is being added
  SlotPlan slots_;
  Program program_;
};

}  // namespace

Program BuildProgram(const dnnl::engine& engine, const OwnedSegment& segment,
                     std::span<const FusedNode> nodes, uint32_t batch, WeightStore* weights) {
  return Builder(engine, segment, batch, weights).Build(nodes);
}

}  // namespace penumbra::onednn
