#include <cstring>

#include "trusted/testing/tiny_plan.h"

namespace penumbra::trusted::testing {
namespace {

using Words = std::vector<uint32_t>;

constexpr uint32_t kCount = kRows * kColumns, kTiles = kRows / kTileRows, kTileSize = kTileRows * kColumns * 4;
constexpr uint32_t kMiddle = 2, kConstants = 3;  // tensors: kMiddle is behind kIn and kOut
constexpr uint32_t kOperators = 2;

std::vector<uint8_t> Blob(float value) {
  const std::vector<float> values(kColumns, value);
  std::vector<uint8_t> bytes(kEmittedBlob);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

void EmitWay(uint32_t segment, bool is_public, const Words& way, Words* w) {
  Emit(w, Opcode::kWay, {segment, is_public ? 1u : 0u, static_cast<uint32_t>(way.size())});
  w->insert(w->end(), way.begin(), way.end());
}

void EmitOperator(uint32_t segment, uint32_t x, uint32_t y, const std::vector<PassOp>& ops, Words* w) {
  using enum Opcode;
  Words inside, outside;
  for (uint32_t t = 0; t < kTiles; ++t) {
    EmitPass(&inside, {PassSource::kTensor, x, t * kTileRows, (t + 1) * kTileRows, kColumns, static_cast<uint32_t>(ops.size()), 1},
             ops, {{PassSinkKind::kTensor, y, 0, 0, 0}});
    Emit(&outside, kFloatSend, {segment, 0, t});
  }
  Emit(&outside, kFloatJob, {segment});
  for (uint32_t t = 0; t < kTiles; ++t) Emit(&outside, kFloatReceive, {segment, 1, t});
  EmitWay(segment, false, inside, w);
  EmitWay(segment, true, outside, w);
}

void EmitConstant(uint32_t segment, EmitScale scale, uint32_t tile, uint32_t offset, Words* w) {
  Emit(w, Opcode::kFetch, {kConstants, tile, 0});
  Emit(w, Opcode::kEmit, {segment, static_cast<uint32_t>(scale), kConstants, tile, offset});
  Emit(w, Opcode::kFree, {kConstants, tile});
}

void MakePrograms(TinyPlan* p) {
  using enum Opcode;
  const PassOp factor{PassFn::kMul, PassOperand::kScalar, kFactor, 0, 0, 0};
  const PassOp summand{PassFn::kAdd, PassOperand::kScalar, kSummand, 0, 0, 0};
  const PassOp relu{PassFn::kRelu, PassOperand::kNone, 0, 0, 0, 0};
  auto* w = &p->infer;
  const auto for_tiles = [w](Opcode opcode, uint32_t tensor, uint32_t offset) {
    for (uint32_t t = 0; t < kTiles; ++t) {
      if (opcode == kAlloc) Emit(w, opcode, {tensor, t, offset + t * kTileSize});
      if (opcode == kFree) Emit(w, opcode, {tensor, t});
      if (opcode == kInput || opcode == kOutput) Emit(w, opcode, {0, t});
    }
  };
  for_tiles(kAlloc, kIn, 0);
  for_tiles(kInput, kIn, 0);
  for_tiles(kAlloc, kMiddle, 1024);
  EmitOperator(0, kIn, kMiddle, {factor, summand}, w);
  for_tiles(kFree, kIn, 0);
  for_tiles(kAlloc, kOut, 0);
  EmitOperator(1, kMiddle, kOut, {relu}, w);
  for_tiles(kFree, kMiddle, 0);
  for_tiles(kOutput, kOut, 0);
  for_tiles(kFree, kOut, 0);
  Words first, second;
  EmitConstant(0, EmitScale::kNone, 0, 0, &first);
  EmitConstant(0, EmitScale::kQuotient, 1, kEmittedBlob, &first);
  EmitConstant(0, EmitScale::kOutput, 2, 2 * kEmittedBlob, &first);
  EmitConstant(1, EmitScale::kNone, 0, 0, &second);
  EmitWay(0, true, first, &p->prepare);
  EmitWay(1, true, second, &p->prepare);
}

}  // namespace

TinyPlan MakeTinyPartitionPlan() {
  TinyPlan p;
  const TensorRec f32{PlanType::kF32, TensorKind::kActivation, kRows, kColumns, kTileRows, 0};
  p.tensors = {f32, f32, f32, {PlanType::kRaw, TensorKind::kConstant, 3, kEmittedBlob, 1, 1}};
  p.chunks = {Blob(-7), Blob(kFactor), Blob(kSummand)};
  p.chunk_sizes = {100, kEmittedBlob, kEmittedBlob, kEmittedBlob};
  p.inputs = {{kIn, kCount, 8192}};
  p.outputs = {{kOut, kCount, 16384}};
  for (uint32_t s = 0; s < kOperators; ++s) {
    p.float_segments.push_back({s, 2 * s, 1, 1, s == 0 ? 0u : uint32_t{kSegmentKeepsScale}});
  }
  p.float_ports = {{kIn, kCount, 0}, {kMiddle, kCount, 4096}, {kMiddle, kCount, 0}, {kOut, kCount, 4096}};
  MakePrograms(&p);
  MakeHeader(&p);
  p.header.theta = kTheta;
  p.header.scale_range = kScaleRange;
  return p;
}

}  // namespace penumbra::trusted::testing
