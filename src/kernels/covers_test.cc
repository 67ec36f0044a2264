#include "kernels/covers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <span>
#include <string>

#include "kernels/cover_golden_test_support.h"
#include "kernels/draws_test_support.h"
#include "kernels/isa_test_support.h"
#include "kernels/test_support.h"
#include "ring/residue.h"

namespace penumbra {
namespace {

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};

// A layer's covers: a, and factors [prime][m][kCoverSize] that are 0 beyond a cover.
template <typename Residue>
struct Covers {
  uint32_t m, group_rows;
  std::vector<uint16_t> a;
  std::vector<Residue> lambda;

  const Residue* Lambda(uint32_t k, uint32_t i) const {
    return lambda.data() + (size_t{k} * m + i) * kCoverSize;
  }
  // Row i of the inverse times one pixel.
  template <typename Word>
  int64_t Mixed(uint32_t k, uint32_t i, const Word* pixel, uint32_t p) const {
    const uint32_t begin = CoverBegin(a[i], group_rows);
    int64_t sum = 0;
    for (uint32_t t = 0; t < CoverRows(begin, group_rows); ++t) {
      sum += int64_t{Lambda(k, i)[t]} * pixel[begin + t] % p;
    }
    return sum;
  }
};

template <typename Residue, typename Draw>
Covers<Residue> MakeCovers(uint32_t m, uint32_t group_rows, const std::vector<uint32_t>& primes, Draw&& draw) {
  Covers<Residue> covers{m, group_rows, std::vector<uint16_t>(m), {}};
  std::iota(covers.a.begin(), covers.a.end(), uint16_t{0});
  for (uint32_t i = m - 1; i > 0; --i) std::swap(covers.a[i], covers.a[draw(i + 1)]);
  for (const uint32_t p : primes) {
    for (uint32_t i = 0; i < m; ++i) {
      const uint32_t size = CoverRows(CoverBegin(covers.a[i], group_rows), group_rows);
      for (uint32_t t = 0; t < kCoverSize; ++t) {
        covers.lambda.push_back(t < size ? static_cast<Residue>(draw(p)) : Residue{0});
      }
    }
  }
  return covers;
}

std::vector<uint32_t> PrimesOf(uint32_t s) { return {kPrimes, kPrimes + s}; }

// A covered layer with everything a restore reads.
struct Scene {
  Covers<uint8_t> covers;
  uint32_t s, pixels;
  std::vector<uint8_t> reply, pad;
  std::vector<int64_t> window;
  std::vector<float> scale, bias;
  std::unique_ptr<void, FreeDeleter> memory;
  const RestorePlan* plan = nullptr;

  uint32_t m() const { return covers.m; }
  size_t count() const { return size_t{pixels} * m(); }
  Status Prepare() {
    const RestoreChannels channels = {m(), m(), s, covers.a.data(), nullptr, covers.lambda.data(),
                                      window.data(), scale.data(), bias.data(), covers.group_rows};
    memory.reset(std::aligned_alloc(64, RestorePlanSize(m(), m(), s, true)));
    return PrepareRestore(channels, memory.get(), &plan);
  }
  // By the definition: CRT of the combinations, in the window of the channel.
  std::vector<int64_t> Wanted(bool padded) const {
    const CrtConstants crt = MakeCrtConstants(s);
    const auto modulus = static_cast<int64_t>(crt.modulus);
    std::vector<int64_t> wanted;
    for (size_t at = 0; at < count(); ++at) {
      const auto i = static_cast<uint32_t>(at % m());
      int64_t sum = 0;
      for (uint32_t k = 0; k < s; ++k) {
        const uint8_t* pixel = reply.data() + k * count() + (at - i);
        const int64_t u = padded ? pad[k * count() + at] : 0;
        const auto v = int64_t{Residue(covers.Mixed(k, i, pixel, kPrimes[k]) - u, kPrimes[k])};
        sum = (sum + v * static_cast<int64_t>(crt.cofactor[k])) % modulus;
      }
      wanted.push_back(window[i] + ((sum - window[i]) % modulus + modulus) % modulus);
    }
    return wanted;
  }
};

std::vector<int64_t> Restored(const Scene& scene, bool padded, Isa isa, std::vector<float>* out_y) {
  std::vector<int64_t> integers(scene.count() + 16, 7);
  out_y->assign(scene.count() + 16, 7.0f);
  Kernels(isa).restore({scene.plan, scene.reply.data(), scene.count(), scene.m(), padded ? scene.pad.data() : nullptr,
                        scene.count(), scene.pixels, nullptr, false, out_y->data(), integers.data()});
  for (size_t at = scene.count(); at < scene.count() + 16; ++at) {
    EXPECT_EQ((*out_y)[at], 7.0f);
    EXPECT_EQ(integers[at], 7);
  }
  integers.resize(scene.count());
  return integers;
}

void ExpectRestored(Scene* scene) {
  ASSERT_EQ(scene->Prepare(), Status::kOk);
  for (const bool padded : {true, false}) {
    const std::vector<int64_t> wanted = scene->Wanted(padded);
    for (const Isa isa : SupportedIsas()) {
      std::vector<float> y;
      ASSERT_EQ(Restored(*scene, padded, isa, &y), wanted)
          << IsaName(isa) << " m " << scene->m() << " of " << scene->covers.group_rows << " s " << scene->s;
      for (size_t at = 0; at < wanted.size(); ++at) {
        const size_t i = at % scene->m();
        ASSERT_EQ(y[at], std::fmaf(static_cast<float>(wanted[at]), scene->scale[i], scene->bias[i]));
      }
    }
  }
}

Scene MakeScene(uint32_t m, uint32_t group_rows, uint32_t s, uint32_t pixels, uint64_t seed) {
  TestRandom random(seed);
  const auto draw = [&random](uint32_t bound) { return static_cast<uint32_t>(random.Between(0, bound - 1)); };
  Scene scene{MakeCovers<uint8_t>(m, group_rows, PrimesOf(s), draw), s, pixels, {}, {}, {}, {}, {}, nullptr};
  const auto modulus = static_cast<int64_t>(Modulus(s));
  for (uint32_t i = 0; i < m; ++i) {
    const int64_t limit = s <= 3 ? kMaxNarrowWindow : int64_t{1} << 50;
    scene.window.push_back(i % 5 == 0 ? -limit : i % 5 == 1 ? limit : random.Between(-modulus, modulus));
  }
  scene.scale = random.Floats(m, 0.01f);
  scene.bias = random.Floats(m, 4.0f);
  scene.reply = random.Integers<uint8_t>(s * scene.count(), 0, 255);
  for (uint32_t k = 0; k < s; ++k) {
    for (size_t at = 0; at < scene.count(); ++at) {
      scene.pad.push_back(static_cast<uint8_t>(random.Between(0, kPrimes[k] - 1)));
    }
  }
  return scene;
}

TEST(Covers, EveryIsaRestoresEveryShape) {
  const uint32_t shapes[][2] = {{1, 1},   {2, 2},     {3, 3},     {4, 4},    {5, 5},     {8, 4},     {14, 7},
                                {6, 2},   {16, 16},   {31, 31},   {64, 64},  {68, 68},   {128, 64},  {130, 130},
                                {132, 12}, {260, 260}, {300, 100}, {512, 512}, {1000, 1000}, {2052, 2052}};
  uint64_t seed = 1;
  for (const auto& shape : shapes) {
    for (uint32_t s = 1; s <= kMaxPrimes; ++s) {
      Scene scene = MakeScene(shape[0], shape[1], s, 5, ++seed);
      ExpectRestored(&scene);
      if (HasFatalFailure()) return;
    }
  }
}

// Pixels as CopyReply() lays them out, a residual addition and a ReLU: what they are one after the other.
TEST(Covers, RestoresSpreadPixelsAddsAndCuts) {
  for (const uint32_t m : {7u, 64u, 132u, 300u}) {
    Scene scene = MakeScene(m, m, 3, 5, m);
    ASSERT_EQ(scene.Prepare(), Status::kOk);
    const size_t stride = ReplyStride(m);
    std::vector<uint8_t> spread(scene.s * scene.pixels * stride, 251);
    for (size_t pixel = 0; pixel < size_t{scene.s} * scene.pixels; ++pixel) {
      std::copy_n(scene.reply.begin() + static_cast<ptrdiff_t>(pixel * m), m,
                  spread.begin() + static_cast<ptrdiff_t>(pixel * stride));
    }
    std::vector<float> y, addend(scene.count());
    (void)Restored(scene, true, Isa::kScalar, &y);
    for (size_t i = 0; i < addend.size(); ++i) addend[i] = -y[i] + static_cast<float>(i % 3) - 1.0f;
    for (const Isa isa : SupportedIsas()) {
      std::vector<float> out(scene.count());
      Kernels(isa).restore({scene.plan, spread.data(), scene.pixels * stride, stride, scene.pad.data(), scene.count(),
                            scene.pixels, addend.data(), true, out.data(), nullptr});
      for (size_t i = 0; i < out.size(); ++i) {
        const float sum = y[i] + addend[i];
        ASSERT_EQ(out[i], sum <= 0 ? 0.0f : sum) << IsaName(isa) << " m " << m << " at " << i;
      }
    }
  }
}

// The largest combinations of both signs, where every correction of a quotient is needed.
TEST(Covers, LargestSumsStayExact) {
  for (uint32_t s = 1; s <= kMaxPrimes; ++s) {
    for (const bool high : {false, true}) {
      Scene scene = MakeScene(64, 64, s, 3, s);
      for (uint32_t k = 0; k < s; ++k) {
        const auto half = static_cast<uint8_t>((kPrimes[k] - 1) / 2);
        std::fill_n(scene.covers.lambda.begin() + k * 64 * kCoverSize, 64 * kCoverSize,
                    static_cast<uint8_t>(high ? half : half + 1));
        std::fill_n(scene.pad.begin() + k * scene.count(), scene.count(),
                    static_cast<uint8_t>(high ? 0 : kPrimes[k] - 1));
      }
      std::ranges::fill(scene.reply, uint8_t{255});
      ExpectRestored(&scene);
    }
  }
}

TEST(Covers, RefuseHostileTables) {
  const auto broken = [](auto change) {
    Scene scene = MakeScene(20, 10, 3, 1, 5);
    change(&scene);
    return scene.Prepare();
  };
  EXPECT_EQ(broken([](Scene*) {}), Status::kOk);
  EXPECT_EQ(broken([](Scene* s) { s->covers.lambda[0] = 0; }), Status::kOk);
  EXPECT_EQ(broken([](Scene* s) { s->covers.a[19] = 20; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->covers.lambda[239] = 239; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->covers.group_rows = 3; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->window[3] = kMaxNarrowWindow + 1; }), Status::kInvalidArgument);
}

TEST(Covers, EveryIsaUnmixes) {
  TestRandom random(9);
  const auto draw = [&random](uint32_t bound) { return static_cast<uint32_t>(random.Between(0, bound - 1)); };
  for (const auto& [m, group_rows] : {std::pair{1u, 1u}, {3u, 3u}, {7u, 7u}, {22u, 11u}, {64u, 64u}, {130u, 65u}}) {
    for (uint32_t k = 0; k < kMaxPrimes; ++k) {
      const uint32_t p = kPrimes[k];
      const auto covers = MakeCovers<uint8_t>(m, group_rows, {p}, draw);
      const auto in = random.Integers<uint8_t>(size_t{3} * m, 0, 255);
      for (const Isa isa : SupportedIsas()) {
        std::vector<uint8_t> out(in.size() + 1, 99);
        Kernels(isa).unmix_covers({in.data(), out.data(), 3, m, group_rows, covers.a.data(), covers.lambda.data(),
                                   static_cast<uint16_t>(p)});
        for (size_t at = 0; at < in.size(); ++at) {
          const auto i = static_cast<uint32_t>(at % m);
          ASSERT_EQ(out[at], Residue(covers.Mixed(0, i, in.data() + at - i, p), p)) << IsaName(isa) << " m " << m;
        }
        ASSERT_EQ(out.back(), 99);
      }
    }
  }
}

// Draws as tools/reference/cover_vectors.py makes them.
class PythonOracle : public ::testing::TestWithParam<Isa> {
 protected:
  const KernelTable& table() const { return Kernels(GetParam()); }

  template <typename Residue>
  Covers<Residue> CoversOf(uint32_t m, uint32_t group_rows, const std::vector<uint32_t>& primes) {
    return MakeCovers<Residue>(m, group_rows, primes, [this](uint32_t bound) { return draws_.Word() % bound; });
  }
  template <typename T>
  std::vector<T> Below(size_t count, uint32_t bound) {
    std::vector<T> values;
    while (values.size() < count) values.push_back(static_cast<T>(draws_.Word() % bound));
    return values;
  }
  void ExpectUnmixed(uint64_t seed, uint32_t m, uint32_t group_rows, uint16_t p, std::span<const uint8_t> wanted) {
    draws_ = Draws(seed);
    const auto covers = CoversOf<uint8_t>(m, group_rows, {p});
    const auto in = Below<uint8_t>(wanted.size(), p);
    std::vector<uint8_t> out(wanted.size());
    table().unmix_covers({in.data(), out.data(), wanted.size() / m, m, group_rows, covers.a.data(),
                          covers.lambda.data(), p});
    EXPECT_TRUE(std::ranges::equal(out, wanted));
  }
  void ExpectRestored(uint64_t seed, uint32_t m, uint32_t group_rows, uint32_t s, std::span<const int64_t> wanted) {
    draws_ = Draws(seed);
    Scene scene{CoversOf<uint8_t>(m, group_rows, PrimesOf(s)), s, static_cast<uint32_t>(wanted.size() / m),
                {}, {}, {}, std::vector<float>(m, 1.0f), std::vector<float>(m), nullptr};
    for (uint32_t i = 0; i < m; ++i) scene.window.push_back(int64_t{draws_.Word() & 0x7fffffffu} - (1 << 30));
    scene.reply = Below<uint8_t>(s * wanted.size(), 256);
    for (uint32_t k = 0; k < s; ++k) {
      const auto plane = Below<uint8_t>(wanted.size(), kPrimes[k]);
      scene.pad.insert(scene.pad.end(), plane.begin(), plane.end());
    }
    ASSERT_EQ(scene.Prepare(), Status::kOk);
    // The factors have no (M / p)^-1: the oracle's sum over primes is of plain products, too.
    std::vector<float> y;
    EXPECT_TRUE(std::ranges::equal(Restored(scene, true, GetParam(), &y), wanted));
  }

  Draws draws_{0};
};

TEST_P(PythonOracle, Unmixes) {
  ExpectUnmixed(2, 24, 12, 251, cover_golden::kUnmixedFull);
  ExpectUnmixed(3, 22, 11, 227, cover_golden::kUnmixedShort);
}

TEST_P(PythonOracle, UnmixesModuloTheOnePrime) {
  draws_ = Draws(4);
  constexpr uint32_t kM = 22, kPixels = 2;
  const auto covers = CoversOf<uint32_t>(kM, 11, {kFieldPrime});
  const std::vector<uint32_t> in = draws_.Words(size_t{kPixels} * kM);
  std::vector<int32_t> pads;
  for (const uint32_t r : draws_.Residues(in.size())) pads.push_back(CentredResidue(r, kFieldPrime));
  std::vector<int32_t> out(in.size());
  table().field_unmix_covers({in.data(), pads.data(), out.data(), kPixels, kM, 11, covers.a.data(),
                              covers.lambda.data()});
  EXPECT_TRUE(std::ranges::equal(out, cover_golden::kFieldUnmixed));
  table().field_unmix_covers({in.data(), nullptr, out.data(), kPixels, kM, 11, covers.a.data(), covers.lambda.data()});
  for (size_t at = 0; at < out.size(); ++at) {
    EXPECT_EQ(out[at], CentredResidue(int64_t{cover_golden::kFieldUnmixed[at]} + pads[at], kFieldPrime));
  }
}

TEST_P(PythonOracle, Restores) {
  ExpectRestored(5, 24, 12, 3, cover_golden::kRestoredFull);
  ExpectRestored(6, 22, 11, 2, cover_golden::kRestoredShort);
  ExpectRestored(7, 22, 22, 6, cover_golden::kRestoredSixPrimes);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, PythonOracle, ::testing::ValuesIn(SupportedIsas()), IsaTestName);

}  // namespace
}  // namespace penumbra
