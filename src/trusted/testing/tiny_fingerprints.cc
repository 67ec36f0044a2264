#include <cstring>

#include "trusted/testing/tiny_plan.h"

namespace penumbra::trusted::testing {
namespace {

constexpr uint32_t kCount = kRows * kColumns, kTiles = kRows / kTileRows, kPorts = 4, kInputs = 2;
constexpr uint32_t kGroupSize = kCornerstones / kGroups, kTileCount = kTileRows * kColumns;

// Of an element of a cornerstone of an input; any numbers that depend on each other by no small combination.
float ValueOf(uint32_t port, uint32_t cornerstone, uint32_t element) {
  uint32_t mixed = (port * 7919 + cornerstone * 104729 + element * 1299709 + 17) * 2654435761u;
  mixed = (mixed ^ mixed >> 15) * 2246822519u;
  mixed = (mixed ^ mixed >> 13) * 3266489917u;
  return static_cast<float>(mixed >> 8) * 0x1p-22f - 2;
}

float ValueAt(uint32_t port, uint32_t cornerstone, uint32_t element) {
  if (port < kInputs) return ValueOf(port, cornerstone, element);
  const float a = ValueOf(0, cornerstone, element), b = ValueOf(1, cornerstone, element);
  return port == kInputs ? a : a + 2 * b;
}

void AddPort(uint32_t port, TinyPlan* p) {
  const auto first_chunk = static_cast<uint32_t>(p->chunks.size()) + 1;
  for (uint32_t tile = 0; tile < kTiles; ++tile) {
    for (uint32_t group = 0; group < kGroups; ++group) {
      std::vector<float> values;
      for (uint32_t i = 0; i < kGroupSize * kTileCount; ++i) {
        values.push_back(ValueAt(port, group * kGroupSize + i / kTileCount, tile * kTileCount + i % kTileCount));
      }
      std::vector<uint8_t>& chunk = p->chunks.emplace_back(values.size() * 4);
      std::memcpy(chunk.data(), values.data(), chunk.size());
      p->chunk_sizes.push_back(static_cast<uint32_t>(chunk.size()));
    }
  }
  const auto beside = [port](TensorKind kind) {
    return TensorRec{PlanType::kF32, kind, kRows, kColumns * kFingerprints, kTileRows, port};
  };
  p->tensors.push_back(
      {PlanType::kRaw, TensorKind::kConstant, kTiles * kGroups, kGroupSize * kTileCount * 4, 1, first_chunk});
  p->tensors.push_back(beside(TensorKind::kFingerprint));
  if (port >= kInputs) p->tensors.push_back(beside(TensorKind::kReply));
  p->checked_ports.push_back({CornerstonesOf(port), FingerprintsOf(port), port < kInputs ? kNoTensor : RepliesOf(port),
                              port < kInputs ? 0 : 1e-4f});
}

void EmitCombination(uint32_t port, uint32_t tile, std::vector<uint32_t>* w) {
  using enum Opcode;
  Emit(w, kAlloc, {FingerprintsOf(port), tile, 1024});
  for (uint32_t group = 0; group < kGroups; ++group) {
    Emit(w, kFetch, {CornerstonesOf(port), tile * kGroups + group, 2048});
    Emit(w, kCombine, {0, port, tile, group});
    Emit(w, kFree, {CornerstonesOf(port), tile * kGroups + group});
  }
}

}  // namespace

TinyPlan MakeTinyFingerprintPlan() {
  using enum Opcode;
  constexpr uint32_t kFirst = 2;  // the reply's first tensor; nobody needs it
  TinyPlan p;
  const TensorRec f32{PlanType::kF32, TensorKind::kActivation, kRows, kColumns, kTileRows, 0};
  p.tensors = {f32, f32, f32};
  p.chunk_sizes = {100};
  p.inputs = {{kIn, kCount, 8192}};
  p.outputs = {{kOut, kCount, 16384}};
  p.float_segments = {{kFloatSegment, 0, kInputs, kPorts - kInputs, 0}};
  p.float_ports = {{kIn, kCount, 0}, {kIn, kCount, kPortSize}, {kFirst, kCount, kReplyOffset},
                   {kOut, kCount, kReplyOffset + kPortSize}};
  for (uint32_t port = 0; port < kPorts; ++port) AddPort(port, &p);
  auto* w = &p.infer;
  for (uint32_t t = 0; t < kTiles; ++t) {
    Emit(w, kAlloc, {kIn, t, 0});
    Emit(w, kInput, {0, t});
    for (uint32_t port = 0; port < kInputs; ++port) {
      EmitCombination(port, t, w);
      Emit(w, kFloatSend, {0, port, t});
      Emit(w, kFree, {FingerprintsOf(port), t});
    }
    Emit(w, kFree, {kIn, t});
  }
  Emit(w, kFloatJob, {0});
  for (uint32_t t = 0; t < kTiles; ++t) {
    Emit(w, kAlloc, {kOut, t, 4096});
    Emit(w, kAlloc, {RepliesOf(3), t, 5120});
    Emit(w, kFloatReceive, {0, 3, t});
    EmitCombination(3, t, w);
    Emit(w, kCompare, {0, 3, t});
    Emit(w, kFree, {FingerprintsOf(3), t});
    Emit(w, kFree, {RepliesOf(3), t});
    Emit(w, kOutput, {0, t});
    Emit(w, kFree, {kOut, t});
  }
  MakeHeader(&p);
  p.header.fingerprint_count = kFingerprints;
  p.fingerprint = {kCornerstones, kFullChallengeRate};
  return p;
}

}  // namespace penumbra::trusted::testing
