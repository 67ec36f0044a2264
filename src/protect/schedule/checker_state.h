// What a check knows of the program so far: where tiles stand, what is written, which areas of the
// exchange region are in flight. Private to checker.cc.
#ifndef PENUMBRA_PROTECT_SCHEDULE_CHECKER_STATE_H_
#define PENUMBRA_PROTECT_SCHEDULE_CHECKER_STATE_H_

#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "boundary/limits.h"
#include "boundary/protocol.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

// Ends the check; caught in CheckPlan().
class CheckerFault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct TileStatus {
  std::optional<uint64_t> offset;
  uint64_t written = 0;  // output channels (or source tiles) so far
  bool complete = false;
  uint32_t stored = 0;  // times; a tile of pads: once for each
};

class CheckerState {
 protected:
  CheckerState(const CompiledPlan& plan, const std::vector<uint32_t>& program, ProgramId id)
      : plan_(plan),
        program_(program),
        id_(id),
        pads_(id == ProgramId::kMakePad ? 1 : id == ProgramId::kMakePads ? plan.pad_batch : 0) {}

  void Require(bool condition, const char* what) const {
    if (condition) return;
    throw CheckerFault(std::string(what) + " (before word " + std::to_string(at_) + ")");
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
  // Tiles of this kind are written by this program.
  bool Makes(TensorKind kind) const {
    switch (id_) {
      case ProgramId::kInfer:
        return IsComputed(kind);
      case ProgramId::kMakePad:
      case ProgramId::kMakePads:
        return kind == TensorKind::kActivation || kind == TensorKind::kPad;
      case ProgramId::kPrepare:
        return kind == TensorKind::kDerived;
    }
    return false;
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

  struct Area {
    uint64_t begin, end;
  };
  // Areas of float segments are numbered behind those of the layers.
  Area AreaOf(uint32_t layer, bool input) const {
    if (layer >= plan_.layers.size()) {
      const FloatSegmentRec& s = plan_.float_segments[layer - plan_.layers.size()];
      const PortRec& first = plan_.float_ports[s.first_port + (input ? 0 : s.input_count)];
      const PortRec& last =
          plan_.float_ports[s.first_port + s.input_count - 1 + (input ? 0 : s.output_count)];
      return {first.offset, last.offset + uint64_t{last.elem_count} * 4 * SlotCount(plan_)};
    }
    const LayerRec& l = plan_.layers[layer];
    const uint64_t begin = input ? l.x_offset : l.y_offset;
    const uint64_t plane = input ? uint64_t{l.mask_rows} * l.mask_row_elems
                                 : uint64_t{l.geometry.out_h} * l.geometry.out_w * l.public_out_c;
    return {begin, begin + plane * MaskedElementSize(l)};
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

  const CompiledPlan& plan_;
  const std::vector<uint32_t>& program_;
  const ProgramId id_;
  const uint32_t pads_;  // it makes
  size_t at_ = 0;
  std::map<std::pair<uint32_t, uint32_t>, TileStatus> tiles_;
  std::map<uint64_t, uint64_t> by_offset_;
  std::set<std::pair<uint32_t, bool>> in_flight_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_CHECKER_STATE_H_
