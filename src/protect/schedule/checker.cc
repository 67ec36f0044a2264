#include "protect/schedule/checker.h"

#include <array>
#include <random>

#include "protect/schedule/checker_floats.h"

namespace penumbra::protect {
namespace {

class Checker : private FloatChecker {
 public:
  // is_public: of each float segment.
  Checker(const CompiledPlan& plan, const std::vector<uint32_t>& program, ProgramId id, const std::vector<bool>& is_public)
      : FloatChecker(plan, program, id, is_public), masked_(plan.layers.size()), sent_(plan.layers.size()) {}

  void Run() {
    while (at_ < program_.size()) {
      const size_t start = at_;
      const uint32_t head = program_[at_++];
      const uint32_t count = head >> 16;
      Require(program_.size() - at_ >= count, "the program ends inside an instruction");
      Step(static_cast<Opcode>(head & 0xffff), count);
      Require(at_ == start + 1 + count, "an instruction has words left over");
    }
    Require(by_offset_.empty(), "tiles stay resident after the program");
    const bool infers = id_ == ProgramId::kInfer;
    for (size_t l = 0; l < sent_.size() && infers; ++l) Require(sent_[l], "a layer is never run");
    if (infers) RequireAllRun();
    if (pads_ != 0) CheckStored(TensorKind::kPad, pads_);
    if (id_ == ProgramId::kPrepare) CheckStored(TensorKind::kDerived, 1);
  }

 private:
  void StepResidency(Opcode opcode) {
    const uint32_t t = Word();
    const uint32_t tile = Word();
    const TensorKind kind = Tensor(t).kind;
    if (opcode == Opcode::kAlloc) {
      Require(Makes(kind), "a read-only tile is allocated");
      Place(t, tile, Word());
    } else if (opcode == Opcode::kFetch) {
      if (IsComputed(kind))
        Require(Tile(t, tile).stored != 0, "a tile is fetched that was never sealed");
      if (IsStored(kind))
        Require(id_ == ProgramId::kInfer, "a stored tile is fetched by another program");
      Place(t, tile, Word());
      Tile(t, tile).complete = true;
    } else {
      if (opcode == Opcode::kEvict) {
        Read(t, tile);
        Require(Makes(kind), "a read-only tile is sealed");
        Require(kind != TensorKind::kDerived || Tile(t, tile).stored == 0, "a tile is stored twice");
        ++Tile(t, tile).stored;
      }
      Remove(t, tile);
    }
  }

  void StepPass() {
    const auto head = Record<PassHead>();
    const RowRange rows{head.row_begin, head.row_end};
    Require(rows.begin < rows.end && head.sink_count >= 1 && head.sink_count <= kMaxPassSinks &&
                head.op_count <= kMaxPassOps,
            "a pass is malformed");
    if (head.source == PassSource::kTensor) {
      ReadRows(head.source_id, rows, head.row_elems);
    } else {
      Require(head.source_id < sent_.size() && sent_[head.source_id],
              "a layer is restored before its job");
      const LayerRec& layer = plan_.layers[head.source_id];
      Require(head.row_elems == layer.geometry.out_w * layer.geometry.out_c,
              "a restored row has a wrong length");
      if (rows.end == layer.geometry.out_h) in_flight_.erase({head.source_id, false});
      Read(layer.params, 0);
      if (layer.pad != kNoTensor) ReadRows(layer.pad, rows, Tensor(layer.pad).row_elems);
      if (IsChecked(layer)) ReadRows(layer.expected, rows, Tensor(layer.expected).row_elems);
    }
    for (uint32_t i = 0; i < head.op_count; ++i) {
      const auto op = Record<PassOp>();
      if (op.operand_kind == PassOperand::kTensor) ReadRows(op.operand, rows, head.row_elems);
      if (op.operand_kind == PassOperand::kTensorPixel)
        ReadRows(op.operand, rows, head.row_elems / op.period);
      if (op.operand_kind == PassOperand::kChannel ||
          op.operand_kind == PassOperand::kTensorChannel) {
        Require(op.period != 0 && head.row_elems % op.period == 0,
                "a channel operand does not divide its row");
        Read(op.operand, 0);
      }
    }
    for (uint32_t i = 0; i < head.sink_count; ++i) StepSink(head, Record<PassSink>());
  }

  void StepSink(const PassHead& head, const PassSink& sink) {
    if (sink.kind == PassSinkKind::kMask) {
      Require(sink.id < masked_.size() && !sent_[sink.id], "rows are masked after their job");
      const LayerRec& layer = plan_.layers[sink.id];
      Require(layer.mask_row_elems == head.row_elems && masked_[sink.id] == head.row_begin,
              "rows are masked out of order");
      if (layer.input_perm != kNoTensor) Read(layer.input_perm, 0);
      masked_[sink.id] = head.row_end;
      Claim(sink.id, true);
      if (IsChecked(layer)) {
        FillTile(head, layer.masked, ShapeOfCheck(layer).masked_row_elems);
      } else {
        Require(plan_.soundness_bits == 0, "a layer is not checked");
      }
      return;
    }
    Require(Tensor(sink.id).kind == TensorKind::kActivation, "a sink writes another's tensor");
    FillTile(head, sink.id, head.row_elems);
  }

  // The rows of a pass are one whole tile.
  void FillTile(const PassHead& head, uint32_t tensor, uint64_t row_elems) {
    const TensorRec& t = Tensor(tensor);
    const uint32_t tile = head.row_begin / t.tile_rows;
    const RowRange rows = TileRows(tensor, tile);
    Require(rows.begin == head.row_begin && rows.end == head.row_end && t.row_elems == row_elems,
            "a pass does not fill its tile");
    Write(tensor, tile);
  }

  static bool IsChecked(const LayerRec& layer) { return (layer.flags & kLayerChecked) != 0; }

  void StepProject() {
    const auto c = Record<ProjectInstr>();
    Require(id_ == ProgramId::kPrepare && c.layer < plan_.layers.size(),
            "a projection is out of place");
    const LayerRec& layer = plan_.layers[c.layer];
    Read(c.weights, c.weight_tile);
    const uint64_t base = uint64_t{c.prime} * layer.public_out_c;
    WritePart(layer.derived, 0, base + c.oc_begin, base + c.oc_end,
              uint64_t{layer.prime_count} * layer.public_out_c);
  }

  void StepExpect() {
    const uint32_t index = Word();
    const uint32_t tile = Word();
    Require(index < plan_.layers.size() && IsChecked(plan_.layers[index]),
            "an expectation is out of place");
    const LayerRec& layer = plan_.layers[index];
    const ConvGeometry& g = layer.geometry;
    Read(layer.derived, 0);
    ReadRows(layer.masked,
             InputRowsOf(TileRows(layer.expected, tile), g.in_h, g.kernel_h, g.stride_h,
                         g.dilation_h, g.pad_top),
             uint64_t{MaskedElementSize(layer)} * g.in_w * g.in_c);
    Write(layer.expected, tile);
  }

  // A row of the image has in_w * in_c times `element_count` elements of the tensor.
  void StepWindow(const ConvGeometry& g, uint32_t src, RowRange out, uint32_t element_count = 1) {
    ReadRows(src, InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
             uint64_t{g.in_w} * g.in_c * element_count);
  }

  void StepConv() {
    const auto c = Record<ConvInstr>();
    StepWindow(c.geometry, c.src, TileRows(c.dst, c.dst_tile));
    Read(c.weights, c.weight_tile);
    WritePart(c.dst, c.dst_tile, c.oc_begin, c.oc_end, c.geometry.out_c);
  }

  void StepPadConv() {
    const auto c = Record<PadConvInstr>();
    Require(pads_ != 0 && c.layer < plan_.layers.size(), "a pad convolution is out of place");
    const LayerRec& layer = plan_.layers[c.layer];
    StepWindow(layer.geometry, c.src, TileRows(c.dst, c.dst_tile), pads_ * ResidueSize(layer));
    Read(c.weights, c.weight_tile);
    const uint64_t base = uint64_t{c.prime} * layer.public_out_c;
    WritePart(c.dst, c.dst_tile, base + c.oc_begin, base + c.oc_end,
              uint64_t{layer.prime_count} * layer.public_out_c);
  }

  void StepCopy() {
    const auto c = Record<CopyInstr>();
    const auto touch = [&](uint32_t tensor, const std::array<int32_t, kMaxCopyDims>& stride,
                           uint32_t offset) {
      int64_t low = offset;
      int64_t high = offset;
      for (uint32_t d = 0; d < c.dim_count; ++d) {
        const int64_t reach = (int64_t{c.extent[d]} - 1) * stride[d];
        (reach < 0 ? low : high) += reach;
      }
      Require(low >= 0, "a copy starts before its tensor");
      ReadElements(tensor, static_cast<uint64_t>(low), static_cast<uint64_t>(high) + 1);
    };
    touch(c.src, std::to_array(c.src_stride), c.src_offset);
    touch(c.dst, std::to_array(c.dst_stride), c.dst_offset);
  }

  void StepPort(bool input) {
    const std::vector<PortRec>& ports = input ? plan_.inputs : plan_.outputs;
    const uint32_t port = Word();
    const uint32_t tile = Word();
    Require(port < ports.size(), "a port does not exist");
    input ? Write(ports[port].tensor, tile) : Read(ports[port].tensor, tile);
  }

  void StepJob() {
    const uint32_t layer = Word();
    Require(layer < sent_.size() && !sent_[layer], "a job is sent twice");
    Require(masked_[layer] == plan_.layers[layer].mask_rows,
            "a job is sent before its input is masked");
    Claim(layer, false);
    in_flight_.erase({layer, true});
    sent_[layer] = true;
  }

  void StepReduce() {
    const auto c = Record<ReduceInstr>();
    Read(c.src, c.src_tile);
    WritePart(c.dst, 0, c.src_tile, c.src_tile + 1, TileCount(Tensor(c.src)));
  }

  void StepPad(Opcode opcode) {
    const uint32_t layer = Word();
    Require(pads_ != 0 && layer < plan_.layers.size(), "a pad instruction is out of place");
    const uint32_t second = Word();
    const uint32_t tensor = Word();
    if (opcode == Opcode::kPadRandom) {
      Write(tensor, Word());
      return;
    }
    const uint32_t pad = plan_.layers[layer].pad;
    Read(plan_.layers[layer].params, 0);
    Read(tensor, second);
    Require(Word() == Tile(pad, second).stored, "pads are finished out of order");
    Write(pad, second);
  }

  void Step(Opcode opcode, uint32_t count);

  void CheckStored(TensorKind kind, uint32_t times) {
    for (uint32_t t = 0; t < plan_.tensors.size(); ++t) {
      if (plan_.tensors[t].kind != kind) continue;
      for (uint32_t tile = 0; tile < TileCount(plan_.tensors[t]); ++tile) {
        Require(Tile(t, tile).stored == times,
                "a tile of a pad or projection is stored too seldom or too often");
      }
    }
  }

  std::vector<uint32_t> masked_;
  std::vector<bool> sent_;
};

void Checker::Step(Opcode opcode, uint32_t count) {
  switch (opcode) {
    case Opcode::kAlloc:
    case Opcode::kFetch:
    case Opcode::kFree:
    case Opcode::kEvict:
      return StepResidency(opcode);
    case Opcode::kInput:
      return StepPort(true);
    case Opcode::kOutput:
      return StepPort(false);
    case Opcode::kPass:
      return StepPass();
    case Opcode::kReduce:
      return StepReduce();
    case Opcode::kCopy:
      return StepCopy();
    case Opcode::kConv:
      return StepConv();
    case Opcode::kJob:
      return StepJob();
    case Opcode::kFloatSend:
      return StepFloatPort(true);
    case Opcode::kFloatJob:
      return StepFloatJob();
    case Opcode::kFloatReceive:
      return StepFloatPort(false);
    case Opcode::kCombine:
      return StepCombine();
    case Opcode::kCompare:
      return StepCompare();
    case Opcode::kPadConv:
      return StepPadConv();
    case Opcode::kPadRandom:
    case Opcode::kPadFinish:
      return StepPad(opcode);
    case Opcode::kProject:
      return StepProject();
    case Opcode::kExpect:
      return StepExpect();
    case Opcode::kEmit:
      return StepEmit();
    case Opcode::kWay:
      break;
    case Opcode::kPool: {
      const auto c = Record<PoolInstr>();
      StepWindow(c.geometry, c.src, TileRows(c.dst, c.dst_tile));
      return Write(c.dst, c.dst_tile);
    }
    case Opcode::kSoftmax: {
      const auto c = Record<SoftmaxInstr>();
      Read(c.src, c.tile);
      return Write(c.dst, c.tile);
    }
    case Opcode::kNormalize: {
      const auto c = Record<NormalizeInstr>();
      Read(c.src, c.tile);
      return Write(c.dst, c.tile);
    }
    case Opcode::kArgMax: {
      const auto c = Record<ArgMaxInstr>();
      Read(c.src, c.tile);
      return Write(c.dst, c.tile);
    }
    case Opcode::kResize: {
      const auto c = Record<ResizeInstr>();
      ReadRows(c.src, {0, c.in_h}, uint64_t{c.in_w} * c.channels);
      Read(c.tables, 0);
      return Write(c.dst, c.dst_tile);
    }
    case Opcode::kMatMul: {
      const auto c = Record<MatMulInstr>();
      Read(c.a, 0);
      Read(c.b, 0);
      return Write(c.dst, 0);
    }
    case Opcode::kFill: {
      const uint32_t tensor = Word();
      Write(tensor, Word());
      at_ += 1;
      return;
    }
  }
  Require(count > 0xffff, "an opcode does not exist");
}

}  // namespace

namespace {

constexpr uint32_t kPartitions = 8;  // that are tried

// Of each float segment: public. Without a lot all are; else none, all, and any.
std::vector<bool> PartitionOf(const CompiledPlan& plan, uint32_t number) {
  std::vector<bool> is_public(plan.float_segments.size(), plan.scale_range == 0 || number == 1);
  std::mt19937 random(number);
  for (size_t s = 0; s < is_public.size() && number > 1; ++s) is_public[s] = random() % 2 == 0;
  return is_public;
}

// What is left of a program for this partition.
std::vector<uint32_t> ChosenWays(const std::vector<uint32_t>& program, const std::vector<bool>& is_public) {
  std::vector<uint32_t> chosen;
  for (size_t at = 0; at < program.size();) {
    const size_t end = at + 1 + (program[at] >> 16);
    if (end > program.size()) throw CheckerFault("the program ends inside an instruction");
    if (static_cast<Opcode>(program[at] & 0xffff) != Opcode::kWay) {
      chosen.insert(chosen.end(), program.begin() + static_cast<std::ptrdiff_t>(at), program.begin() + static_cast<std::ptrdiff_t>(end));
      at = end;
      continue;
    }
    if (end != at + 4 || program[at + 1] >= is_public.size() || program[at + 3] > program.size() - end) throw CheckerFault("a way is malformed");
    at = is_public[program[at + 1]] == (program[at + 2] == 1) ? end : end + program[at + 3];
  }
  return chosen;
}

}  // namespace

std::string CheckPlan(const CompiledPlan& plan) {
  try {
    for (uint32_t number = 0; number < (plan.scale_range == 0 ? 1 : kPartitions); ++number) {
      const std::vector<bool> is_public = PartitionOf(plan, number);
      const auto check = [&](const std::vector<uint32_t>& program, ProgramId id) {
        const std::vector<uint32_t> chosen = plan.scale_range == 0 ? program : ChosenWays(program, is_public);
        Checker(plan, chosen, id, is_public).Run();
      };
      check(plan.infer_program, ProgramId::kInfer);
      if (!plan.pad_program.empty()) check(plan.pad_program, ProgramId::kMakePad);
      if (plan.pad_batch != 0) check(plan.batch_program, ProgramId::kMakePads);
      check(plan.prepare_program, ProgramId::kPrepare);
    }
  } catch (const CheckerFault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace penumbra::protect
