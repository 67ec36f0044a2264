#include "accel/malicious/malicious_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "accel/conformance/test_segment.h"
#include "accel/malicious/lies.h"
#include "accel/registry.h"

namespace penumbra {

std::string_view conformance::BackendName() { return "reference"; }

namespace malicious {
namespace {

using conformance::RunData;
using conformance::TestSegment;
using std::chrono::microseconds;

TestSegment ConvSegment(uint32_t out_c, uint32_t seed) {
  TestSegment s;
  s.inputs = {s.Residue(6, 6, 4, 2)};
  s.outputs = {s.ConvResidue(s.inputs[0], conformance::Square(6, 4, out_c, 3, 1, 1, 1), 2)};
  conformance::Rng rng(seed);
  conformance::FillWeights(rng, 2, /*edge=*/false, &s.blobs.back());
  return s;
}

class MaliciousDeviceTest : public testing::Test {
 protected:
  MaliciousDeviceTest() : segment_(ConvSegment(5, 1)), data_(segment_, 1), other_(segment_, 1) {
    std::unique_ptr<Device> honest;
    EXPECT_EQ(CreateDevice("reference", &honest), Status::kOk);
    device_ = std::make_unique<MaliciousDevice>(std::move(honest));
    EXPECT_EQ(device_->Prepare(segment_.view(), segment_, {}, &prepared_, nullptr), Status::kOk);
    FillInput(&data_, 1);
    FillInput(&other_, 2);
    right_ = Answer(&data_, {});
    other_right_ = Answer(&other_, {});
    EXPECT_NE(right_, other_right_);
  }

  void FillInput(RunData* data, uint64_t seed) const {
    Rng rng(seed);
    for (size_t i = 0; i < data->inputs[0].size(); ++i) {
      data->inputs[0].As<uint8_t>()[i] = static_cast<uint8_t>(Draw(&rng, 256));
    }
  }
  std::vector<uint8_t> Answer(RunData* data, const Orders& orders) {
    device_->Give(orders);
    return Again(data);
  }
  // Under the orders given last.
  std::vector<uint8_t> Again(RunData* data) {
    EXPECT_EQ(data->Run(prepared_.get(), 1, conformance::FullRows(segment_)), Status::kOk);
    const uint8_t* bytes = data->outputs[0].As<uint8_t>();
    return {bytes, bytes + data->outputs[0].size()};
  }
  void ExpectAccount(uint64_t jobs, uint64_t lies, uint64_t wrong) const {
    const Account account = device_->account();
    EXPECT_EQ(account.job_count, jobs);
    EXPECT_EQ(account.lie_count, lies);
    EXPECT_EQ(account.wrong_count, wrong);
  }

  TestSegment segment_;
  RunData data_, other_;
  std::unique_ptr<MaliciousDevice> device_;
  std::unique_ptr<PreparedSegment> prepared_;
  std::vector<uint8_t> right_, other_right_;
};

TEST_F(MaliciousDeviceTest, LiesAreToldAndCounted) {
  for (const Lie lie : {Lie::kFlipBit, Lie::kChangeElement, Lie::kReplaceTile, Lie::kSwapChannels,
                        Lie::kAddConstant, Lie::kZeros}) {
    SCOPED_TRACE(LieName(lie));
    EXPECT_NE(Answer(&data_, {.lie = lie}), right_);
    ExpectAccount(1, 1, 1);
    EXPECT_EQ(Again(&data_), right_);  // lie_limit
    ExpectAccount(2, 1, 1);
  }
}

TEST_F(MaliciousDeviceTest, HonestControlsAreNotWrong) {
  EXPECT_EQ(Answer(&data_, {}), right_);
  ExpectAccount(1, 0, 0);
  EXPECT_NE(Answer(&data_, {.lie = Lie::kOtherRepresentative}), right_);
  ExpectAccount(1, 1, 0);
  EXPECT_EQ(Answer(&data_, {.lie = Lie::kLate, .delay = microseconds(50)}), right_);
  ExpectAccount(1, 1, 0);
}

TEST_F(MaliciousDeviceTest, RepliesOfOthersAreTheirs) {
  EXPECT_EQ(Answer(&data_, {.lie = Lie::kOtherRequest}), other_right_);
  ExpectAccount(1, 1, 1);
  FillInput(&data_, 3);
  EXPECT_EQ(Answer(&data_, {.lie = Lie::kOldReply}), right_);
  ExpectAccount(1, 1, 1);
  const std::vector<uint8_t> changed_right = Answer(&data_, {});

  EXPECT_EQ(Answer(&data_, {.lie = Lie::kOtherLayer}), changed_right);  // there is none
  ExpectAccount(1, 0, 0);
  TestSegment wide = ConvSegment(9, 2);
  wide.nodes[0].weight_blob = 1;  // segments of one file have blobs of their own
  wide.blobs.insert(wide.blobs.begin(), wide.blobs.front());
  RunData wide_data(wide, 1);
  std::unique_ptr<PreparedSegment> wide_prepared;
  ASSERT_EQ(device_->Prepare(wide.view(), wide, {}, &wide_prepared, nullptr), Status::kOk);
  device_->Give({});
  ASSERT_EQ(wide_data.Run(wide_prepared.get(), 1, conformance::FullRows(wide)), Status::kOk);
  const std::vector<uint8_t> told = Answer(&data_, {.lie = Lie::kOtherLayer});
  EXPECT_TRUE(std::equal(told.begin(), told.end(), wide_data.outputs[0].As<uint8_t>()));
}

TEST_F(MaliciousDeviceTest, AShortReplyLeavesTheRegionsEnd) {
  uint8_t* region = data_.outputs[0].As<uint8_t>();
  std::fill_n(region, right_.size(), uint8_t{0xee});
  const std::vector<uint8_t> told = Answer(&data_, {.lie = Lie::kShort});
  const auto cut = std::ranges::mismatch(told, right_).in1;
  EXPECT_TRUE(std::all_of(cut, told.end(), [](uint8_t byte) { return byte == 0xee; }));
  EXPECT_NE(cut, told.end());
}

TEST_F(MaliciousDeviceTest, OrdersSayWhenToLie) {
  device_->Give({.lie = Lie::kFlipBit, .honest_jobs = 3, .lie_limit = 2});
  for (int job = 0; job < 7; ++job) {
    EXPECT_EQ(Again(&data_) != right_, job == 3 || job == 4) << job;
  }
  device_->Give({.lie = Lie::kFlipBit, .one_in = 10, .lie_limit = 1000});
  for (int job = 0; job < 1000; ++job) Again(&data_);
  EXPECT_NEAR(static_cast<double>(device_->account().lie_count), 100, 60);
}

TEST_F(MaliciousDeviceTest, WritersGoOnAfterTheReplyUntilReleased) {
  const auto reads_right = [this] {
    for (size_t i = 0; i < right_.size(); ++i) {
      if (std::atomic_ref(data_.outputs[0].As<uint8_t>()[i]) != right_[i]) return false;
    }
    return true;
  };
  for (const Lie lie : {Lie::kRacing, Lie::kTwice}) {
    SCOPED_TRACE(LieName(lie));
    device_->Give({.lie = lie, .seed = 1});
    ASSERT_EQ(data_.Run(prepared_.get(), 1, conformance::FullRows(segment_)), Status::kOk);
    while (reads_right()) std::this_thread::yield();
    device_->Release();
    const std::vector<uint8_t> rest(data_.outputs[0].As<uint8_t>(),
                                    data_.outputs[0].As<uint8_t>() + right_.size());
    EXPECT_EQ(rest == right_, lie == Lie::kRacing);
  }
  EXPECT_EQ(Answer(&data_, {}), right_);
}

TEST_F(MaliciousDeviceTest, AHangEndsWithRelease) {
  device_->Give({.lie = Lie::kNever});
  std::atomic<bool> ended{false};
  std::thread job([&] {
    EXPECT_EQ(data_.Run(prepared_.get(), 1, conformance::FullRows(segment_)), Status::kOk);
    ended = true;
  });
  while (device_->account().lie_count == 0) std::this_thread::yield();
  EXPECT_FALSE(ended);
  device_->Release();
  job.join();
  EXPECT_TRUE(ended);
}

TEST(Lies, HaveDistinctNames) {
  std::vector<std::string_view> names;
  for (const Lie lie : Lies()) names.push_back(LieName(lie));
  EXPECT_EQ(names.size(), static_cast<size_t>(Lie::kNever) + 1);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace malicious
}  // namespace penumbra
