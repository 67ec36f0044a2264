#include "model/import_inputs.h"

#include "model/ops/saturating_cast.h"

namespace penumbra::model {
namespace {

void CheckNames(const std::vector<DeclaredInput>& inputs, const ImportOptions& options) {
  const auto check = [&inputs](const std::string& name) {
    std::string known;
    for (const DeclaredInput& input : inputs) {
      if (input.name == name) return;
      known += (known.empty() ? "'" : ", '") + input.name + "'";
    }
    throw ModelError(Status::kWrongName, "the model has no input '" + name + "'", {},
                     "its inputs are " + (known.empty() ? "none" : known));
  };
  for (const auto& entry : options.shapes) check(entry.first);
  for (const auto& entry : options.fix_inputs) check(entry.first);
}

// The shape asked for must agree with what the file fixes; its dims become those of their symbols.
void Fix(const DeclaredInput& input, const Shape& asked, std::map<std::string, int64_t>* symbols) {
  if (!input.has_shape) return;
  bool agrees = asked.size() == input.shape.size();
  for (size_t i = 0; agrees && i < asked.size(); ++i) {
    agrees = input.shape[i] == kDynamicExtent || input.shape[i] == asked[i];
    if (agrees && !input.symbols[i].empty()) {
      const auto [entry, added] = symbols->emplace(input.symbols[i], asked[i]);
      agrees = added || entry->second == asked[i];
    }
  }
  if (agrees) return;
  throw ModelError(Status::kWrongShape,
                   "shape " + ShapeText(asked) + " does not fit input '" + input.name + "'", {},
                   "give one size per dimension and keep those that the model fixes");
}

[[noreturn]] void ThrowOpen(const DeclaredInput& input, const std::string& what) {
  throw ModelError(Status::kWrongShape, "input '" + input.name + "'" + what, {},
                   "fix it with --shapes " + input.name + ":<sizes>");
}

// The shape of an input that the options do not name.
Shape Completed(const DeclaredInput& input, const ImportOptions& options,
                std::map<std::string, int64_t>* symbols) {
  const auto fixed = options.fix_inputs.find(input.name);
  const bool is_fixed = fixed != options.fix_inputs.end();
  if (!input.has_shape && !is_fixed) ThrowOpen(input, " has no shape");
  bool open = !input.has_shape;
  Shape shape = input.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != kDynamicExtent) continue;
    const std::string& name = input.symbols[i];
    const auto symbol = symbols->find(name);
    if (symbol != symbols->end()) {
      shape[i] = symbol->second;
    } else if (i == 0 && !is_fixed) {
      shape[i] = 1;
      if (!name.empty()) (*symbols)[name] = 1;
    } else if (is_fixed) {
      open = true;
    } else {
      ThrowOpen(input, ": dimension " + std::to_string(i) +
                           (name.empty() ? "" : " ('" + name + "')") + " is dynamic");
    }
  }
  return open ? fixed->second.shape() : shape;
}

}  // namespace

std::map<std::string, Shape> ResolveInputShapes(const std::vector<DeclaredInput>& inputs,
                                                const ImportOptions& options) {
  CheckNames(inputs, options);
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> symbols;
  for (const DeclaredInput& input : inputs) {
    const auto asked = options.shapes.find(input.name);
    if (asked == options.shapes.end()) continue;
    Fix(input, asked->second, &symbols);
    shapes[input.name] = asked->second;
  }
  for (const DeclaredInput& input : inputs) {
    if (!shapes.contains(input.name)) shapes[input.name] = Completed(input, options, &symbols);
    ElementCount(shapes[input.name]);
  }
  return shapes;
}

Tensor FixedInput(const std::string& name, const Tensor& given, DataType type, const Shape& shape) {
  Tensor tensor(type, shape);
  if (given.count() != 1 && given.shape() != shape) {
    throw ModelError(Status::kWrongShape, "the value for input '" + name + "' has shape " +
                                              ShapeText(given.shape()) + ", expected " +
                                              ShapeText(shape));
  }
  const bool exact = given.type() != DataType::kFloat32 && type != DataType::kFloat32;
  const std::vector<int64_t> integers = exact ? given.ToInt64() : std::vector<int64_t>{};
  const std::vector<float> floats = exact ? std::vector<float>{} : given.ToFloat();
  WithElementType(type, [&](auto tag) {
    using T = decltype(tag);
    const auto data = tensor.Data<T>();
    for (size_t i = 0; i < data.size(); ++i) {
      const size_t from = given.count() == 1 ? 0 : i;
      data[i] = exact ? SaturatingCast<T>(integers[from]) : SaturatingCast<T>(floats[from]);
      const bool same = exact ? static_cast<int64_t>(data[i]) == integers[from]
                              : static_cast<float>(data[i]) == floats[from];
      if (!same && type != DataType::kFloat32) {
        throw ModelError(Status::kInvalidArgument,
                         "element " + std::to_string(from) + " of the value for input '" + name +
                             "' is not of its type, " + std::string(DataTypeName(type)));
      }
    }
  });
  return tensor;
}

}  // namespace penumbra::model
