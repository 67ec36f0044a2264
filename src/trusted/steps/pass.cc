// A pass: each row goes from its source through element-wise operations into its sinks while it is in cache
// (ShadowNet's TeeShadow; with a tensor operand, TeeMerge).
#include <cstring>

#include "kernels/scratch.h"
#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

// Element-wise functions that kernels/ has under another name or as a composition.
bool ApplyComposed(const Machine& machine, PassFn fn, const float* in, uint32_t count, float* out) {
  const KernelTable& k = *machine.kernels;
  constexpr auto kLeft = static_cast<size_t>(Operand::kScalarLeft);
  const float one = 1.0f;
  if (fn == PassFn::kReciprocal) {
    k.binary[static_cast<size_t>(Binary::kDiv)][kLeft](&one, in, count, out);
    return true;
  }
  if (fn == PassFn::kCeil) {
    k.unary[static_cast<size_t>(Unary::kNeg)](in, count, 0, 0, out);
    k.unary[static_cast<size_t>(Unary::kFloor)](out, count, 0, 0, out);
    k.unary[static_cast<size_t>(Unary::kNeg)](out, count, 0, 0, out);
    return true;
  }
  return false;
}

Unary UnaryOf(PassFn fn) {
  switch (fn) {
    case PassFn::kRelu: return Unary::kRelu;
    case PassFn::kLeakyRelu: return Unary::kLeakyRelu;
    case PassFn::kClip: return Unary::kClip;
    case PassFn::kSigmoid: return Unary::kSigmoid;
    case PassFn::kHardSigmoid: return Unary::kHardSigmoid;
    case PassFn::kHardSwish: return Unary::kHardSwish;
    case PassFn::kTanh: return Unary::kTanh;
    case PassFn::kElu: return Unary::kElu;
    case PassFn::kSoftplus: return Unary::kSoftplus;
    case PassFn::kExp: return Unary::kExp;
    case PassFn::kLog: return Unary::kLog;
    case PassFn::kSqrt: return Unary::kSqrt;
    case PassFn::kNeg: return Unary::kNeg;
    case PassFn::kAbs: return Unary::kAbs;
    case PassFn::kErf: return Unary::kErf;
    default: return Unary::kFloor;
  }
}

struct BinaryForm {
  Binary fn;
  bool reversed;  // operand fn row instead of row fn operand
};
BinaryForm BinaryOf(PassFn fn) {
  switch (fn) {
    case PassFn::kSub: return {Binary::kSub, false};
    case PassFn::kReverseSub: return {Binary::kSub, true};
    case PassFn::kMul: return {Binary::kMul, false};
    case PassFn::kDiv: return {Binary::kDiv, false};
    case PassFn::kReverseDiv: return {Binary::kDiv, true};
    case PassFn::kMin: return {Binary::kMin, false};
    case PassFn::kMax: return {Binary::kMax, false};
    case PassFn::kPow: return {Binary::kPow, false};
    case PassFn::kReversePow: return {Binary::kPow, true};
    case PassFn::kPRelu: return {Binary::kPrelu, false};
    default: return {Binary::kAdd, false};
  }
}

// out = in fn operand, over `count` elements; a scalar operand is one element.
void ApplyBinary(const Machine& machine, BinaryForm form, const float* operand, bool scalar, const float* in,
                 uint32_t count, float* out) {
  const auto& table = machine.kernels->binary[static_cast<size_t>(form.fn)];
  const auto shape = !scalar ? Operand::kSame : form.reversed ? Operand::kScalarLeft : Operand::kScalarRight;
  BinaryFn* const fn = table[static_cast<size_t>(shape)];
  form.reversed ? fn(operand, in, count, out) : fn(in, operand, count, out);
}

// From `in` to `out`, which may be the same row.
void ApplyOp(const Machine& machine, const PassOp& op, uint32_t row_index, uint32_t row_elems, const float* in,
             float* out) {
  if (op.operand_kind == PassOperand::kNone) {
    if (ApplyComposed(machine, op.fn, in, row_elems, out)) return;
    machine.kernels->unary[static_cast<size_t>(UnaryOf(op.fn))](in, row_elems, op.a, op.b, out);
    return;
  }
  const BinaryForm form = BinaryOf(op.fn);
  switch (op.operand_kind) {
    case PassOperand::kScalar: ApplyBinary(machine, form, &op.a, true, in, row_elems, out); return;
    case PassOperand::kTensor:
      ApplyBinary(machine, form, machine.FloatRow(op.operand, row_index, row_elems), false, in, row_elems, out);
      return;
    case PassOperand::kTensorPixel: {
      const uint32_t pixels = row_elems / op.period;
      const float* scalars = machine.FloatRow(op.operand, row_index, pixels);
      for (uint32_t p = 0; p < pixels; ++p) {
        const uint64_t at = uint64_t{p} * op.period;
        ApplyBinary(machine, form, scalars + p, true, in + at, op.period, out + at);
      }
      return;
    }
    default: {  // kChannel, kTensorChannel: one vector, repeated along the row
      const auto* vector = reinterpret_cast<const float*>(machine.Tile(op.operand, 0));
      for (uint32_t at = 0; at < row_elems; at += op.period) {
        ApplyBinary(machine, form, vector, false, in + at, op.period, out + at);
      }
      return;
    }
  }
}

void Quantise(Machine* machine, const PassSink& sink, const PassHead& h, uint32_t row_index, const float* row) {
  const TensorRec& t = machine->plan.tensors[sink.id];
  QuantiseFn* const fn =
      t.type == PlanType::kU8 ? machine->kernels->quantise_u8 : machine->kernels->quantise_s16;
  machine->clamped_count += fn({row, h.row_elems, sink.inv_step, sink.klo, sink.khi,
                                machine->Row(sink.id, row_index, h.row_elems)});
}

Status Sink(Machine* machine, const PassScratch& scratch, const PassHead& h, const PassSink& sink,
            uint32_t row_index, const float* row) {
  switch (sink.kind) {
    case PassSinkKind::kTensor: {
      float* const own = machine->FloatRow(sink.id, row_index, h.row_elems);
      if (own != row) std::memcpy(own, row, uint64_t{h.row_elems} * 4);
      return Status::kOk;
    }
    case PassSinkKind::kQuantize: Quantise(machine, sink, h, row_index, row); return Status::kOk;
    case PassSinkKind::kMask: return MaskRow(machine, scratch, sink.id, row_index, row);
  }
  return Status::kInternal;
}

PassScratch LayoutOf(const Machine& machine, const PassView& pass) {
  uint32_t mask_size = 0;
  bool has_levels = false;
  for (uint32_t n = 0; n < pass.head.sink_count; ++n) {
    PassSink sink{};
    (void)pass.Sink(n, &sink);
    has_levels = has_levels || sink.kind != PassSinkKind::kTensor;
    if (sink.kind != PassSinkKind::kMask) continue;
    const uint32_t size = MaskedElementSize(machine.plan.layers[sink.id]);
    mask_size = size > mask_size ? size : mask_size;
  }
  const bool restores = pass.head.source == PassSource::kRestore;
  const LayerRec* source = restores ? &machine.plan.layers[pass.head.source_id] : nullptr;
  return LayoutPass(pass.head.row_elems, source, mask_size, has_levels);
}

// The operations that go with the restore: the addition of a tensor, a ReLU, or one after the other.
struct Tail {
  uint32_t op_count = 0;
  uint32_t addend = kNoTensor;
  bool relu = false;
};

Tail TailOf(const Machine& machine, const PassView& pass) {
  Tail tail;
  const PassHead& h = pass.head;
  if (h.source != PassSource::kRestore || (machine.plan.layers[h.source_id].flags & kLayerPrime) != 0) return tail;
  PassOp op{};
  if (h.op_count > 0 && pass.Op(0, &op) && op.fn == PassFn::kAdd && op.operand_kind == PassOperand::kTensor) {
    tail.addend = op.operand;
    ++tail.op_count;
  }
  if (tail.op_count < h.op_count && pass.Op(tail.op_count, &op) && op.fn == PassFn::kRelu) {
    tail.relu = true;
    ++tail.op_count;
  }
  return tail;
}

// The first tensor that wants the rows, or kNoTensor: they are made where they stay. It was allocated for this pass, so no
// operand reads it (trusted/plan/prove.h).
uint32_t TensorSinkOf(const PassView& pass) {
  for (uint32_t n = 0; n < pass.head.sink_count; ++n) {
    PassSink sink{};
    if (pass.Sink(n, &sink) && sink.kind == PassSinkKind::kTensor) return sink.id;
  }
  return kNoTensor;
}

}  // namespace

Status RunPass(Machine* machine, const Instruction& i) {
  PassView pass{};
  PENUMBRA_REQUIRE(DecodePass(i, &pass), Status::kInternal);
  const PassHead& h = pass.head;
  const PassScratch scratch = LayoutOf(*machine, pass);
  const bool restores = h.source == PassSource::kRestore;
  if (restores) {
    PENUMBRA_TRY(PrepareLayer(machine, scratch, h.source_id));
  } else {
    machine->prepared_layer = kNoLayer;
  }
  const uint32_t tensor = TensorSinkOf(pass);
  const Tail tail = TailOf(*machine, pass);
  for (uint32_t r = h.row_begin; r < h.row_end; ++r) {
    float* const row = tensor != kNoTensor ? machine->FloatRow(tensor, r, h.row_elems)
                                           : reinterpret_cast<float*>(machine->scratch.data() + scratch.row_at);
    if (restores) {
      const float* addend = tail.addend == kNoTensor ? nullptr : machine->FloatRow(tail.addend, r, h.row_elems);
      PENUMBRA_TRY(RestoreRow(machine, scratch, h.source_id, r, {addend, tail.relu}, row));
    }
    // The first operation reads the source where it stands.
    const float* in = restores ? row : machine->FloatRow(h.source_id, r, h.row_elems);
    for (uint32_t n = tail.op_count; n < h.op_count; ++n) {
      PassOp op{};
      PENUMBRA_REQUIRE(pass.Op(n, &op), Status::kInternal);
      ApplyOp(*machine, op, r, h.row_elems, in, row);
      in = row;
    }
    for (uint32_t n = 0; n < h.sink_count; ++n) {
      PassSink sink{};
      PENUMBRA_REQUIRE(pass.Sink(n, &sink), Status::kInternal);
      PENUMBRA_TRY(Sink(machine, scratch, h, sink, r, in));
    }
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
