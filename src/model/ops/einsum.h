// The equation of an Einsum, with its ellipses written out.
#ifndef PENUMBRA_MODEL_OPS_EINSUM_H_
#define PENUMBRA_MODEL_OPS_EINSUM_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/tensor.h"

namespace penumbra::model {

using EinsumLabel = int;  // one axis name; axes of an ellipsis have names of their own
using EinsumTerm = std::vector<EinsumLabel>;

struct EinsumEquation {
  std::vector<EinsumTerm> inputs;  // one label per axis of each input
  EinsumTerm output;
  std::map<EinsumLabel, int64_t> extents;
  Shape OutputShape() const;
};

// Throws ModelError(kMalformed) when the equation is not one or does not fit the shapes. Axes of an
// ellipsis broadcast, all others have one extent wherever they appear.
EinsumEquation ParseEinsum(const std::string& equation, std::span<const Shape> shapes);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_EINSUM_H_
