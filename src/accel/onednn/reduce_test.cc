#include "accel/onednn/reduce.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "boundary/geometry.h"

namespace penumbra::onednn {
namespace {

void ExpectCongruent(const std::vector<int32_t>& sums, uint16_t prime, int64_t bound) {
  std::vector<uint8_t> out(sums.size());
  ReduceSums(sums.data(), sums.size(), prime, bound, out.data());
  for (size_t i = 0; i < sums.size(); ++i) {
    ASSERT_EQ((int64_t{sums[i]} - out[i]) % prime, 0)
        << sums[i] << " mod " << prime << " gave " << int{out[i]};
  }
}

// Every kind of place where a rounded quotient could be off by one: next to multiples of the prime,
// next to half-way between them, next to powers of two, at both ends of the range.
std::vector<int32_t> Edges(uint16_t prime, int64_t bound) {
  std::vector<int32_t> edges;
  const auto add = [&](int64_t v) {
    for (int64_t d = -2; d <= 2; ++d) {
      for (int64_t signed_v : {v + d, -(v + d)}) {
        if (signed_v >= -bound && signed_v <= bound)
          edges.push_back(static_cast<int32_t>(signed_v));
      }
    }
  };
  for (int bit = 0; bit < 32; ++bit) add(int64_t{1} << bit);
  for (int64_t q = 0; q <= bound / prime; q += 1 + q / 500) {
    add(q * prime);
    add(q * prime + prime / 2);
  }
  for (int64_t q = bound / prime - 2000; q <= bound / prime; ++q) {
    add(q * prime);
    add(q * prime + prime / 2);
  }
  add(bound);
  return edges;
}

TEST(Reduce, EdgesOfTheNarrowRange) {
  for (uint16_t prime : kPrimes) ExpectCongruent(Edges(prime, kNarrowSum), prime, kNarrowSum);
}

TEST(Reduce, EdgesOfTheWholeRange) {
  const int64_t bound = std::numeric_limits<int32_t>::max();
  for (uint16_t prime : kPrimes) {
    std::vector<int32_t> edges = Edges(prime, bound);
    edges.push_back(std::numeric_limits<int32_t>::min());
    ExpectCongruent(edges, prime, bound);
  }
}

// Every 61st value of the whole range, and every value of a stretch at each end of the narrow one.
TEST(Reduce, Sweep) {
  for (uint16_t prime : {kPrimes[0], kPrimes[7]}) {
    std::vector<int32_t> sums;
    for (int64_t v = std::numeric_limits<int32_t>::min(); v <= std::numeric_limits<int32_t>::max();
         v += 61) {
      sums.push_back(static_cast<int32_t>(v));
    }
    ExpectCongruent(sums, prime, std::numeric_limits<int32_t>::max());
    sums.clear();
    for (int64_t v = kNarrowSum - 2000000; v <= kNarrowSum; ++v) {
      sums.push_back(static_cast<int32_t>(v));
      sums.push_back(static_cast<int32_t>(-v));
    }
    ExpectCongruent(sums, prime, kNarrowSum);
  }
}

// Vector bodies and their tails: all short lengths, nothing written beyond.
TEST(Reduce, ShortLengths) {
  for (size_t count = 0; count < 200; ++count) {
    std::vector<int32_t> sums(count);
    for (size_t i = 0; i < count; ++i) sums[i] = static_cast<int32_t>(i * 7919) - 500000;
    std::vector<uint8_t> out(count + 64, 0x5a);
    ReduceSums(sums.data(), count, 239, 1 << 20, out.data());
    for (size_t i = 0; i < count; ++i) ASSERT_EQ((sums[i] - out[i]) % 239, 0);
    for (size_t i = count; i < out.size(); ++i) ASSERT_EQ(out[i], 0x5a);
  }
}

TEST(Accumulate, AddsIntegers) {
  const std::vector<float> sums = {16777215.0f, -16777215.0f, 0.0f, 1.0f, -3.0f};
  std::vector<int32_t> out = {1, -1, 5, 1 << 30, 0};
  AccumulateSums(sums.data(), sums.size(), out.data());
  EXPECT_EQ(out, (std::vector<int32_t>{16777216, -16777216, 5, (1 << 30) + 1, -3}));
}

}  // namespace
}  // namespace penumbra::onednn
