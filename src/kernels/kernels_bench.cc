// Speed of the hot kernels, per instruction set: GMAC/s for products, ns per element for passes.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "boundary/limits.h"
#include "kernels/dispatch.h"

namespace penumbra {
namespace {

bool Skip(benchmark::State& state, Isa isa) {
  if (IsaSupported(isa)) return false;
  state.SkipWithError("not supported by this processor");
  return true;
}

void ReportPerElement(benchmark::State& state, size_t count) {
  using benchmark::Counter;
  state.counters["element_time"] =
      Counter(static_cast<double>(count),
              Counter::kIsIterationInvariantRate | Counter::kInvert);
}

void ReportMacs(benchmark::State& state, double macs) {
  using benchmark::Counter;
  state.counters["mac/s"] = Counter(macs, Counter::kIsIterationInvariantRate);
}

// Arguments of the products: rows, outputs, depth.
void BM_GemmU8S8(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto rows = static_cast<uint32_t>(state.range(0));
  const auto n = static_cast<uint32_t>(state.range(1));
  const auto k = static_cast<uint32_t>(state.range(2));
  const std::vector<uint8_t> a(size_t{rows} * k + 4, 200);
  const std::vector<int8_t> b(PackedSizeU8S8(n, k), -100);
  std::vector<int32_t> c(size_t{rows} * n);
  for (auto _ : state) {
    Kernels(isa).gemm_u8s8({a.data(), k, b.data(), c.data(), n, rows, n, k, false});
    benchmark::ClobberMemory();
  }
  ReportMacs(state, double{1} * rows * n * k);
}

void BM_GemmS16(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto rows = static_cast<uint32_t>(state.range(0));
  const auto n = static_cast<uint32_t>(state.range(1));
  const auto k = static_cast<uint32_t>(state.range(2));
  const std::vector<int16_t> a(size_t{rows} * k + 2, 2000);
  const std::vector<int16_t> b(PackedSizeS16(n, k) / sizeof(int16_t), -1000);
  std::vector<int64_t> c(size_t{rows} * n);
  for (auto _ : state) {
    Kernels(isa).gemm_s16s16({a.data(), k, b.data(), c.data(), n, rows, n, k,
                              SafePairCount(5100, 1152), false});
    benchmark::ClobberMemory();
  }
  ReportMacs(state, double{1} * rows * n * k);
}

// Modulo the papers' prime, reduction included; multiplications of residues.
void BM_GemmField(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto rows = static_cast<uint32_t>(state.range(0));
  const auto n = static_cast<uint32_t>(state.range(1));
  const auto k = static_cast<uint32_t>(state.range(2));
  std::vector<uint32_t> words(size_t{rows} * k, 1234567);
  Kernels(isa).field_split(words.data(), words.size(), words.data());
  std::vector<int16_t> packed(PackedSizeField(n, k) / sizeof(int16_t));
  PackField(std::vector<int32_t>(size_t{n} * k, -3456789).data(), n, k, packed.data());
  std::vector<int64_t> sums(size_t{rows} * kFieldFilters * n);
  std::vector<uint32_t> out(size_t{rows} * n);
  for (auto _ : state) {
    Kernels(isa).gemm_s16s16({reinterpret_cast<const int16_t*>(words.data()), 2 * size_t{k}, packed.data(),
                              sums.data(), kFieldFilters * size_t{n}, rows, kFieldFilters * n, 2 * k,
                              kFieldSafePairs, false});
    Kernels(isa).field_reduce({sums.data(), true, out.size(), out.data()});
    benchmark::ClobberMemory();
  }
  ReportMacs(state, double{1} * rows * n * k);
}

// Splitting, drawing, masking, unmixing with pads: one call on 4096 residues each.
void BM_FieldPasses(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  constexpr uint32_t kCount = 4096, kM = 64, kWide = 76, kPixels = kCount / kM;
  const auto which = state.range(0);
  std::vector<uint32_t> words(kPixels * kWide * 2), out(kPixels * kWide * 2);
  for (size_t i = 0; i < words.size(); ++i) words[i] = static_cast<uint32_t>(i * 2654435761u) % (1u << 24);
  const std::vector<int32_t> levels(kCount, -1234);
  std::vector<uint16_t> a(kM), b(kM);
  for (uint32_t i = 0; i < kM; ++i) {
    a[i] = static_cast<uint16_t>(i * 5 % kWide);
    b[i] = static_cast<uint16_t>((i * 7 + 3) % kWide);
  }
  for (auto _ : state) {
    if (which == 0) Kernels(isa).field_split(words.data(), kCount, out.data());
    if (which == 1) {
      FieldDraw job = {words.data(), words.size(), out.data(), kCount, 0};
      Kernels(isa).field_draw(&job);
    }
    if (which == 2) Kernels(isa).field_mask({levels.data(), words.data(), kCount, out.data()});
    if (which == 3) {
      Kernels(isa).field_unmix({words.data(), levels.data(), reinterpret_cast<int32_t*>(out.data()), kPixels, kM,
                                kWide, a.data(), b.data(), words.data()});
    }
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, kCount);
}

void BM_GemmF32(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto rows = static_cast<uint32_t>(state.range(0));
  const auto n = static_cast<uint32_t>(state.range(1));
  const auto k = static_cast<uint32_t>(state.range(2));
  const std::vector<float> a(size_t{rows} * k, 0.5f);
  const std::vector<float> b(PackedSizeF32(n, k) / sizeof(float), 0.25f);
  std::vector<float> c(size_t{rows} * n);
  for (auto _ : state) {
    Kernels(isa).gemm_f32({a.data(), k, b.data(), c.data(), n, rows, n, k, false});
    benchmark::ClobberMemory();
  }
  ReportMacs(state, double{1} * rows * n * k);
}

// Arguments: m, m', primes, pixels; m' = m: covers.
void BM_Restore(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto m = static_cast<uint32_t>(state.range(0));
  const auto reply_m = static_cast<uint32_t>(state.range(1));
  const auto primes = static_cast<uint32_t>(state.range(2));
  const auto pixels = static_cast<size_t>(state.range(3));
  std::vector<uint16_t> a(m);
  std::vector<uint16_t> b(m);
  for (uint32_t i = 0; i < m; ++i) {
    a[i] = static_cast<uint16_t>(i * 2654435761u % reply_m);
    b[i] = static_cast<uint16_t>((i + 77) * 2246822519u % reply_m);
  }
  const bool covered = m == reply_m;
  const std::vector<uint8_t> lambda(size_t{primes} * m * kCoverSize, 77);
  const std::vector<int64_t> window(m, -7000000);
  const std::vector<float> ones(m, 1.0f);
  void* memory = std::aligned_alloc(64, RestorePlanSize(m, reply_m, primes, covered));
  const RestorePlan* plan = nullptr;
  const Status status =
      PrepareRestore({m, reply_m, primes, a.data(), covered ? nullptr : b.data(), lambda.data(), window.data(),
                      ones.data(), ones.data(), covered ? m : 0},
                     memory, &plan);
  if (!IsOk(status)) state.SkipWithError("tables refused");
  const size_t stride = AlignUp(reply_m, kTileAlignment);
  const size_t reply_size = AlignUp(primes * pixels * stride, 64);
  auto* reply = static_cast<uint8_t*>(std::aligned_alloc(64, reply_size));
  std::memset(reply, 99, reply_size);
  const std::vector<uint8_t> pad(primes * pixels * m, 55);
  std::vector<float> y(pixels * m);
  if (IsOk(status)) {
    for (auto _ : state) {
      Kernels(isa).restore({plan, reply, pixels * stride, stride, pad.data(), pixels * m, pixels,
                            nullptr, false, y.data(), nullptr});
      benchmark::ClobberMemory();
    }
  }
  std::free(reply);
  std::free(memory);
  ReportPerElement(state, pixels * m);
}

void BM_MaskS16(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const size_t count = 16384;
  const std::vector<int16_t> levels(count, -1234);
  const std::vector<uint8_t> pads(3 * count, 100);
  std::vector<uint8_t> out(3 * count);
  for (auto _ : state) {
    Kernels(isa).mask_s16({levels.data(), pads.data(), count, out.data(), count, 3, count});
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, count);
}

void BM_ReduceMod(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const size_t count = 16384;
  const std::vector<int32_t> sums(count, -123456789);
  std::vector<uint8_t> out(count);
  for (auto _ : state) {
    Kernels(isa).reduce_mod(sums.data(), count, 241, out.data());
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, count);
}

void BM_Unary(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const std::vector<float> x(8192, 0.75f);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    Kernels(isa).unary[state.range(0)](x.data(), x.size(), 0.1f, 0.9f, y.data());
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, x.size());
}

void BM_QuantiseS16(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const std::vector<float> x(8192, 0.75f);
  std::vector<int16_t> k(x.size());
  for (auto _ : state) {
    Kernels(isa).quantise_s16({x.data(), x.size(), 100.0f, -500, 3000, k.data()});
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, x.size());
}

void BM_DepthwiseU8S8(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const ConvGeometry g = {3, 56, 128, 1, 54, 128, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 128};
  const std::vector<uint8_t> x(size_t{3} * 56 * 128, 3);
  const std::vector<int8_t> w(9 * 128, 3);
  std::vector<int32_t> y(54 * 128);
  const void* rows[3] = {x.data(), x.data() + 56 * 128, x.data() + 2 * 56 * 128};
  for (auto _ : state) {
    Kernels(isa).depthwise_u8s8({&g, {rows, 0, 3}, w.data(), 0, 0, 0, 54, y.data()});
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, y.size());
}

void BM_DepthwiseS16(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const ConvGeometry g = {3, 56, 128, 1, 56, 128, 3, 3, 1, 1, 1, 1, 0, 1, 0, 1, 128};
  const std::vector<int16_t> x(size_t{3} * 56 * 128, 3), w(9 * 128, 3);
  std::vector<int64_t> y(56 * 128);
  const void* rows[3] = {x.data(), x.data() + 56 * 128, x.data() + 2 * 56 * 128};
  for (auto _ : state) {
    Kernels(isa).depthwise_s16s16_s64({&g, {rows, 0, 3}, w.data(), 0, 0, 0, 56, y.data()});
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, y.size());
}

// Bytes of a pixel, pixels; six projections.
void BM_Project(benchmark::State& state, Isa isa) {
  if (Skip(state, isa)) return;
  const auto length = static_cast<uint32_t>(state.range(0)), pixels = static_cast<uint32_t>(state.range(1));
  const size_t stride = (length + 63) / 64 * 64;
  const std::vector<uint8_t> x(pixels * stride, 200);
  const std::vector<int8_t> t(6 * stride, 77);
  std::vector<int32_t> sums(size_t{pixels} * 6);
  const ProjectRun run = {x.data(), t.data()};
  for (auto _ : state) {
    Kernels(isa).project({&run, 1, length, stride, stride, pixels, 6, sums.data()});
    benchmark::ClobberMemory();
  }
  ReportPerElement(state, size_t{pixels} * length);
}

#define PENUMBRA_BENCH_GEMM(fn, name, isa)                                            \
  BENCHMARK_CAPTURE(fn, name, isa)->Args({3136, 64, 64})->Args({784, 128, 1152})->Args( \
      {196, 1024, 256})
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, avx2, Isa::kAvx2);
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, avx512, Isa::kAvx512);
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, avx512_vnni, Isa::kAvx512Vnni);
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, amx, Isa::kAmx);
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, neon, Isa::kNeon);
PENUMBRA_BENCH_GEMM(BM_GemmU8S8, neon_dot, Isa::kNeonDot);
PENUMBRA_BENCH_GEMM(BM_GemmS16, avx2, Isa::kAvx2);
PENUMBRA_BENCH_GEMM(BM_GemmS16, avx512_vnni, Isa::kAvx512Vnni);
PENUMBRA_BENCH_GEMM(BM_GemmField, avx2, Isa::kAvx2);
PENUMBRA_BENCH_GEMM(BM_GemmField, avx512, Isa::kAvx512);
PENUMBRA_BENCH_GEMM(BM_GemmField, avx512_vnni, Isa::kAvx512Vnni);
PENUMBRA_BENCH_GEMM(BM_GemmField, neon, Isa::kNeon);
PENUMBRA_BENCH_GEMM(BM_GemmF32, avx2, Isa::kAvx2);
PENUMBRA_BENCH_GEMM(BM_GemmF32, avx512, Isa::kAvx512);

#define PENUMBRA_BENCH_RESTORE(name, isa)    \
  BENCHMARK_CAPTURE(BM_Restore, name, isa)   \
      ->Args({64, 76, 3, 200})               \
      ->Args({256, 307, 3, 50})              \
      ->Args({512, 614, 3, 25})              \
      ->Args({1024, 1228, 3, 12})            \
      ->Args({2048, 2458, 3, 6})             \
      ->Args({64, 76, 3, 32})                \
      ->Args({256, 307, 3, 8})               \
      ->Args({512, 614, 3, 4})               \
      ->Args({1024, 1228, 3, 2})             \
      ->Args({2048, 2458, 3, 1})             \
      ->Args({256, 307, 4, 50})              \
      ->Args({64, 64, 3, 200})               \
      ->Args({256, 256, 3, 50})              \
      ->Args({512, 512, 3, 25})              \
      ->Args({1024, 1024, 3, 12})            \
      ->Args({2048, 2048, 3, 6})
PENUMBRA_BENCH_RESTORE(avx2, Isa::kAvx2);
PENUMBRA_BENCH_RESTORE(avx512, Isa::kAvx512);
PENUMBRA_BENCH_RESTORE(avx512_vnni, Isa::kAvx512Vnni);

#define PENUMBRA_BENCH_PASS(fn)                             \
  BENCHMARK_CAPTURE(fn, avx2, Isa::kAvx2);                  \
  BENCHMARK_CAPTURE(fn, avx512, Isa::kAvx512Vnni)
PENUMBRA_BENCH_PASS(BM_MaskS16);
PENUMBRA_BENCH_PASS(BM_ReduceMod);
PENUMBRA_BENCH_PASS(BM_QuantiseS16);
PENUMBRA_BENCH_PASS(BM_DepthwiseU8S8);
PENUMBRA_BENCH_PASS(BM_DepthwiseS16);
BENCHMARK_CAPTURE(BM_Project, avx512, Isa::kAvx512Vnni)
    ->Args({38, 56})->Args({64, 56})->Args({76, 32})->Args({128, 28})->Args({192, 14})->Args({256, 56})->Args({153, 26})->Args({230, 17})->Args({307, 8})->Args({614, 4})->Args({1228, 2});
BENCHMARK_CAPTURE(BM_FieldPasses, avx2, Isa::kAvx2)->DenseRange(0, 3);
BENCHMARK_CAPTURE(BM_FieldPasses, avx512, Isa::kAvx512Vnni)->DenseRange(0, 3);
BENCHMARK_CAPTURE(BM_Unary, avx2, Isa::kAvx2)->DenseRange(0, kUnaryCount - 1);
BENCHMARK_CAPTURE(BM_Unary, avx512, Isa::kAvx512)->DenseRange(0, kUnaryCount - 1);

}  // namespace
}  // namespace penumbra
