#include "model/ops/einsum.h"

#include <algorithm>
#include <cctype>

#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

constexpr EinsumLabel kFirstEllipsisLabel = 256;
constexpr std::string_view kEllipsis = "...";

[[noreturn]] void Reject(const std::string& equation, const std::string& why) {
  throw ModelError(Status::kMalformed, "equation '" + equation + "': " + why);
}

std::vector<std::string> SplitTerms(const std::string& list) {
  std::vector<std::string> terms(1);
  for (const char c : list) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

// Labels of a term whose ellipsis stands for `ellipsis` labels.
EinsumTerm ReadTerm(const std::string& equation, const std::string& text,
                    const EinsumTerm& ellipsis) {
  EinsumTerm term;
  bool seen = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
      term.push_back(static_cast<unsigned char>(text[i]));
    } else if (text.compare(i, kEllipsis.size(), kEllipsis) == 0 && !seen) {
      term.insert(term.end(), ellipsis.begin(), ellipsis.end());
      seen = true;
      i += kEllipsis.size() - 1;
    } else {
      Reject(equation, "'" + text + "' is not a list of axes");
    }
  }
  return term;
}

// The last `count` of the axes of the longest ellipsis.
EinsumTerm EllipsisLabels(size_t longest, size_t count) {
  EinsumTerm labels;
  for (size_t i = longest - count; i < longest; ++i)
    labels.push_back(kFirstEllipsisLabel + static_cast<int>(i));
  return labels;
}

// Axes that an ellipsis in `text` stands for.
size_t EllipsisRank(const std::string& equation, const std::string& text, size_t rank) {
  const auto named = static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }));
  const bool open = text.find(kEllipsis) != std::string::npos;
  if (named > rank || (!open && named != rank))
    Reject(equation, "'" + text + "' does not fit an input of rank " + std::to_string(rank));
  return open ? rank - named : 0;
}

// Without "->": ellipsis axes, then labels that occur once, in the order of the alphabet.
EinsumTerm ImplicitOutput(const std::vector<EinsumTerm>& inputs, size_t longest) {
  std::map<EinsumLabel, int> counts;
  for (const EinsumTerm& term : inputs) {
    for (const EinsumLabel label : term) ++counts[label];
  }
  EinsumTerm output = EllipsisLabels(longest, longest);
  for (const auto& [label, count] : counts) {
    if (label < kFirstEllipsisLabel && count == 1) output.push_back(label);
  }
  return output;
}

void CollectExtents(const std::string& equation, std::span<const Shape> shapes,
                    EinsumEquation* parsed) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      const EinsumLabel label = parsed->inputs[i][d];
      const int64_t extent = shapes[i][d];
      int64_t& known = parsed->extents.try_emplace(label, extent).first->second;
      const bool broadcasts = label >= kFirstEllipsisLabel && (known == 1 || extent == 1);
      if (known != extent && !broadcasts) Reject(equation, "an axis has two extents");
      if (broadcasts && extent != 1) known = extent;
    }
  }
}

struct Walk {
  std::vector<EinsumLabel> labels;  // output axes, then summed ones
  Shape extents;
  std::vector<Shape> strides;  // per input
};

Walk WalkOf(const EinsumEquation& equation, std::span<const Shape> shapes) {
  Walk walk;
  walk.labels = equation.output;
  for (const auto& [label, extent] : equation.extents) {
    if (std::ranges::count(equation.output, label) == 0) walk.labels.push_back(label);
  }
  for (const EinsumLabel label : walk.labels) walk.extents.push_back(equation.extents.at(label));
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape own = RowMajorStrides(shapes[i]);
    Shape strides(walk.labels.size(), 0);
    for (size_t d = 0; d < own.size(); ++d) {
      const auto at = std::ranges::find(walk.labels, equation.inputs[i][d]);
      if (shapes[i][d] != 1) strides[static_cast<size_t>(at - walk.labels.begin())] += own[d];
    }
    walk.strides.push_back(std::move(strides));
  }
  return walk;
}

std::vector<Shape> ShapesOf(const KernelContext& ctx) {
  std::vector<Shape> shapes;
  for (const Tensor* input : ctx.inputs) shapes.push_back(input->shape());
  return shapes;
}

}  // namespace

Shape EinsumEquation::OutputShape() const {
  Shape shape;
  for (const EinsumLabel label : output) shape.push_back(extents.at(label));
  return shape;
}

EinsumEquation ParseEinsum(const std::string& equation, std::span<const Shape> shapes) {
  std::string text;
  std::ranges::copy_if(equation, std::back_inserter(text), [](char c) { return c != ' '; });
  const size_t arrow = text.find("->");
  const std::vector<std::string> terms = SplitTerms(text.substr(0, arrow));
  if (terms.size() != shapes.size())
    Reject(equation, std::to_string(shapes.size()) + " inputs are given");
  size_t longest = 0;
  for (size_t i = 0; i < terms.size(); ++i)
    longest = std::max(longest, EllipsisRank(equation, terms[i], shapes[i].size()));
  EinsumEquation parsed;
  for (size_t i = 0; i < terms.size(); ++i) {
    const size_t rank = EllipsisRank(equation, terms[i], shapes[i].size());
    parsed.inputs.push_back(ReadTerm(equation, terms[i], EllipsisLabels(longest, rank)));
    if (parsed.inputs.back().size() != shapes[i].size())
      Reject(equation, "'" + terms[i] + "' is not a list of axes");
  }
  CollectExtents(equation, shapes, &parsed);
  parsed.output = arrow == std::string::npos ? ImplicitOutput(parsed.inputs, longest)
                                             : ReadTerm(equation, text.substr(arrow + 2),
                                                        EllipsisLabels(longest, longest));
  for (const EinsumLabel label : parsed.output) {
    if (!parsed.extents.contains(label) || std::ranges::count(parsed.output, label) != 1)
      Reject(equation, "an axis of the output is unknown or there twice");
  }
  return parsed;
}

void InferEinsum(InferContext& ctx) {
  std::vector<Shape> shapes;
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.InputType(i) != DataType::kFloat32) ctx.Unsupported("elements that are not float");
    shapes.push_back(ctx.InputShape(i));
  }
  const EinsumEquation equation = ParseEinsum(ctx.node().GetString("equation"), shapes);
  Shape all;
  for (const auto& [label, extent] : equation.extents) all.push_back(extent);
  const int64_t products = ElementCount(all);  // throws when there are far too many
  // No pass decomposes these, and element by element they take long.
  if (ctx.input_count() > 2 && products > kMaxFoldedCount)
    ctx.Unsupported("more than two inputs with " + std::to_string(products) + " products");
  ctx.SetOutput(0, DataType::kFloat32, equation.OutputShape());
}

void RunEinsum(KernelContext& ctx) {
  const std::vector<Shape> shapes = ShapesOf(ctx);
  const EinsumEquation equation = ParseEinsum(ctx.node.GetString("equation"), shapes);
  const Walk walk = WalkOf(equation, shapes);
  const std::span<float> out = ctx.Out().Floats();
  if (out.empty() || ElementCount(walk.extents) == 0) return;
  const auto summed = static_cast<size_t>(ElementCount(walk.extents)) / out.size();
  std::vector<int64_t> at(shapes.size(), 0);
  std::vector<int64_t> index(walk.extents.size(), 0);
  for (float& y : out) {
    double sum = 0;
    for (size_t s = 0; s < summed; ++s) {
      double product = 1;
      for (size_t i = 0; i < shapes.size(); ++i)
        product *= ctx.In(i).Floats()[static_cast<size_t>(at[i])];
      sum += product;
      for (size_t d = index.size(); d-- > 0;) {
        const bool wraps = ++index[d] == walk.extents[d];
        const int64_t steps = wraps ? 1 - walk.extents[d] : 1;
        for (size_t i = 0; i < shapes.size(); ++i) at[i] += steps * walk.strides[i][d];
        if (!wraps) break;
        index[d] = 0;
      }
    }
    y = static_cast<float>(sum);
  }
}

}  // namespace penumbra::model
