// What the parts of the start-up check share. Inside kernels/ only.
#ifndef PENUMBRA_KERNELS_SELF_TEST_PARTS_H_
#define PENUMBRA_KERNELS_SELF_TEST_PARTS_H_

#include <cstring>

#include "kernels/self_test.h"

namespace penumbra {

// The scratch memory: inputs, packed weights, and one output per side.
struct SelfTestBench {
  uint8_t* input;
  uint8_t* weights;
  uint8_t* expected;
  uint8_t* actual;
};
inline constexpr size_t kPartSize = kSelfTestScratchSize / 4;

inline bool SameOutput(const SelfTestBench& bench, size_t size) {
  return std::memcmp(bench.expected, bench.actual, size) == 0;
}

// The sides start from different bytes, so that an element left unwritten is seen as well.
inline void ClearOutputs(const SelfTestBench& bench) {
  std::memset(bench.expected, 0x5a, kPartSize);
  std::memset(bench.actual, 0xa5, kPartSize);
}

// A small linear congruential sequence: any fixed varied bytes will do.
inline void FillBytes(uint8_t* out, size_t size, uint32_t seed) {
  uint32_t state = seed;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = static_cast<uint8_t>(state >> 24);
  }
}

// Every float32 class among the inputs.
inline void FillFloats(float* out, size_t count, uint32_t seed) {
  FillBytes(reinterpret_cast<uint8_t*>(out), count * sizeof(float), seed);
  const float special[] = {0.0f,   -0.0f,   1.0f,     -1.0f,    0.5f,  88.8f, -103.9f, 1e-40f,
                           -1e-40f, 2.5f,   -2.5f,    8388609.0f, 3e38f, -3e38f, __builtin_inff(),
                           -__builtin_inff(), __builtin_nanf("")};
  size_t at = 0;
  for (const float value : special) {
    if (at < count) out[at] = value;
    at += 3;
  }
  // The rest at ordinary sizes: sign and mantissa as drawn, exponents -8 .. 7.
  for (size_t i = at; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, out + i, sizeof(bits));
    bits = (bits & 0x807fffffu) | ((119 + (bits >> 23 & 15)) << 23);
    std::memcpy(out + i, &bits, sizeof(bits));
  }
}

// Runs one kernel of both tables on a job that differs only in where it writes.
template <typename Kernel, typename Job, typename Out>
bool SameJob(Kernel expected, Kernel actual, Job job, Out Job::*out, const SelfTestBench& bench,
             size_t size) {
  ClearOutputs(bench);
  job.*out = static_cast<Out>(static_cast<void*>(bench.expected));
  expected(job);
  job.*out = static_cast<Out>(static_cast<void*>(bench.actual));
  actual(job);
  return SameOutput(bench, size);
}

// Products and convolutions modulo one prime.
bool CheckResidueConvolutions(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench);
// Restoring and unmixing of covers.
bool CheckCovers(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench);
// The entries modulo the papers' prime.
bool CheckField(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_SELF_TEST_PARTS_H_
