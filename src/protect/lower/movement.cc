// Operators that only move elements. Transposes and reshapes are views as long as the bytes lie
// right.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "protect/lower/node_lowering.h"
#include "protect/lower/reshape_order.h"

namespace penumbra::protect {
namespace {

std::vector<AxisRuns> WholeAxes(const Dims& dims) {
  std::vector<AxisRuns> runs;
  for (uint32_t extent : dims) runs.push_back(WholeAxis(extent));
  return runs;
}

// Source index of each output index of a padded axis; -1 where the fill value stands.
std::vector<int64_t> PadTable(int64_t size, int64_t begin, int64_t out_size,
                              const std::string& mode) {
  std::vector<int64_t> table(static_cast<size_t>(out_size));
  for (int64_t i = 0; i < out_size; ++i) {
    int64_t at = i - begin;
    const int64_t period = mode == "reflect" ? std::max<int64_t>(1, 2 * (size - 1)) : size;
    if (mode == "edge") {
      at = std::clamp<int64_t>(at, 0, size - 1);
    } else if (mode == "reflect" || mode == "wrap") {
      at = (at % period + period) % period;
      if (at >= size) at = period - at;
    } else if (at >= size) {
      at = -1;
    }
    table[static_cast<size_t>(i)] = std::max<int64_t>(at, -1);
  }
  return table;
}

bool IsLosslessCast(model::DataType from, model::DataType to) {
  using model::DataType;
  const auto bits = [](DataType type) { return 8 * static_cast<int>(model::ElementSize(type)); };
  const auto is_signed = [](DataType type) {
    return type == DataType::kInt8 || type == DataType::kInt16 || type == DataType::kInt32 ||
           type == DataType::kInt64;
  };
  if (from == to || to == DataType::kFloat32) return true;
  if (from == DataType::kFloat32 || to == DataType::kBool) return false;
  if (from == DataType::kBool) return true;
  if (is_signed(from)) return is_signed(to) && bits(to) >= bits(from);
  return bits(to) > bits(from) || (!is_signed(to) && bits(to) == bits(from));
}

// x towards zero, held within the integer type `to`.
View Truncated(Builder& b, const View& x, model::DataType to) {
  const View down = EmitScalar(b, PassFn::kMax, EmitUnary(b, PassFn::kFloor, x), 0.0f);
  const View up = EmitScalar(b, PassFn::kMin, EmitUnary(b, PassFn::kCeil, x), 0.0f);
  const View whole = EmitWithTensor(b, PassFn::kAdd, down, up);
  return model::WithElementType(to, [&](auto tag) {
    using T = decltype(tag);
    const auto low = static_cast<float>(std::numeric_limits<T>::lowest());
    // The largest float32 below the end of the type, which is a power of two.
    const float high = std::min(
        std::nextafter(std::ldexp(1.0f, std::numeric_limits<T>::digits), 0.0f),
        static_cast<float>(std::numeric_limits<T>::max()));
    return EmitUnary(b, PassFn::kClip, whole, low, high);
  });
}

}  // namespace

void LowerIdentity(const NodeLowering& n) { n.Define(n.Any(0)); }

// Everything is float32 inside: casts that change no value are left out.
void LowerCast(const NodeLowering& n) {
  const model::DataType from = n.InType(0);
  const model::DataType to = n.builder.model().value(n.out()).type;
  if (IsLosslessCast(from, to)) return n.Define(n.Any(0));
  if (to == model::DataType::kBool) return n.Define(EmitIsNotZero(n.builder, n.Any(0)));
  if (from != model::DataType::kFloat32) {
    n.Unsupported("a cast from " + std::string(model::DataTypeName(from)) + " to " +
                  std::string(model::DataTypeName(to)) + ", which may change values");
  }
  n.Define(Truncated(n.builder, n.Any(0), to));
}

void LowerReshape(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  const View x = n.Any(0);
  const bool into_row = out.back() == Product(out) && out.back() > 1;
  if (into_row && !FreeReshape(in, x.perm, out)) return n.builder.DefineFlattened(n.out(), {x, in});
  n.Define(n.builder.Reshape(x, out));
}

void LowerTranspose(const NodeLowering& n) {
  Perm order;
  for (int64_t axis : n.node.GetInts("perm")) order.push_back(static_cast<uint32_t>(axis));
  if (order.empty()) order.push_back(0);
  n.Define(n.builder.Transpose(n.Any(0), order));
}

void LowerConcat(const NodeLowering& n) {
  const Dims out = n.OutDims();
  const auto axis = static_cast<uint32_t>(n.node.GetInt("axis"));
  // All parts in one order: that of the first one that is not a constant.
  Perm perm = IdentityPerm(out.size());
  for (size_t i = n.node.inputs.size(); i-- > 0;) {
    if (n.Constant(i) == nullptr) perm = n.Any(i).perm;
  }
  const TensorId y = n.NewOutput(perm);
  CopyOp copy{y, {}};
  uint32_t at = 0;
  for (size_t i = 0; i < n.node.inputs.size(); ++i) {
    const View part = n.In(i, perm);
    const Dims dims = n.InDims(i);
    std::vector<AxisRuns> runs = WholeAxes(Permuted(dims, perm));
    runs[Inverse(perm)[axis]] = {{.dst_start = at, .count = dims[axis]}};
    for (CopyBox& box :
         BoxesOf(part.tensor, n.builder.dims(part.tensor), n.builder.dims(y), runs)) {
      copy.boxes.push_back(std::move(box));
    }
    at += dims[axis];
  }
  n.builder.AddOp(std::move(copy));
  n.Define({y, perm});
}

void LowerSplit(const NodeLowering& n) {
  const auto axis = static_cast<size_t>(n.node.GetInt("axis"));
  const std::vector<int64_t> parts = n.node.GetInts("split");
  const View x = n.Any(0);
  int64_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (n.node.outputs[i] != model::kNoValue) {
      const Dims out = n.OutDims(i);
      std::vector<AxisRuns> runs = WholeAxes(out);
      runs[axis][0].src_start = at;
      n.Define(n.builder.CopyByRuns(x, out, runs), i);
    }
    at += parts[i];
  }
}

void LowerSlice(const NodeLowering& n) {
  const Dims out = n.OutDims();
  const View x = n.Any(0);
  std::vector<AxisRuns> runs = WholeAxes(out);
  const auto axes = n.node.GetInts("axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    Run& run = runs.at(static_cast<size_t>(axes[i]))[0];
    run.src_start = n.node.GetInts("starts")[i];
    run.src_step = n.node.GetInts("steps")[i];
  }
  n.Define(n.builder.CopyByRuns(x, out, runs));
}

void LowerPad(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  const auto pads = n.node.GetInts("pads");
  std::vector<AxisRuns> runs;
  for (size_t d = 0; d < in.size(); ++d) {
    runs.push_back(
        RunsOfTable(PadTable(in[d], pads.at(d), out[d], n.node.GetString("mode", "constant"))));
  }
  n.Define(n.builder.CopyByRuns(n.Any(0), out, runs, n.node.GetFloat("value")));
}

void LowerGather(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const auto axis = static_cast<size_t>(n.node.GetInt("axis"));
  const model::Value& indices = n.builder.model().value(n.in(1));
  if (!indices.IsConstant()) {
    n.Unsupported("indices that are computed at run time", "look up embeddings before the model");
  }
  std::vector<int64_t> table = indices.constant->ToInt64();
  for (int64_t& index : table) {
    if (index < 0) index += in[axis];
    if (index < 0 || index >= in[axis]) n.Unsupported("an index outside the axis");
  }
  Dims flat = in;
  flat[axis] = static_cast<uint32_t>(table.size());
  std::vector<AxisRuns> runs = WholeAxes(flat);
  runs[axis] = RunsOfTable(table);
  n.Define(n.builder.Reshape(n.builder.CopyByRuns(n.Any(0), flat, runs), n.OutDims()));
}

void LowerExpand(const NodeLowering& n) {
  const Dims out = n.OutDims();
  Dims padded(out.size() - n.InDims(0).size(), 1);
  const Dims in = n.InDims(0);
  padded.insert(padded.end(), in.begin(), in.end());
  n.Define(n.builder.Expand(n.builder.Reshape(n.Any(0), padded), out));
}

void LowerTile(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  std::vector<AxisRuns> runs;
  for (size_t d = 0; d < in.size(); ++d) {
    AxisRuns axis;
    for (uint32_t at = 0; at < out[d]; at += in[d])
      axis.push_back({.dst_start = at, .count = in[d]});
    if (in[d] == 1) axis = {{.src_step = 0, .count = out[d]}};
    runs.push_back(std::move(axis));
  }
  n.Define(n.builder.CopyByRuns(n.Any(0), out, runs));
}

void LowerDepthToSpace(const NodeLowering& n) {
  const Dims out = n.OutDims();
  const auto block = static_cast<uint32_t>(n.node.GetInt("blocksize"));
  const uint32_t h = out[2] / block;
  const uint32_t w = out[3] / block;
  // Channel = (by, bx, c) when depth comes first, (c, by, bx) when the column of blocks does.
  const bool depth_first = n.node.GetString("mode", "DCR") == "DCR";
  const Dims split = depth_first ? Dims{out[0], block, block, out[1], h, w}
                                 : Dims{out[0], out[1], block, block, h, w};
  const Perm order = depth_first ? Perm{0, 3, 4, 1, 5, 2} : Perm{0, 1, 4, 2, 5, 3};
  n.Define(n.builder.Reshape(n.builder.Transpose(n.builder.Reshape(n.Any(0), split), order), out));
}

void LowerSpaceToDepth(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const auto block = static_cast<uint32_t>(n.node.GetInt("blocksize"));
  const Dims split = {in[0], in[1], in[2] / block, block, in[3] / block, block};
  const View blocks = n.builder.Reshape(n.Any(0), split);
  n.Define(n.builder.Reshape(n.builder.Transpose(blocks, {0, 3, 5, 1, 2, 4}), n.OutDims()));
}

}  // namespace penumbra::protect
