// What both papers printed, to stand beside our own figures. A ratio to the unprotected network on the same machine can be
// compared; a millisecond cannot.
#ifndef PENUMBRA_CLI_PAPER_NUMBERS_H_
#define PENUMBRA_CLI_PAPER_NUMBERS_H_

#include <span>
#include <string_view>

namespace penumbra::cli {

inline constexpr double kNotPrinted = -1;

// SOTER (USENIX ATC 2022), its table of latencies: a Dell R430 with a Xeon E3-1280 v6 (SGX) and an RTX 2080 Ti, batch 1,
// milliseconds. P1 CPU in the TEE, P2 GPU, P3 kernel switches, P4 integrity checks.
struct SoterRow {
  std::string_view network;  // as tools/zoo names it
  double p1, p2, p3, p4;
  double total;              // as printed; of resnet152 and densenet121 it is not the sum of the four
  double aegisdnn_total;
  // Divided by insecure inference on the GPU, read from its figure, approximate.
  double soter, aegisdnn, mlcapsule, ennclave;
};
std::span<const SoterRow> SoterRows();

// Mean milliseconds at theta 0, .2, .4, .6, .8 and 1.
struct SoterSweep {
  std::string_view network;
  int batch;
  double means[6];
};
inline constexpr double kSoterThetas[] = {0, .2, .4, .6, .8, 1};
std::span<const SoterSweep> SoterSweeps();

// ShadowNet (IEEE S&P 2023), its tables of sizes and latencies: a Hikey960 (4 Cortex-A73, 4 A53, Mali G71) with OP-TEE 3.9,
// TensorFlow Lite, ratio 1.2. Megabytes, before and after the transformation; milliseconds.
struct ShadowNetRow {
  std::string_view network;
  double linear_before, linear_after;    // linear weights
  double trusted_before, trusted_after;  // everything else, in the TEE
  double added_ms;                       // on the CPU
  double tee_unmodified, tee_shadownet;  // megabytes of TEE memory
};
std::span<const ShadowNetRow> ShadowNetRows();

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PAPER_NUMBERS_H_
