// The papers' arithmetic: integers modulo the one prime p = kFieldPrime, decoded as centred numbers
// (Slalom section 3.1; ShadowNet section 5). Residue, CentredResidue and ModularInverse of
// ring/modulus.h serve this prime as well. No state, safe from any thread.
#ifndef PENUMBRA_RING_FIELD_H_
#define PENUMBRA_RING_FIELD_H_

#include <cstdint>

#include "ring/bound.h"
#include "ring/modulus.h"

namespace penumbra {

// Sums decode to [-kFieldHalf, kFieldHalf].
inline constexpr int32_t kFieldHalf = static_cast<int32_t>((kFieldPrime - 1) / 2);

// x~ = round(2^8 x), w~ = round(2^8 w), b~ = round(2^16 b), y = 2^-16 Y: |y| <= 80 can be told apart.
inline constexpr int kFieldInputBits = 8;
inline constexpr int kFieldOutputBits = 2 * kFieldInputBits;

// Proof that every sum clamped inputs can make decodes to itself. Errors: kBoundUnproved; out_window
// then still holds the row's window, unless its sums leave the limits of ring/bound.h.
constexpr Status ProveFieldRow(const RowSums& row, const LevelRange& levels,
                               RowWindow* out_window) {
  const Status status = ComputeRowWindow(row, levels, out_window);
  if (!IsOk(status)) return status;
  if (out_window->begin < -kFieldHalf || out_window->begin + out_window->length > kFieldHalf) {
    return Status::kBoundUnproved;
  }
  return Status::kOk;
}

}  // namespace penumbra

#endif  // PENUMBRA_RING_FIELD_H_
