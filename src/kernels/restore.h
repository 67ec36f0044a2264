// The trusted restore of a run of pixels: unmix, scale back, remove the pad, decode, dequantise
// (ShadowNet LinearTransform, section 4.2 of the paper; docs/schemes.md; docs/arithmetic.md
// steps 5 and 6). Per prime k and output channel i:
//   v_k = lambda_k[i] * (reply_k[a[i]] - reply_k[b[i]]) - pad_k[i]      (mod p_k), or, of covers,
//   v_k = sum_t lambda_k[i][t] * reply_k[CoverBegin(a[i]) + t] - pad_k[i]
//   Y   = o[i] + ((sum_k v_k * (M / p_k) - o[i]) mod M)                 exact integer
//   y   = fma(float32(Y), scale[i], bias[i]), then + addend, then Unary::kRelu, where these are wanted
// lambda and pad come already multiplied by (M / p_k)^-1 mod p_k. Any thread.
#ifndef PENUMBRA_KERNELS_RESTORE_H_
#define PENUMBRA_KERNELS_RESTORE_H_

#include <cstddef>
#include <cstdint>

#include "boundary/geometry.h"
#include "boundary/limits.h"
#include "boundary/status.h"

namespace penumbra {

inline constexpr uint32_t kMaxReplyChannels = 65535;
// Window begins of up to three primes stay within s32 with room for one modulus.
inline constexpr int64_t kMaxNarrowWindow = int64_t{1} << 30;

// The channel tables of one layer as the sealed half holds them.
struct RestoreChannels {
  uint32_t channel_count;        // m
  uint32_t reply_channel_count;  // m' <= kMaxReplyChannels
  uint32_t prime_count;
  const uint16_t* a;             // [m], < m'
  const uint16_t* b;             // [m], < m' or kNoPartner; null: no partners at all
  const uint8_t* lambda_inverse; // [prime_count][m], canonical, in [1, p_k)
  const int64_t* window_begin;   // [m] o_i; |o_i| <= 2^30 up to three primes, < 2^60 beyond
  const float* scale;            // [m]
  const float* bias;             // [m]
  // Covers: published rows of each group of the convolution, which divide m; then m' = m, b is null, and lambda_inverse
  // is [prime_count][m][kCoverSize], canonical in [0, p_k). 0: no covers.
  uint32_t cover_group_rows;
};

// The tables in the form the kernels read; made once per layer, then read-only.
struct RestorePlan;

// Bytes for PrepareRestore, 64-byte aligned memory.
size_t RestorePlanSize(uint32_t channel_count, uint32_t reply_channel_count, uint32_t prime_count, bool covered = false);
// Copies and checks every table: nothing in `channels` is kept. memory: RestorePlanSize bytes,
// 64-byte aligned, lives as long as the plan. Errors: kInvalidArgument when an index, lambda, count
// or window is out of range.
Status PrepareRestore(const RestoreChannels& channels, void* memory, const RestorePlan** out_plan);

// Copies pixels of one plane of a reply in; every byte is read once.
struct ReplyCopy {
  const uint8_t* from;  // [pixels][pixel_size]
  size_t pixel_size;    // bytes
  size_t pixel_count;
  uint8_t* out;         // pixel p from p * out_stride on; what lies between pixels may be overwritten
  size_t out_stride;    // ReplyStride(pixel_size)
};
// Whole vectors, aligned: loads of a pixel then never cross cache lines.
constexpr size_t ReplyStride(size_t pixel_size) { return AlignUp(pixel_size, kTileAlignment); }

struct RestoreJob {
  const RestorePlan* plan;
  const uint8_t* reply;      // [prime][pixels][m'] u8, any representative; our own copy
  size_t reply_plane_size;   // bytes from prime to prime
  size_t reply_stride;       // bytes from pixel to pixel, at least m'; ReplyStride(m') in aligned memory is fastest
  const uint8_t* pad;        // [prime][pixels][m] u8 canonical; null: no pads
  size_t pad_plane_size;
  size_t pixel_count;
  const float* addend;       // [pixels][m] float32, or null
  bool relu;
  float* out_y;              // [pixels][m] float32, or null
  int64_t* out_integer;      // [pixels][m] Y, or null
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_RESTORE_H_
