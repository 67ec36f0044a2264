#include "kernels/project.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace penumbra {
namespace {

struct Case {
  uint32_t runs, length, pixels, projections;
  size_t pixel_stride;
};

// In 64 bits, element by element.
int64_t Wanted(const ProjectJob& job, uint32_t pixel, uint32_t projection) {
  int64_t sum = 0;
  for (uint32_t r = 0; r < job.run_count; ++r) {
    const uint8_t* x = job.runs[r].x + pixel * job.pixel_stride;
    const int8_t* t = job.runs[r].t + projection * job.projection_stride;
    for (uint32_t c = 0; c < job.length; ++c) sum += int64_t{x[c]} * t[c];
  }
  return sum;
}

void ExpectExact(const ProjectJob& job) {
  for (const Isa isa : SupportedIsas()) {
    std::vector<int32_t> sums(size_t{job.pixels} * job.projections + 16, 0x5a5a5a5a);
    ProjectJob run = job;
    run.sums = sums.data();
    Kernels(isa).project(run);
    for (uint32_t i = 0; i < job.pixels; ++i) {
      for (uint32_t j = 0; j < job.projections; ++j) {
        ASSERT_EQ(sums[size_t{i} * job.projections + j], Wanted(job, i, j))
            << IsaName(isa) << " pixel " << i << " projection " << j;
      }
    }
    for (size_t i = size_t{job.pixels} * job.projections; i < sums.size(); ++i) {
      ASSERT_EQ(sums[i], 0x5a5a5a5a) << IsaName(isa);
    }
  }
}

TEST(Project, ExactForEveryShape) {
  TestRandom random(1);
  const std::vector<Case> cases = {{1, 1, 1, 1, 1},    {1, 64, 4, 6, 64},   {3, 192, 14, 6, 64}, {3, 9, 5, 6, 3},
                                   {2, 63, 3, 5, 70},  {2, 65, 7, 7, 65},   {7, 21, 9, 12, 6},   {1, 4608, 1, 6, 0},
                                   {9, 16, 11, 15, 16}, {1, 128, 4, 2, 256}, {1, 300, 6, 3, 300}, {1, 77, 8, 4, 77}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.length);
    // Vectors that end with the last byte a kernel may read.
    std::vector<std::vector<uint8_t>> x(c.runs);
    std::vector<std::vector<int8_t>> t(c.runs);
    std::vector<ProjectRun> runs;
    const size_t projection_stride = c.length + 5;
    for (uint32_t r = 0; r < c.runs; ++r) {
      x[r] = random.Integers<uint8_t>((c.pixels - 1) * c.pixel_stride + c.length, 0, 255);
      t[r] = random.Integers<int8_t>((c.projections - 1) * projection_stride + c.length, -125, 125);
      runs.push_back({x[r].data(), t[r].data()});
    }
    ExpectExact({runs.data(), c.runs, c.length, c.pixel_stride, projection_stride, c.pixels, c.projections, nullptr});
  }
}

// The longest filter a layer may have, at the ends of both ranges: just below 2^31.
TEST(Project, LargestSumsFit) {
  constexpr uint32_t kLength = 67371;
  const std::vector<uint8_t> x(kLength, 255);
  for (const int8_t extreme : {int8_t{125}, int8_t{-125}}) {
    const std::vector<int8_t> t(kLength, extreme);
    const ProjectRun run = {x.data(), t.data()};
    ExpectExact({&run, 1, kLength, 0, 0, 5, 6, nullptr});
  }
}

TEST(Combine, AddsEveryRowTimesItsFactor) {
  TestRandom random(2);
  for (const uint32_t count : {1u, 2u, 3u, 64u, 333u}) {
    for (const uint32_t length : {1u, 15u, 16u, 300u}) {
      for (const bool extreme : {false, true}) {
        const size_t stride = length + 3;
        auto rows = random.Integers<int8_t>(count * stride, -128, 127);
        auto factors = random.Integers<int8_t>(count, -125, 125);
        if (extreme) {
          std::fill(rows.begin(), rows.end(), int8_t{-128});
          std::fill(factors.begin(), factors.end(), int8_t{-125});
        }
        const auto start = random.Integers<int32_t>(length, -125, 125);
        for (const Isa isa : SupportedIsas()) {
          std::vector<int32_t> sums = start;
          Kernels(isa).combine({rows.data(), stride, factors.data(), count, length, sums.data()});
          for (uint32_t c = 0; c < length; ++c) {
            int64_t wanted = start[c];
            for (uint32_t o = 0; o < count; ++o) wanted += int64_t{factors[o]} * rows[o * stride + c];
            ASSERT_EQ(sums[c], wanted) << IsaName(isa) << " " << count << " rows, column " << c;
          }
        }
      }
    }
  }
}

TEST(Combine, TheMostChannelsFit) {
  constexpr uint32_t kCount = 65535;
  const std::vector<int8_t> rows(kCount, -128), factors(kCount, 125);
  for (const Isa isa : SupportedIsas()) {
    int32_t sum = 0;
    Kernels(isa).combine({rows.data(), 1, factors.data(), kCount, 1, &sum});
    EXPECT_EQ(sum, -int32_t{kCount} * 128 * 125) << IsaName(isa);
  }
}

}  // namespace
}  // namespace penumbra
