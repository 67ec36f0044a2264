#include "boundary/limits.h"
#include "kernels/self_test_parts.h"

namespace penumbra {

namespace {

constexpr ConvGeometry kDepthwise = {7, 9, 75, 7, 9, 75, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 75};

bool CheckFieldProducts(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr size_t kCount = 1003;
  FillBytes(bench.input, kPartSize, 20);
  const auto* words = reinterpret_cast<const uint32_t*>(bench.input);
  ClearOutputs(bench);
  ref.field_split(words, kCount, reinterpret_cast<uint32_t*>(bench.expected));
  table.field_split(words, kCount, reinterpret_cast<uint32_t*>(bench.actual));
  bool same = SameOutput(bench, kCount * sizeof(uint32_t));
  // Pairs and single sums within 2^50 and 2^62.
  auto* sums = reinterpret_cast<int64_t*>(bench.input);
  for (size_t i = 0; i < 2 * kCount; ++i) sums[i] >>= 2 + i / kCount * 24;
  const FieldReduceJob single = {sums, false, kCount, nullptr};
  same = same && SameJob(ref.field_reduce, table.field_reduce, single, &FieldReduceJob::out, bench,
                         kCount * sizeof(uint32_t));
  const FieldReduceJob paired = {sums + kCount + 1, true, kCount / 2, nullptr};
  same = same && SameJob(ref.field_reduce, table.field_reduce, paired, &FieldReduceJob::out, bench,
                         kCount / 2 * sizeof(uint32_t));
  FillBytes(bench.input, kPartSize, 21);
  FillBytes(bench.weights, kPartSize, 22);
  const void* rows[3];
  for (size_t y = 0; y < 3; ++y) rows[y] = bench.input + y * 9 * 75 * sizeof(uint32_t);
  const DepthwiseJob depthwise = {&kDepthwise, {rows, 0, 3}, bench.weights, 0, 1, 0, 9, nullptr};
  const ProjectRun runs[] = {{bench.input, reinterpret_cast<int8_t*>(bench.weights)},
                             {bench.input + 4000, reinterpret_cast<int8_t*>(bench.weights) + 4000}};
  const ProjectJob projected = {runs, 2, 604, 300, 620, 7, 3, nullptr};
  ClearOutputs(bench);
  ref.field_project(projected, reinterpret_cast<int64_t*>(bench.expected));
  table.field_project(projected, reinterpret_cast<int64_t*>(bench.actual));
  same = same && SameOutput(bench, 7 * 3 * sizeof(int64_t));
  return same && SameJob(ref.depthwise_field, table.depthwise_field, depthwise, &DepthwiseJob::out, bench,
                         9 * 75 * sizeof(int64_t));
}

bool CheckFieldMasks(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kCount = 303, kSecret = 75;
  uint16_t a[kSecret], b[kSecret];
  uint32_t lambda[kSecret];
  int32_t levels[kCount];
  FillBytes(bench.input, kPartSize, 23);
  const auto* words = reinterpret_cast<const uint32_t*>(bench.input);
  auto* residues = reinterpret_cast<uint32_t*>(bench.weights);
  for (uint32_t i = 0; i < kPartSize / 4; ++i) residues[i] = words[i] % kFieldPrime;
  for (uint32_t i = 0; i < kCount; ++i) levels[i] = static_cast<int32_t>(words[i]) >> 10;
  for (uint32_t i = 0; i < kSecret; ++i) {
    a[i] = static_cast<uint16_t>(i * 89 % kCount);
    b[i] = i % 5 == 0 ? kNoPartner : static_cast<uint16_t>(i * 53 % kCount);
    lambda[i] = residues[i];
  }
  const FieldMaskJob mask = {levels, residues, kCount, nullptr};
  const auto* pads = reinterpret_cast<const int32_t*>(levels);
  const FieldUnmixJob unmix = {words, pads, nullptr, 4, kSecret, kCount, a, b, lambda};
  const auto* rows = reinterpret_cast<const int32_t*>(words);
  std::memset(bench.expected, 0, kPartSize);
  std::memset(bench.actual, 0, kPartSize);
  ref.field_combine({rows, 77, levels, 33, 75, reinterpret_cast<int64_t*>(bench.expected)});
  table.field_combine({rows, 77, levels, 33, 75, reinterpret_cast<int64_t*>(bench.actual)});
  const bool same = SameOutput(bench, 75 * sizeof(int64_t));
  ClearOutputs(bench);
  FieldDraw expected = {words, kCount, reinterpret_cast<uint32_t*>(bench.expected), 150, 0};
  FieldDraw actual = {words, kCount, reinterpret_cast<uint32_t*>(bench.actual), 150, 0};
  ref.field_draw(&expected);
  table.field_draw(&actual);
  return same && expected.filled == actual.filled && SameOutput(bench, expected.filled * sizeof(uint32_t)) &&
         SameJob(ref.field_mask, table.field_mask, mask, &FieldMaskJob::out, bench, kCount * sizeof(uint32_t)) &&
         SameJob(ref.field_unmix, table.field_unmix, unmix, &FieldUnmixJob::out, bench, 4 * kSecret * sizeof(int32_t));
}

}  // namespace

bool CheckField(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  return CheckFieldProducts(ref, table, bench) && CheckFieldMasks(ref, table, bench);
}

}  // namespace penumbra
