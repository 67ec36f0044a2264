// The kernels whose sums are reduced modulo a prime before they leave it.
#include "kernels/self_test_parts.h"

namespace penumbra {

namespace {

constexpr int kExtremes[] = {125, -125};

// |weight| <= 125, as residues have it.
void FillWeights(uint8_t* out, size_t size, uint32_t seed) {
  FillBytes(out, size, seed);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(static_cast<int32_t>(out[i] % 251) - 125);
}

bool CheckResidueGemm(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kRows = 13, kOutputs = 150, kDepth = 72;
  const auto* packed = reinterpret_cast<const int8_t*>(bench.weights);
  bool same = true;
  for (const uint16_t prime : kPrimes) {
    FillBytes(bench.input, kPartSize, 21);
    FillWeights(bench.weights, PackedSizeU8S8(kOutputs, kDepth), 22);
    const ResidueGemmJob mixed = {bench.input, kDepth + 5, packed, nullptr, kOutputs + 3, kRows, kOutputs, kDepth, prime};
    std::memset(bench.expected, 0, kPartSize);  // bytes between the rows are nobody's
    std::memset(bench.actual, 0, kPartSize);
    ResidueGemmJob job = mixed;
    job.out = bench.expected;
    ref.residue_gemm(job);
    job.out = bench.actual;
    table.residue_gemm(job);
    same = same && SameOutput(bench, kPartSize);
    for (const int extreme : kExtremes) {
      std::memset(bench.input, 255, kPartSize);
      std::memset(bench.weights, extreme, kPartSize);
      const ResidueGemmJob worst = {bench.input, 0, packed, nullptr, 16, 2, 16, 4000, prime};
      same = same && SameJob(ref.residue_gemm, table.residue_gemm, worst, &ResidueGemmJob::out, bench, 2 * 16);
    }
  }
  return same;
}

bool CheckResidueDepthwise(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kChannels = 75, kWidth = 9, kRowSize = kChannels * kWidth;
  const void* rows[] = {bench.input, bench.input + kRowSize, nullptr, bench.input + 3 * kRowSize};
  ConvGeometry g = {4, kWidth, kChannels, 1, 0, kChannels, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0, kChannels};
  DepthwiseJob job = {&g, {rows, 0, 4}, bench.weights, 0, 0, 0, 0, nullptr};
  bool same = true;
  constexpr uint32_t kKernels[][3] = {{3, 1, 9}, {3, 2, 5}, {5, 1, 7}};  // side, stride, outputs
  for (const auto& kernel : kKernels) {
    g.kernel_h = g.kernel_w = kernel[0];
    g.stride_w = kernel[1];
    g.out_w = job.out_column_end = kernel[2];
    for (int pass = 0; pass < 2; ++pass) {
      FillBytes(bench.input, kPartSize, 23);
      FillWeights(bench.weights, kPartSize, 24);
      if (pass == 1) std::memset(bench.input, 255, kPartSize);
      if (pass == 1) std::memset(bench.weights, -125, kPartSize);
      ClearOutputs(bench);
      job.out = bench.expected;
      ref.residue_depthwise(job, kPrimes[0]);
      job.out = bench.actual;
      table.residue_depthwise(job, kPrimes[0]);
      same = same && SameOutput(bench, size_t{kernel[2]} * kChannels);
    }
  }
  return same;
}

// Of inputs any representative will do.
bool SameInputs(const KernelTable& ref, const KernelTable& table, const WinogradPlan& plan, const SelfTestBench& bench) {
  constexpr uint32_t kChannels = 70, kWidth = 15, kTileSize = 128, kTiles = 1;
  const size_t position_size = kTiles * kTileSize, size = plan.in * plan.in * position_size;
  const uint8_t* rows[kWinogradMaxIn];
  for (uint32_t i = 0; i < plan.in; ++i) rows[i] = i == 1 ? nullptr : bench.input + i * kChannels * kWidth;
  WinogradInputJob job{&plan, rows, kWidth, kChannels, -1, kTiles, bench.expected, position_size, kTileSize};
  ref.winograd_input(job);
  job.out = bench.actual;
  table.winograd_input(job);
  for (size_t at = 0; at < size; ++at) {
    if (at % kTileSize < kChannels && (bench.expected[at] - bench.actual[at]) % plan.prime != 0) return false;
  }
  return true;
}

bool CheckWinograd(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench, uint32_t out,
                   uint16_t prime) {
  const WinogradPlan plan = MakeWinogradPlan(out, prime);
  const uint32_t positions = plan.in * plan.in;
  constexpr size_t kPositionSize = 64;
  const WinogradOutputJob output = {&plan, bench.input, kPositionSize, 1, 50, nullptr, 50, out - 1, out - 1};
  const size_t output_size = size_t{out - 1} * (out - 1) * 50;
  const WinogradFilterJob filter = {&plan,  reinterpret_cast<const int8_t*>(bench.weights), 60, 60, nullptr, 60};
  bool same = true;
  for (int pass = 0; pass < 2; ++pass) {
    const bool worst = pass == 1;
    FillBytes(bench.input, kPartSize, 25);
    FillWeights(bench.weights, kPartSize, 26);
    for (size_t i = 0; worst && i < kPartSize; ++i) {
      bench.input[i] = bench.input[i] < 128 ? 0 : 255;
      bench.weights[i] = static_cast<uint8_t>(bench.weights[i] < 128 ? 125 : -125);
    }
    same = same && SameInputs(ref, table, plan, bench) &&
           SameJob(ref.winograd_output, table.winograd_output, output, &WinogradOutputJob::out, bench, output_size) &&
           SameJob(ref.winograd_filter, table.winograd_filter, filter, &WinogradFilterJob::out, bench, positions * 60);
  }
  return same;
}

}  // namespace

bool CheckResidueConvolutions(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  bool same = CheckResidueGemm(ref, table, bench) && CheckResidueDepthwise(ref, table, bench);
  for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
    same = same && CheckWinograd(ref, table, bench, out, kPrimes[out % 3]);
  }
  return same;
}

}  // namespace penumbra
