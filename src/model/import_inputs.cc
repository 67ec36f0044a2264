#include "model/onnx/input_shapes.h"

#include "model/error.h"

namespace penumbra::model {
namespace {

constexpr int64_t kDynamic = -1;

struct Declared {
  Shape dims;                        // kDynamic where the file leaves it open
  std::vector<std::string> symbols;  // "" where the file names none
};

Declared DeclaredShape(const onnx::ValueInfoProto& input) {
  Declared declared;
  for (const auto& dim : input.type().tensor_type().shape().dim()) {
    const bool fixed = dim.has_dim_value();
    if (fixed && dim.dim_value() < 0) {
      throw ModelError(Status::kMalformed, "input '" + input.name() + "' has a negative dimension");
    }
    declared.dims.push_back(fixed ? dim.dim_value() : kDynamic);
    declared.symbols.push_back(fixed ? "" : dim.dim_param());
  }
  return declared;
}

void CheckNames(const std::vector<const onnx::ValueInfoProto*>& inputs,
                const ImportOptions& options) {
  const auto check = [&inputs](const std::string& name) {
    for (const auto* input : inputs) {
      if (input->name() == name) return;
    }
    std::string known;
    for (const auto* input : inputs) known += (known.empty() ? "'" : ", '") + input->name() + "'";
    throw ModelError(Status::kWrongName, "the model has no input '" + name + "'", {},
                     "its inputs are " + (known.empty() ? "none" : known));
  };
  for (const auto& entry : options.shapes) check(entry.first);
  for (const auto& entry : options.fix_inputs) check(entry.first);
}

// The shape asked for, once it agrees with what the file fixes; its dims become those of their
// symbols.
void Fix(const std::string& name, const Shape& asked, const Declared& declared, bool has_shape,
         std::map<std::string, int64_t>* symbols) {
  if (!has_shape) return;
  bool agrees = asked.size() == declared.dims.size();
  for (size_t i = 0; agrees && i < asked.size(); ++i) {
    agrees = declared.dims[i] == kDynamic || declared.dims[i] == asked[i];
    if (agrees && !declared.symbols[i].empty()) {
      const auto [entry, added] = symbols->emplace(declared.symbols[i], asked[i]);
      agrees = added || entry->second == asked[i];
    }
  }
  if (agrees) return;
  throw ModelError(Status::kWrongShape,
                   "shape " + ShapeText(asked) + " does not fit input '" + name + "'", {},
                   "give one size per dimension and keep those that the model fixes");
}

}  // namespace

std::map<std::string, Shape> ResolveInputShapes(
    const std::vector<const onnx::ValueInfoProto*>& inputs, const ImportOptions& options) {
  CheckNames(inputs, options);
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> symbols;
  for (const auto* input : inputs) {
    const auto asked = options.shapes.find(input->name());
    if (asked == options.shapes.end()) continue;
    Fix(input->name(), asked->second, DeclaredShape(*input),
        input->type().tensor_type().has_shape(), &symbols);
    ElementCount(asked->second);
    shapes[input->name()] = asked->second;
  }
  for (const auto* input : inputs) {
    if (shapes.contains(input->name())) continue;
    const auto fixed = options.fix_inputs.find(input->name());
    const bool is_fixed = fixed != options.fix_inputs.end();
    const Declared declared = DeclaredShape(*input);
    Shape shape = declared.dims;
    bool open = !input->type().tensor_type().has_shape();
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] != kDynamic) continue;
      const auto symbol = symbols.find(declared.symbols[i]);
      if (symbol != symbols.end()) {
        shape[i] = symbol->second;
      } else if (i == 0 && !is_fixed) {
        shape[i] = 1;
        if (!declared.symbols[i].empty()) symbols[declared.symbols[i]] = 1;
      } else {
        open = true;
      }
      if (open && !is_fixed) {
        throw ModelError(
            Status::kWrongShape,
            "input '" + input->name() + "': dimension " + std::to_string(i) +
                (declared.symbols[i].empty() ? "" : " ('" + declared.symbols[i] + "')") +
                " is dynamic",
            {}, "fix it with --shapes " + input->name() + ":<sizes>");
      }
    }
    if (open && !is_fixed) {
      throw ModelError(Status::kWrongShape, "input '" + input->name() + "' has no shape", {},
                       "give one with --shapes " + input->name() + ":<sizes>");
    }
    shapes[input->name()] = open ? fixed->second.shape() : shape;
    ElementCount(shapes[input->name()]);
  }
  return shapes;
}

}  // namespace penumbra::model
