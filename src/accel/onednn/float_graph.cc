#include "accel/onednn/float_graph.h"

#include "accel/onednn/strip_kernel.h"
#include "accel/onednn/omp_threads.h"

namespace penumbra::onednn {

using dnnl::memory;

WeightStore::WeightStore(const dnnl::engine& engine, const OwnedSegment& segment,
                         const BlobSource& blobs)
    : engine_(engine), segment_(segment) {
  for (const SegmentNode& n : segment.nodes) {
    const bool conv = n.op == SegmentOp::kConvFloat;
    weights_.push_back(conv ? blobs.Blob(n.weight_blob).data() : nullptr);
    biases_.push_back(conv && n.bias_blob != kNoBlob ? blobs.Blob(n.bias_blob).data() : nullptr);
  }
}

memory WeightStore::Weights(uint32_t node, const memory::desc& desc) {
  for (const Entry& e : entries_) {
    if (e.node == node && e.weights.get_desc() == desc) return e.weights;
  }
  const memory::desc plain = PlainWeights(segment_.nodes[node].geometry, memory::data_type::f32);
  memory from(plain, engine_, const_cast<std::byte*>(weights_[node]));
  if (plain == desc) return from;
  memory to(desc, engine_);
  dnnl::stream stream(engine_);
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  entries_.push_back({node, to});
  return to;
}

memory WeightStore::Bias(uint32_t node) {
  const memory::desc desc({segment_.nodes[node].geometry.out_c}, memory::data_type::f32,
                          memory::format_tag::a);
  return memory(desc, engine_, const_cast<std::byte*>(biases_[node]));
}

FloatGraph::FloatGraph(const dnnl::engine& engine, const OwnedSegment& segment,
                       const BlobSource& blobs, uint32_t threads)
    : engine_(engine),
      stream_(engine),
      segment_(segment),
      threads_(threads),
      nodes_(Fuse(segment)),
      weights_(engine, segment, blobs) {}

void FloatGraph::Compile(uint32_t batch) {
  if (empty() || programs_.count(batch) != 0) return;
  const OmpThreads limit(threads_);
  programs_.emplace(batch, BuildProgram(engine_, segment_, nodes_, batch, &weights_));
}

std::vector<NodeMethod> FloatGraph::Methods() const {
  std::vector<NodeMethod> methods;
  if (programs_.empty()) return methods;
  for (const FusedNode& f : nodes_) {
    methods.push_back({.node = f.node, .method = "oneDNN float32", .reason = "oneDNN's own choice"});
    if (!f.tail.empty()) methods.back().method += ", " + std::to_string(f.tail.size()) + " operators fused";
  }
  std::vector<uint32_t> copies(nodes_.size());
  for (const Program::Step& step : programs_.begin()->second.steps) {
    NodeMethod& method = methods[step.fused];
    if (step.is_copy) {
      ++copies[step.fused];
    } else {
      method.kernels = step.implementation;
    }
  }
  for (size_t i = 0; i < methods.size(); ++i) {
    if (copies[i] != 0) methods[i].method += ", " + std::to_string(copies[i]) + " copies into another layout";
  }
  return methods;
}

void FloatGraph::Run(const Job& job) {
  if (empty()) return;
  Compile(job.batch);
  Program& program = programs_.at(job.batch);
  const auto bind = [&](uint32_t id, const std::byte* data) {
    const auto end = program.ends.find(id);
    if (end != program.ends.end()) end->second.set_data_handle(const_cast<std::byte*>(data));
  };
  for (size_t i = 0; i < job.inputs.size(); ++i) bind(segment_.inputs[i], job.inputs[i]);
  for (size_t i = 0; i < job.outputs.size(); ++i) bind(segment_.outputs[i], job.outputs[i]);
  const OmpThreads limit(threads_);
  for (const Program::Step& step : program.steps) step.primitive.execute(stream_, step.arguments);
  stream_.wait();
}

}  // namespace penumbra::onednn
