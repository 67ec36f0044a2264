// The bits of the written formulas, as hashes: they must come out the same on every architecture,
// so this test also runs under qemu for aarch64.
#include <gtest/gtest.h>

#include "kernels/test_support.h"
#include "kernels/isa_test_support.h"

namespace penumbra {
namespace {

// FNV-1a, 64 bits.
template <typename T>
uint64_t Hash(const std::vector<T>& values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const T& value : values) {
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  }
  return hash;
}

std::vector<float> Inputs(uint64_t seed) {
  TestRandom random(seed);
  std::vector<float> x = SpecialFloats();
  for (const float size : {0.1f, 3.0f, 100.0f}) {
    const auto more = random.Floats(1000, size);
    x.insert(x.end(), more.begin(), more.end());
  }
  const auto any = random.AnyFloats(2000);
  x.insert(x.end(), any.begin(), any.end());
  return x;
}

constexpr uint64_t kUnaryHashes[kUnaryCount] = {
    0x74650227bb1a8815u, 0xfa208715fb6e4497u, 0xd9021ba02fec77d2u, 0xc6fed14022e48baeu,
    0x7aca06845fb5553cu, 0x24ecc789e59dc761u, 0x7adbb51e8572ac41u, 0x54aade89a7e1f43du,
    0x07199cdd73a15e0bu, 0xa1128a9817bb2a38u, 0xcd7cef0deca8b770u, 0xbc07fd966d069e2au,
    0xd7633ecff97ee489u, 0x609d1344cb67f409u, 0xfedec75671e9def0u, 0x2ace1cfa430bc5c9u,
    0xac2aea8296e7919bu,
};
constexpr uint64_t kBinaryHashes[kBinaryCount] = {
    0xee266a06eeb55340u, 0x8827234bfc75f484u, 0xa27f6f5ec9f44008u, 0x665cb8ec6e92a9d8u,
    0x27f8dd30c1a0aeacu, 0x0968589334195391u, 0xa7dcea373f3d0774u, 0xf5ed554d7342b53fu,
};
constexpr uint64_t kGemmF32Hash = 0x94cc5a5830dcc8bbu;
constexpr uint64_t kSoftmaxHash = 0x059f329642240d5fu;
constexpr uint64_t kQuantiseHash = 0x40fac82dcc8f8434u;

class Golden : public ::testing::TestWithParam<Isa> {
 protected:
  const KernelTable& table() const { return Kernels(GetParam()); }
};

TEST_P(Golden, Unary) {
  const auto x = Inputs(1);
  for (uint32_t op = 0; op < kUnaryCount; ++op) {
    std::vector<float> y(x.size());
    table().unary[op](x.data(), x.size(), 0.2f, 0.7f, y.data());
    EXPECT_EQ(Hash(y), kUnaryHashes[op]) << op;
  }
}

TEST_P(Golden, Binary) {
  const auto x = Inputs(2);
  auto y = Inputs(3);
  for (size_t i = 0; i < y.size(); i += 3) y[i] = x[(i * 17 + 3) % x.size()];
  for (uint32_t op = 0; op < kBinaryCount; ++op) {
    std::vector<float> z(x.size());
    table().binary[op][0](x.data(), y.data(), x.size(), z.data());
    EXPECT_EQ(Hash(z), kBinaryHashes[op]) << op;
  }
}

TEST_P(Golden, GemmF32) {
  TestRandom random(4);
  const uint32_t rows = 11;
  const uint32_t n = 53;
  const uint32_t k = 301;
  const auto a = random.Floats(size_t{rows} * k, 2.0f);
  const auto b = random.Floats(size_t{n} * k, 1.0f);
  std::vector<float> packed(PackedSizeF32(n, k) / sizeof(float));
  PackF32(b.data(), n, k, packed.data());
  std::vector<float> c(size_t{rows} * n);
  table().gemm_f32({a.data(), k, packed.data(), c.data(), n, rows, n, k, false});
  EXPECT_EQ(Hash(c), kGemmF32Hash);
}

TEST_P(Golden, Softmax) {
  TestRandom random(5);
  const auto x = random.Floats(1003, 9.0f);
  std::vector<float> y(x.size());
  table().softmax(x.data(), x.size(), y.data());
  EXPECT_EQ(Hash(y), kSoftmaxHash);
}

TEST_P(Golden, Quantise) {
  const auto x = Inputs(6);
  std::vector<int32_t> levels(x.size());
  table().quantise_s32({x.data(), x.size(), 37.5f, -300, 4000, levels.data()});
  EXPECT_EQ(Hash(levels), kQuantiseHash);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Golden, ::testing::ValuesIn(SupportedIsas()), IsaTestName);

}  // namespace
}  // namespace penumbra
