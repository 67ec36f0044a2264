// Helpers of the kernel tests.
#ifndef PENUMBRA_KERNELS_TEST_SUPPORT_H_
#define PENUMBRA_KERNELS_TEST_SUPPORT_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/dispatch.h"

namespace penumbra {

inline std::vector<Isa> SupportedIsas() {
  std::vector<Isa> isas;
  for (uint32_t i = 0; i < kIsaCount; ++i) {
    if (IsaSupported(static_cast<Isa>(i))) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// A generator whose sequence is the same with every standard library.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Bits() { return engine_(); }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  template <typename T>
  std::vector<T> Integers(size_t count, int64_t low, int64_t high) {
    std::vector<T> v(count);
    for (T& x : v) x = static_cast<T>(Between(low, high));
    return v;
  }
  // In [-size, size], exactly representable steps.
  std::vector<float> Floats(size_t count, float size) {
    std::vector<float> v(count);
    for (float& x : v) x = size * static_cast<float>(Between(-8388608, 8388608)) / 8388608.0f;
    return v;
  }
  // Any bit pattern: all classes of float32.
  std::vector<float> AnyFloats(size_t count) {
    std::vector<float> v(count);
    for (float& x : v) {
      const auto bits = static_cast<uint32_t>(engine_());
      std::memcpy(&x, &bits, sizeof(x));
    }
    return v;
  }

 private:
  std::mt19937_64 engine_;
};

// Zeros, infinities, NaN, subnormals, ends of range, halves, and where formulas change branch.
inline std::vector<float> SpecialFloats() {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> v = {0.0f,     1.0f,      0.5f,       1.5f,     2.5f,      1e-45f,  1e-40f,
                          1.17549435e-38f,     3.4028235e38f,        inf,       0.25f,   0.707106769f,
                          0.70710683f,         1.41421354f,          88.72283f, 88.7229f, 87.3365f,
                          103.97f,  104.0f,    105.0f,     4.0f,     3.9999998f, 0.99999994f,
                          10.0f,    9.0f,      8388607.5f, 8388608.0f, 2147483648.0f, 16777215.0f,
                          3.0f,     30.0f,     0.34657359f, 0.3465736f};
  const size_t count = v.size();
  for (size_t i = 0; i < count; ++i) v.push_back(-v[i]);
  v.push_back(std::numeric_limits<float>::quiet_NaN());
  v.push_back(-std::numeric_limits<float>::quiet_NaN());
  return v;
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_TEST_SUPPORT_H_
