// Partitions drawn inside through the only door: what is emitted, what travels, and that the results are the same.
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "trusted/testing/entry_fixture.h"

namespace penumbra::trusted {
namespace {

using namespace testing;  // NOLINT: the tiny plan's names

constexpr size_t kCount = size_t{kRows} * kColumns;

class PartitionTest : public EntryTest {
 protected:
  void UsePartition(float theta, const std::function<void(TinyPlan*)>& change = {}) {
    TinyBundleOptions options;
    options.change_plan = [&](TinyPlan* p) {
      *p = MakeTinyPartitionPlan();
      p->header.theta = theta;
      if (change) change(p);
    };
    Use(MakeTinyBundle(options));
    host_->accelerate = [this](const HostJob& job) { Accelerate(job); };
  }
  // With what was emitted, and nothing else: a job of an operator that was not emitted fails.
  void Accelerate(const HostJob& job) {
    const std::vector<float> constants = Constants(job.segment);
    std::vector<float> x = FloatsAt(job.x_offset), y(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      y[i] = job.segment == 0 ? constants.at(kColumns + i % kColumns) * x[i] + constants.at(2 * kColumns + i % kColumns)
                              : std::max(x[i], 0.0f * constants.at(0));
    }
    sent_[job.segment] = x;
    std::memcpy(exchange_.view.data() + job.y_offset, y.data(), kCount * 4);
  }
  std::vector<float> FloatsAt(uint64_t offset) const {
    std::vector<float> x(kCount);
    std::memcpy(x.data(), exchange_.view.data() + offset, kCount * 4);
    return x;
  }
  std::vector<float> Constants(uint32_t segment) const {
    const std::vector<uint8_t> bytes = host_->Emitted(segment);
    std::vector<float> values(bytes.size() / 4);
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  static std::vector<float> Wanted(const std::vector<float>& x) {
    std::vector<float> y;
    for (const float v : x) y.push_back(std::max(kFactor * v + kSummand, 0.0f));
    return y;
  }
  void ExpectRightResult() {
    const std::vector<float> x = MakeInput(3), wanted = Wanted(x);
    ASSERT_EQ(Infer(x), Status::kOk);
    const std::vector<float> y = Output();
    for (size_t i = 0; i < kCount; ++i) ASSERT_NEAR(y[i], wanted[i], 1e-5 * (std::fabs(wanted[i]) + 1));
  }

  std::map<uint32_t, std::vector<float>> sent_;
};

TEST_F(PartitionTest, ThetaZeroPublishesNothing) {
  UsePartition(0);
  ASSERT_EQ(Load(), Status::kOk);
  ExpectRightResult();
  for (const HostJob& job : host_->seen) {
    EXPECT_NE(job.kind, JobKind::kAccelerate);
    EXPECT_FALSE(job.kind == JobKind::kWrite && job.source == JobSource::kEmitted);
  }
}

// Scales follow from what is emitted; what travels carries them, and nothing leaves as it was.
TEST_F(PartitionTest, ThetaOnePublishesEverythingScaled) {
  UsePartition(1);
  std::set<float> quotients;
  for (int load = 0; load < 8; ++load) {
    ASSERT_EQ(Load(), Status::kOk);
    const std::vector<float> constants = Constants(0);
    ASSERT_EQ(constants.size(), 3 * kColumns);
    EXPECT_EQ(constants[0], -7) << "bytes that are no constants go as they are";
    EXPECT_EQ(Constants(1).size(), kColumns);
    const float quotient = constants[kColumns] / kFactor, output = constants[2 * kColumns] / kSummand;
    EXPECT_NE(quotient, 1);
    EXPECT_NE(output, 1);
    quotients.insert(quotient);
    ExpectRightResult();
    const float input = sent_[0][0] / MakeInput(3)[0];
    EXPECT_NEAR(input * quotient, output, 1e-5 * output);
    ASSERT_EQ(sent_.size(), 2u);
    Command unload{};
    unload.id = CommandId::kUnload;
    ASSERT_EQ(Call(unload), Status::kOk);
  }
  EXPECT_EQ(quotients.size(), 8u) << "another load, the same scales";
}

TEST_F(PartitionTest, WhateverIsDrawnTheResultIsTheSame) {
  std::set<std::pair<bool, bool>> drawn;
  for (int load = 0; load < 40; ++load) {
    UsePartition(0.5f);
    sent_.clear();
    ASSERT_EQ(Load(), Status::kOk);
    ExpectRightResult();
    const bool first = sent_.contains(0), second = sent_.contains(1);
    EXPECT_EQ(!Constants(0).empty(), first);
    EXPECT_EQ(!Constants(1).empty(), second);
    drawn.insert({first, second});
  }
  EXPECT_EQ(drawn.size(), 4u);  // missed once in 2^14
}

TEST_F(PartitionTest, WhatDoesNotFitFloat32IsNotPublished) {
  UsePartition(1, [](TinyPlan* p) {
    const std::vector<float> infinite(kColumns, std::numeric_limits<float>::infinity());
    std::memcpy(p->chunks[1].data(), infinite.data(), kEmittedBlob);
  });
  EXPECT_EQ(Load(), Status::kPlanRejected);
  for (const HostJob& job : host_->seen) EXPECT_NE(job.index, kEmittedBlob) << "the blob of factors left";
  EXPECT_EQ(Infer(MakeInput(1)), Status::kWrongState);
}

TEST_F(PartitionTest, AnInputThatOverflowsUnderItsScaleEndsTheRequest) {
  UsePartition(1);
  ASSERT_EQ(Load(), Status::kOk);
  // Every scale above 1 is too much; below, kFactor is.
  std::vector<float> x(kCount, std::numeric_limits<float>::max());
  EXPECT_NE(Infer(x), Status::kOk);
  EXPECT_TRUE(OutputIsZero());
}

TEST_F(PartitionTest, AReplyThatIsNotFiniteIsRefused) {
  UsePartition(1);
  ASSERT_EQ(Load(), Status::kOk);
  host_->accelerate = [this](const HostJob& job) {
    const float bad = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(exchange_.view.data() + job.y_offset + 8, &bad, sizeof(bad));
  };
  EXPECT_EQ(Infer(MakeInput(1)), Status::kDeviceFailed);
  EXPECT_TRUE(OutputIsZero());
}

}  // namespace
}  // namespace penumbra::trusted
