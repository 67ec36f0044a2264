#include "protect/plain/ports.h"

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

}  // namespace penumbra::protect
