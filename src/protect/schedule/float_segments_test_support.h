// Graphs for tests of float segments, which run on the reference accelerator.
#ifndef PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_TEST_SUPPORT_H_
#define PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "accel/registry.h"
#include "accel/validate.h"
#include "protect/plain/inference.h"
#include "protect/schedule/float_segments.h"

namespace penumbra::protect {

class Blobs final : public BlobSource {
 public:
  explicit Blobs(const std::vector<PublicBlob>& blobs) {
    for (const PublicBlob& blob : blobs) bytes_.push_back(blob.make(0));
  }
  std::span<const std::byte> Blob(uint32_t index) const override {
    if (index >= bytes_.size()) return {};
    return std::as_bytes(std::span(bytes_[index]));
  }

 private:
  std::vector<std::vector<uint8_t>> bytes_;
};

struct alignas(kExchangeAlignment) Line {
  float values[kExchangeAlignment / sizeof(float)];
};

// A float32 tensor where an accelerator wants it.
class Aligned {
 public:
  explicit Aligned(uint64_t count) : lines_(count * sizeof(float) / sizeof(Line) + 1) {}
  float* data() { return lines_[0].values; }

 private:
  std::vector<Line> lines_;
};

class FloatSegments : public ::testing::Test {
 protected:
  TensorId Tensor(std::vector<uint32_t> dims) {
    LoweredTensor t;
    t.name = "t" + std::to_string(graph_.tensors.size());
    t.dims = std::move(dims);
    t.perm.resize(t.dims.size());
    std::iota(t.perm.begin(), t.perm.end(), 0u);
    graph_.tensors.push_back(t);
    return static_cast<TensorId>(graph_.tensors.size() - 1);
  }
  TensorId Input(std::vector<uint32_t> dims) {
    const TensorId id = Tensor(std::move(dims));
    graph_.inputs.push_back({"in", id, model::DataType::kFloat32, {}});
    return id;
  }
  void Output(TensorId id) {
    graph_.outputs.push_back({"out", id, model::DataType::kFloat32, {}});
  }
  template <typename Op>
  TensorId Add(std::vector<uint32_t> dims, Op op) {
    op.y = Tensor(std::move(dims));
    const TensorId y = op.y;
    graph_.ops.push_back({"op" + std::to_string(graph_.ops.size()), std::move(op)});
    return y;
  }
  std::vector<float> Noise(uint64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& v : values) v = normal(random_);
    return values;
  }
  const std::vector<uint32_t>& Dims(TensorId id) const { return graph_.tensors[id].dims; }

  TensorId Linear(TensorId x, const ConvGeometry& g, std::vector<uint32_t> dims) {
    LinearOp op{x, 0, g, Noise(g.out_c * FilterLength(g)), Noise(g.out_c)};
    return Add(std::move(dims), std::move(op));
  }
  TensorId Conv(TensorId x, uint32_t out_c, uint32_t kernel) {
    const std::vector<uint32_t> d = Dims(x);
    const uint32_t pad = kernel / 2;
    return Linear(x,
                  {d[1], d[2], d[3], d[1], d[2], out_c, kernel, kernel, 1, 1, 1, 1, pad, pad, pad,
                   pad, 1},
                  {1, d[1], d[2], out_c});
  }
  TensorId Dense(TensorId x, uint32_t out_c) {
    const auto in_c = static_cast<uint32_t>(graph_.tensors[x].count());
    return Linear(x, {1, 1, in_c, 1, 1, out_c, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}, {1, out_c});
  }
  TensorId Unary(TensorId x, PassFn fn, float a = 0, float b = 0) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.a = a;
    op.b = b;
    return Add(Dims(x), op);
  }
  TensorId Scalar(TensorId x, PassFn fn, float a) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.a = a;
    op.operand_kind = PassOperand::kScalar;
    return Add(Dims(x), op);
  }
  TensorId Binary(TensorId x, PassFn fn, TensorId operand, PassOperand kind, uint32_t period = 0) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.operand_kind = kind;
    op.operand = operand;
    op.period = period;
    return Add(Dims(x), op);
  }
  TensorId Reshape(TensorId x, std::vector<uint32_t> dims) {
    return Add(std::move(dims), ReshapeOp{x, 0});
  }
  TensorId Mean(TensorId x) { return Add({1, Dims(x).back()}, ReduceOp{x, 0, 1}); }
  TensorId Pool(TensorId x, uint32_t kind) {
    const std::vector<uint32_t> d = Dims(x);
    return Add({1, d[1], d[2], d[3]}, PoolOp{x, 0, kind, {d[1], d[2], d[3], d[1], d[2], d[3], 3, 3,
                                                          1, 1, 1, 1, 1, 1, 1, 1, d[3]}});
  }
  static CopyBox Channels(TensorId src, uint32_t pixels, int32_t src_c, int32_t dst_c,
                          uint32_t count, uint32_t from, uint32_t to) {
    return {src, {pixels, count}, {src_c, 1}, {dst_c, 1}, from, to};
  }

  FloatPlan Plan() const {
    return PlanFloatSegments(graph_, std::vector<bool>(graph_.ops.size(), true));
  }

  static std::vector<std::vector<float>> RunSegment(const FloatSegment& segment,
                                                    const std::vector<std::vector<float>>& inputs) {
    const PublicSegment& g = segment.graph;
    const Blobs blobs(segment.blobs);
    std::unique_ptr<PreparedSegment> prepared;
    std::string why;
    std::unique_ptr<Device> device;
    EXPECT_EQ(CreateDevice("reference", &device), Status::kOk);
    const Status status = device->Prepare({g.tensors, g.nodes, g.inputs, g.outputs}, blobs, {},
                                          &prepared, &why);
    EXPECT_EQ(status, Status::kOk) << why;
    if (!IsOk(status)) return {};
    std::vector<Aligned> memory;
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    uint32_t rows = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      memory.emplace_back(inputs[i].size());
      std::ranges::copy(inputs[i], memory.back().data());
      in.push_back(reinterpret_cast<const std::byte*>(memory.back().data()));
    }
    for (const uint32_t id : g.outputs) {
      memory.emplace_back(TensorByteSize(g.tensors[id], 1) / sizeof(float));
      out.push_back(reinterpret_cast<std::byte*>(memory.back().data()));
      rows = std::max(rows, g.tensors[id].h);
    }
    Job job;
    job.rows = {0, rows};
    job.inputs = in;
    job.outputs = out;
    EXPECT_EQ(prepared->Run(job), Status::kOk);
    std::vector<std::vector<float>> results;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto* values = reinterpret_cast<const float*>(out[i]);
      results.emplace_back(values, values + TensorByteSize(g.tensors[g.outputs[i]], 1) / 4);
    }
    return results;
  }

  // The whole graph is one segment that reads the model's inputs, and computes what it should.
  void ExpectOneSegment() {
    const FloatPlan plan = Plan();
    ASSERT_EQ(plan.segments.size(), 1u);
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      const bool reshape = std::holds_alternative<ReshapeOp>(graph_.ops[op].kind);
      EXPECT_EQ(plan.segment_of[op], reshape ? kNone : 0u) << op;
    }
    std::vector<std::vector<float>> inputs;
    for (const LoweredPort& port : graph_.inputs) {
      inputs.push_back(Noise(graph_.tensors[port.tensor].count()));
    }
    const std::vector<std::vector<float>> expected = RunFloat(graph_, inputs);
    const std::vector<std::vector<float>> got = RunSegment(plan.segments[0], inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].size(), expected[i].size());
      for (size_t k = 0; k < got[i].size(); ++k) {
        ASSERT_NEAR(got[i][k], expected[i][k], 1e-4 * std::max(1.0f, std::abs(expected[i][k])));
      }
    }
  }

  LoweredGraph graph_;
  std::mt19937 random_{7};
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_TEST_SUPPORT_H_
