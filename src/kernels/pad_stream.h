// Uniform residues from a keystream by exact rejection (docs/arithmetic.md), by a formula that does
// not depend on how the work is cut: for a row of `count` residues modulo p, candidate i is keystream
// byte i; every candidate >= p, in increasing i, is replaced by the next byte of the spare stream
// that is < p. Any thread; state is the caller's.
#ifndef PENUMBRA_KERNELS_PAD_STREAM_H_
#define PENUMBRA_KERNELS_PAD_STREAM_H_

#include <cstddef>
#include <cstdint>

namespace penumbra {

struct PadFill {
  uint8_t* row;           // [count] keystream bytes in, canonical residues out
  size_t count;
  uint16_t prime;
  const uint8_t* spare;   // continues the spare stream where the last call stopped
  size_t spare_count;
  size_t next_index;      // 0 before the first call; candidates below it are final
  size_t spare_used;      // set by every call: bytes of `spare` consumed, rejected ones included
};

// The kernel returns true when the row is final, false when the spare bytes ran out: give the next
// part of the spare stream (spare, spare_count) and call again with the same next_index.
using PadFillFn = bool(PadFill* fill);

// A spare size that suffices with probability > 1 - 2^-64 for `count` candidates of the worst ring
// prime (223 for six primes): mean count * 33/223 plus twelve deviations.
size_t SpareSize(size_t count, uint16_t prime);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_PAD_STREAM_H_
