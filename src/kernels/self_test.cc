#include "kernels/self_test.h"

#include <cstring>

#include "kernels/self_test_parts.h"

namespace penumbra {

namespace {

constexpr uint32_t kRows = 13;
constexpr uint32_t kOutputs = 150;
// A multiple of the depth groups: packed weights beyond the depth must be zero, and these are not.
constexpr uint32_t kDepth = 72;

bool CheckGemmU8S8(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  auto* packed = reinterpret_cast<int8_t*>(bench.weights);
  FillBytes(bench.input, kPartSize, 1);
  FillBytes(bench.weights, PackedSizeU8S8(kOutputs, kDepth), 2);
  const GemmU8S8Job mixed = {bench.input, kDepth + 5, packed,  nullptr, kOutputs,
                             kRows,       kOutputs,   kDepth, false};
  // Where u8 x s8 pairs saturate in s16: all 255 against all 125 and all -125.
  bool same = SameJob(ref.gemm_u8s8, table.gemm_u8s8, mixed, &GemmU8S8Job::out_c, bench,
                      kRows * kOutputs * sizeof(int32_t));
  constexpr int kExtremes[] = {125, -125, -128};
  for (const int extreme : kExtremes) {
    std::memset(bench.input, 255, kPartSize);
    std::memset(bench.weights, extreme, kPartSize);
    const GemmU8S8Job worst = {bench.input, 0, packed, nullptr, 16, 9, 16, 4000, false};
    same = same && SameJob(ref.gemm_u8s8, table.gemm_u8s8, worst, &GemmU8S8Job::out_c, bench,
                           9 * 16 * sizeof(int32_t));
  }
  return same;
}

bool CheckGemmS16(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  FillBytes(bench.input, kPartSize, 3);
  FillBytes(bench.weights, kPartSize, 4);
  auto* a = reinterpret_cast<int16_t*>(bench.input);
  auto* b = reinterpret_cast<int16_t*>(bench.weights);
  for (size_t i = 0; i < kPartSize / 2; ++i) b[i] = b[i] == -32768 ? int16_t{-32767} : b[i];
  const GemmS16Job mixed = {a,  kDepth + 3, b, nullptr, 40, kRows, 40, kDepth,
                            SafePairCount(32768, 32767), false};
  const bool same = SameJob(ref.gemm_s16s16, table.gemm_s16s16, mixed, &GemmS16Job::out_c, bench,
                            kRows * 40 * sizeof(int64_t));
  for (size_t i = 0; i < kPartSize / 2; ++i) a[i] = -5100;
  for (size_t i = 0; i < kPartSize / 2; ++i) b[i] = 1152;
  const GemmS16Job worst = {a, 0, b, nullptr, 16, 7, 16, 998, SafePairCount(5100, 1152), false};
  return same && SameJob(ref.gemm_s16s16, table.gemm_s16s16, worst, &GemmS16Job::out_c, bench,
                         7 * 16 * sizeof(int64_t));
}

bool CheckGemmF32(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  auto* a = reinterpret_cast<float*>(bench.input);
  auto* b = reinterpret_cast<float*>(bench.weights);
  FillFloats(a, kPartSize / sizeof(float), 5);
  FillFloats(b, kPartSize / sizeof(float), 6);
  const GemmF32Job job = {a + 64, kDepth,   b + 64, nullptr, kOutputs,
                          kRows,  kOutputs, kDepth, false};
  return SameJob(ref.gemm_f32, table.gemm_f32, job, &GemmF32Job::out_c, bench,
                 kRows * kOutputs * sizeof(float));
}

constexpr ConvGeometry kWindow = {7, 9, 75, 7, 9, 75, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 75};

bool CheckWindows(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kCells = 9 * 75;
  const void* rows[3];
  for (size_t y = 0; y < 3; ++y) rows[y] = bench.input + y * kCells * sizeof(float);
  FillBytes(bench.input, kPartSize, 7);
  FillBytes(bench.weights, kPartSize, 8);
  const RowTable input = {rows, 0, 3};
  const DepthwiseJob job = {&kWindow, input, bench.weights, 3, 1, 0, 9, nullptr};
  bool same = SameJob(ref.depthwise_u8s8, table.depthwise_u8s8, job, &DepthwiseJob::out, bench,
                      kCells * sizeof(int32_t));
  same = same && SameJob(ref.depthwise_s16s16_s32, table.depthwise_s16s16_s32, job,
                         &DepthwiseJob::out, bench, kCells * sizeof(int32_t));
  same = same && SameJob(ref.depthwise_s16s16_s64, table.depthwise_s16s16_s64, job,
                         &DepthwiseJob::out, bench, kCells * sizeof(int64_t));
  FillFloats(reinterpret_cast<float*>(bench.input), 3 * kCells, 9);
  FillFloats(reinterpret_cast<float*>(bench.weights), kCells, 10);
  same = same && SameJob(ref.depthwise_f32, table.depthwise_f32, job, &DepthwiseJob::out, bench,
                         kCells * sizeof(float));
  const PoolJob pool = {&kWindow, input, 0, 0, 9, true, nullptr};
  same = same && SameJob(ref.max_pool, table.max_pool, pool, &PoolJob::out, bench,
                         kCells * sizeof(float));
  return same && SameJob(ref.average_pool, table.average_pool, pool, &PoolJob::out, bench,
                         kCells * sizeof(float));
}

bool CheckResidues(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr size_t kCount = 1003;
  FillBytes(bench.input, kPartSize, 11);
  auto* sums = reinterpret_cast<int32_t*>(bench.input);
  sums[0] = INT32_MIN;
  sums[1] = INT32_MAX;
  sums[2] = -1;
  bool same = true;
  for (const uint16_t prime : kPrimes) {
    ClearOutputs(bench);
    ref.reduce_mod(sums, kCount, prime, bench.expected);
    table.reduce_mod(sums, kCount, prime, bench.actual);
    same = same && SameOutput(bench, kCount);
  }
  for (size_t i = 0; i < kMaxPrimes * kCount; ++i) bench.weights[i] = static_cast<uint8_t>(i % 223);
  const MaskJob job = {sums, bench.weights, kCount, nullptr, kCount, kMaxPrimes, kCount};
  same = same && SameJob(ref.mask_s16, table.mask_s16, job, &MaskJob::out, bench,
                         kMaxPrimes * kCount);
  same = same && SameJob(ref.mask_s32, table.mask_s32, job, &MaskJob::out, bench,
                         kMaxPrimes * kCount);
  uint16_t perm[kCount];
  for (uint32_t i = 0; i < kCount; ++i) perm[i] = static_cast<uint16_t>(i * 277u % kCount);
  const PermuteJob permute = {reinterpret_cast<const int16_t*>(bench.input), perm, kCount, 3, nullptr};
  same = same && SameJob(ref.permute_s16, table.permute_s16, permute, &PermuteJob::out, bench,
                         3 * kCount * sizeof(int16_t));
  FillBytes(bench.expected, kCount, 12);
  FillBytes(bench.actual, kCount, 12);
  PadFill expected = {bench.expected, kCount, 223, bench.input, 300, 0, 0};
  PadFill actual = {bench.actual, kCount, 223, bench.input, 300, 0, 0};
  same = same && ref.pad_fill(&expected) == table.pad_fill(&actual);
  return same && expected.spare_used == actual.spare_used && SameOutput(bench, kCount);
}

// Channels over three lookups and one ragged chunk; canonical inputs.
bool CheckUnmix(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kPixels = 3, kSecret = 75, kPublic = 300;
  uint16_t a[kSecret], b[kSecret];
  uint8_t lambda[kSecret];
  for (uint32_t i = 0; i < kPixels * kPublic; ++i) bench.input[i] = static_cast<uint8_t>(i * 167 % 251);
  for (uint32_t i = 0; i < kSecret; ++i) {
    a[i] = static_cast<uint16_t>(i * 89 % kPublic);
    b[i] = i % 5 == 0 ? kNoPartner : static_cast<uint16_t>(i * 53 % kPublic);
    lambda[i] = static_cast<uint8_t>(1 + i * 37 % 250);
  }
  const UnmixJob job = {bench.input, nullptr, kPixels, kSecret, kPublic, a, b, lambda, kPrimes[0]};
  return SameJob(ref.unmix, table.unmix, job, &UnmixJob::out, bench, kPixels * kSecret);
}

// Two runs over whole vectors and a tail, pixels that do not fill a block; then the largest sums of both signs.
bool CheckProjections(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kPixels = 7, kProjections = 8, kLength = 150;
  auto* t = reinterpret_cast<int8_t*>(bench.weights);
  FillBytes(bench.input, kPartSize, 19);
  for (size_t i = 0; i < kPartSize; ++i) t[i] = static_cast<int8_t>(i * 89 % 251) % 126;
  const ProjectRun runs[] = {{bench.input, t}, {bench.input + 5000, t + 5000}};
  const ProjectJob mixed = {runs, 2, kLength, 37, 160, kPixels, kProjections, nullptr};
  bool same = SameJob(ref.project, table.project, mixed, &ProjectJob::sums, bench,
                      kPixels * kProjections * sizeof(int32_t));
  const CombineJob combined = {t, 300, t + 20000, 33, 299, nullptr};
  std::memset(bench.expected, 0, 299 * sizeof(int32_t));
  std::memset(bench.actual, 0, 299 * sizeof(int32_t));
  CombineJob job = combined;
  job.sums = reinterpret_cast<int32_t*>(bench.expected);
  ref.combine(job);
  job.sums = reinterpret_cast<int32_t*>(bench.actual);
  table.combine(job);
  same = same && SameOutput(bench, 299 * sizeof(int32_t));
  constexpr int kExtremes[] = {125, -125};
  for (const int extreme : kExtremes) {
    std::memset(bench.input, 255, kPartSize);
    std::memset(bench.weights, extreme, kPartSize);
    const ProjectJob worst = {runs, 1, 60000, 0, 0, 4, 6, nullptr};
    same = same && SameJob(ref.project, table.project, worst, &ProjectJob::sums, bench, 4 * 6 * sizeof(int32_t));
  }
  return same;
}

bool CheckElementwise(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr size_t kCount = 517;
  auto* x = reinterpret_cast<float*>(bench.input);
  auto* y = reinterpret_cast<float*>(bench.weights);
  auto* expected = reinterpret_cast<float*>(bench.expected);
  auto* actual = reinterpret_cast<float*>(bench.actual);
  FillFloats(x, kCount, 13);
  FillFloats(y, kCount, 14);
  for (size_t i = 0; i + 1 < kCount; i += 2) y[i] = x[kCount - 1 - i];
  bool same = true;
  for (uint32_t op = 0; op < kUnaryCount; ++op) {
    ClearOutputs(bench);
    ref.unary[op](x, kCount, 0.2f, 0.7f, expected);
    table.unary[op](x, kCount, 0.2f, 0.7f, actual);
    same = same && SameOutput(bench, kCount * sizeof(float));
  }
  for (uint32_t op = 0; op < kBinaryCount * kOperandCount; ++op) {
    ClearOutputs(bench);
    ref.binary[op / kOperandCount][op % kOperandCount](x, y, kCount, expected);
    table.binary[op / kOperandCount][op % kOperandCount](x, y, kCount, actual);
    same = same && SameOutput(bench, kCount * sizeof(float));
  }
  ClearOutputs(bench);
  ref.softmax(y + 80, kCount - 80, expected);
  table.softmax(y + 80, kCount - 80, actual);
  same = same && SameOutput(bench, (kCount - 80) * sizeof(float));
  ClearOutputs(bench);
  expected[0] = ref.sum(y + 80, kCount - 80);
  actual[0] = table.sum(y + 80, kCount - 80);
  expected[1] = ref.maximum(y + 80, kCount - 80);
  actual[1] = table.maximum(y + 80, kCount - 80);
  return same && SameOutput(bench, 2 * sizeof(float));
}

bool CheckLevels(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr size_t kCount = 517;
  FillFloats(reinterpret_cast<float*>(bench.input), kCount, 15);
  const QuantiseJob quantise = {reinterpret_cast<float*>(bench.input), kCount, 7.5f, -90, 160,
                                nullptr};
  bool same = true;
  const auto check_quantise = [&](QuantiseFn* expected, QuantiseFn* actual, size_t size) {
    same = same && SameJob(expected, actual, quantise, &QuantiseJob::out_levels, bench, size);
  };
  check_quantise(ref.quantise_s32, table.quantise_s32, kCount * 4);
  check_quantise(ref.quantise_s16, table.quantise_s16, kCount * 2);
  check_quantise(ref.quantise_u8, table.quantise_u8, kCount);
  FillBytes(bench.input, kPartSize, 16);
  const auto check_dequantise = [&](DequantiseFn* expected, DequantiseFn* actual) {
    ClearOutputs(bench);
    expected(bench.input, kCount, 0.013f, reinterpret_cast<float*>(bench.expected));
    actual(bench.input, kCount, 0.013f, reinterpret_cast<float*>(bench.actual));
    same = same && SameOutput(bench, kCount * sizeof(float));
  };
  check_dequantise(ref.dequantise_s32, table.dequantise_s32);
  check_dequantise(ref.dequantise_s16, table.dequantise_s16);
  check_dequantise(ref.dequantise_u8, table.dequantise_u8);
  auto* scale = reinterpret_cast<float*>(bench.weights);
  FillFloats(scale, 256, 17);
  const AffineJob affine = {bench.input, scale + 64, scale + 96, 5, 61, nullptr};
  same = same && SameJob(ref.affine_s32, table.affine_s32, affine, &AffineJob::out_y, bench,
                         5 * 61 * sizeof(float));
  return same && SameJob(ref.affine_s64, table.affine_s64, affine, &AffineJob::out_y, bench,
                         5 * 61 * sizeof(float));
}

// One pixel with a rest, and several that follow one another without a gap.
bool CheckCopyReply(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  FillBytes(bench.input, kPartSize, 19);
  constexpr size_t kOdd = 300, kWhole = 2 * kTileAlignment, kPixels = 3;
  return SameJob(ref.copy_reply, table.copy_reply, {bench.input, kOdd, 1, nullptr, ReplyStride(kOdd)}, &ReplyCopy::out,
                 bench, kOdd) &&
         SameJob(ref.copy_reply, table.copy_reply, {bench.input, kWhole, kPixels, nullptr, kWhole}, &ReplyCopy::out, bench,
                 kPixels * kWhole);
}

// Window edges are reached through the pads: these vary over all residues.
bool CheckRestore(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench,
                  uint32_t prime_count) {
  constexpr uint32_t kChannels = 90;
  constexpr uint32_t kReplyChannels = 300;
  constexpr uint32_t kPixels = 4;
  uint16_t a[kChannels];
  uint16_t b[kChannels];
  uint8_t lambda[kMaxPrimes * kChannels];
  int64_t window[kChannels];
  float scale[kChannels];
  float bias[kChannels];
  for (uint32_t i = 0; i < kChannels; ++i) {
    a[i] = static_cast<uint16_t>(i * 37 % kReplyChannels);
    b[i] = i % 9 == 0 ? kNoPartner : static_cast<uint16_t>((i * 53 + 7) % kReplyChannels);
    window[i] = (int64_t{i} - 45) * 1234567;
    scale[i] = 0.001f * static_cast<float>(i + 1);
    bias[i] = 0.5f - static_cast<float>(i);
    for (uint32_t k = 0; k < kMaxPrimes; ++k) {
      lambda[k * kChannels + i] = static_cast<uint8_t>(1 + (i * 29 + k) % 222);
    }
  }
  const RestoreChannels channels = {kChannels, kReplyChannels, prime_count, a,    b,
                                    lambda,    window,         scale,       bias, 0};
  const RestorePlan* plan = nullptr;
  if (RestorePlanSize(kChannels, kReplyChannels, prime_count) > kPartSize) return false;
  if (!IsOk(PrepareRestore(channels, bench.weights, &plan))) return false;
  constexpr size_t kReplySize = kPixels * kReplyChannels;
  constexpr size_t kPadSize = kPixels * kChannels;
  FillBytes(bench.input, kPartSize, 18);
  uint8_t* pad = bench.input + kMaxPrimes * kReplySize;
  for (size_t i = 0; i < kMaxPrimes * kPadSize; ++i) pad[i] = static_cast<uint8_t>(pad[i] % 223);
  float* addend = reinterpret_cast<float*>(bench.weights) + kPartSize / sizeof(float) - kPadSize;
  if (RestorePlanSize(kChannels, kReplyChannels, prime_count) > kPartSize - kPadSize * sizeof(float)) return false;
  FillFloats(addend, kPadSize, 20);
  RestoreJob job = {plan,    bench.input, kReplySize, kReplyChannels, pad, kPadSize,
                    kPixels, nullptr,     false,      nullptr,        nullptr};
  RestoreJob whole = job;
  whole.addend = addend;
  whole.relu = true;
  return SameJob(ref.restore, table.restore, whole, &RestoreJob::out_y, bench, kPadSize * sizeof(float)) &&
         SameJob(ref.restore, table.restore, job, &RestoreJob::out_y, bench,
                 kPadSize * sizeof(float)) &&
         SameJob(ref.restore, table.restore, job, &RestoreJob::out_integer, bench,
                 kPadSize * sizeof(int64_t));
}

}  // namespace

Status SelfTestKernels(const KernelTable& table, void* scratch) {
  auto* base = static_cast<uint8_t*>(scratch);
  const SelfTestBench bench = {base, base + kPartSize, base + 2 * kPartSize, base + 3 * kPartSize};
  const KernelTable& ref = Kernels(Isa::kScalar);
  const bool same = CheckGemmU8S8(ref, table, bench) && CheckGemmS16(ref, table, bench) &&
                    CheckGemmF32(ref, table, bench) && CheckWindows(ref, table, bench) &&
                    CheckResidues(ref, table, bench) && CheckUnmix(ref, table, bench) &&
                    CheckProjections(ref, table, bench) && CheckField(ref, table, bench) &&
                    CheckResidueConvolutions(ref, table, bench) && CheckElementwise(ref, table, bench) &&
                    CheckLevels(ref, table, bench) && CheckCopyReply(ref, table, bench) &&
                    CheckRestore(ref, table, bench, 3) && CheckRestore(ref, table, bench, kMaxPrimes) &&
                    CheckCovers(ref, table, bench);
  return same ? Status::kOk : Status::kSelfTestFailed;
}

}  // namespace penumbra
