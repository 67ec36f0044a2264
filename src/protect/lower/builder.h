// The lowered graph under construction, and where the value of every model edge lies so far.
//
// A View is a tensor together with the axis order in which it shows a logical shape. A model
// Transpose only changes the view, a Reshape only where the bytes already lie right; data moves
// when an operator asks for an order the bytes do not have, so inverse pairs of transposes cancel
// by themselves. Not thread-safe.
#ifndef PENUMBRA_PROTECT_LOWER_BUILDER_H_
#define PENUMBRA_PROTECT_LOWER_BUILDER_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/graph.h"
#include "protect/lower/layout.h"
#include "protect/lower/lowered.h"

namespace penumbra::protect {

struct View {
  TensorId tensor = kNone;
  Perm perm;  // of the view; the tensor itself may be shared by views with other orders
};

// An image flattened into a row, its elements still in the order of the image: logical element i of
// the last axis is stored at order[i]. A dense layer permutes its weights instead of moving the
// data.
struct Flattened {
  View source;       // the image
  Dims source_dims;  // logical
  std::vector<uint32_t> StoredOrder() const;
};

class Builder {
 public:
  // `graph` outlives the builder.
  explicit Builder(const model::Graph& graph);

  const model::Graph& model() const { return model_; }
  LoweredGraph& lowered() { return lowered_; }

  // --- Tensors and operators ---
  const Dims& dims(TensorId id) const { return lowered_.tensors.at(id).dims; }
  TensorId AddTensor(const std::string& name, model::ValueId origin, Dims physical, Perm perm);
  // Tensor for the model value `value` in the given order.
  TensorId AddTensorFor(model::ValueId value, const Perm& perm);
  // A tensor made by lowering; its logical extents are `logical`.
  TensorId AddScratch(const Dims& logical, const Perm& perm);
  void AddOp(LoweredKind kind);
  void set_node_name(const std::string& name) { node_name_ = name; }

  // --- Views ---
  // Logical extents of a view.
  Dims LogicalOf(const View& view) const { return Unpermuted(dims(view.tensor), view.perm); }
  // The same logical tensor with its bytes in the order `perm`.
  View Ordered(const View& view, const Perm& perm);
  // The same bytes under other logical extents; moves data only where their order forbids that.
  View Reshape(const View& view, const Dims& logical);
  // Logical axis i of the result is logical axis order[i] of `view`.
  View Transpose(const View& view, const Perm& order) const;
  // One CopyOp by runs of every logical axis. Elements that no run writes have the value `fill`.
  View CopyByRuns(const View& view, const Dims& out_logical, const std::vector<AxisRuns>& runs,
                  float fill = 0);
  // Broadcast to larger extents of the same rank.
  View Expand(const View& view, const Dims& out_logical);
  // The bytes of `view` as a tensor of exactly these extents.
  TensorId AsDims(TensorId tensor, const Dims& physical);
  // An activation that always holds these elements, row-major.
  View Constant(const std::vector<float>& elements, const Dims& logical);

  // --- Model values ---
  // The value in whatever order it has; in the order `perm`.
  View Any(model::ValueId value);
  View In(model::ValueId value, const Perm& perm);
  // Set when the value is a flattened image whose elements nobody moved yet.
  const Flattened* AsFlattened(model::ValueId value) const;
  void Define(model::ValueId value, const View& view);
  void DefineFlattened(model::ValueId value, Flattened flattened);
  bool IsDefined(model::ValueId value) const;
  const std::vector<float>* ConstantOf(model::ValueId value);  // null for activations

  // The linear layer that produced `value`, when nothing else reads it.
  LinearOp* FoldableLinear(model::ValueId value);
  // `value` takes the place of `old_value` on the tensor that holds it.
  void Rename(model::ValueId old_value, model::ValueId value);

 private:
  Perm DefaultPerm(model::ValueId value) const;
  View Materialise(model::ValueId value, const Flattened& flattened);

  const model::Graph& model_;
  LoweredGraph lowered_;
  std::string node_name_;
  std::map<model::ValueId, View> views_;
  std::map<model::ValueId, Flattened> flattened_;
  std::map<model::ValueId, std::vector<float>> constants_;
  std::map<std::pair<TensorId, Perm>, TensorId> reordered_;
  std::vector<size_t> producer_;     // of each tensor, index into lowered_.ops
  std::vector<uint32_t> use_count_;  // of each model value, graph outputs included
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_BUILDER_H_
