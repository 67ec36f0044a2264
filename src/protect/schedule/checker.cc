#include "protect/schedule/checker.h"

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "boundary/limits.h"

namespace penumbra::protect {
namespace {

// Ends the check; caught in CheckPlan().
class Fault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct TileStatus {
  std::optional<uint64_t> offset;
  uint64_t written = 0;  // output channels (or source tiles) so far
  bool complete = false;
  bool stored = false;
};

class Checker {
 public:
  Checker(const CompiledPlan& plan, const std::vector<uint32_t>& program, bool is_pad_program)
      : plan_(plan),
        program_(program),
        is_pad_program_(is_pad_program),
        masked_(plan.layers.size()),
        sent_(plan.layers.size()) {}

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
    for (size_t l = 0; l < sent_.size() && !is_pad_program_; ++l)
      Require(sent_[l], "a layer is never run");
    if (is_pad_program_) CheckPadsStored();
  }

 private:
  void Require(bool condition, const char* what) const {
    if (!condition) throw Fault(std::string(what) + " (before word " + std::to_string(at_) + ")");
  }
  uint32_t Word() { return program_[at_++]; }
  template <typename T>
  T Record() {
    Require(program_.size() - at_ >= sizeof(T) / 4, "an instruction is too short");
    T record;
    std::memcpy(&record, program_.data() + at_, sizeof(T));
    at_ += sizeof(T) / 4;
    return record;
  }
  const TensorRec& Tensor(uint32_t t) const {
    Require(t < plan_.tensors.size(), "a tensor does not exist");
    return plan_.tensors[t];
  }
  TileStatus& Tile(uint32_t t, uint32_t tile) {
    Require(tile < TileCount(Tensor(t)), "a tile does not exist");
    return tiles_[{t, tile}];
  }
  void Read(uint32_t t, uint32_t tile) {
    const TileStatus& status = Tile(t, tile);
    Require(status.offset.has_value(), "a tile is read that is not resident");
    Require(status.complete, "a tile is read before it is completely written");
  }
  void ReadElements(uint32_t t, uint64_t begin, uint64_t end) {
    const TensorRec& rec = Tensor(t);
    Require(end <= uint64_t{rec.rows} * rec.row_elems, "elements beyond a tensor are read");
    const uint64_t tile_elems = uint64_t{rec.tile_rows} * rec.row_elems;
    for (uint64_t tile = begin / tile_elems; begin < end && tile <= (end - 1) / tile_elems;
         ++tile) {
      Read(t, static_cast<uint32_t>(tile));
    }
  }
  // Rows of `row` elements, each inside one tile.
  void ReadRows(uint32_t t, RowRange rows, uint64_t row) {
    const TensorRec& rec = Tensor(t);
    const uint64_t tile_elems = uint64_t{rec.tile_rows} * rec.row_elems;
    for (uint64_t r = rows.begin; r < rows.end; ++r) {
      Require(r * row / tile_elems == ((r + 1) * row - 1) / tile_elems, "a row crosses tiles");
    }
    ReadElements(t, rows.begin * row, rows.end * row);
  }
  void Write(uint32_t t, uint32_t tile) { WritePart(t, tile, 0, 1, 1); }
  // Parts [begin, end) of `total`, which must come in order.
  void WritePart(uint32_t t, uint32_t tile, uint64_t begin, uint64_t end, uint64_t total) {
    TileStatus& status = Tile(t, tile);
    Require(status.offset.has_value(), "a tile is written that is not resident");
    Require(!status.complete && status.written == begin, "a tile is written twice or out of order");
    status.written = end;
    status.complete = end == total;
  }
  RowRange TileRows(uint32_t t, uint32_t tile) {
    const TensorRec& rec = Tensor(t);
    Require(tile < TileCount(rec), "a tile does not exist");
    return {tile * rec.tile_rows, tile * rec.tile_rows + RowsOfTile(rec, tile)};
  }

  void Place(uint32_t t, uint32_t tile, uint32_t offset) {
    TileStatus& status = Tile(t, tile);
    const uint64_t end = offset + AlignUp(TileSize(plan_, {t, tile}), kTileAlignment);
    Require(!status.offset, "a tile is brought in twice");
    Require(offset % kTileAlignment == 0 && end <= plan_.arena_size,
            "a tile lies outside the arena");
    const auto after = by_offset_.lower_bound(offset);
    Require(after == by_offset_.end() || after->first >= end, "two tiles overlap");
    Require(after == by_offset_.begin() || std::prev(after)->second <= offset, "two tiles overlap");
    by_offset_[offset] = end;
    status.offset = offset;
    status.written = 0;
    status.complete = false;
  }
  void Remove(uint32_t t, uint32_t tile) {
    TileStatus& status = Tile(t, tile);
    Require(status.offset.has_value(), "a tile leaves that is not resident");
    by_offset_.erase(*status.offset);
    status.offset.reset();
    status.complete = false;
  }

  void StepResidency(Opcode opcode) {
    const uint32_t t = Word();
    const uint32_t tile = Word();
    const TensorKind kind = Tensor(t).kind;
    if (opcode == Opcode::kAlloc) {
      Require(kind == TensorKind::kActivation || (kind == TensorKind::kPad && is_pad_program_),
              "a read-only tile is allocated");
      Place(t, tile, Word());
    } else if (opcode == Opcode::kFetch) {
      if (kind == TensorKind::kActivation)
        Require(Tile(t, tile).stored, "a tile is fetched that was never sealed");
      if (kind == TensorKind::kPad)
        Require(!is_pad_program_, "a pad is fetched while pads are made");
      Place(t, tile, Word());
      Tile(t, tile).complete = true;
    } else {
      if (opcode == Opcode::kEvict) {
        Read(t, tile);
        Require(kind == TensorKind::kActivation || (kind == TensorKind::kPad && is_pad_program_),
                "a read-only tile is sealed");
        Require(kind != TensorKind::kPad || !Tile(t, tile).stored, "a pad is stored twice");
        Tile(t, tile).stored = true;
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
      return;
    }
    const TensorRec& t = Tensor(sink.id);
    const uint32_t tile = head.row_begin / t.tile_rows;
    const RowRange rows = TileRows(sink.id, tile);
    Require(
        rows.begin == head.row_begin && rows.end == head.row_end && t.row_elems == head.row_elems,
        "a pass does not fill its tile");
    Write(sink.id, tile);
  }

  struct Area {
    uint64_t begin, end;
  };
  Area AreaOf(uint32_t layer, bool input) const {
    const LayerRec& l = plan_.layers[layer];
    const uint64_t begin = input ? l.x_offset : l.y_offset;
    const uint64_t plane = input ? uint64_t{l.mask_rows} * l.mask_row_elems
                                 : uint64_t{l.geometry.out_h} * l.geometry.out_w * l.public_out_c;
    return {begin, begin + plane * l.prime_count};
  }
  // Areas in flight must not overlap: x from its first masked row to the job, y from the job to its
  // last restored row.
  void Claim(uint32_t layer, bool input) {
    const Area area = AreaOf(layer, input);
    Require(area.end <= plan_.exchange_size && area.begin % kTileAlignment == 0,
            "an area leaves the exchange region");
    if (!in_flight_.insert({layer, input}).second) return;
    for (const auto& [other, other_input] : in_flight_) {
      if (other == layer && other_input == input) continue;
      const Area held = AreaOf(other, other_input);
      Require(area.end <= held.begin || held.end <= area.begin, "areas in flight overlap");
    }
  }

  void StepWindow(const ConvGeometry& g, uint32_t src, RowRange out) {
    ReadRows(src, InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
             uint64_t{g.in_w} * g.in_c);
  }

  void StepConv() {
    const auto c = Record<ConvInstr>();
    StepWindow(c.geometry, c.src, TileRows(c.dst, c.dst_tile));
    Read(c.weights, c.weight_tile);
    WritePart(c.dst, c.dst_tile, c.oc_begin, c.oc_end, c.geometry.out_c);
  }

  void StepPadConv() {
    const auto c = Record<PadConvInstr>();
    Require(is_pad_program_ && c.layer < plan_.layers.size(), "a pad convolution is out of place");
    const LayerRec& layer = plan_.layers[c.layer];
    StepWindow(layer.geometry, c.src, TileRows(c.dst, c.dst_tile));
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
    Require(is_pad_program_ && layer < plan_.layers.size(), "a pad instruction is out of place");
    const uint32_t second = Word();
    const uint32_t tensor = Word();
    if (opcode == Opcode::kPadRandom) {
      Write(tensor, Word());
      return;
    }
    Read(plan_.layers[layer].params, 0);
    Read(tensor, second);
    Write(plan_.layers[layer].pad, second);
  }

  void Step(Opcode opcode, uint32_t count);

  void CheckPadsStored() {
    for (uint32_t t = 0; t < plan_.tensors.size(); ++t) {
      if (plan_.tensors[t].kind != TensorKind::kPad) continue;
      for (uint32_t tile = 0; tile < TileCount(plan_.tensors[t]); ++tile) {
        Require(Tile(t, tile).stored, "a pad tile is never stored");
      }
    }
  }

  const CompiledPlan& plan_;
  const std::vector<uint32_t>& program_;
  const bool is_pad_program_;
  size_t at_ = 0;
  std::map<std::pair<uint32_t, uint32_t>, TileStatus> tiles_;
  std::map<uint64_t, uint64_t> by_offset_;
  std::vector<uint32_t> masked_;
  std::vector<bool> sent_;
  std::set<std::pair<uint32_t, bool>> in_flight_;
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
    case Opcode::kPadConv:
      return StepPadConv();
    case Opcode::kPadRandom:
    case Opcode::kPadFinish:
      return StepPad(opcode);
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

std::string CheckPlan(const CompiledPlan& plan) {
  try {
    Checker(plan, plan.infer_program, false).Run();
    if (!plan.pad_program.empty()) Checker(plan, plan.pad_program, true).Run();
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace penumbra::protect
