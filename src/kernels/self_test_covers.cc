#include "boundary/limits.h"
#include "kernels/self_test_parts.h"

namespace penumbra {

namespace {

constexpr uint32_t kPixels = 4;

// Channels over three lookups and a ragged chunk; the covers of a group of `group_rows` whole or not.
bool CheckRestored(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench, uint32_t channels,
                   uint32_t group_rows, uint32_t prime_count) {
  constexpr uint32_t kMost = 276;
  uint16_t a[kMost];
  int64_t window[kMost];
  float scale[kMost], bias[kMost];
  uint8_t* const lambda = bench.weights;
  for (uint32_t i = 0; i < channels; ++i) {
    a[i] = static_cast<uint16_t>(i * 37 % channels);
    window[i] = (int64_t{i} - 45) * 1234567;
    scale[i] = 0.001f * static_cast<float>(i + 1);
    bias[i] = 0.5f - static_cast<float>(i);
  }
  const size_t lambda_size = size_t{prime_count} * channels * kCoverSize;
  for (size_t i = 0; i < lambda_size; ++i) lambda[i] = static_cast<uint8_t>(i * 29 % 223);
  const RestoreChannels tables = {channels, channels, prime_count, a,    nullptr,
                                  lambda,   window,   scale,       bias, group_rows};
  uint8_t* const memory = bench.weights + AlignUp(lambda_size, kTileAlignment);
  const RestorePlan* plan = nullptr;
  const size_t plane_size = size_t{kPixels} * channels;
  const size_t addend_size = AlignUp(plane_size * sizeof(float), kTileAlignment);
  const size_t plan_size = RestorePlanSize(channels, channels, prime_count, true);
  if (AlignUp(lambda_size, kTileAlignment) + plan_size + addend_size > kPartSize) return false;
  if (!IsOk(PrepareRestore(tables, memory, &plan))) return false;
  FillBytes(bench.input, kPartSize, 24);
  uint8_t* const pad = bench.input + kMaxPrimes * plane_size;
  for (size_t i = 0; i < kMaxPrimes * plane_size; ++i) pad[i] = static_cast<uint8_t>(pad[i] % 223);
  auto* const addend = reinterpret_cast<float*>(bench.weights + kPartSize - addend_size);
  FillFloats(addend, plane_size, 25);
  const RestoreJob job = {plan,    bench.input, plane_size, channels, pad,    plane_size,
                          kPixels, nullptr,     false,      nullptr,  nullptr};
  RestoreJob whole = job;
  whole.addend = addend;
  whole.relu = true;
  return SameJob(ref.restore, table.restore, job, &RestoreJob::out_y, bench, plane_size * sizeof(float)) &&
         SameJob(ref.restore, table.restore, whole, &RestoreJob::out_y, bench, plane_size * sizeof(float)) &&
         SameJob(ref.restore, table.restore, job, &RestoreJob::out_integer, bench, plane_size * sizeof(int64_t));
}

bool CheckUnmixed(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  constexpr uint32_t kChannels = 78, kGroupRows = 39;
  uint16_t a[kChannels];
  uint32_t words[kChannels * kCoverSize];
  uint8_t bytes[kChannels * kCoverSize];
  FillBytes(bench.input, kPartSize, 25);
  for (uint32_t i = 0; i < kChannels; ++i) a[i] = static_cast<uint16_t>(i * 37 % kChannels);
  for (uint32_t i = 0; i < kChannels * kCoverSize; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 37 % 251);
    words[i] = i * 2654435761u % kFieldPrime;
  }
  const UnmixCoversJob job = {bench.input, nullptr, kPixels, kChannels, kGroupRows, a, bytes, kPrimes[0]};
  const auto* in = reinterpret_cast<const uint32_t*>(bench.input);
  const FieldUnmixCoversJob field = {in, nullptr, nullptr, kPixels, kChannels, kGroupRows, a, words};
  constexpr size_t kCount = size_t{kPixels} * kChannels;
  return SameJob(ref.unmix_covers, table.unmix_covers, job, &UnmixCoversJob::out, bench, kCount) &&
         SameJob(ref.field_unmix_covers, table.field_unmix_covers, field, &FieldUnmixCoversJob::out, bench,
                 kCount * sizeof(int32_t));
}

}  // namespace

bool CheckCovers(const KernelTable& ref, const KernelTable& table, const SelfTestBench& bench) {
  return CheckUnmixed(ref, table, bench) && CheckRestored(ref, table, bench, 276, 276, 3) &&
         CheckRestored(ref, table, bench, 78, 39, 3) && CheckRestored(ref, table, bench, 68, 68, kMaxPrimes);
}

}  // namespace penumbra
