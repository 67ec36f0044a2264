#include "protect/lower/builder.h"

#include <algorithm>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/lower/reshape_order.h"

namespace penumbra::protect {
namespace {

// Up to here float32 holds every integer.
constexpr int64_t kLargestExactInteger = int64_t{1} << 24;

// Integers that float32 does not hold must not be rounded silently.
std::vector<float> ExactFloats(const model::Tensor& tensor, const std::string& name) {
  std::vector<float> floats = tensor.ToFloat();
  if (tensor.type() == model::DataType::kFloat32) return floats;
  const std::vector<int64_t> integers = tensor.ToInt64();
  for (size_t i = 0; i < floats.size(); ++i) {
    if (integers[i] >= -kLargestExactInteger && integers[i] <= kLargestExactInteger) continue;
    throw model::ModelError(Status::kUnsupported,
                            "the constant '" + name + "' holds " + std::to_string(integers[i]) +
                                ", and integers beyond 2^24 are not kept exactly");
  }
  return floats;
}

}  // namespace

std::vector<uint32_t> Flattened::StoredOrder() const {
  const Perm place = Inverse(source.perm);
  const std::vector<int64_t> stored = Strides(Permuted(source_dims, source.perm));
  std::vector<uint32_t> order(Product(source_dims));
  std::vector<uint32_t> index(source_dims.size(), 0);
  for (uint32_t& entry : order) {
    int64_t at = 0;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * stored[place[d]];
    entry = static_cast<uint32_t>(at);
    size_t d = index.size();
    while (d > 0 && ++index[d - 1] == source_dims[d - 1]) index[--d] = 0;
  }
  return order;
}

Builder::Builder(const model::Graph& graph) : model_(graph), use_count_(graph.value_count(), 0) {
  lowered_.name = graph.name;
  for (const model::Node& node : graph.nodes()) {
    for (model::ValueId id : node.inputs) {
      if (id != model::kNoValue) ++use_count_[static_cast<size_t>(id)];
    }
  }
  for (model::ValueId id : graph.outputs) ++use_count_[static_cast<size_t>(id)];
}

TensorId Builder::AddTensor(const std::string& name, model::ValueId origin, Dims physical,
                            Perm perm) {
  if (Product(physical) > static_cast<uint64_t>(model::kMaxElementCount)) {
    throw model::ModelError(Status::kUnsupported, "tensor '" + name + "' is too large");
  }
  lowered_.tensors.push_back({name, origin, std::move(physical), std::move(perm)});
  producer_.push_back(SIZE_MAX);
  return static_cast<TensorId>(lowered_.tensors.size() - 1);
}

TensorId Builder::AddTensorFor(model::ValueId value, const Perm& perm) {
  const model::Value& v = model_.value(value);
  return AddTensor(v.name, value, Permuted(LogicalDims(v.shape), perm), perm);
}

TensorId Builder::AddScratch(const Dims& logical, const Perm& perm) {
  return AddTensor(node_name_ + "#" + std::to_string(lowered_.tensors.size()), model::kNoValue,
                   Permuted(logical, perm), perm);
}

void Builder::AddOp(LoweredKind kind) {
  lowered_.ops.push_back({node_name_, std::move(kind)});
  producer_.at(OutputOf(lowered_.ops.back())) = lowered_.ops.size() - 1;
}

TensorId Builder::AsDims(TensorId tensor, const Dims& physical) {
  if (dims(tensor) == physical) return tensor;
  const TensorId y = AddScratch(physical, IdentityPerm(physical.size()));
  AddOp(ReshapeOp{tensor, y});
  return y;
}

View Builder::Ordered(const View& view, const Perm& perm) {
  if (view.perm == perm) return view;
  const Dims logical = LogicalOf(view);
  if (SameOrder(logical, view.perm, perm))
    return {AsDims(view.tensor, Permuted(logical, perm)), perm};
  // Physical axes in terms of the tensor's own, so that views of one tensor share its copies.
  const Perm place = Inverse(view.perm);
  Perm relative;
  for (uint32_t axis : perm) relative.push_back(place[axis]);
  const auto found = reordered_.find({view.tensor, relative});
  if (found != reordered_.end()) return {found->second, perm};
  const TensorId y = AddScratch(logical, perm);
  AddOp(CopyOp{y, {TransposeBox(view.tensor, logical, view.perm, perm)}});
  reordered_[{view.tensor, relative}] = y;
  return {y, perm};
}

View Builder::Reshape(const View& view, const Dims& logical) {
  const Dims from = LogicalOf(view);
  if (from == logical) return view;
  std::optional<Perm> perm = FreeReshape(from, view.perm, logical);
  View source = view;
  if (!perm) {
    source = Ordered(view, OrderBeforeReshape(from, view.perm, logical));
    perm = FreeReshape(from, source.perm, logical);
  }
  return {AsDims(source.tensor, Permuted(logical, *perm)), *perm};
}

View Builder::Transpose(const View& view, const Perm& order) const {
  const Perm place = Inverse(order);
  View result{view.tensor, {}};
  for (uint32_t axis : view.perm) result.perm.push_back(place.at(axis));
  return result;
}

View Builder::CopyByRuns(const View& view, const Dims& out_logical,
                         const std::vector<AxisRuns>& runs, float fill) {
  std::vector<AxisRuns> physical_runs;
  for (uint32_t axis : view.perm) physical_runs.push_back(runs.at(axis));
  const TensorId y = AddScratch(out_logical, view.perm);
  CopyOp copy{y, BoxesOf(view.tensor, dims(view.tensor), dims(y), physical_runs)};
  uint64_t written = 0;
  for (const CopyBox& box : copy.boxes) written += Product(box.extent);
  copy.needs_fill = written < Product(out_logical);
  copy.fill = copy.needs_fill ? fill : 0.0f;
  AddOp(std::move(copy));
  return {y, view.perm};
}

View Builder::Expand(const View& view, const Dims& out_logical) {
  const Dims from = LogicalOf(view);
  if (from == out_logical) return view;
  std::vector<AxisRuns> runs;
  for (size_t d = 0; d < from.size(); ++d) {
    runs.push_back({{.src_step = from[d] == 1 ? 0 : 1, .count = out_logical.at(d)}});
  }
  return CopyByRuns(view, out_logical, runs);
}

View Builder::Constant(const std::vector<float>& elements, const Dims& logical) {
  const Perm perm = IdentityPerm(logical.size());
  const bool uniform =
      std::ranges::all_of(elements, [&](float x) { return x == elements.front(); });
  if (uniform) {
    const TensorId y = AddScratch(logical, perm);
    AddOp(CopyOp{y, {}, true, elements.front()});
    return {y, perm};
  }
  if (elements.size() * sizeof(float) > kMaxChunkSize) {
    throw model::ModelError(
        Status::kUnsupported,
        "a constant operand of " + std::to_string(elements.size()) + " elements");
  }
  const auto period = static_cast<uint32_t>(elements.size());
  const TensorId zero = AddScratch({1, period}, IdentityPerm(2));
  AddOp(CopyOp{zero, {}, true, 0.0f});
  const TensorId row = AddScratch({1, period}, IdentityPerm(2));
  AddOp(
      ElementwiseOp{zero, row, PassFn::kAdd, 0, 0, PassOperand::kChannel, kNone, elements, period});
  return {AsDims(row, logical), perm};
}

// An input nobody asked for in a certain order yet takes the usual one of its rank: its user
// permutes.
Perm Builder::DefaultPerm(model::ValueId value) const {
  const size_t rank = LogicalDims(model_.value(value).shape).size();
  return rank == 4 ? ChannelLastPerm(rank) : IdentityPerm(rank);
}

View Builder::Any(model::ValueId value) {
  const auto flat = flattened_.find(value);
  if (flat != flattened_.end()) return Materialise(value, flat->second);
  const auto found = views_.find(value);
  return found != views_.end() ? found->second : In(value, DefaultPerm(value));
}

View Builder::In(model::ValueId value, const Perm& perm) {
  if (const std::vector<float>* constant = ConstantOf(value)) {
    const Dims logical = LogicalDims(model_.value(value).shape);
    if (!views_.contains(value)) views_[value] = Constant(*constant, logical);
  } else if (!IsDefined(value)) {
    views_[value] = {AddTensorFor(value, perm), perm};
  }
  return Ordered(Any(value), perm);
}

View Builder::Materialise(model::ValueId value, const Flattened& flattened) {
  const View image = Ordered(flattened.source, IdentityPerm(flattened.source_dims.size()));
  const View view = Reshape(image, LogicalDims(model_.value(value).shape));
  flattened_.erase(value);
  views_[value] = view;
  return view;
}

const Flattened* Builder::AsFlattened(model::ValueId value) const {
  const auto found = flattened_.find(value);
  return found == flattened_.end() ? nullptr : &found->second;
}

void Builder::Define(model::ValueId value, const View& view) {
  views_[value] = view;
  LoweredTensor& tensor = lowered_.tensors[view.tensor];
  const model::Value& v = model_.value(value);
  if (tensor.origin != model::kNoValue || tensor.dims != Permuted(LogicalDims(v.shape), view.perm))
    return;
  tensor.name = v.name;
  tensor.origin = value;
  tensor.perm = view.perm;
}

void Builder::DefineFlattened(model::ValueId value, Flattened flattened) {
  flattened_[value] = std::move(flattened);
}

bool Builder::IsDefined(model::ValueId value) const {
  return views_.contains(value) || flattened_.contains(value);
}

const std::vector<float>* Builder::ConstantOf(model::ValueId value) {
  const model::Value& v = model_.value(value);
  if (!v.IsConstant()) return nullptr;
  const auto [entry, inserted] = constants_.try_emplace(value);
  if (inserted) entry->second = ExactFloats(*v.constant, v.name);
  return &entry->second;
}

LinearOp* Builder::FoldableLinear(model::ValueId value) {
  const auto found = views_.find(value);
  if (found == views_.end() || use_count_[static_cast<size_t>(value)] != 1) return nullptr;
  const TensorId tensor = found->second.tensor;
  const size_t producer = producer_.at(tensor);
  if (producer == SIZE_MAX || lowered_.tensors[tensor].origin != value) return nullptr;
  return std::get_if<LinearOp>(&lowered_.ops[producer].kind);
}

void Builder::Rename(model::ValueId old_value, model::ValueId value) {
  const View view = views_.at(old_value);
  lowered_.tensors[view.tensor].name = model_.value(value).name;
  lowered_.tensors[view.tensor].origin = value;
  views_[value] = view;
}

}  // namespace penumbra::protect
