// Kernels that exist only where an instruction set offers more than its loops can use; each has the
// contract of its header and lives in its own namespace (see isa.h).
#ifndef PENUMBRA_KERNELS_ISA_EXTRAS_H_
#define PENUMBRA_KERNELS_ISA_EXTRAS_H_

#include "kernels/depthwise.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/pad_stream.h"
#include "kernels/project.h"
#include "kernels/reduce_mod.h"
#include "kernels/residue_gemm.h"
#include "kernels/restore.h"
#include "kernels/unmix.h"
#include "kernels/winograd.h"

namespace penumbra {

namespace avx2 {
void MaskS16(const MaskJob& job);
void Restore(const RestoreJob& job);
}  // namespace avx2

namespace avx2lanes {
bool FillPads(PadFill* fill);
void MaskS16(const MaskJob& job);
void Project(const ProjectJob& job);
void Restore(const RestoreJob& job);
void Unmix(const UnmixJob& job);
}  // namespace avx2lanes

namespace avxvnni {
void GemmU8S8(const GemmU8S8Job& job);
void ResidueGemm(const ResidueGemmJob& job);
}  // namespace avxvnni

namespace avx512 {
void ResidueDepthwise(const DepthwiseJob& job, uint16_t prime);
void DepthwiseU8S8(const DepthwiseJob& job);
void DepthwiseS16S64(const DepthwiseJob& job);
void PermuteS16(const PermuteJob& job);
void Restore(const RestoreJob& job);
void Unmix(const UnmixJob& job);
}  // namespace avx512

namespace avx512vnni {
void GemmU8S8(const GemmU8S8Job& job);
void ResidueGemm(const ResidueGemmJob& job);
void ResidueDepthwise(const DepthwiseJob& job, uint16_t prime);
void DepthwiseU8S8(const DepthwiseJob& job);
void DepthwiseS16S64(const DepthwiseJob& job);
void WinogradInput(const WinogradInputJob& job);
void WinogradOutput(const WinogradOutputJob& job);
void WinogradFilter(const WinogradFilterJob& job);
void GemmS16S16(const GemmS16Job& job);
void CopyReply(const ReplyCopy& job);
void Restore(const RestoreJob& job);
void RestoreCovers(const RestoreJob& job);  // of Restore
void PermuteS16(const PermuteJob& job);
void MaskS16(const MaskJob& job);
bool FillPads(PadFill* fill);
void Unmix(const UnmixJob& job);
void Project(const ProjectJob& job);
}  // namespace avx512vnni

namespace amx {
void GemmU8S8(const GemmU8S8Job& job);
}  // namespace amx

namespace neondot {
void GemmU8S8(const GemmU8S8Job& job);
void ResidueGemm(const ResidueGemmJob& job);
}  // namespace neondot

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_ISA_EXTRAS_H_
