// The restore by plain loops, compiled once per instruction set: the arithmetic vectorises, the
// gathers do not.
#include <cstring>

#include "kernels/cover_lanes.h"
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"
#include "kernels/restore_plan.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

// v_k of one block of channels of one pixel, any representative: |v| < 2^15 in s16, of covers below 2^17 in s32.
template <typename T>
struct BlockResidues {
  T v[kMaxPrimes][kRestoreBlock];
};

// The replies of one pixel with the primes of a channel side by side: one gather serves them all.
inline constexpr uint32_t kTableChannels = 2560;
inline constexpr uint32_t kNarrowPrimes = 3;
struct ReplyTable {
  uint32_t channels[kTableChannels];
};

void InterleaveReply(const RestoreJob& job, size_t pixel, ReplyTable* table) {
  const RestorePlan& plan = *job.plan;
  const uint32_t count = plan.reply_channel_count;
  const uint8_t* y0 = job.reply + pixel * job.reply_stride;
  const uint8_t* y1 = plan.prime_count > 1 ? y0 + job.reply_plane_size : y0;
  const uint8_t* y2 = plan.prime_count > 2 ? y0 + 2 * job.reply_plane_size : y0;
  for (uint32_t i = 0; i < count; ++i) {
    table->channels[i] = y0[i] | uint32_t{y1[i]} << 8 | uint32_t{y2[i]} << 16;
  }
}

void PadBlock(const RestoreJob& job, uint32_t k, size_t pixel, uint32_t c0, uint32_t width,
              uint8_t* out_pad) {
  const size_t at = pixel * job.plan->channel_count + c0;
  for (uint32_t i = 0; i < kRestoreBlock; ++i) out_pad[i] = 0;
  if (job.pad == nullptr) return;
  const uint8_t* from = job.pad + k * job.pad_plane_size + at;
  if (width == kRestoreBlock) {
    for (uint32_t i = 0; i < kRestoreBlock; ++i) out_pad[i] = from[i];
  } else {
    for (uint32_t i = 0; i < width; ++i) out_pad[i] = from[i];
  }
}

// left, right: reply bytes of prime k in the low byte of each element after shifting.
template <typename T>
void UnmixBlock(const RestorePlan& plan, uint32_t k, uint32_t c0, const T* left, const T* right,
                uint32_t shift, const uint8_t* pad, int16_t* out_v) {
  const int8_t* lambda_a = plan.lambda_a + size_t{k} * plan.padded_count + c0;
  const int8_t* lambda_b = plan.lambda_b + size_t{k} * plan.padded_count + c0;
  for (uint32_t i = 0; i < kRestoreBlock; ++i) {
    const auto y_a = static_cast<int32_t>(left[i] >> shift & 0xff);
    const auto y_b = static_cast<int32_t>(right[i] >> shift & 0xff);
    out_v[i] = static_cast<int16_t>(lambda_a[i] * y_a + lambda_b[i] * y_b - pad[i]);
  }
}

void GatherTable(const RestoreJob& job, const ReplyTable& table, size_t pixel, uint32_t c0,
                 uint32_t width, BlockResidues<int16_t>* out) {
  const RestorePlan& plan = *job.plan;
  uint32_t left[kRestoreBlock];
  uint32_t right[kRestoreBlock];
  uint8_t pad[kRestoreBlock];
  for (uint32_t i = 0; i < kRestoreBlock; ++i) left[i] = table.channels[plan.a[c0 + i]];
  for (uint32_t i = 0; i < kRestoreBlock; ++i) right[i] = table.channels[plan.b[c0 + i]];
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    PadBlock(job, k, pixel, c0, width, pad);
    UnmixBlock(plan, k, c0, left, right, 8 * k, pad, out->v[k]);
  }
}

void GatherPlanes(const RestoreJob& job, size_t pixel, uint32_t c0, uint32_t width,
                  BlockResidues<int16_t>* out) {
  const RestorePlan& plan = *job.plan;
  uint8_t left[kRestoreBlock];
  uint8_t right[kRestoreBlock];
  uint8_t pad[kRestoreBlock];
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    const uint8_t* reply = job.reply + k * job.reply_plane_size + pixel * job.reply_stride;
    for (uint32_t i = 0; i < kRestoreBlock; ++i) left[i] = reply[plan.a[c0 + i]];
    for (uint32_t i = 0; i < kRestoreBlock; ++i) right[i] = reply[plan.b[c0 + i]];
    PadBlock(job, k, pixel, c0, width, pad);
    UnmixBlock(plan, k, c0, left, right, 0, pad, out->v[k]);
  }
}

// The same of covers: four consecutive bytes of the reply and their factors.
void GatherCovers(const RestoreJob& job, size_t pixel, uint32_t c0, uint32_t width,
                  BlockResidues<int32_t>* out) {
  const RestorePlan& plan = *job.plan;
  uint8_t pad[kRestoreBlock];
  uint32_t words[kRestoreBlock];
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    const CoverPixel reply(job.reply + k * job.reply_plane_size + pixel * job.reply_stride,
                           plan.reply_channel_count);
    for (uint32_t i = 0; i < kRestoreBlock; ++i) words[i] = LoadCover(reply.bytes + plan.a[c0 + i]);
    PadBlock(job, k, pixel, c0, width, pad);
    const uint32_t* factors = plan.covers.factors + size_t{k} * plan.padded_count + c0;
    int32_t* v = out->v[k];
    for (uint32_t i = 0; i < kRestoreBlock; ++i) v[i] = CombineLane(words[i], factors[i]) - pad[i];
  }
}

// Up to three primes: 32-bit lanes, S modulo 2^32. The quotient is biased down by 2^-8, more than
// its rounding errors, and then corrected upwards once.
template <typename T>
void DecodeNarrow(const RestorePlan& plan, const BlockResidues<T>& block, uint32_t c0,
                  int32_t* out_integers) {
  uint32_t cofactor[kNarrowPrimes] = {};
  float inverse[kNarrowPrimes] = {};
  const uint32_t prime_count = plan.prime_count;
  for (uint32_t k = 0; k < prime_count; ++k) {
    cofactor[k] = static_cast<uint32_t>(plan.cofactor[k]);
    inverse[k] = static_cast<float>(plan.inverse_prime[k]);
  }
  const auto modulus = static_cast<uint32_t>(plan.modulus);
  const T* v0 = block.v[0];
  const T* v1 = block.v[prime_count > 1 ? 1 : 0];
  const T* v2 = block.v[prime_count > 2 ? 2 : 0];
  for (uint32_t i = 0; i < kRestoreBlock; ++i) {
    const int32_t x0 = v0[i];
    const int32_t x1 = v1[i];
    const int32_t x2 = v2[i];
    const uint32_t sum = static_cast<uint32_t>(x0) * cofactor[0] +
                         static_cast<uint32_t>(x1) * cofactor[1] +
                         static_cast<uint32_t>(x2) * cofactor[2];
    float q = static_cast<float>(x0) * inverse[0] + static_cast<float>(x1) * inverse[1];
    q = q + static_cast<float>(x2) * inverse[2];
    q = (q - (plan.window_fraction_narrow[c0 + i] + (0.5f + 0x1p-8f))) + kRoundMagic;
    const auto quotient = static_cast<uint32_t>(static_cast<int32_t>(q - kRoundMagic));
    const uint32_t distance = sum - static_cast<uint32_t>(plan.window_residue_narrow[c0 + i]) -
                              quotient * modulus;
    const uint32_t less = distance - modulus;
    out_integers[i] = static_cast<int32_t>(
        static_cast<uint32_t>(plan.window_begin_narrow[c0 + i]) +
        (less < distance ? less : distance));
  }
}

// More primes: the same in 64 bits.
template <typename T>
void DecodeWide(const RestorePlan& plan, const BlockResidues<T>& block, uint32_t c0,
                int64_t* out_integers) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52
  for (uint32_t i = 0; i < kRestoreBlock; ++i) {
    int64_t sum = 0;
    double q = 0.0;
    for (uint32_t k = 0; k < plan.prime_count; ++k) {
      sum += plan.cofactor[k] * block.v[k][i];
      q += static_cast<double>(block.v[k][i]) * plan.inverse_prime[k];
    }
    q = (q - (plan.window_fraction[c0 + i] + (0.5 + 0x1p-8))) + magic;
    const int64_t quotient = static_cast<int32_t>(q - magic);
    const int64_t distance = sum - plan.window_residue[c0 + i] - quotient * plan.modulus;
    out_integers[i] =
        plan.window_begin[c0 + i] + (distance >= plan.modulus ? distance - plan.modulus : distance);
  }
}

template <typename T>
void WriteBlock(const RestoreJob& job, const T* integers, size_t pixel, uint32_t c0,
                uint32_t width) {
  const RestorePlan& plan = *job.plan;
  const size_t at = pixel * plan.channel_count + c0;
  if (job.out_y != nullptr) {
    const float* scale = plan.scale + c0;
    const float* bias = plan.bias + c0;
    float* y = job.out_y + at;
    PENUMBRA_INDEPENDENT
    for (uint32_t i = 0; i < width; ++i) {
      y[i] = Fma(static_cast<float>(integers[i]), scale[i], bias[i]);
    }
    if (job.addend != nullptr) {
      const float* addend = job.addend + at;
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < width; ++i) y[i] = y[i] + addend[i];
    }
    if (job.relu) {
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < width; ++i) y[i] = y[i] <= 0.0f ? 0.0f : y[i];  // NaN stays
    }
  }
  if (job.out_integer != nullptr) {
    for (uint32_t i = 0; i < width; ++i) job.out_integer[at + i] = integers[i];
  }
}

template <typename T>
void DecodeBlock(const RestoreJob& job, const BlockResidues<T>& block, size_t pixel, uint32_t c0, uint32_t width) {
  if (job.plan->prime_count <= kNarrowPrimes) {
    int32_t integers[kRestoreBlock];
    DecodeNarrow(*job.plan, block, c0, integers);
    WriteBlock(job, integers, pixel, c0, width);
  } else {
    int64_t integers[kRestoreBlock];
    DecodeWide(*job.plan, block, c0, integers);
    WriteBlock(job, integers, pixel, c0, width);
  }
}

uint32_t WidthOf(const RestorePlan& plan, uint32_t c0) {
  const uint32_t rest = plan.channel_count - c0;
  return rest < kRestoreBlock ? rest : kRestoreBlock;
}

void RestoreCovers(const RestoreJob& job) {
  const RestorePlan& plan = *job.plan;
  BlockResidues<int32_t> block;
  for (size_t pixel = 0; pixel < job.pixel_count; ++pixel) {
    for (uint32_t c0 = 0; c0 < plan.channel_count; c0 += kRestoreBlock) {
      const uint32_t width = WidthOf(plan, c0);
      GatherCovers(job, pixel, c0, width, &block);
      DecodeBlock(job, block, pixel, c0, width);
    }
  }
}

}  // namespace

void CopyReply(const ReplyCopy& job) {
  for (size_t pixel = 0; pixel < job.pixel_count; ++pixel) {
    std::memcpy(job.out + pixel * job.out_stride, job.from + pixel * job.pixel_size, job.pixel_size);
  }
}

void Restore(const RestoreJob& job) {
  const RestorePlan& plan = *job.plan;
  if (plan.b == nullptr) return RestoreCovers(job);
  BlockResidues<int16_t> block;
  ReplyTable table;
  const bool tabled = plan.prime_count <= kNarrowPrimes && plan.reply_channel_count <= kTableChannels;
  for (size_t pixel = 0; pixel < job.pixel_count; ++pixel) {
    if (tabled) InterleaveReply(job, pixel, &table);
    for (uint32_t c0 = 0; c0 < plan.channel_count; c0 += kRestoreBlock) {
      const uint32_t width = WidthOf(plan, c0);
      if (tabled) {
        GatherTable(job, table, pixel, c0, width, &block);
      } else {
        GatherPlanes(job, pixel, c0, width, &block);
      }
      DecodeBlock(job, block, pixel, c0, width);
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
