#include "kernels/dispatch.h"

#include "kernels/isa_extras.h"

#define PENUMBRA_ISA scalar
#include "kernels/isa_entries.h"
#undef PENUMBRA_ISA
#if defined(__x86_64__)
#define PENUMBRA_ISA avx2
#include "kernels/isa_entries.h"
#undef PENUMBRA_ISA
#define PENUMBRA_ISA avx512
#include "kernels/isa_entries.h"
#undef PENUMBRA_ISA
#elif defined(__aarch64__)
#define PENUMBRA_ISA neon
#include "kernels/isa_entries.h"
#undef PENUMBRA_ISA
#endif

namespace penumbra {

namespace {

#if defined(__x86_64__)

constexpr KernelTable WithAvx2Lanes(KernelTable table) {
  table.mask_s16 = &avx2lanes::MaskS16;
  table.pad_fill = &avx2lanes::FillPads;
  table.project = &avx2lanes::Project;
  table.restore = &avx2lanes::Restore;
  table.unmix = &avx2lanes::Unmix;
  return table;
}
constexpr KernelTable WithAvxVnni(KernelTable table) {
  table.gemm_u8s8 = &avxvnni::GemmU8S8;
  table.residue_gemm = &avxvnni::ResidueGemm;
  return table;
}
constexpr KernelTable WithAvx512Vnni(KernelTable table) {
  table.gemm_u8s8 = &avx512vnni::GemmU8S8;
  table.residue_gemm = &avx512vnni::ResidueGemm;
  table.residue_depthwise = &avx512vnni::ResidueDepthwise;
  table.winograd_input = &avx512vnni::WinogradInput;
  table.winograd_output = &avx512vnni::WinogradOutput;
  table.winograd_filter = &avx512vnni::WinogradFilter;
  table.gemm_s16s16 = &avx512vnni::GemmS16S16;
  table.depthwise_u8s8 = &avx512vnni::DepthwiseU8S8;
  table.depthwise_s16s16_s64 = &avx512vnni::DepthwiseS16S64;
  table.permute_s16 = &avx512vnni::PermuteS16;
  table.mask_s16 = &avx512vnni::MaskS16;
  table.copy_reply = &avx512vnni::CopyReply;
  table.restore = &avx512vnni::Restore;
  table.pad_fill = &avx512vnni::FillPads;
  table.unmix = &avx512vnni::Unmix;
  table.project = &avx512vnni::Project;
  return table;
}
constexpr KernelTable WithAmx(KernelTable table) {
  table.gemm_u8s8 = &amx::GemmU8S8;
  return table;
}

constexpr KernelTable kAvx2Table = WithAvx2Lanes(avx2::kLoops);
constexpr KernelTable kAvxVnniTable = WithAvxVnni(kAvx2Table);
constexpr KernelTable kAvx512Table = WithAvx2Lanes(avx512::kLoops);
constexpr KernelTable kAvx512VnniTable = WithAvx512Vnni(kAvx512Table);
constexpr KernelTable kAmxTable = WithAmx(kAvx512VnniTable);

#elif defined(__aarch64__)

constexpr KernelTable WithNeonDot(KernelTable table) {
  table.gemm_u8s8 = &neondot::GemmU8S8;
  table.residue_gemm = &neondot::ResidueGemm;
  return table;
}
constexpr KernelTable kNeonDotTable = WithNeonDot(neon::kLoops);

#endif

}  // namespace

const KernelTable& Kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return kAvx2Table;
    case Isa::kAvxVnni:
      return kAvxVnniTable;
    case Isa::kAvx512:
      return kAvx512Table;
    case Isa::kAvx512Vnni:
      return kAvx512VnniTable;
    case Isa::kAmx:
      return kAmxTable;
#elif defined(__aarch64__)
    case Isa::kNeon:
      return neon::kLoops;
    case Isa::kNeonDot:
      return kNeonDotTable;
#endif
    default:
      return scalar::kLoops;
  }
}

Isa DetectIsa() {
  Isa best = Isa::kScalar;
  for (uint32_t i = 0; i < kIsaCount; ++i) {
    if (IsaSupported(static_cast<Isa>(i))) best = static_cast<Isa>(i);
  }
  return best;
}

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avx-vnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512-vnni";
    case Isa::kAmx:
      return "amx";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonDot:
      return "neon-dot";
  }
  return "unknown";
}

}  // namespace penumbra
