// Chooses kernels by processor. There is no global state: the caller keeps the table and hands it
// down. Tables are constants, shared freely by threads.
#ifndef PENUMBRA_KERNELS_DISPATCH_H_
#define PENUMBRA_KERNELS_DISPATCH_H_

#include <cstdint>

#include "kernels/covers.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/field.h"
#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/im2row.h"
#include "kernels/pad_stream.h"
#include "kernels/project.h"
#include "kernels/reduce_mod.h"
#include "kernels/residue_gemm.h"
#include "kernels/restore.h"
#include "kernels/unmix.h"
#include "kernels/winograd.h"

namespace penumbra {

enum class Isa : uint8_t {
  kScalar,      // plain loops for the target's baseline; the reference
  kAvx2,        // AVX2, FMA
  kAvxVnni,     // + AVX-VNNI
  kAvx512,      // AVX-512 F, BW, DQ, VL
  kAvx512Vnni,  // + VNNI, VBMI, VBMI2, BMI2
  kAmx,         // + AMX-INT8
  kNeon,        // aarch64 baseline
  kNeonDot,     // + dot product
};
inline constexpr uint32_t kIsaCount = 8;

struct KernelTable {
  void (*gemm_u8s8)(const GemmU8S8Job& job);
  void (*gemm_s16s16)(const GemmS16Job& job);
  void (*gemm_f32)(const GemmF32Job& job);
  void (*residue_gemm)(const ResidueGemmJob& job);
  void (*residue_depthwise)(const DepthwiseJob& job, uint16_t prime);  // out u8, canonical; padding 0, |weights| <= 125
  void (*winograd_input)(const WinogradInputJob& job);
  void (*winograd_output)(const WinogradOutputJob& job);
  void (*winograd_filter)(const WinogradFilterJob& job);
  void (*depthwise_u8s8)(const DepthwiseJob& job);       // out s32
  void (*depthwise_s16s16_s32)(const DepthwiseJob& job);  // out s32, the caller proves that it fits
  void (*depthwise_s16s16_s64)(const DepthwiseJob& job);  // out s64
  void (*depthwise_f32)(const DepthwiseJob& job);
  void (*depthwise_field)(const DepthwiseJob& job);  // limb words x centred s32, out s64
  // out: [count] u8 = sums mod prime, canonical, for any s32.
  void (*reduce_mod)(const int32_t* sums, size_t count, uint16_t prime, uint8_t* out);
  void (*permute_s16)(const PermuteJob& job);
  void (*mask_s16)(const MaskJob& job);
  void (*mask_s32)(const MaskJob& job);
  PadFillFn* pad_fill;
  void (*copy_reply)(const ReplyCopy& job);
  void (*restore)(const RestoreJob& job);
  void (*unmix)(const UnmixJob& job);
  void (*unmix_covers)(const UnmixCoversJob& job);
  void (*project)(const ProjectJob& job);
  void (*combine)(const CombineJob& job);
  FieldSplitFn* field_split;
  void (*field_reduce)(const FieldReduceJob& job);
  void (*field_draw)(FieldDraw* job);
  void (*field_mask)(const FieldMaskJob& job);
  void (*field_unmix)(const FieldUnmixJob& job);
  void (*field_unmix_covers)(const FieldUnmixCoversJob& job);
  FieldProjectFn* field_project;
  void (*field_combine)(const FieldCombineJob& job);
  UnaryFn* unary[kUnaryCount];                    // by Unary
  BinaryFn* binary[kBinaryCount][kOperandCount];  // by Binary, Operand
  QuantiseFn* quantise_s32;
  QuantiseFn* quantise_s16;
  QuantiseFn* quantise_u8;
  DequantiseFn* dequantise_s32;
  DequantiseFn* dequantise_s16;
  DequantiseFn* dequantise_u8;
  void (*affine_s32)(const AffineJob& job);
  void (*affine_s64)(const AffineJob& job);
  ReduceFn* sum;
  ReduceFn* maximum;
  SoftmaxFn* softmax;
  void (*max_pool)(const PoolJob& job);
  void (*average_pool)(const PoolJob& job);
};

// True when this build may use the table (its option PENUMBRA_MAX_ISA) and this processor and operating system can run it
// (CPUID and XGETBV, for AMX also the operating system's permission, which is asked for). Reads no environment variable.
bool IsaSupported(Isa isa);
// The fastest supported one.
Isa DetectIsa();
// kScalar's table for an instruction set this build does not contain.
const KernelTable& Kernels(Isa isa);
const char* IsaName(Isa isa);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_DISPATCH_H_
