#include "trusted/testing/tiny_plan.h"

#include <cstring>

namespace penumbra::trusted::testing {
namespace {

using Words = std::vector<uint32_t>;

constexpr uint32_t kBatchTileRows = 3;

template <typename T>
Words WordsOf(const T& record) {
  Words words(sizeof(T) / 4);
  std::memcpy(words.data(), &record, sizeof(T));
  return words;
}

ConvGeometry Dense() {
  // One pixel a row: 8 rows of 16 -> 8 rows of 16.
  return {kRows, 1, kColumns, kRows, 1, kColumns, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
}

LayerRec MakeLayer(bool prime) {
  LayerRec layer{};
  layer.flags = kLayerMaskInput | kLayerUnmaskOutput;
  if (prime) layer.flags |= kLayerPrime;
  layer.prime_count = TinyPrimeCount(prime);
  layer.public_out_c = kPublicColumns;
  layer.geometry = Dense();
  layer.mask_rows = kRows;
  layer.mask_row_elems = kColumns;
  layer.klo = 0;
  layer.khi = 10;
  layer.inv_step = 1;
  layer.params = kParams;
  layer.pad = kPad;
  layer.row_bounds = kBounds;
  layer.input_perm = kNoTensor;
  layer.x_offset = 0;
  layer.y_offset = 4096;
  layer.derived = layer.masked = layer.expected = kNoTensor;
  return layer;
}

void MakeRecords(bool prime, TinyPlan* p) {
  const uint32_t element = TinyPrimeCount(prime) * TinyResidueSize(prime);
  const uint32_t blob = kPublicColumns * kColumns * TinyResidueSize(prime);
  const auto f32 = [](uint32_t rows) {
    return TensorRec{PlanType::kF32, TensorKind::kActivation, rows, kColumns, kTileRows, 0};
  };
  p->tensors = {f32(kRows), f32(kRows)};
  p->tensors.push_back({PlanType::kRaw, TensorKind::kConstant, 1, 4096, 1, 1});
  p->tensors.push_back({PlanType::kRaw, TensorKind::kConstant, 1, 4096, 1, 2});
  p->tensors.push_back({PlanType::kRaw, TensorKind::kPublic, TinyPrimeCount(prime), 4096, 1, 0});
  p->tensors.push_back({PlanType::kU8, TensorKind::kPad, kRows, element * kColumns, kTileRows, 0});
  p->tensors.push_back(
      {PlanType::kU8, TensorKind::kActivation, kRows, kColumns * TinyResidueSize(prime), kRows, 0});
  p->tensors.push_back({PlanType::kU8, TensorKind::kActivation, kRows, element * kPublicColumns, kTileRows, 0});
  // The batch draws r in tiles of its own.
  p->tensors.push_back({PlanType::kU8, TensorKind::kActivation, kRows,
                        kPadBatch * kColumns * TinyResidueSize(prime), kBatchTileRows, 0});
  p->tensors.push_back(
      {PlanType::kU8, TensorKind::kActivation, kRows, kPadBatch * element * kPublicColumns, kTileRows, 0});
  for (uint32_t k = 0; k < TinyPrimeCount(prime); ++k) p->slices.push_back({uint64_t{k} * blob, blob, 0, {}});
  p->layers = {MakeLayer(prime)};
  p->chunk_sizes = {100, static_cast<uint32_t>(RestoreParamsSize(p->layers[0])),
                    kColumns * static_cast<uint32_t>(sizeof(BoundRow))};
  p->inputs = {{kIn, kRows * kColumns, 8192}};
  p->outputs = {{kOut, kRows * kColumns, 16384}};
}

void MakeCheck(bool prime, TinyPlan* p) {
  LayerRec& layer = p->layers[0];
  layer.flags |= kLayerChecked;
  layer.projection_count = prime ? kPrimeProjections : kProjections;
  layer.derived = kProjected;
  layer.masked = kSent;
  layer.expected = kDemanded;
  p->header.soundness_bits = kSoundness;
  const CheckShape shape = ShapeOfCheck(layer);
  const auto u8 = [](TensorKind kind, uint32_t rows, uint64_t row_elems, uint32_t tile_rows) {
    return TensorRec{PlanType::kU8, kind, rows, static_cast<uint32_t>(row_elems), tile_rows, 0};
  };
  p->tensors.push_back(u8(TensorKind::kDerived, 1, shape.derived_size, 1));
  p->tensors.push_back(u8(TensorKind::kMasked, kRows, shape.masked_row_elems, kTileRows));
  p->tensors.push_back(u8(TensorKind::kExpected, kRows, shape.expected_row_elems, kTileRows));
}

void MakePrepareProgram(bool prime, TinyPlan* p) {
  using enum Opcode;
  auto* w = &p->prepare;
  Emit(w, kAlloc, {kProjected, 0, 0});
  for (uint32_t k = 0; k < TinyPrimeCount(prime); ++k) {
    Emit(w, kFetch, {kWeights, k, 1024});
    Emit(w, kProject, WordsOf(ProjectInstr{0, k, kWeights, k, 0, kPublicColumns}));
    Emit(w, kFree, {kWeights, k});
  }
  Emit(w, kEvict, {kProjected, 0});
}

void MakeInferProgram(TinyPlan* p) {
  using enum Opcode;
  auto* w = &p->infer;
  const bool checked = p->header.soundness_bits != 0;
  if (checked) Emit(w, kFetch, {kProjected, 0, 12288});
  for (uint32_t t = 0; t < 2; ++t) {
    Emit(w, kAlloc, {kIn, t, 0});
    Emit(w, kInput, {0, t});
    if (checked) Emit(w, kAlloc, {kSent, t, 512});
    EmitPass(&p->infer, {PassSource::kTensor, kIn, t * 4, t * 4 + 4, kColumns, 1, 1},
                {{PassFn::kRelu, PassOperand::kNone, 0, 0, 0, 0}}, {{PassSinkKind::kMask, 0, 0, 0, 0}});
    Emit(w, kFree, {kIn, t});
    if (!checked) continue;
    Emit(w, kAlloc, {kDemanded, t, 768 + t * 64});
    Emit(w, kExpect, {0, t});
    Emit(w, kFree, {kSent, t});
  }
  if (checked) Emit(w, kFree, {kProjected, 0});
  Emit(w, kJob, {0});
  Emit(w, kFetch, {kParams, 0, 1024});
  for (uint32_t t = 0; t < 2; ++t) {
    Emit(w, kFetch, {kPad, t, 4096});
    Emit(w, kAlloc, {kOut, t, 0});
    EmitPass(&p->infer, {PassSource::kRestore, 0, t * 4, t * 4 + 4, kColumns, 0, 1}, {},
                {{PassSinkKind::kTensor, kOut, 0, 0, 0}});
    Emit(w, kOutput, {0, t});
    Emit(w, kFree, {kOut, t});
    Emit(w, kFree, {kPad, t});
    if (checked) Emit(w, kFree, {kDemanded, t});
  }
  Emit(w, kFree, {kParams, 0});
}

// `r` and `lr`: what the program draws into and the tensor of L'(r), of `pads` pads; `r_tiles`: tiles of `r`.
void MakePadProgram(bool prime, uint32_t pads, uint32_t r, uint32_t r_tiles, uint32_t lr, Words* w) {
  using enum Opcode;
  Emit(w, kFetch, {kParams, 0, 12288});
  Emit(w, kAlloc, {lr, 0, 0});
  Emit(w, kAlloc, {lr, 1, 1024});
  for (uint32_t k = 0; k < TinyPrimeCount(prime); ++k) {
    for (uint32_t t = 0; t < r_tiles; ++t) {
      Emit(w, kAlloc, {r, t, 2048 + t * 1024});
      Emit(w, kPadRandom, {0, k, r, t});
    }
    Emit(w, kFetch, {kWeights, k, 6144});
    for (uint32_t t = 0; t < 2; ++t) {
      Emit(w, kPadConv, WordsOf(PadConvInstr{0, k, r, kWeights, k, 0, kPublicColumns, lr, t}));
    }
    for (uint32_t t = 0; t < r_tiles; ++t) Emit(w, kFree, {r, t});
    Emit(w, kFree, {kWeights, k});
  }
  for (uint32_t t = 0; t < 2; ++t) {
    for (uint32_t pad = 0; pad < pads; ++pad) {
      Emit(w, kAlloc, {kPad, t, 4096});
      Emit(w, kPadFinish, {0, t, lr, pad});
      Emit(w, kEvict, {kPad, t});
    }
    Emit(w, kFree, {lr, t});
  }
  Emit(w, kFree, {kParams, 0});
}

void MakePadPrograms(bool prime, TinyPlan* p) {
  MakePadProgram(prime, 1, kR, 1, kLr, &p->pad);
  MakePadProgram(prime, kPadBatch, kBatchR, (kRows + kBatchTileRows - 1) / kBatchTileRows, kBatchLr, &p->batch);
  p->header.pad_batch = kPadBatch;
}

}  // namespace

void Emit(std::vector<uint32_t>* words, Opcode opcode, const std::vector<uint32_t>& operands) {
  words->push_back(static_cast<uint32_t>(opcode) | static_cast<uint32_t>(operands.size()) << 16);
  words->insert(words->end(), operands.begin(), operands.end());
}

void EmitPass(Words* program, const PassHead& head, const std::vector<PassOp>& ops,
              const std::vector<PassSink>& sinks) {
  Words words = WordsOf(head);
  const auto append = [&words](const Words& more) { words.insert(words.end(), more.begin(), more.end()); };
  for (const PassOp& op : ops) append(WordsOf(op));
  for (const PassSink& sink : sinks) append(WordsOf(sink));
  Emit(program, Opcode::kPass, words);
}

void MakeHeader(TinyPlan* p) {
  PlanHeader& h = p->header;
  h.version = kPlanVersion;
  h.tensor_count = static_cast<uint32_t>(p->tensors.size());
  h.slice_count = static_cast<uint32_t>(p->slices.size());
  h.layer_count = static_cast<uint32_t>(p->layers.size());
  h.input_count = h.output_count = 1;
  h.arena_size = 16384;
  h.scratch_size = 1 << 20;
  h.exchange_size = kExchangeSize;
  h.window_offset = uint64_t{1} << 20;
  h.window_size = uint64_t{3} << 20;
  h.failure_log_key[0] = 9;  // the base point of the curve
}

std::vector<uint8_t> TinyPlan::Bytes() const {
  PlanHeader head = header;
  head.infer_words = static_cast<uint32_t>(infer.size());
  head.pad_words = static_cast<uint32_t>(pad.size());
  head.prepare_words = static_cast<uint32_t>(prepare.size());
  head.batch_words = static_cast<uint32_t>(batch.size());
  head.float_segment_count = static_cast<uint32_t>(float_segments.size());
  head.float_port_count = static_cast<uint32_t>(float_ports.size());
  std::vector<uint8_t> out;
  const auto append = [&out](const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    out.insert(out.end(), bytes, bytes + size);
  };
  append(&head, sizeof(head));
  append(tensors.data(), tensors.size() * sizeof(TensorRec));
  append(slices.data(), slices.size() * sizeof(PublicSliceRec));
  append(layers.data(), layers.size() * sizeof(LayerRec));
  append(inputs.data(), inputs.size() * sizeof(PortRec));
  append(outputs.data(), outputs.size() * sizeof(PortRec));
  append(float_segments.data(), float_segments.size() * sizeof(FloatSegmentRec));
  append(float_ports.data(), float_ports.size() * sizeof(PortRec));
  if (header.fingerprint_count != 0) append(&fingerprint, sizeof(fingerprint));
  append(checked_ports.data(), checked_ports.size() * sizeof(CheckedPortRec));
  append(infer.data(), infer.size() * 4);
  append(pad.data(), pad.size() * 4);
  append(prepare.data(), prepare.size() * 4);
  append(batch.data(), batch.size() * 4);
  return out;
}

TinyPlan MakeTinyPlan(bool prime) {
  TinyPlan p;
  MakeRecords(prime, &p);
  MakeInferProgram(&p);
  MakePadPrograms(prime, &p);
  MakeHeader(&p);
  return p;
}

TinyPlan MakeTinyCheckedPlan(bool prime) {
  TinyPlan p;
  MakeRecords(prime, &p);
  MakeCheck(prime, &p);
  MakeInferProgram(&p);
  MakePadPrograms(prime, &p);
  MakePrepareProgram(prime, &p);
  MakeHeader(&p);
  return p;
}

TinyPlan MakeTinyFloatPlan() {
  using enum Opcode;
  constexpr uint32_t kFirst = 2;  // the reply's first tensor; nobody needs it
  constexpr uint32_t kCount = kRows * kColumns;
  TinyPlan p;
  const TensorRec f32{PlanType::kF32, TensorKind::kActivation, kRows, kColumns, kTileRows, 0};
  p.tensors = {f32, f32, f32};
  p.chunk_sizes = {100};
  p.inputs = {{kIn, kCount, 8192}};
  p.outputs = {{kOut, kCount, 16384}};
  p.float_segments = {{kFloatSegment, 0, 2, 2, 0}};
  p.float_ports = {{kIn, kCount, 0}, {kIn, kCount, 512}, {kFirst, kCount, 4096}, {kOut, kCount, 4608}};
  auto* w = &p.infer;
  for (uint32_t t = 0; t < 2; ++t) {
    Emit(w, kAlloc, {kIn, t, 0});
    Emit(w, kInput, {0, t});
    Emit(w, kFloatSend, {0, 0, t});
    Emit(w, kFloatSend, {0, 1, t});
    Emit(w, kFree, {kIn, t});
  }
  Emit(w, kFloatJob, {0});
  for (uint32_t t = 0; t < 2; ++t) {
    Emit(w, kAlloc, {kOut, t, 0});
    Emit(w, kFloatReceive, {0, 3, t});
    Emit(w, kOutput, {0, t});
    Emit(w, kFree, {kOut, t});
  }
  MakeHeader(&p);
  return p;
}

std::vector<size_t> InstructionStarts(const std::vector<uint32_t>& words) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < words.size(); at += 1 + (words[at] >> 16)) starts.push_back(at);
  return starts;
}

}  // namespace penumbra::trusted::testing
