// The inputs of a model file and what the options make of them, whatever the format.
#ifndef PENUMBRA_MODEL_IMPORT_INPUTS_H_
#define PENUMBRA_MODEL_IMPORT_INPUTS_H_

#include <map>
#include <string>
#include <vector>

#include "model/import.h"

namespace penumbra::model {

inline constexpr int64_t kDynamicExtent = -1;

struct DeclaredInput {
  std::string name;
  bool has_shape = true;
  Shape shape = {};                       // kDynamicExtent where the file leaves it open
  std::vector<std::string> symbols = {};  // one per dimension; "" where the file names none
};

// Shapes of `inputs` by the rules of ImportOptions::shapes. Inputs that fix_inputs replaces may
// stay dynamic; their entry is then the shape of the replacement. Throws ModelError.
std::map<std::string, Shape> ResolveInputShapes(const std::vector<DeclaredInput>& inputs,
                                                const ImportOptions& options);

// A fixed input: one element fills the shape, otherwise the shapes agree; converted to `type`,
// which must hold every element exactly. Throws ModelError.
Tensor FixedInput(const std::string& name, const Tensor& given, DataType type, const Shape& shape);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_IMPORT_INPUTS_H_
