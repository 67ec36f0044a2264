// The trusted arithmetic of each non-linear operator on whole tensors (formulas: evaluator.h). Pure
// functions, any thread. Spans are whole physical tensors of the operator.
#ifndef PENUMBRA_PROTECT_PLAIN_TRUSTED_OPS_H_
#define PENUMBRA_PROTECT_PLAIN_TRUSTED_OPS_H_

#include <span>

#include "kernels/dispatch.h"
#include "protect/lower/lowered.h"

namespace penumbra::protect {

using In = std::span<const float>;
using Out = std::span<float>;

// operand: empty unless the operator reads a second tensor.
void EvaluateElementwise(const KernelTable& kernels, const ElementwiseOp& op, uint32_t row_elems,
                         In x, In operand, Out out_y);
void EvaluatePool(const KernelTable& kernels, const PoolOp& op, In x, Out out_y);
void EvaluateReduce(const KernelTable& kernels, const ReduceOp& op, In x, Out out_y);
void EvaluateSoftmax(const KernelTable& kernels, const SoftmaxOp& op, In x, Out out_y);
void EvaluateNormalize(const KernelTable& kernels, const NormalizeOp& op, In x, Out out_y);
void EvaluateResize(const ResizeOp& op, In x, Out out_y);
void EvaluateMatMul(const KernelTable& kernels, const MatMulOp& op, In a, In b, Out out_y);
void EvaluateArgMax(const ArgMaxOp& op, In x, Out out_y);
void CopyByBox(const CopyBox& box, In src, Out out_dst);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_TRUSTED_OPS_H_
