#include "protect/plain/ports.h"

#include <string>

#include "model/error.h"
#include "protect/lower/layout.h"
#include "protect/plain/trusted_ops.h"

namespace penumbra::protect {
namespace {

std::vector<float> Reordered(const LoweredTensor& tensor, std::span<const float> elements,
                             const Perm& from, const Perm& to) {
  std::vector<float> reordered(elements.size());
  CopyByBox(TransposeBox(0, Unpermuted(tensor.dims, tensor.perm), from, to), elements, reordered);
  return reordered;
}

}  // namespace

std::vector<float> ToPhysical(const LoweredTensor& tensor, std::span<const float> elements) {
  return Reordered(tensor, elements, IdentityPerm(tensor.perm.size()), tensor.perm);
}

std::vector<float> ToLogical(const LoweredTensor& tensor, std::span<const float> elements) {
  return Reordered(tensor, elements, tensor.perm, IdentityPerm(tensor.perm.size()));
}

std::vector<std::vector<float>> PhysicalInputs(const LoweredGraph& graph,
                                               const std::vector<std::vector<float>>& sample) {
  if (sample.size() != graph.inputs.size()) {
    throw model::ModelError(Status::kWrongShape, "a sample of " + std::to_string(sample.size()) +
                                                     " tensors for a model of " +
                                                     std::to_string(graph.inputs.size()) +
                                                     " inputs");
  }
  std::vector<std::vector<float>> inputs;
  for (size_t i = 0; i < sample.size(); ++i) {
    const LoweredTensor& tensor = graph.tensors[graph.inputs[i].tensor];
    if (sample[i].size() != tensor.count()) {
      throw model::ModelError(Status::kWrongShape,
                              "a sample of " + std::to_string(sample[i].size()) +
                                  " elements for input '" + graph.inputs[i].name + "' of " +
                                  std::to_string(tensor.count()));
    }
    inputs.push_back(ToPhysical(tensor, sample[i]));
  }
  return inputs;
}

}  // namespace penumbra::protect
