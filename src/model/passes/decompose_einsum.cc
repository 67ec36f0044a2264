// Einsum of one or two inputs as sums, transposes and one matrix product.
#include <algorithm>

#include "model/ops/einsum.h"
#include "model/passes/node_maker.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

bool Has(const EinsumTerm& term, EinsumLabel label) { return std::ranges::count(term, label) > 0; }

bool HasDiagonal(const EinsumTerm& term) {
  return std::ranges::any_of(term, [&](EinsumLabel l) { return std::ranges::count(term, l) > 1; });
}

// A value and the label of each of its axes.
struct Labelled {
  ValueId value;
  EinsumTerm labels;
};

class Decomposition {
 public:
  Decomposition(const EinsumEquation& equation, NodeMaker* maker)
      : equation_(equation), maker_(*maker) {}

  ValueId One(Labelled x) {
    return InOrder(SumOver(std::move(x), equation_.output), equation_.output);
  }

  ValueId Two(Labelled a, Labelled b) {
    const auto kept_of = [this](const EinsumTerm& other) {
      EinsumTerm kept = equation_.output;
      kept.insert(kept.end(), other.begin(), other.end());
      return kept;
    };
    const EinsumTerm b_labels = b.labels;
    b = SumOver(std::move(b), kept_of(a.labels));
    a = SumOver(std::move(a), kept_of(b_labels));
    EinsumTerm batch, rows, columns, inner;
    for (const EinsumLabel label : a.labels) {
      if (!Has(b.labels, label)) {
        rows.push_back(label);
      } else {
        (Has(equation_.output, label) ? batch : inner).push_back(label);
      }
    }
    for (const EinsumLabel label : b.labels) {
      if (!Has(a.labels, label)) columns.push_back(label);
    }
    const ValueId left = AsStack(a, batch, rows, inner);
    const ValueId right = AsStack(b, batch, inner, columns);
    EinsumTerm labels = batch;
    labels.insert(labels.end(), rows.begin(), rows.end());
    labels.insert(labels.end(), columns.begin(), columns.end());
    const ValueId product = maker_.Make(OpKind::kMatMul, {left, right});
    return InOrder({maker_.Reshape(product, Extents(labels)), labels}, equation_.output);
  }

 private:
  Shape Extents(const EinsumTerm& labels) const {
    Shape shape;
    for (const EinsumLabel label : labels) shape.push_back(equation_.extents.at(label));
    return shape;
  }

  // Sums over the axes that `kept` does not name.
  Labelled SumOver(Labelled x, const EinsumTerm& kept) {
    std::vector<int64_t> axes;
    EinsumTerm left;
    for (size_t d = 0; d < x.labels.size(); ++d) {
      if (Has(kept, x.labels[d])) {
        left.push_back(x.labels[d]);
      } else {
        axes.push_back(static_cast<int64_t>(d));
      }
    }
    if (axes.empty()) return x;
    return {maker_.Make(OpKind::kReduceSum, {x.value}, {{"axes", axes}, {"keepdims", int64_t{0}}}),
            left};
  }

  ValueId InOrder(const Labelled& x, const EinsumTerm& order) {
    std::vector<int64_t> perm;
    for (const EinsumLabel label : order) {
      const auto at = std::ranges::find(x.labels, label);
      perm.push_back(at - x.labels.begin());
    }
    return maker_.Transpose(x.value, perm);
  }

  // Axes in three runs, the last two merged into the rows and columns of a matrix. An axis of the
  // batch may have extent 1 here: the product broadcasts it.
  ValueId AsStack(const Labelled& x, const EinsumTerm& batch, const EinsumTerm& rows,
                  const EinsumTerm& columns) {
    EinsumTerm order = batch;
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), columns.begin(), columns.end());
    const ValueId ordered = InOrder(x, order);
    Shape shape = maker_.ShapeOf(ordered);
    shape.resize(batch.size());
    shape.push_back(ElementCount(Extents(rows)));
    shape.push_back(ElementCount(Extents(columns)));
    return maker_.Reshape(ordered, shape);
  }

  const EinsumEquation& equation_;
  NodeMaker& maker_;
};

// Axes of an ellipsis broadcast; the product can do that only along its batch.
bool Broadcasts(const EinsumEquation& equation, const std::vector<Shape>& shapes) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      const EinsumLabel label = equation.inputs[i][d];
      const bool in_batch = Has(equation.output, label) &&
                            std::ranges::all_of(equation.inputs, [&](const EinsumTerm& term) {
                              return Has(term, label);
                            });
      if (shapes[i][d] != equation.extents.at(label) && !in_batch) return true;
    }
  }
  return false;
}

}  // namespace

size_t DecomposeEinsum(Graph& graph) {
  return ReplaceNodes(graph, [&graph](const Node& node, NodeMaker* maker) {
    if (node.op != OpKind::kEinsum || node.inputs.size() > 2) return false;
    std::vector<Shape> shapes;
    for (const ValueId id : node.inputs) shapes.push_back(graph.value(id).shape);
    const EinsumEquation equation = ParseEinsum(node.GetString("equation"), shapes);
    const bool empty =
        std::ranges::any_of(equation.extents, [](const auto& e) { return e.second == 0; });
    if (empty || std::ranges::any_of(equation.inputs, HasDiagonal) || Broadcasts(equation, shapes))
      return false;
    Decomposition made(equation, maker);
    const ValueId y = node.inputs.size() == 1 ? made.One({node.inputs[0], equation.inputs[0]})
                                              : made.Two({node.inputs[0], equation.inputs[0]},
                                                         {node.inputs[1], equation.inputs[1]});
    maker->Finish(y, node.outputs[0]);
    return true;
  });
}

}  // namespace penumbra::model
