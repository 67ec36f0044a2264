// Integer linear layers from float ones: the rules of docs/arithmetic.md. Pure functions, any thread.
#ifndef PENUMBRA_PROTECT_QUANTIZE_QUANTIZE_H_
#define PENUMBRA_PROTECT_QUANTIZE_QUANTIZE_H_

#include <cstdint>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Levels travel as s16 inside the trusted half, weights as at most two s16 pieces.
inline constexpr int32_t kMaxLevelMagnitude = 32767;
inline constexpr int32_t kMaxWeightMagnitude = (1 << 29) - 1;

// A layer that predicts an error closer to its signal than this gets more primes, or more bits.
inline constexpr double kLeastNoiseDb = 30;

struct RingOptions {
  uint32_t prime_count = 0;  // 0: chosen by predicted noise
  uint32_t bits_w = 0;       // cap |q| <= 2^(bits_w - 1) - 1; 0: none but the window
  uint32_t bits_x = 0;       // cap levels to 2^bits_x; 0: none but the window
  bool economy = false;      // two primes where they predict over 33 dB
};

// Fills the window of the ring (steps 1 to 7), the range widened by a sixteenth on the sides of 0
// that inputs reach. Without a given prime count: 3, more while fewer than kLeastNoiseDb are
// predicted and a further prime helps. Throws model::ModelError: kBoundUnproved when a row's proof
// fails or six primes predict less than that, kInvalidArgument for options out of range.
QuantizedLinear QuantizeRing(const LinearOp& op, const LinearStatistics& statistics,
                             const RingOptions& options = {});

struct PrimeOptions {
  bool allow_unproved_bound = false;  // layers whose sums the proof cannot keep in the field
};

// The rule of the papers (Slalom section 3.1, ShadowNet section 5): x~ = round(2^8 x), w~ = round(2^8 w),
// b~ = round(2^16 b), y = 2^-16 (Y + b~), Y a centred residue modulo kFieldPrime. Inputs are clamped
// to the calibrated range; nothing else depends on calibration. Throws model::ModelError:
// kBoundUnproved when a row's sums may leave the field and that is not allowed, kUnsupported when a
// weight does not fit the field or a range the levels.
QuantizedLinear QuantizePrime(const LinearOp& op, const LinearStatistics& statistics,
                              const PrimeOptions& options = {});

// The same integers for a layer inside the trusted half, where sums are exact and cannot wrap.
// kUnsupported when its levels do not fit 16 bits.
QuantizedLinear QuantizePrimeTrusted(const LinearOp& op, const LinearStatistics& statistics);

struct IntegerOptions {
  uint32_t bits = 0;          // 8 or 16, weights and levels; 0: 16 where 8 predict less than kLeastNoiseDb
  bool clip_by_error = true;  // range of least squared error instead of the extremes; 8 bits only
};

// An ordinary integer layer of the all-trusted preset `enclave`: |q| <= 127 and at most 256 levels
// (or 32767 and 65535 in a widened range), one scale per row, bias correction. prime_count = 0.
QuantizedLinear QuantizeInteger(const LinearOp& op, const LinearStatistics& statistics,
                                const IntegerOptions& options = {});

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_QUANTIZE_H_
