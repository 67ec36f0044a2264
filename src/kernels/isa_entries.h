// Declares, once per inclusion, the functions that the *_loops.cc files define in the namespace
// PENUMBRA_ISA, and gathers them in the constant kLoops. Has no include guard on purpose:
// dispatch.cc includes it for every instruction set of the build.
#include <cstddef>
#include <cstdint>

#include "kernels/dispatch.h"

#ifndef PENUMBRA_FOR_EACH_UNARY
#define PENUMBRA_FOR_EACH_UNARY(X)                                                                 \
  X(kRelu) X(kLeakyRelu) X(kClip) X(kSigmoid) X(kHardSigmoid) X(kHardSwish) X(kTanh) X(kElu)       \
  X(kSoftplus) X(kExp) X(kLog) X(kSqrt) X(kNeg) X(kAbs) X(kErf) X(kGelu) X(kFloor)
#define PENUMBRA_FOR_EACH_BINARY(X) \
  X(kAdd) X(kSub) X(kMul) X(kDiv) X(kMin) X(kMax) X(kPow) X(kPrelu)
#endif

namespace penumbra::PENUMBRA_ISA {

void GemmU8S8(const GemmU8S8Job& job);
void GemmS16S16(const GemmS16Job& job);
void GemmF32(const GemmF32Job& job);
void ResidueGemm(const ResidueGemmJob& job);
void ResidueDepthwise(const DepthwiseJob& job, uint16_t prime);
void WinogradInput(const WinogradInputJob& job);
void WinogradOutput(const WinogradOutputJob& job);
void WinogradFilter(const WinogradFilterJob& job);
void DepthwiseU8S8(const DepthwiseJob& job);
void DepthwiseS16S32(const DepthwiseJob& job);
void DepthwiseS16S64(const DepthwiseJob& job);
void DepthwiseF32(const DepthwiseJob& job);
void DepthwiseField(const DepthwiseJob& job);
void ReduceMod(const int32_t* sums, size_t count, uint16_t prime, uint8_t* out);
void PermuteS16(const PermuteJob& job);
void MaskS16(const MaskJob& job);
void MaskS32(const MaskJob& job);
bool FillPads(PadFill* fill);
void CopyReply(const ReplyCopy& job);
void Restore(const RestoreJob& job);
void Unmix(const UnmixJob& job);
void UnmixCovers(const UnmixCoversJob& job);
void Project(const ProjectJob& job);
void Combine(const CombineJob& job);
void FieldSplit(const uint32_t* residues, size_t count, uint32_t* out_words);
void FieldReduce(const FieldReduceJob& job);
void FillField(FieldDraw* job);
void FieldMask(const FieldMaskJob& job);
void FieldUnmix(const FieldUnmixJob& job);
void FieldUnmixCovers(const FieldUnmixCoversJob& job);
void FieldProject(const ProjectJob& job, int64_t* out_sums);
void FieldCombine(const FieldCombineJob& job);
template <Unary kOp>
void RunUnary(const float* x, size_t count, float a, float b, float* out_y);
template <Binary kOp, Operand kOperand>
void RunBinary(const float* x, const float* y, size_t count, float* out_z);
uint64_t QuantiseS32(const QuantiseJob& job);
uint64_t QuantiseS16(const QuantiseJob& job);
uint64_t QuantiseU8(const QuantiseJob& job);
void DequantiseS32(const void* levels, size_t count, float step, float* out_y);
void DequantiseS16(const void* levels, size_t count, float step, float* out_y);
void DequantiseU8(const void* levels, size_t count, float step, float* out_y);
void AffineS32(const AffineJob& job);
void AffineS64(const AffineJob& job);
float Sum(const float* x, size_t count);
float Maximum(const float* x, size_t count);
void Softmax(const float* x, size_t count, float* out_y);
void MaxPool(const PoolJob& job);
void AveragePool(const PoolJob& job);

#define PENUMBRA_UNARY(op) &RunUnary<Unary::op>,
#define PENUMBRA_BINARY(op)                                                          \
  {&RunBinary<Binary::op, Operand::kSame>, &RunBinary<Binary::op, Operand::kScalarRight>, \
   &RunBinary<Binary::op, Operand::kScalarLeft>},
inline constexpr KernelTable kLoops = {
    .gemm_u8s8 = &GemmU8S8,
    .gemm_s16s16 = &GemmS16S16,
    .gemm_f32 = &GemmF32,
    .residue_gemm = &ResidueGemm,
    .residue_depthwise = &ResidueDepthwise,
    .winograd_input = &WinogradInput,
    .winograd_output = &WinogradOutput,
    .winograd_filter = &WinogradFilter,
    .depthwise_u8s8 = &DepthwiseU8S8,
    .depthwise_s16s16_s32 = &DepthwiseS16S32,
    .depthwise_s16s16_s64 = &DepthwiseS16S64,
    .depthwise_f32 = &DepthwiseF32,
    .depthwise_field = &DepthwiseField,
    .reduce_mod = &ReduceMod,
    .permute_s16 = &PermuteS16,
    .mask_s16 = &MaskS16,
    .mask_s32 = &MaskS32,
    .pad_fill = &FillPads,
    .copy_reply = &CopyReply,
    .restore = &Restore,
    .unmix = &Unmix,
    .unmix_covers = &UnmixCovers,
    .project = &Project,
    .combine = &Combine,
    .field_split = &FieldSplit,
    .field_reduce = &FieldReduce,
    .field_draw = &FillField,
    .field_mask = &FieldMask,
    .field_unmix = &FieldUnmix,
    .field_unmix_covers = &FieldUnmixCovers,
    .field_project = &FieldProject,
    .field_combine = &FieldCombine,
    .unary = {PENUMBRA_FOR_EACH_UNARY(PENUMBRA_UNARY)},
    .binary = {PENUMBRA_FOR_EACH_BINARY(PENUMBRA_BINARY)},
    .quantise_s32 = &QuantiseS32,
    .quantise_s16 = &QuantiseS16,
    .quantise_u8 = &QuantiseU8,
    .dequantise_s32 = &DequantiseS32,
    .dequantise_s16 = &DequantiseS16,
    .dequantise_u8 = &DequantiseU8,
    .affine_s32 = &AffineS32,
    .affine_s64 = &AffineS64,
    .sum = &Sum,
    .maximum = &Maximum,
    .softmax = &Softmax,
    .max_pool = &MaxPool,
    .average_pool = &AveragePool,
};
#undef PENUMBRA_UNARY
#undef PENUMBRA_BINARY

}  // namespace penumbra::PENUMBRA_ISA
