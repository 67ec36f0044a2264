// Residue convolutions: every reply congruent to the integer convolution modulo its prime.
#include <gtest/gtest.h>

#include "accel/conformance/oracle.h"

namespace penumbra::conformance {
namespace {

struct Case {
  ConvGeometry geometry;
  uint32_t primes = 3, batch = 1, threads = 1;
  bool edge = false;  // near the largest sums: inputs 254 and 255, weights near one end
};

std::string Describe(const Case& c) {
  const ConvGeometry& g = c.geometry;
  std::string text = "geometry";
  for (uint32_t v : {g.in_h, g.in_w, g.in_c, g.out_h, g.out_w, g.out_c, g.kernel_h, g.kernel_w,
                     g.stride_h, g.stride_w, g.dilation_h, g.dilation_w, g.pad_top, g.pad_left,
                     g.pad_bottom, g.pad_right, g.groups}) {
    text += " " + std::to_string(v);
  }
  return text + ", primes " + std::to_string(c.primes) + ", batch " + std::to_string(c.batch) +
         ", threads " + std::to_string(c.threads);
}

void FillResidues(Rng& rng, bool edge, Buffer* out_data) {
  auto* x = out_data->As<uint8_t>();
  for (size_t i = 0; i < out_data->size(); ++i) {
    x[i] = static_cast<uint8_t>(edge ? 255 - (rng() >> 31) : rng() >> 24);
  }
}

// Rows `rows` of every plane are right and all others untouched.
void ExpectRows(const TestSegment& s, const SegmentNode& n, const Buffer& x, const Buffer& y,
                uint32_t batch, RowRange rows) {
  const ConvGeometry& g = n.geometry;
  const SegmentTensor& in = s.tensors[n.inputs[0]];
  const SegmentTensor& out = s.tensors[n.output];
  const auto* weights = reinterpret_cast<const int8_t*>(s.Blob(n.weight_blob).data());
  for (uint32_t k = 0; k < out.prime_count; ++k) {
    const int8_t* w = weights + k * FilterLength(g) * g.out_c;
    for (uint32_t b = 0; b < batch; ++b) {
      const size_t sample = size_t{k} * batch + b;
      const uint8_t* got = y.As<uint8_t>() + sample * SampleCount(out);
      for (size_t i = 0; i < SampleCount(out); ++i) {
        const auto oc = static_cast<uint32_t>(i % g.out_c);
        const auto pixel = static_cast<uint32_t>(i / g.out_c);
        const uint32_t oy = pixel / g.out_w, ox = pixel % g.out_w;
        if (oy < rows.begin || oy >= rows.end) {
          ASSERT_EQ(got[i], Buffer::kGuard) << "row " << oy << " was not asked for";
          continue;
        }
        const int64_t sum =
            ResidueSum(g, x.As<uint8_t>() + sample * SampleCount(in), w, oy, ox, oc);
        ASSERT_EQ((sum - got[i]) % kPrimes[k], 0)
            << "prime " << k << " sample " << b << " at " << oy << "," << ox << "," << oc
            << ": sum " << sum << ", reply " << int{got[i]};
      }
    }
  }
}

void RunCase(const Case& c, Rng& rng) {
  SCOPED_TRACE(Describe(c));
  const ConvGeometry& g = c.geometry;
  TestSegment s;
  s.inputs = {s.Residue(g.in_h, g.in_w, g.in_c, c.primes)};
  s.outputs = {s.ConvResidue(s.inputs[0], g, c.primes)};
  FillWeights(rng, c.primes, c.edge, &s.blobs[0]);
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {c.threads, 3}, &prepared, &why), Status::kOk) << why;
  std::vector<RowRange> ranges = {{0, g.out_h}};
  if (Backend().capabilities().row_ranges && g.out_h > 1) {
    const uint32_t begin = Draw(rng, 0, g.out_h - 1);
    ranges.push_back({begin, Draw(rng, begin + 1, g.out_h)});
  }
  for (const RowRange& rows : ranges) {
    RunData data(s, c.batch);
    FillResidues(rng, c.edge, &data.inputs[0]);
    ASSERT_EQ(data.Run(prepared.get(), c.batch, rows), Status::kOk);
    ExpectRows(s, s.nodes[0], data.inputs[0], data.outputs[0], c.batch, rows);
    ASSERT_TRUE(data.outputs[0].GuardIntact());
  }
}

class ResidueConformance : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RunsResidues()) GTEST_SKIP() << "not announced";
  }
};

TEST_F(ResidueConformance, RandomShapes) {
  Rng rng(1);
  for (int i = 0; i < 250 && !HasFatalFailure(); ++i) {
    Case c{RandomGeometry(rng, 12, 40)};
    c.primes = Draw(rng, 1, std::min(kMaxPrimes, Backend().capabilities().max_primes));
    c.batch = Draw(rng, 1, 3);
    c.threads = Draw(rng, 1, 2);
    c.edge = i % 3 == 0;
    RunCase(c, rng);
  }
}

// Every one of 255 and the largest weight, with one sign: the largest sums there are.
TEST_F(ResidueConformance, LargestSums) {
  const ConvGeometry dense = {1, 1, 67372, 1, 1, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  ASSERT_EQ(FilterLength(dense), kMaxResidueFilterLength);
  for (const ConvGeometry& g :
       {dense, Square(5, 512, 20, 3, 1, 1, 1), Square(30, 1, 2, 27, 1, 13, 1)}) {
    for (int sign : {-1, 1}) {
      TestSegment s;
      s.inputs = {s.Residue(g.in_h, g.in_w, g.in_c, 1)};
      s.outputs = {s.ConvResidue(s.inputs[0], g, 1)};
      std::memset(s.blobs[0].data(), sign * 125, s.blobs[0].size());
      std::unique_ptr<PreparedSegment> prepared;
      ASSERT_EQ(Backend().Prepare(s.view(), s, {}, &prepared), Status::kOk);
      RunData data(s, 1);
      std::memset(data.inputs[0].data(), 255, data.inputs[0].size());
      ASSERT_EQ(data.Run(prepared.get(), 1, FullRows(s)), Status::kOk);
      ExpectRows(s, s.nodes[0], data.inputs[0], data.outputs[0], 1, FullRows(s));
      if (HasFatalFailure()) return;
    }
  }
}

// Lengths around the limits of float32 (526) and int32 (67372) arithmetic, kernels larger than
// either cut can take in one piece, and grouped layers with long filters.
TEST_F(ResidueConformance, LongFilters) {
  Rng rng(2);
  const ConvGeometry cases[] = {
      Square(1, 526, 5, 1, 1, 0, 1),
      Square(1, 527, 5, 1, 1, 0, 1),
      Square(2, 600, 9, 1, 1, 0, 1),
      Square(6, 59, 16, 3, 1, 1, 1),
      Square(5, 128, 6, 3, 1, 1, 2),
      Square(5, 512, 17, 3, 2, 1, 1),
      Square(100, 1, 1, 27, 1, 13, 1),
      Square(28, 1, 1, 27, 1, 13, 1),
      Square(28, 16, 16, 27, 1, 13, 0),
      Square(26, 2, 4, 25, 1, 12, 2),
      {1, 700, 1, 1, 101, 4, 1, 600, 1, 1, 1, 1, 0, 0, 0, 0, 1},
      {1, 1, 67372, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
  };
  for (const ConvGeometry& g : cases) {
    for (bool edge : {false, true}) RunCase({g, 2, 2, edge ? 1u : 2u, edge}, rng);
    if (HasFatalFailure()) return;
  }
}

// Images large enough to be cut into pieces, whole and by rows.
TEST_F(ResidueConformance, LargeImages) {
  Rng rng(3);
  for (uint32_t threads : {1, 2}) {
    RunCase({Square(60, 8, 40, 3, 1, 1, 1), 2, 2, threads, true}, rng);
    RunCase({Square(90, 3, 32, 7, 2, 3, 1), 1, 1, threads, false}, rng);
    RunCase({Square(70, 32, 32, 3, 1, 1, 0), 2, 1, threads, true}, rng);
    if (HasFatalFailure()) return;
  }
}

// 3x3 filters of stride 1 over several tiles of any Winograd kernel: ragged tiles, channels that fill
// no vector, no padding and padding on one side only, several strips, sums at both ends.
TEST_F(ResidueConformance, ThreeByThree) {
  Rng rng(7);
  const ConvGeometry cases[] = {
      Square(12, 32, 76, 3, 1, 1, 1),   Square(14, 64, 153, 3, 1, 1, 1),
      Square(13, 65, 17, 3, 1, 1, 1),   Square(15, 40, 64, 3, 1, 0, 1),
      Square(9, 130, 5, 3, 1, 2, 1),    Square(58, 96, 20, 3, 1, 1, 1),
      {9, 17, 33, 9, 15, 49, 3, 3, 1, 1, 1, 1, 2, 0, 0, 0, 1},
      {17, 9, 64, 16, 10, 80, 3, 3, 1, 1, 1, 1, 0, 1, 1, 2, 1},
  };
  for (const ConvGeometry& g : cases) {
    for (uint32_t threads : {1, 2}) {
      for (bool edge : {false, true}) RunCase({g, kMaxPrimes, threads, threads, edge}, rng);
    }
    if (HasFatalFailure()) return;
  }
}

// Channels that fill no vector, kernels that do and do not share columns, stride, dilation.
TEST_F(ResidueConformance, Depthwise) {
  Rng rng(8);
  const ConvGeometry cases[] = {
      Square(9, 2, 2, 3, 1, 1, 0),    Square(9, 63, 63, 3, 1, 1, 0), Square(9, 64, 64, 3, 2, 1, 0),
      Square(8, 96, 96, 3, 2, 1, 0),  Square(7, 130, 130, 3, 1, 0, 0),
      Square(9, 144, 144, 5, 1, 2, 0), Square(10, 40, 40, 5, 2, 2, 0),
      Square(9, 33, 33, 3, 3, 1, 0),  Square(9, 65, 65, 2, 1, 0, 0), Square(9, 20, 20, 4, 1, 2, 0),
      Square(11, 31, 31, 7, 1, 3, 0), {1, 9, 70, 1, 9, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 70},
      {12, 12, 48, 12, 12, 48, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 48},
      {9, 1, 48, 9, 1, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 48},
  };
  for (const ConvGeometry& g : cases) {
    for (uint32_t threads : {1, 2}) {
      for (bool edge : {false, true}) RunCase({g, kMaxPrimes, threads, threads, edge}, rng);
    }
    if (HasFatalFailure()) return;
  }
}

// Published channel counts that fill no vector, dense and 1x1, so few rows that threads share the
// channels, and first layers with short kernel rows.
TEST_F(ResidueConformance, OddChannels) {
  Rng rng(9);
  const ConvGeometry cases[] = {
      Square(1, 300, 614, 1, 1, 0, 1), Square(1, 37, 1, 1, 1, 0, 1), Square(7, 64, 307, 1, 1, 0, 1),
      Square(14, 76, 33, 1, 1, 0, 1),  Square(9, 128, 153, 1, 2, 0, 1),
      Square(30, 3, 76, 3, 1, 1, 1),   Square(31, 3, 38, 7, 2, 3, 1), Square(20, 6, 20, 7, 2, 3, 1),
      Square(12, 5, 9, 5, 1, 2, 1),    {3, 3, 8, 5, 6, 20, 1, 1, 1, 1, 1, 1, 0, 0, 2, 3, 1},
      {40, 12, 16, 40, 12, 50, 3, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1},
  };
  for (const ConvGeometry& g : cases) {
    for (uint32_t threads : {1, 2}) {
      for (bool edge : {false, true}) RunCase({g, kMaxPrimes, 4 - threads, threads, edge}, rng);
    }
    if (HasFatalFailure()) return;
  }
}

TEST_F(ResidueConformance, SixPrimesManyRuns) {
  Rng rng(4);
  if (Backend().capabilities().max_primes < kMaxPrimes) return;
  for (uint32_t batch : {3, 1, 2})
    RunCase({Square(9, 24, 20, 3, 1, 1, 1), 6, batch, 2, false}, rng);
}

// A representative above the prime is as good an input as the canonical one.
TEST_F(ResidueConformance, ChainWithBothTensorsOut) {
  Rng rng(5);
  const ConvGeometry first = Square(8, 12, 20, 3, 1, 1, 1), second = Square(8, 20, 7, 1, 2, 0, 1);
  TestSegment s;
  s.inputs = {s.Residue(8, 8, 12, 3)};
  const uint32_t middle = s.ConvResidue(s.inputs[0], first, 3);
  s.outputs = {s.ConvResidue(middle, second, 3), middle};
  for (Buffer& blob : s.blobs) FillWeights(rng, 3, false, &blob);
  std::unique_ptr<PreparedSegment> prepared;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {1, 2}, &prepared), Status::kOk);
  RunData data(s, 2);
  FillResidues(rng, false, &data.inputs[0]);
  ASSERT_EQ(data.Run(prepared.get(), 2, FullRows(s)), Status::kOk);
  ExpectRows(s, s.nodes[0], data.inputs[0], data.outputs[1], 2, {0, 8});
  ExpectRows(s, s.nodes[1], data.outputs[1], data.outputs[0], 2, {0, 4});
}

TEST_F(ResidueConformance, ResultsDoNotDependOnThreads) {
  Rng rng(6);
  const ConvGeometry g = Square(33, 17, 31, 3, 1, 1, 1);
  TestSegment s;
  s.inputs = {s.Residue(g.in_h, g.in_w, g.in_c, 3)};
  s.outputs = {s.ConvResidue(s.inputs[0], g, 3)};
  FillWeights(rng, 3, false, &s.blobs[0]);
  RunData one(s, 1), two(s, 1);
  FillResidues(rng, false, &one.inputs[0]);
  std::memcpy(two.inputs[0].data(), one.inputs[0].data(), one.inputs[0].size());
  for (uint32_t threads : {1, 2}) {
    std::unique_ptr<PreparedSegment> prepared;
    ASSERT_EQ(Backend().Prepare(s.view(), s, {threads, 1}, &prepared), Status::kOk);
    RunData& data = threads == 1 ? one : two;
    ASSERT_EQ(data.Run(prepared.get(), 1, FullRows(s)), Status::kOk);
  }
  const size_t plane = SampleCount(s.tensors[s.outputs[0]]);
  for (size_t i = 0; i < 3 * plane; ++i) {
    const int difference = one.outputs[0].As<uint8_t>()[i] - two.outputs[0].As<uint8_t>()[i];
    ASSERT_EQ(difference % kPrimes[i / plane], 0);
  }
}

}  // namespace
}  // namespace penumbra::conformance
