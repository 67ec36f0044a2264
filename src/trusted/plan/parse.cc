#include <type_traits>

#include "ring/soundness.h"
#include "trusted/base/byte_reader.h"
#include "trusted/base/checked.h"
#include "trusted/base/result.h"
#include "trusted/plan/plan.h"

namespace penumbra::trusted {
namespace {

template <typename T>
Status ReadTable(ByteReader* reader, uint64_t count, Arena* arena, std::span<T>* out) {
  PENUMBRA_REQUIRE(count <= reader->remaining() / sizeof(T), Status::kPlanRejected);
  const auto table = arena->TakeArray<std::remove_const_t<T>>(count);
  PENUMBRA_REQUIRE(table.size() == count, Status::kSecureMemoryExceeded);
  PENUMBRA_REQUIRE(reader->ReadArray(table.data(), count), Status::kPlanRejected);
  *out = table;
  return Status::kOk;
}

Status ReadFingerprints(ByteReader* reader, Arena* arena, Plan* plan) {
  FingerprintRec& rec = plan->fingerprint;
  PENUMBRA_REQUIRE(reader->Read(&rec), Status::kPlanRejected);
  PENUMBRA_REQUIRE(rec.cornerstone_count >= 1 && rec.cornerstone_count <= kMaxCornerstones &&
                       rec.challenge_rate >= 1 && rec.challenge_rate <= kFullChallengeRate,
                   Status::kPlanRejected);
  return ReadTable(reader, plan->header.float_port_count, arena, &plan->checked_ports);
}

bool BatchFits(const PlanHeader& h) {
  if (h.pad_batch == 0) return h.batch_words == 0;
  return h.pad_batch >= 2 && h.pad_batch <= kMaxPadBatch && h.pad_words != 0 && h.batch_words != 0 &&
         h.batch_words <= kMaxProgramWords;
}

// NaN fits nothing. Who draws has something to draw about, and no residues.
bool PartitionFits(const PlanHeader& h) {
  if (h.scale_range == 0) return h.theta == 0;
  return h.theta >= 0 && h.theta <= 1 && h.scale_range >= kMinDrawnScaleRange && h.scale_range <= kMaxDrawnScaleRange &&
         h.float_segment_count != 0 && h.layer_count == 0;
}

bool HeaderFits(const PlanHeader& h, uint64_t exchange_size) {
  return h.tensor_count <= kMaxTensors && h.slice_count <= kMaxChunks && h.layer_count <= kMaxLayers &&
         h.input_count <= kMaxPorts && h.output_count <= kMaxPorts && h.infer_words <= kMaxProgramWords &&
         h.pad_words <= kMaxProgramWords && h.prepare_words <= kMaxProgramWords && h.float_segment_count <= kMaxLayers &&
         h.float_port_count <= kMaxFloatPorts && BatchFits(h) && PartitionFits(h) && h.fingerprint_count <= kMaxFingerprints && h.arena_size % kTileAlignment == 0 &&
         h.scratch_size % kTileAlignment == 0 && h.exchange_size <= exchange_size &&
         h.window_offset % kTileAlignment == 0 &&
         h.window_size >= kMaxChunkSize + kAeadTagSize && Fits(h.window_offset, h.window_size, h.exchange_size);
}

bool IsConstantKind(TensorKind kind) {
  return kind == TensorKind::kConstant || kind == TensorKind::kPublic;
}

// Belongs to one layer, which names it back: nothing else may write it.
bool IsLayerKind(TensorKind kind) {
  return kind == TensorKind::kPad || kind == TensorKind::kDerived || kind == TensorKind::kMasked ||
         kind == TensorKind::kExpected;
}

// One tensor by itself. Tiles of activations and pads are never larger than a sealed chunk may be.
bool TensorFits(const TensorRec& t, const Plan& plan, uint32_t plan_chunk_count) {
  if (t.rows == 0 || t.row_elems == 0 || t.tile_rows == 0 || t.rows > kMaxDim || t.row_elems > kMaxDim ||
      t.tile_rows > t.rows) {
    return false;
  }
  if (IsConstantKind(t.kind)) {
    const uint64_t end = uint64_t{t.source} + t.rows;
    if (t.type != PlanType::kRaw || t.tile_rows != 1) return false;
    return t.kind == TensorKind::kConstant
               ? t.source >= plan_chunk_count && end <= plan.chunk_sizes.size()
               : end <= plan.slices.size();
  }
  if (t.kind == TensorKind::kFingerprint || t.kind == TensorKind::kReply) {
    if (t.type != PlanType::kF32 || t.source >= plan.checked_ports.size()) return false;
  } else if (IsLayerKind(t.kind)) {
    if (t.type != PlanType::kU8 || t.source >= plan.layers.size()) return false;
  } else if (t.kind != TensorKind::kActivation) {
    return false;
  }
  if (t.type != PlanType::kF32 && t.type != PlanType::kU8 && t.type != PlanType::kS16) return false;
  return uint64_t{t.tile_rows} * t.row_elems * ElementSize(t.type) <= kMaxChunkSize;
}

bool OneTileConstant(const Plan& plan, uint32_t tensor, uint64_t size) {
  return tensor < plan.tensors.size() && plan.tensors[tensor].kind == TensorKind::kConstant &&
         plan.tensors[tensor].rows == 1 && plan.chunk_sizes[plan.tensors[tensor].source] == size;
}

bool PadTensorFits(const Plan& plan, const LayerRec& layer, uint32_t index) {
  if ((layer.flags & kLayerUnmaskOutput) == 0) return layer.pad == kNoTensor;
  if (layer.pad >= plan.tensors.size()) return false;
  const TensorRec& t = plan.tensors[layer.pad];
  return t.kind == TensorKind::kPad && t.source == index && t.rows == layer.geometry.out_h &&
         t.row_elems == uint64_t{MaskedElementSize(layer)} * layer.geometry.out_w * layer.geometry.out_c;
}

bool PermFits(const Plan& plan, const LayerRec& l) {
  if (l.input_perm == kNoTensor) return true;
  return OneTileConstant(plan, l.input_perm, uint64_t{l.geometry.in_c} * sizeof(uint16_t)) &&
         l.mask_row_elems % l.geometry.in_c == 0;
}

// `tensor` is the layer's tensor of this kind with this row grid.
bool LayerTensorFits(const Plan& plan, uint32_t index, uint32_t tensor, TensorKind kind, uint64_t rows,
                     uint64_t row_elems) {
  if (tensor >= plan.tensors.size()) return false;
  const TensorRec& t = plan.tensors[tensor];
  return t.kind == kind && t.source == index && t.rows == rows && t.row_elems == row_elems;
}

// The claim of the header holds for every layer: enough projections, all with their tensors. Sums over a window of all
// input channels stay exact in 32 bits.
bool CheckFits(const Plan& plan, const LayerRec& l, uint32_t index) {
  if ((l.flags & kLayerChecked) == 0) {
    return plan.header.soundness_bits == 0 && l.projection_count == 0 && l.derived == kNoTensor &&
           l.masked == kNoTensor && l.expected == kNoTensor;
  }
  if (l.projection_count == 0 || l.projection_count > kMaxProjections || plan.header.soundness_bits == 0) return false;
  if (SoundnessBits(SmallestPrime(l), l.projection_count) < plan.header.soundness_bits) return false;
  const CheckShape shape = ShapeOfCheck(l);
  return shape.window_size <= kMaxFilterLength &&
         LayerTensorFits(plan, index, l.derived, TensorKind::kDerived, 1, shape.derived_size) &&
         LayerTensorFits(plan, index, l.masked, TensorKind::kMasked, l.mask_rows, shape.masked_row_elems) &&
         LayerTensorFits(plan, index, l.expected, TensorKind::kExpected, l.geometry.out_h, shape.expected_row_elems);
}

// Residues modulo the one prime stand in one plane of words; only there may sums wrap. Covers publish as many rows as there
// are channels.
bool FormatFits(const LayerRec& l) {
  constexpr uint32_t kKnown =
      kLayerMaskInput | kLayerUnmaskOutput | kLayerChecked | kLayerPrime | kLayerMayWrap | kLayerCovered;
  if ((l.flags & ~kKnown) != 0) return false;
  // Whoever unmasks needs a pad, and that a program to make it: without one the masks would follow from no secret.
  if (((l.flags & kLayerMaskInput) != 0) != ((l.flags & kLayerUnmaskOutput) != 0)) return false;
  if (IsCovered(l) && l.public_out_c != l.geometry.out_c) return false;
  if ((l.flags & kLayerPrime) == 0) return (l.flags & kLayerMayWrap) == 0;
  return l.prime_count == 1 && l.x_offset % sizeof(uint32_t) == 0 && l.y_offset % sizeof(uint32_t) == 0;
}

bool LayerFits(const Plan& plan, uint32_t index) {
  const LayerRec& l = plan.layers[index];
  const ConvGeometry& g = l.geometry;
  if (l.prime_count == 0 || l.prime_count > kMaxPrimes || !GeometryFits(g)) return false;
  if (FilterLength(g) > kMaxFilterLength || l.public_out_c < g.out_c || l.public_out_c > kNoPartner) return false;
  if (!FormatFits(l)) return false;
  if (l.klo > 0 || l.khi < 0 || l.klo >= l.khi || l.klo <= -kLevelLimit || l.khi >= kLevelLimit) return false;
  if (uint64_t{l.mask_rows} * l.mask_row_elems != uint64_t{g.in_h} * g.in_w * g.in_c) return false;
  if (l.mask_rows == 0 || l.mask_rows > kMaxDim || l.mask_row_elems > kMaxDim) return false;
  const uint64_t x_size = uint64_t{MaskedElementSize(l)} * l.mask_rows * l.mask_row_elems;
  uint64_t y_size = 0;
  if (!CheckedMul(uint64_t{g.out_h} * g.out_w, uint64_t{l.public_out_c} * MaskedElementSize(l), &y_size)) return false;
  if (!Fits(l.x_offset, x_size, plan.header.exchange_size)) return false;
  if (!Fits(l.y_offset, y_size, plan.header.exchange_size)) return false;
  return OneTileConstant(plan, l.params, RestoreParamsSize(l)) &&
         OneTileConstant(plan, l.row_bounds, uint64_t{g.out_c} * sizeof(BoundRow)) &&
         PadTensorFits(plan, l, index) && PermFits(plan, l) && CheckFits(plan, l, index);
}

// `slots`: samples that stand one after the other.
bool PortFits(const Plan& plan, const PortRec& port, uint32_t slots = 1) {
  if (port.tensor >= plan.tensors.size()) return false;
  const TensorRec& t = plan.tensors[port.tensor];
  return t.kind == TensorKind::kActivation && t.type == PlanType::kF32 &&
         uint64_t{t.rows} * t.row_elems == port.elem_count && port.offset % 4 == 0 &&
         Fits(port.offset, uint64_t{port.elem_count} * 4 * slots, plan.header.exchange_size);
}

// One side of a float segment lies packed, so that it is one run of bytes to the host.
bool SideFits(std::span<const PortRec> ports, uint32_t slots) {
  if (ports.empty() || ports[0].offset % kTileAlignment != 0) return false;
  for (size_t i = 1; i < ports.size(); ++i) {
    const PortRec& before = ports[i - 1];
    if (ports[i].offset != AlignUp(before.offset + uint64_t{before.elem_count} * 4 * slots, kTileAlignment)) return false;
  }
  return true;
}

// `tensor` has this kind, belongs to the port and holds `fingerprint_count` times what the port's tensor does.
bool FingerprintTensorFits(const Plan& plan, uint32_t port, uint32_t tensor, TensorKind kind) {
  if (tensor >= plan.tensors.size()) return false;
  const TensorRec &t = plan.tensors[tensor], &own = plan.tensors[plan.float_ports[port].tensor];
  return t.kind == kind && t.source == port && t.rows == own.rows && t.tile_rows == own.tile_rows &&
         t.row_elems == uint64_t{own.row_elems} * plan.header.fingerprint_count;
}

// Every group of cornerstones of every tile has the size it must have, and none is empty.
bool CornerstonesFit(const Plan& plan, const TensorRec& own, uint32_t tensor) {
  if (tensor >= plan.tensors.size() || plan.tensors[tensor].kind != TensorKind::kConstant) return false;
  const TensorRec& t = plan.tensors[tensor];
  const uint32_t tiles = TileCount(own), k = plan.fingerprint.cornerstone_count;
  const uint32_t groups = t.rows / tiles;
  if (groups == 0 || groups > k || t.rows != uint64_t{groups} * tiles) return false;
  const uint32_t group_size = GroupSize(k, groups);
  if ((groups - 1) * group_size >= k) return false;
  for (uint32_t i = 0; i < t.rows; ++i) {
    const uint32_t rest = k - i % groups * group_size;
    const uint64_t size = uint64_t{RowsOfTile(own, i / groups)} * own.row_elems * 4;
    if (plan.chunk_sizes[t.source + i] != (rest < group_size ? rest : group_size) * size) return false;
  }
  return true;
}

bool CheckedPortFits(const Plan& plan, uint32_t port, bool is_output) {
  const CheckedPortRec& checked = plan.checked_ports[port];
  const bool tolerates = checked.tolerance >= 0 && checked.tolerance <= 0x1.fffffep127F;
  return tolerates && CornerstonesFit(plan, plan.tensors[plan.float_ports[port].tensor], checked.cornerstones) &&
         FingerprintTensorFits(plan, port, checked.fingerprints, TensorKind::kFingerprint) &&
         (is_output ? FingerprintTensorFits(plan, port, checked.replies, TensorKind::kReply)
                    : checked.replies == kNoTensor);
}

bool FloatSegmentFits(const Plan& plan, const FloatSegmentRec& s) {
  const uint64_t end = uint64_t{s.first_port} + s.input_count + s.output_count;
  const uint32_t slots = SlotCount(plan.header);
  // Float replies cannot be checked exactly: a plan with such a segment claims nothing.
  if (plan.header.soundness_bits != 0 || end > plan.float_ports.size()) return false;
  if ((s.flags & ~uint32_t{kSegmentKeepsScale}) != 0 || (s.flags != 0 && plan.lots.empty())) return false;
  if (!plan.lots.empty() && s.segment != static_cast<uint32_t>(&s - plan.float_segments.data())) return false;
  if (!SideFits(FloatInputs(plan, s), slots) || !SideFits(FloatOutputs(plan, s), slots)) return false;
  for (uint32_t p = 0; p < s.input_count + s.output_count && plan.header.fingerprint_count != 0; ++p) {
    if (!CheckedPortFits(plan, s.first_port + p, p >= s.input_count)) return false;
  }
  return true;
}

Status IndexTiles(Plan* plan, Arena* arena) {
  const std::span<uint32_t> first = arena->TakeArray<uint32_t>(plan->tensors.size() + 1);
  PENUMBRA_REQUIRE(!first.empty(), Status::kSecureMemoryExceeded);
  uint64_t total = 0;
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    first[t] = static_cast<uint32_t>(total);
    total += TileCount(plan->tensors[t]);
    PENUMBRA_REQUIRE(total <= kMaxTiles, Status::kPlanRejected);
  }
  first[plan->tensors.size()] = static_cast<uint32_t>(total);
  plan->first_tile = first;
  return Status::kOk;
}

Status CheckRecords(const Plan& plan, uint32_t plan_chunk_count, uint64_t public_size) {
  for (const PublicSliceRec& slice : plan.slices) {
    PENUMBRA_REQUIRE(slice.size != 0 && slice.size <= kMaxChunkSize && Fits(slice.offset, slice.size, public_size),
                     Status::kPlanRejected);
  }
  for (const TensorRec& t : plan.tensors) {
    PENUMBRA_REQUIRE(TensorFits(t, plan, plan_chunk_count), Status::kPlanRejected);
  }
  for (uint32_t i = 0; i < plan.layers.size(); ++i) {
    PENUMBRA_REQUIRE(LayerFits(plan, i), Status::kPlanRejected);
  }
  for (const PortRec& port : plan.inputs) PENUMBRA_REQUIRE(PortFits(plan, port), Status::kPlanRejected);
  for (const PortRec& port : plan.outputs) PENUMBRA_REQUIRE(PortFits(plan, port), Status::kPlanRejected);
  for (const PortRec& port : plan.float_ports) {
    PENUMBRA_REQUIRE(PortFits(plan, port, SlotCount(plan.header)), Status::kPlanRejected);
  }
  for (const FloatSegmentRec& s : plan.float_segments) {
    PENUMBRA_REQUIRE(FloatSegmentFits(plan, s), Status::kPlanRejected);
  }
  return Status::kOk;
}

}  // namespace

bool GeometryFits(const ConvGeometry& g) {
  const uint32_t extents[] = {g.in_h, g.in_w, g.in_c, g.out_h, g.out_w, g.out_c, g.kernel_h, g.kernel_w,
                              g.stride_h, g.stride_w, g.dilation_h, g.dilation_w, g.groups};
  for (const uint32_t e : extents) {
    if (e == 0 || e > kMaxDim) return false;
  }
  if (g.in_c % g.groups != 0 || g.out_c % g.groups != 0) return false;
  const uint32_t pads[] = {g.pad_top, g.pad_left, g.pad_bottom, g.pad_right};
  for (const uint32_t p : pads) {
    if (p > kMaxDim) return false;
  }
  // The windows of the first and the last output start inside the padded image.
  const uint64_t span_h = uint64_t{g.out_h - 1} * g.stride_h + uint64_t{g.kernel_h - 1} * g.dilation_h + 1;
  const uint64_t span_w = uint64_t{g.out_w - 1} * g.stride_w + uint64_t{g.kernel_w - 1} * g.dilation_w + 1;
  return span_h <= uint64_t{g.in_h} + g.pad_top + g.pad_bottom &&
         span_w <= uint64_t{g.in_w} + g.pad_left + g.pad_right && FilterLength(g) <= kMaxDim;
}

uint64_t TileSize(const Plan& plan, uint32_t tensor, uint32_t tile) {
  const TensorRec& t = plan.tensors[tensor];
  if (t.kind == TensorKind::kConstant) return plan.chunk_sizes[t.source + tile];
  if (t.kind == TensorKind::kPublic) return plan.slices[t.source + tile].size;
  return uint64_t{RowsOfTile(t, tile)} * t.row_elems * ElementSize(t.type);
}

Status ParsePlan(std::span<const uint8_t> bytes, std::span<const uint32_t> chunk_sizes,
                 uint32_t plan_chunk_count, uint64_t public_size, uint64_t exchange_size, Arena* arena,
                 Plan* out_plan) {
  ByteReader reader(bytes);
  Plan plan{};
  plan.chunk_sizes = chunk_sizes;
  PENUMBRA_REQUIRE(reader.Read(&plan.header), Status::kPlanRejected);
  const PlanHeader& h = plan.header;
  PENUMBRA_REQUIRE(h.version == kPlanVersion, Status::kUnsupportedVersion);
  PENUMBRA_REQUIRE(HeaderFits(h, exchange_size), Status::kPlanRejected);
  PENUMBRA_TRY(ReadTable(&reader, h.tensor_count, arena, &plan.tensors));
  PENUMBRA_TRY(ReadTable(&reader, h.slice_count, arena, &plan.slices));
  PENUMBRA_TRY(ReadTable(&reader, h.layer_count, arena, &plan.layers));
  PENUMBRA_TRY(ReadTable(&reader, h.input_count, arena, &plan.inputs));
  PENUMBRA_TRY(ReadTable(&reader, h.output_count, arena, &plan.outputs));
  PENUMBRA_TRY(ReadTable(&reader, h.float_segment_count, arena, &plan.float_segments));
  PENUMBRA_TRY(ReadTable(&reader, h.float_port_count, arena, &plan.float_ports));
  if (h.fingerprint_count != 0) PENUMBRA_TRY(ReadFingerprints(&reader, arena, &plan));
  if (h.scale_range != 0) {
    plan.lots = arena->TakeArray<SegmentLot>(h.float_segment_count);
    PENUMBRA_REQUIRE(!plan.lots.empty(), Status::kSecureMemoryExceeded);
  }
  PENUMBRA_TRY(ReadTable(&reader, h.infer_words, arena, &plan.infer_program));
  PENUMBRA_TRY(ReadTable(&reader, h.pad_words, arena, &plan.pad_program));
  PENUMBRA_TRY(ReadTable(&reader, h.prepare_words, arena, &plan.prepare_program));
  PENUMBRA_TRY(ReadTable(&reader, h.batch_words, arena, &plan.batch_program));
  PENUMBRA_REQUIRE(reader.AtEnd(), Status::kPlanRejected);
  PENUMBRA_TRY(CheckRecords(plan, plan_chunk_count, public_size));
  PENUMBRA_TRY(IndexTiles(&plan, arena));
  *out_plan = plan;
  return Status::kOk;
}

}  // namespace penumbra::trusted
