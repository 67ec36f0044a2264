#include "ring/bound.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace penumbra {
namespace {

TEST(Bound, WindowHoldsEverySumOfSmallRows) {
  const std::vector<std::vector<int32_t>> rows = {{1, -2, 3}, {-1, -1, -1}, {0, 0, 0}, {5, 0, -4}};
  for (const auto& row : rows) {
    for (int64_t low = -3; low <= 2; ++low) {
      for (int64_t high = low; high <= 3; ++high) {
        RowWindow window;
        ASSERT_EQ(ComputeRowWindow(SumRow(row.data(), row.size()), {low, high}, &window),
                  Status::kOk);
        int64_t smallest = std::numeric_limits<int64_t>::max();
        int64_t largest = std::numeric_limits<int64_t>::min();
        for (int64_t x = low; x <= high; ++x) {
          for (int64_t y = low; y <= high; ++y) {
            for (int64_t z = low; z <= high; ++z) {
              const int64_t sum = row[0] * x + row[1] * y + row[2] * z;
              smallest = sum < smallest ? sum : smallest;
              largest = sum > largest ? sum : largest;
            }
          }
        }
        EXPECT_EQ(window.begin, smallest);
        EXPECT_EQ(window.begin + window.length, largest);
      }
    }
  }
}

TEST(Bound, TightAtEveryModulus) {
  for (uint32_t s = 1; s <= 4; ++s) {
    const auto limit = static_cast<int64_t>(Modulus(s)) - 1;
    RowWindow window;
    EXPECT_EQ(ProveRow({limit, 0}, {0, 1}, s, &window), Status::kOk);
    EXPECT_EQ(ProveRow({limit + 1, 0}, {0, 1}, s, &window), Status::kBoundUnproved);
    EXPECT_EQ(ProveRow({1, -(limit - 1)}, {-1, 0}, s, &window), Status::kOk);
    EXPECT_EQ(ProveRow({2, -(limit - 1)}, {-1, 0}, s, &window), Status::kBoundUnproved);
    // One level: every sum is the same, whatever the weights.
    EXPECT_EQ(ProveRow({kMaxWeightSum, 0}, {3, 3}, s, &window), Status::kOk);
    EXPECT_EQ(window.begin, 3 * kMaxWeightSum);
  }
}

TEST(Bound, HostileArgumentsAreRefused) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  RowWindow window;
  EXPECT_EQ(ProveRow({kMax, 0}, {0, 1}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({0, kMin}, {0, 1}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({-1, 0}, {0, 1}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({0, 1}, {0, 1}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({1, 0}, {kMin, kMax}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({1, 0}, {2, 1}, 3, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({kMaxWeightSum, -kMaxWeightSum}, {-kMaxLevel, kMaxLevel}, 6, &window),
            Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({1, -1}, {0, 1}, 0, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveRow({1, -1}, {0, 1}, kMaxPrimes + 1, &window), Status::kBoundUnproved);
}

}  // namespace
}  // namespace penumbra
