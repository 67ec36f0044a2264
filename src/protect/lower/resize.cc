// Resize: nearest neighbours move elements, linear interpolation goes by tables.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/ops/resize_coordinates.h"
#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

// More boxes than this cost more than a table.
constexpr size_t kMaxNearestBoxes = 64;

using Axis = model::AxisScale;

std::vector<Axis> AxesOf(const NodeLowering& n) {
  const auto scales = n.node.GetFloats("scales");
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  std::vector<Axis> axes;
  for (size_t d = 0; d < in.size(); ++d) axes.push_back({in[d], out[d], scales.at(d)});
  return axes;
}

std::vector<std::vector<int64_t>> NearestTables(const NodeLowering& n,
                                                const std::vector<Axis>& axes) {
  std::vector<std::vector<int64_t>> tables;
  for (const Axis& axis : axes) {
    std::vector<int64_t> table;
    for (int64_t at = 0; at < axis.out; ++at) {
      const double x =
          model::SourceCoordinate(n.node.GetString("coordinate_transformation_mode"), axis, at);
      table.push_back(model::NearestIndex(n.node.GetString("nearest_mode"), x, axis.in));
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

void FillNearest(const std::vector<int64_t>& table, std::vector<uint32_t>* out_lo,
                 std::vector<uint32_t>* out_hi, std::vector<float>* out_w) {
  for (int64_t at : table) out_lo->push_back(static_cast<uint32_t>(at));
  *out_hi = *out_lo;
  out_w->assign(table.size(), 0.0f);
}

void FillLinear(const std::string& mode, const Axis& axis, std::vector<uint32_t>* out_lo,
                std::vector<uint32_t>* out_hi, std::vector<float>* out_w) {
  for (int64_t at = 0; at < axis.out; ++at) {
    const double x = axis.in == axis.out && axis.scale == 1.0 ? static_cast<double>(at)
                                                              : model::SourceCoordinate(mode, axis, at);
    const double base = std::floor(x);
    const auto clamped = [&axis](double i) {
      return static_cast<uint32_t>(std::clamp(i, 0.0, static_cast<double>(axis.in - 1)));
    };
    out_lo->push_back(clamped(base));
    out_hi->push_back(clamped(base + 1));
    out_w->push_back(static_cast<float>(x - base));
  }
}

// Samples of a batch become channels.
void EmitTables(const NodeLowering& n, const std::vector<Axis>& axes,
                const std::vector<std::vector<int64_t>>* nearest) {
  const size_t rank = axes.size();
  if ((rank != 3 && rank != 4) || axes[0].out != axes[0].in || axes[1].in != axes[1].out) {
    n.Unsupported("interpolation along other than the one or two spatial axes of an image");
  }
  const Perm perm = ChannelLastPerm(rank);
  const Axis single{1, 1, 1.0};
  const Axis& rows = axes[2];
  const Axis& columns = rank == 4 ? axes[3] : single;
  ResizeOp op{};
  Dims folded = FoldBatch(n.InDims(0));
  op.x = FoldedInput(n, perm).tensor;
  for (size_t d = 2; d < rank; ++d) folded[d] = static_cast<uint32_t>(axes[d].out);
  op.y = n.builder.AddScratch(folded, perm);
  op.in_h = static_cast<uint32_t>(rows.in);
  op.in_w = static_cast<uint32_t>(columns.in);
  op.out_h = static_cast<uint32_t>(rows.out);
  op.out_w = static_cast<uint32_t>(columns.out);
  op.channels = folded[1];
  if (nearest != nullptr) {
    FillNearest((*nearest)[2], &op.row_lo, &op.row_hi, &op.row_w);
    FillNearest(rank == 4 ? (*nearest)[3] : std::vector<int64_t>{0}, &op.col_lo, &op.col_hi,
                &op.col_w);
  } else {
    const std::string mode = n.node.GetString("coordinate_transformation_mode");
    FillLinear(mode, rows, &op.row_lo, &op.row_hi, &op.row_w);
    FillLinear(mode, columns, &op.col_lo, &op.col_hi, &op.col_w);
  }
  const TensorId y = op.y;
  n.builder.AddOp(std::move(op));
  n.Define(n.builder.Reshape({y, perm}, n.OutDims()));
}

}  // namespace

void LowerResize(const NodeLowering& n) {
  const std::vector<Axis> axes = AxesOf(n);
  const std::string mode = n.node.GetString("mode");
  if (mode == "linear") return EmitTables(n, axes, nullptr);
  if (mode != "nearest")
    n.Unsupported("mode '" + mode + "'", "export the model with linear interpolation");
  const std::vector<std::vector<int64_t>> tables = NearestTables(n, axes);
  std::vector<AxisRuns> runs;
  size_t box_count = 1;
  for (const std::vector<int64_t>& table : tables) {
    runs.push_back(RunsOfTable(table));
    box_count *= runs.back().size();
  }
  if (box_count > kMaxNearestBoxes) return EmitTables(n, axes, &tables);
  n.Define(n.builder.CopyByRuns(n.Any(0), n.OutDims(), runs));
}

}  // namespace penumbra::protect
