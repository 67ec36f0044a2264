// Arithmetic on sizes that came from outside: overflow is an answer, not an accident.
#ifndef PENUMBRA_TRUSTED_BASE_CHECKED_H_
#define PENUMBRA_TRUSTED_BASE_CHECKED_H_

#include <cstdint>

namespace penumbra::trusted {

[[nodiscard]] constexpr bool CheckedAdd(uint64_t a, uint64_t b, uint64_t* out) {
  return !__builtin_add_overflow(a, b, out);
}
[[nodiscard]] constexpr bool CheckedMul(uint64_t a, uint64_t b, uint64_t* out) {
  return !__builtin_mul_overflow(a, b, out);
}
// [offset, offset + size) lies inside [0, limit).
[[nodiscard]] constexpr bool Fits(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_BASE_CHECKED_H_
