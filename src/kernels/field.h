// Arithmetic modulo the papers' prime p = kFieldPrime (ring/field.h). A residue is a u32; replies may
// hold any u32, everything made here is canonical, in [0, p), or centred, in [-(p-1)/2, (p-1)/2].
//
// Products are exact on the 16-bit kernels. A centred residue is split into two limbs,
// c = low + 2^12 high with low in [-2^11, 2^11) and |high| <= 1280, which stand in one 32-bit word. With the limbs
// of w and of 2^12 w mod p, both centred,
//   c w = low (w.low + 2^12 w.high) + high (w'.low + 2^12 w'.high) = S0 + 2^12 S1   (mod p),
// so one filter becomes two s16 filters of twice the length over the words of the input. S0 and S1 are the s64
// sums of KernelTable::gemm_s16s16; kFieldSafePairs words fit s32.
// Every function is one written formula with the same result on every instruction set. Any thread.
#ifndef PENUMBRA_KERNELS_FIELD_H_
#define PENUMBRA_KERNELS_FIELD_H_

#include <cstddef>
#include <cstdint>

#include "kernels/gemm_s16s16.h"
#include "kernels/project.h"

namespace penumbra {

inline constexpr uint32_t kFieldLimbBits = 12;
inline constexpr uint32_t kFieldSafePairs = SafePairCount(1u << (kFieldLimbBits - 1), 1u << (kFieldLimbBits - 1));
inline constexpr uint32_t kFieldFilters = 2;  // s16 filters per filter of the layer

// Packed limbs of `n` filters of `k` weights for a GemmS16Job with n and k doubled.
constexpr size_t PackedSizeField(uint32_t n, uint32_t k) { return PackedSizeS16(kFieldFilters * n, 2 * k); }
// weights: [n][k] row-major, centred. out_packed: PackedSizeField(n, k) bytes. Output columns 2 i and 2 i + 1
// are S0 and S1 of filter i.
void PackField(const int32_t* weights, uint32_t n, uint32_t k, int16_t* out_packed);

// KernelTable::field_split: limb words of any residues. In place is allowed.
using FieldSplitFn = void(const uint32_t* residues, size_t count, uint32_t* out_words);

// KernelTable::field_reduce: out[i] = sums[2 i] + 2^12 sums[2 i + 1] mod p when `paired`, else sums[i] mod p, canonical.
// Paired sums: those of a filter of at most 2^17 weights; others: any s64 with |sum| < 2^62.
struct FieldReduceJob {
  const int64_t* sums;
  bool paired;
  size_t count;
  uint32_t* out;
};

// KernelTable::field_draw: uniform residues by rejection. Candidates are the low 24 bits of `draws`, in order; those
// below p are appended to `out` until it holds `count` residues or the draws end.
struct FieldDraw {
  const uint32_t* draws;
  size_t draw_count;
  uint32_t* out;  // [count]
  size_t count;
  size_t filled;  // residues in `out`, advanced by the call
};

// KernelTable::field_mask: out = level + pad mod p, canonical. |level| < kLevelLimit; pads: [count] canonical, or null.
struct FieldMaskJob {
  const int32_t* levels;
  const uint32_t* pads;
  size_t count;
  uint32_t* out;
};

// KernelTable::field_unmix: out[pixel][i] = lambda[i] (in[pixel][a[i]] - in[pixel][b[i]]) - pad[pixel][i] mod p, centred:
// ShadowNet's LinearTransform (section 4.2). With a pad it decodes a reply, without one it makes u = T(L'(r)).
struct FieldUnmixJob {
  const uint32_t* in;      // [pixels][wide], any u32
  const int32_t* pad;      // [pixels][m] centred, or null
  int32_t* out;            // [pixels][m]; does not overlap `in`
  uint64_t pixels;
  uint32_t m, wide;
  const uint16_t *a, *b;   // [m], < wide: the caller has checked them; b: or kNoPartner
  const uint32_t* lambda;  // [m], canonical
};

// KernelTable::field_project: secret projections (kernels/project.h) modulo the prime. As project(), with u32 for the bytes
// of x, any representative, and centred s32 for those of t; pointers, lengths and strides count bytes, job.sums is not used.
// sums: [pixels][projections], exact, below 2^62 while run_count * length is at most 2^17 words.
using FieldProjectFn = void(const ProjectJob& job, int64_t* out_sums);

// KernelTable::field_combine: sums[c] += sum over o < count of factors[o] * rows[o][c], c < length; all centred, count < 2^16.
struct FieldCombineJob {
  const int32_t* rows;  // row o at rows + o * stride
  size_t stride;
  const int32_t* factors;  // [count]
  uint32_t count, length;
  int64_t* sums;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_FIELD_H_
