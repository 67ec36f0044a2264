#include "accel/conformance/test_segment.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace penumbra::conformance {

Device& Backend() {
  static const std::unique_ptr<Device> device = [] {
    std::unique_ptr<Device> made;
    const Status status = CreateDevice(BackendName(), &made);
    if (!IsOk(status)) {
      std::fprintf(stderr, "backend cannot be created: P%u\n", static_cast<uint32_t>(status));
      std::abort();
    }
    return made;
  }();
  return *device;
}

bool RunsResidues() { return Backend().capabilities().Runs(SegmentOp::kConvResidue); }

uint32_t TestSegment::Float(uint32_t h, uint32_t w, uint32_t c) {
  tensors.push_back({h, w, c, ElementType::kF32, 0});
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t TestSegment::FloatInput(uint32_t h, uint32_t w, uint32_t c) {
  inputs.push_back(Float(h, w, c));
  return inputs.back();
}

uint32_t TestSegment::Residue(uint32_t h, uint32_t w, uint32_t c, uint32_t primes) {
  tensors.push_back({h, w, c, ElementType::kU8Residue, static_cast<uint16_t>(primes)});
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t TestSegment::PrimeInput(uint32_t h, uint32_t w, uint32_t c) {
  tensors.push_back({h, w, c, ElementType::kU32Residue, 0});
  inputs.push_back(static_cast<uint32_t>(tensors.size() - 1));
  return inputs.back();
}

uint32_t TestSegment::Apply(SegmentOp op, std::vector<uint32_t> from, SegmentTensor out) {
  SegmentNode n{};
  n.op = op;
  n.input_count = static_cast<uint16_t>(from.size());
  std::copy(from.begin(), from.end(), n.inputs);
  tensors.push_back(out);
  n.output = static_cast<uint32_t>(tensors.size() - 1);
  n.weight_blob = n.bias_blob = kNoBlob;
  nodes.push_back(n);
  return n.output;
}

uint32_t TestSegment::Unary(SegmentOp op, uint32_t from, float a, float b) {
  const uint32_t out = Apply(op, {from}, tensors[from]);
  nodes.back().attr_f[0] = a;
  nodes.back().attr_f[1] = b;
  return out;
}

uint32_t TestSegment::Window(SegmentOp op, uint32_t from, const ConvGeometry& g) {
  const uint32_t out = Apply(op, {from}, {g.out_h, g.out_w, g.out_c, ElementType::kF32, 0});
  nodes.back().geometry = g;
  return out;
}

uint32_t TestSegment::ConvFloat(uint32_t from, const ConvGeometry& g, bool bias, Rng& rng) {
  const uint32_t out = Window(SegmentOp::kConvFloat, from, g);
  nodes.back().weight_blob = static_cast<uint32_t>(blobs.size());
  blobs.emplace_back(FilterLength(g) * g.out_c * 4);
  // Keeps values of deep chains near one.
  FillFloats(rng, std::sqrt(3.0f / static_cast<float>(FilterLength(g))), &blobs.back());
  if (bias) {
    nodes.back().bias_blob = static_cast<uint32_t>(blobs.size());
    blobs.emplace_back(size_t{g.out_c} * 4);
    FillFloats(rng, 0.5f, &blobs.back());
  }
  return out;
}

uint32_t TestSegment::ConvResidue(uint32_t from, const ConvGeometry& g, uint32_t primes) {
  const auto count = static_cast<uint16_t>(primes);
  const uint32_t out = Apply(SegmentOp::kConvResidue, {from},
                             {g.out_h, g.out_w, g.out_c, ElementType::kU8Residue, count});
  nodes.back().geometry = g;
  nodes.back().weight_blob = static_cast<uint32_t>(blobs.size());
  blobs.emplace_back(FilterLength(g) * g.out_c * primes);
  std::memset(blobs.back().data(), 1, blobs.back().size());
  return out;
}

uint32_t TestSegment::ConvPrime(uint32_t from, const ConvGeometry& g) {
  const uint32_t out = Apply(SegmentOp::kConvPrime, {from},
                             {g.out_h, g.out_w, g.out_c, ElementType::kU32Residue, 0});
  nodes.back().geometry = g;
  nodes.back().weight_blob = static_cast<uint32_t>(blobs.size());
  blobs.emplace_back(FilterLength(g) * g.out_c * sizeof(int32_t));
  std::memset(blobs.back().data(), 0, blobs.back().size());
  return out;
}

uint32_t WindowOut(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t dilation,
                   uint32_t pads) {
  return (in + pads - ((kernel - 1) * dilation + 1)) / stride + 1;
}

ConvGeometry Square(uint32_t size, uint32_t in_c, uint32_t out_c, uint32_t kernel, uint32_t stride,
                    uint32_t pad, uint32_t groups) {
  const uint32_t out = WindowOut(size, kernel, stride, 1, 2 * pad);
  return {size,
          size,
          in_c,
          out,
          out,
          out_c,
          kernel,
          kernel,
          stride,
          stride,
          1,
          1,
          pad,
          pad,
          pad,
          pad,
          groups == 0 ? in_c : groups};
}

ConvGeometry RandomGeometry(Rng& rng, uint32_t max_size, uint32_t max_depth) {
  ConvGeometry g{};
  g.kernel_h = Draw(rng, 1, 5);
  g.kernel_w = Draw(rng, 1, 5);
  g.stride_h = Draw(rng, 1, 3);
  g.stride_w = Draw(rng, 1, 3);
  g.dilation_h = Draw(rng, 0, 3) == 0 ? Draw(rng, 2, 3) : 1;
  g.dilation_w = Draw(rng, 0, 3) == 0 ? Draw(rng, 2, 3) : 1;
  // Now and then padding larger than the kernel.
  const uint32_t most = Draw(rng, 0, 9) == 0 ? 7 : 2;
  g.pad_top = Draw(rng, 0, most);
  g.pad_left = Draw(rng, 0, most);
  g.pad_bottom = Draw(rng, 0, most);
  g.pad_right = Draw(rng, 0, most);
  const uint32_t extent_h = (g.kernel_h - 1) * g.dilation_h + 1;
  const uint32_t extent_w = (g.kernel_w - 1) * g.dilation_w + 1;
  const auto smallest = [](uint32_t extent, uint32_t pads) {
    return extent > pads ? extent - pads : 1;
  };
  const uint32_t low_h = smallest(extent_h, g.pad_top + g.pad_bottom);
  const uint32_t low_w = smallest(extent_w, g.pad_left + g.pad_right);
  g.in_h = Draw(rng, low_h, std::max(low_h, max_size));
  g.in_w = Draw(rng, low_w, std::max(low_w, max_size));
  switch (Draw(rng, 0, 3)) {
    case 0:  // depthwise, now and then with a multiplier
      g.groups = Draw(rng, 1, max_depth);
      g.in_c = g.groups;
      g.out_c = g.groups * Draw(rng, 1, 2);
      break;
    case 1:
      g.groups = Draw(rng, 2, 4);
      g.in_c = g.groups * Draw(rng, 1, max_depth / 2);
      g.out_c = g.groups * Draw(rng, 1, max_depth / 4);
      break;
    default:
      g.groups = 1;
      g.in_c = Draw(rng, 1, max_depth);
      g.out_c = Draw(rng, 1, max_depth);
  }
  g.out_h = WindowOut(g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top + g.pad_bottom);
  g.out_w = WindowOut(g.in_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left + g.pad_right);
  return g;
}

void FillWeights(Rng& rng, uint32_t primes, bool edge, Buffer* out_blob) {
  const size_t count = out_blob->size() / primes;
  for (uint32_t k = 0; k < primes; ++k) {
    const int limit = (kPrimes[k] - 1) / 2;
    int8_t* w = out_blob->As<int8_t>() + k * count;
    for (size_t i = 0; i < count; ++i) {
      const auto value = static_cast<int>(Draw(rng, 0, static_cast<uint32_t>(2 * limit))) - limit;
      // One sign per prime, so that sums are near the largest; one off now and then, so that they
      // are no round numbers.
      const int extreme = limit - (value & 1);
      w[i] = static_cast<int8_t>(edge ? (k % 2 == 0 ? -extreme : extreme) : value);
    }
  }
}

void FillFloats(Rng& rng, float magnitude, Buffer* out_data) {
  auto* values = out_data->As<float>();
  for (size_t i = 0; i < out_data->size() / 4; ++i) {
    values[i] = magnitude * (static_cast<float>(Draw(rng, 0, 1u << 20)) / (1 << 19) - 1.0f);
  }
}

RunData::RunData(const TestSegment& s, uint32_t batch) {
  for (uint32_t id : s.inputs) inputs.emplace_back(TensorByteSize(s.tensors[id], batch));
  for (uint32_t id : s.outputs) outputs.emplace_back(TensorByteSize(s.tensors[id], batch));
}

Status RunData::Run(PreparedSegment* prepared, uint32_t batch, RowRange rows) {
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  for (const Buffer& b : inputs) in.push_back(b.data());
  for (Buffer& b : outputs) out.push_back(b.data());
  return prepared->Run({batch, rows, in, out});
}

RowRange FullRows(const TestSegment& s) {
  uint32_t tallest = 0;
  for (uint32_t id : s.outputs) tallest = std::max(tallest, s.tensors[id].h);
  return {0, tallest};
}

}  // namespace penumbra::conformance
