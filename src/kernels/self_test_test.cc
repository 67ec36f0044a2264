#include "kernels/self_test.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/restore_plan.h"

namespace penumbra {
namespace {

class SelfTest : public ::testing::Test {
 protected:
  Status Run(const KernelTable& table) {
    return SelfTestKernels(table, scratch_.data() + (64 - Misalignment()) % 64);
  }

 private:
  size_t Misalignment() const { return reinterpret_cast<uintptr_t>(scratch_.data()) % 64; }
  std::vector<uint8_t> scratch_ = std::vector<uint8_t>(kSelfTestScratchSize + 64);
};

TEST_F(SelfTest, EverySupportedTablePasses) {
  for (uint32_t i = 0; i < kIsaCount; ++i) {
    const auto isa = static_cast<Isa>(i);
    if (IsaSupported(isa)) {
      EXPECT_EQ(Run(Kernels(isa)), Status::kOk) << IsaName(isa);
    }
  }
}

// A product that is right everywhere but at saturation is what AVX2's vpmaddubsw would give.
void SaturatingGemm(const GemmU8S8Job& job) {
  Kernels(Isa::kScalar).gemm_u8s8(job);
  for (uint32_t i = 0; i < job.rows; ++i) {
    for (uint32_t n = 0; n < job.n; ++n) {
      int32_t& c = job.out_c[i * job.c_stride + n];
      c = c > 32767 * 2000 ? 32767 * 2000 : c;
    }
  }
}

TEST_F(SelfTest, RefusesSaturatingProduct) {
  KernelTable table = Kernels(DetectIsa());
  table.gemm_u8s8 = &SaturatingGemm;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

void ReduceOffByOne(const int32_t* sums, size_t count, uint16_t prime, uint8_t* out) {
  Kernels(Isa::kScalar).reduce_mod(sums, count, prime, out);
  for (size_t i = 0; i < count; ++i) {
    if (sums[i] == INT32_MIN) out[i] ^= 1;
  }
}

TEST_F(SelfTest, RefusesOneWrongResidue) {
  KernelTable table = Kernels(DetectIsa());
  table.reduce_mod = &ReduceOffByOne;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

// Wrong in the last output of a row only.
void ProductWithOneWrongResidue(const ResidueGemmJob& job) {
  Kernels(Isa::kScalar).residue_gemm(job);
  if (job.n > 16) job.out[job.n - 1] ^= 1;
}

TEST_F(SelfTest, RefusesAWrongResidueProduct) {
  KernelTable table = Kernels(DetectIsa());
  table.residue_gemm = &ProductWithOneWrongResidue;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

// Right for every tile but the largest.
void InputsOfSmallTiles(const WinogradInputJob& job) {
  Kernels(Isa::kScalar).winograd_input(job);
  if (job.plan->out == kWinogradMaxOut) job.out[job.position_size] ^= 1;
}

TEST_F(SelfTest, RefusesAWrongWinogradTransform) {
  KernelTable table = Kernels(DetectIsa());
  table.winograd_input = &InputsOfSmallTiles;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

// Right but for short covers.
void RestoreWithoutShortCovers(const RestoreJob& job) {
  Kernels(Isa::kScalar).restore(job);
  if (job.out_integer != nullptr && job.plan->b == nullptr && job.plan->covers.lookup_count == 0) job.out_integer[0] ^= 1;
}

TEST_F(SelfTest, RefusesAWrongCover) {
  KernelTable table = Kernels(DetectIsa());
  table.restore = &RestoreWithoutShortCovers;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

void ExpOneUlpOff(const float* x, size_t count, float a, float b, float* out_y) {
  Kernels(Isa::kScalar).unary[static_cast<uint32_t>(Unary::kExp)](x, count, a, b, out_y);
  out_y[count - 1] = __builtin_nextafterf(out_y[count - 1], 1e30f);
}

TEST_F(SelfTest, RefusesOneUlp) {
  KernelTable table = Kernels(DetectIsa());
  table.unary[static_cast<uint32_t>(Unary::kExp)] = &ExpOneUlpOff;
  EXPECT_EQ(Run(table), Status::kSelfTestFailed);
}

}  // namespace
}  // namespace penumbra
