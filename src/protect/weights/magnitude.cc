#include "protect/weights/magnitude.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace penumbra::protect {
namespace {

// Indices of the `count` largest weights; of equal ones the first.
std::vector<size_t> LargestOf(const std::vector<float>& weights, size_t count) {
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(order.begin(), middle, order.end(), [&weights](size_t a, size_t b) {
    const float x = std::abs(weights[a]);
    const float y = std::abs(weights[b]);
    return x != y ? x > y : a < b;
  });
  order.erase(middle, order.end());
  return order;
}

class Splitter {
 public:
  explicit Splitter(LoweredGraph graph) { out_.graph = std::move(graph); }

  SplitGraph Split(const std::vector<bool>& is_public, double fraction) {
    std::vector<LoweredOp> ops = std::exchange(out_.graph.ops, {});
    for (size_t op = 0; op < ops.size(); ++op) {
      if (is_public[op] && std::holds_alternative<LinearOp>(ops[op].kind) && fraction > 0) {
        SplitLayer(std::move(ops[op]), fraction);
      } else {
        out_.Add(std::move(ops[op]), is_public[op]);
      }
    }
    return std::move(out_);
  }

 private:
  TensorId TensorLike(TensorId id, const char* what) {
    LoweredTensor copy = out_.graph.tensors[id];
    copy.origin = model::kNoValue;
    copy.name += what;
    out_.graph.tensors.push_back(std::move(copy));
    return static_cast<TensorId>(out_.graph.tensors.size() - 1);
  }

  void SplitLayer(LoweredOp op, double fraction) {
    auto& outside = std::get<LinearOp>(op.kind);
    LinearOp inside{outside.x, TensorLike(outside.y, " (largest)"), outside.geometry, {}, {}};
    inside.weights.resize(outside.weights.size());
    const auto count =
        static_cast<size_t>(std::ceil(fraction * static_cast<double>(outside.weights.size())));
    for (const size_t i : LargestOf(outside.weights, std::min(count, outside.weights.size()))) {
      std::swap(inside.weights[i], outside.weights[i]);
    }
    inside.bias = std::exchange(outside.bias, std::vector<float>(outside.bias.size()));
    ElementwiseOp sum{};
    sum.fn = PassFn::kAdd;
    sum.operand_kind = PassOperand::kTensor;
    sum.y = std::exchange(outside.y, TensorLike(outside.y, " (others)"));
    sum.x = outside.y;
    sum.operand = inside.y;
    const std::string name = op.name;
    out_.Add(std::move(op), true);
    out_.Add({name + " (largest)", std::move(inside)}, false);
    out_.Add({name + " (sum)", std::move(sum)}, false);
  }

  SplitGraph out_;
};

}  // namespace

SplitGraph SplitByMagnitude(LoweredGraph graph, const std::vector<bool>& is_public,
                            double fraction) {
  return Splitter(std::move(graph)).Split(is_public, fraction);
}

}  // namespace penumbra::protect
