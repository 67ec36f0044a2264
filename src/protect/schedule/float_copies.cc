// Data movement inside a float32 segment: channels put side by side, picked or shuffled, and images
// enlarged by whole factors. Everything else that moves elements is left to the trusted half.
#include <algorithm>
#include <set>

#include "boundary/segment.h"
#include "protect/schedule/float_segment_builder.h"

namespace penumbra::protect {
namespace {

// A selection is a convolution with one weight per pair of channels, nearly all of them zero: beyond
// this many the copy is cheaper inside.
constexpr uint64_t kMaxSelectionWeights = uint64_t{1} << 22;

struct Axis {
  uint32_t extent;
  int32_t src_stride, dst_stride;
  friend bool operator==(const Axis&, const Axis&) = default;
};

// Without axes of extent 1; neighbours that are contiguous on both sides joined.
std::vector<Axis> Joined(const std::vector<Axis>& axes) {
  std::vector<Axis> out;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    const auto extent = static_cast<int32_t>(axis.extent);
    if (!out.empty() && out.back().src_stride == axis.src_stride * extent &&
        out.back().dst_stride == axis.dst_stride * extent) {
      out.back() = {out.back().extent * axis.extent, axis.src_stride, axis.dst_stride};
    } else {
      out.push_back(axis);
    }
  }
  return out;
}

std::vector<Axis> AxesOf(const CopyBox& box) {
  std::vector<Axis> axes;
  for (size_t d = 0; d < box.extent.size(); ++d) {
    axes.push_back({box.extent[d], box.src_stride[d], box.dst_stride[d]});
  }
  return Joined(axes);
}

// Every element of an axis comes from the same place, `factor` times over.
bool RepeatsBy(const std::vector<uint32_t>& lo, const std::vector<float>& w, uint32_t in) {
  if (lo.size() % in != 0 || std::ranges::any_of(w, [](float v) { return v != 0; })) return false;
  const size_t factor = lo.size() / in;
  for (size_t i = 0; i < lo.size(); ++i) {
    if (lo[i] != i / factor) return false;
  }
  return true;
}

}  // namespace

bool FloatSegmentBuilder::Lower(const ResizeOp& op) {
  if (ShapeOf(op.x) != Shape{op.in_h, op.in_w, op.channels}) return false;
  if (!RepeatsBy(op.row_lo, op.row_w, op.in_h) || !RepeatsBy(op.col_lo, op.col_w, op.in_w)) {
    return false;
  }
  AddNode(SegmentOp::kResizeNearest, {Use(op.x)}, {op.out_h, op.out_w, op.channels});
  return Define(op.y);
}

bool FloatSegmentBuilder::Lower(const CopyOp& op) {
  return !op.boxes.empty() && (LowerNearest(op) || LowerPicks(op));
}

// Nearest neighbours come as one box per place inside the repeated pixel; an axis of one element as
// one box that repeats it.
bool FloatSegmentBuilder::LowerNearest(const CopyOp& op) {
  const std::vector<uint32_t>& dims = graph_->tensors[op.y].dims;
  if (dims.size() != 4 || dims[0] != 1) return false;
  const TensorId x = op.boxes[0].src;
  const Shape s = ShapeOf(x);
  const Shape y{dims[1], dims[2], dims[3]};
  if (y.c != s.c || y.h % s.h != 0 || y.w % s.w != 0 || y == s) return false;
  const auto factor_h = static_cast<int32_t>(y.h / s.h);
  const auto factor_w = static_cast<int32_t>(y.w / s.w);
  const auto c = static_cast<int32_t>(s.c);
  const int32_t in_row = c * static_cast<int32_t>(s.w);
  const int32_t out_row = in_row * factor_w;
  const Axis rows = s.h == 1 ? Axis{y.h, 0, out_row} : Axis{s.h, in_row, out_row * factor_h};
  const Axis columns = s.w == 1 ? Axis{y.w, 0, c} : Axis{s.w, c, c * factor_w};
  const std::vector<Axis> wanted = Joined({rows, columns, {s.c, 1, 1}});
  std::set<uint32_t> places;
  for (int32_t i = 0; i < (s.h == 1 ? 1 : factor_h); ++i) {
    for (int32_t j = 0; j < (s.w == 1 ? 1 : factor_w); ++j) {
      places.insert(static_cast<uint32_t>(i * out_row + j * c));
    }
  }
  for (const CopyBox& box : op.boxes) {
    if (box.src != x || box.src_offset != 0 || AxesOf(box) != wanted) return false;
    if (places.erase(box.dst_offset) == 0) return false;
  }
  if (!places.empty()) return false;
  AddNode(SegmentOp::kResizeNearest, {Use(x)}, y);
  return Define(op.y);
}

// Fills in where the box takes its channels from; false when it moves anything between pixels.
bool FloatSegmentBuilder::PickChannels(const CopyBox& box, uint32_t dst_c, uint64_t pixels,
                                       std::vector<Pick>* picks) const {
  const Shape s = ShapeOf(box.src);
  std::vector<Axis> axes = AxesOf(box);
  const Axis over_pixels{static_cast<uint32_t>(pixels), static_cast<int32_t>(s.c),
                         static_cast<int32_t>(dst_c)};
  const bool whole = s.c == dst_c && axes == Joined({over_pixels, {s.c, 1, 1}});
  if (whole) {
    axes = {{s.c, 1, 1}};
  } else if (pixels != 1) {
    if (axes.empty() || axes.front() != over_pixels) return false;
    axes.erase(axes.begin());
  }
  uint64_t count = 1;
  for (const Axis& axis : axes) count *= axis.extent;
  if (count > dst_c) return false;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t from = box.src_offset;
    int64_t to = box.dst_offset;
    uint64_t rest = i;
    for (size_t d = axes.size(); d-- > 0; rest /= axes[d].extent) {
      const auto at = static_cast<int64_t>(rest % axes[d].extent);
      from += at * axes[d].src_stride;
      to += at * axes[d].dst_stride;
    }
    if (from < 0 || from >= s.c || to < 0 || to >= dst_c) return false;
    (*picks)[static_cast<size_t>(to)] = {box.src, static_cast<uint32_t>(from)};
  }
  return true;
}

std::vector<FloatSegmentBuilder::PickRun> FloatSegmentBuilder::RunsOf(
    const std::vector<Pick>& picks) const {
  std::vector<PickRun> runs;
  for (size_t begin = 0, end = 0; begin < picks.size(); begin = end) {
    PickRun& run = runs.emplace_back();
    run.source = picks[begin].source;
    const uint32_t source_c = ShapeOf(run.source).c;
    run.whole = true;
    for (; end < picks.size() && picks[end].source == run.source; ++end) {
      // A source that stands twice starts anew: whole copies are cheaper than selections.
      if (run.whole && run.channels.size() == source_c) break;
      run.whole = run.whole && picks[end].channel == run.channels.size();
      run.channels.push_back(picks[end].channel);
    }
    run.whole = run.whole && run.channels.size() == source_c;
  }
  return runs;
}

bool FloatSegmentBuilder::LowerPicks(const CopyOp& op) {
  const Shape s = ShapeOf(op.boxes.front().src);
  const uint64_t count = graph_->tensors[op.y].count();
  if (count % s.pixels() != 0 || count / s.pixels() > kMaxDim) return false;
  const auto dst_c = static_cast<uint32_t>(count / s.pixels());
  std::vector<Pick> picks(dst_c);
  for (const CopyBox& box : op.boxes) {
    const Shape other = ShapeOf(box.src);
    if (other.h != s.h || other.w != s.w) return false;
    if (!PickChannels(box, dst_c, s.pixels(), &picks)) return false;
  }
  if (std::ranges::any_of(picks, [](const Pick& p) { return p.source == kNone; })) return false;
  std::vector<PickRun> runs = RunsOf(picks);
  if (runs.size() == 1 && runs.front().whole) return false;  // nothing to compute
  uint64_t weight_count = 0;
  for (const PickRun& run : runs) {
    if (!run.whole) weight_count += uint64_t{ShapeOf(run.source).c} * run.channels.size();
  }
  if (weight_count > kMaxSelectionWeights) return false;
  std::vector<uint32_t> parts;
  for (PickRun& run : runs) {
    const uint32_t x = Use(run.source);
    parts.push_back(run.whole ? x
                              : AddSelection(x, ShapeOf(run.source), std::move(run.channels)));
  }
  made_[op.y] = AddConcat(std::move(parts));
  return true;
}

}  // namespace penumbra::protect
