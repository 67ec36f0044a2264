// What a refused reply leaves: one sealed log of one size, which names it to the vendor and nothing to anybody else.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/key_agreement.h"
#include "trusted/testing/entry_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::kPrimeCount;
using testing::kPublicColumns;
using testing::kRows;
using testing::MakeInput;
using testing::MakeTinyBundle;
using testing::TinyBundle;
using testing::TinyBundleOptions;
using testing::TinyPlan;

constexpr uint64_t kModelVersion = 7;
constexpr uint32_t kPlaneSize = kRows * kPublicColumns;
using Bytes = std::span<const uint8_t>;
using LogBytes = std::array<uint8_t, sizeof(FailureLog)>;

class FailureLogTest : public testing::EntryTest {
 protected:
  FailureLogTest() {
    EXPECT_EQ(crypto::GenerateX25519Key(vendor_private_, vendor_public_), Status::kOk);
    TinyBundleOptions options;
    options.checked = true;
    options.model_version = kModelVersion;
    options.change_plan = [this](TinyPlan* plan) {
      std::ranges::copy(vendor_public_, plan->header.failure_log_key);
    };
    checked_ = MakeTinyBundle(options);
  }

  // The n-th byte of the reply is wrong.
  void LieAt(uint32_t n) {
    host_->tamper = [n](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind != JobKind::kAccelerate) return;
      bytes[n] = static_cast<uint8_t>((bytes[n] + 1) % kPrimes[n / kPlaneSize]);
    };
  }
  FailureLog Refusal(uint32_t n) {
    Use(checked_);
    EXPECT_EQ(LoadAndMakePads(1), Status::kOk);
    LieAt(n);
    EXPECT_EQ(Infer(MakeInput(1)), Status::kIntegrity);
    EXPECT_EQ(last_.has_failure_log, 1u);
    return last_.failure_log;
  }
  static LogBytes AsBytes(const FailureLog& log) {
    LogBytes bytes;
    std::memcpy(bytes.data(), &log, sizeof(log));
    return bytes;
  }
  static Status Open(const LogBytes& log, const std::array<uint8_t, 32>& key, FailureRecord* out_record) {
    const Bytes info{reinterpret_cast<const uint8_t*>(kFailureLogContext), std::strlen(kFailureLogContext)};
    const Bytes all(log);
    return crypto::OpenBase(key, all.first<32>(), info, {}, all.subspan(32),
                            {reinterpret_cast<uint8_t*>(out_record), sizeof(*out_record)});
  }
  bool NoLog() const {
    const LogBytes bytes = AsBytes(last_.failure_log);
    return last_.has_failure_log == 0 && std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
  }

  std::array<uint8_t, 32> vendor_private_{}, vendor_public_{};
  TinyBundle checked_;
};

TEST_F(FailureLogTest, NamesTheRowToTheVendor) {
  std::array<uint8_t, 32> manifest_hash{};
  ASSERT_EQ(crypto::Sha256::Digest(checked_.manifest, manifest_hash), Status::kOk);
  for (uint32_t n = 0; n < kPrimeCount * kPlaneSize; n += 13) {
    SCOPED_TRACE(n);
    FailureRecord record{};
    ASSERT_EQ(Open(AsBytes(Refusal(n)), vendor_private_, &record), Status::kOk);
    EXPECT_EQ(record.version, kFailureRecordVersion);
    EXPECT_EQ(record.layer, 0u);
    EXPECT_EQ(record.prime, n / kPlaneSize);
    EXPECT_EQ(record.row, n % kPlaneSize / kPublicColumns);
    EXPECT_EQ(record.program, static_cast<uint32_t>(ProgramId::kInfer));
    EXPECT_GT(record.word, 0u);
    EXPECT_EQ(record.start, 2u);  // a pad, then the inference
    EXPECT_EQ(record.model_version, kModelVersion);
    EXPECT_TRUE(std::ranges::equal(record.manifest_hash, manifest_hash));
  }
}

// The same failure twice has nothing in common, not even with the same input.
TEST_F(FailureLogTest, NoTwoLogsShareAKey) {
  const FailureLog first = Refusal(3), second = Refusal(3);
  EXPECT_NE(std::memcmp(first.enc, second.enc, sizeof(first.enc)), 0);
  EXPECT_NE(std::memcmp(first.sealed, second.sealed, sizeof(first.sealed)), 0);
}

TEST_F(FailureLogTest, OpensForNobodyElseAndNotAltered) {
  const LogBytes log = AsBytes(Refusal(5));
  FailureRecord record{};
  std::array<uint8_t, 32> other{}, unused{};
  ASSERT_EQ(crypto::GenerateX25519Key(other, unused), Status::kOk);
  EXPECT_EQ(Open(log, other, &record), Status::kAuthenticationFailed);
  EXPECT_EQ(Open(log, checked_.device_private, &record), Status::kAuthenticationFailed);
  for (size_t i = 0; i < log.size(); ++i) {
    LogBytes altered = log;
    altered[i] ^= 1;
    EXPECT_EQ(Open(altered, vendor_private_, &record), Status::kAuthenticationFailed) << i;
  }
  EXPECT_EQ(Open(log, vendor_private_, &record), Status::kOk);
}

// Only a refused reply leaves one, and only once.
TEST_F(FailureLogTest, NothingElseLeavesALog) {
  Use(checked_);
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  EXPECT_TRUE(NoLog());
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  EXPECT_TRUE(NoLog());
  device_status_ = Status::kDeviceFailed;
  ASSERT_EQ(Infer(MakeInput(1)), Status::kDeviceFailed);
  EXPECT_TRUE(NoLog());
  device_status_ = Status::kOk;
  LieAt(0);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kIntegrity);
  EXPECT_FALSE(NoLog());
  ASSERT_EQ(Infer(MakeInput(1)), Status::kPoisoned);
  EXPECT_TRUE(NoLog());
  Command info{};
  info.id = CommandId::kInfo;
  ASSERT_EQ(Call(info), Status::kOk);
  EXPECT_TRUE(NoLog());

  Use(checked_);
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  host_->tamper = [](const HostJob& job, std::span<uint8_t> bytes) {
    if (job.kind == JobKind::kRead) bytes[0] ^= 1;
  };
  ASSERT_EQ(Infer(MakeInput(1)), Status::kAuthenticationFailed);
  EXPECT_TRUE(NoLog());
}

// The exchange region tells nothing about a failure: it is as it was when the reply was there, but for zeros as output.
TEST_F(FailureLogTest, NothingElseLeaves) {
  Use(checked_);
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  LieAt(0);
  const std::vector<float> x = MakeInput(1);
  std::memcpy(exchange_.view.data() + 8192, x.data(), x.size() * 4);
  Command command{};
  command.id = CommandId::kStart;
  command.program = ProgramId::kInfer;
  Reply reply{};
  std::vector<uint8_t> before;
  Dispatch(enclave_, command, &reply);
  while (IsOk(reply.status) && reply.job.kind != JobKind::kNone) {
    host_->Serve(reply.job);
    before.assign(exchange_.view.begin(), exchange_.view.end());
    Command step{};
    step.id = CommandId::kStep;
    Dispatch(enclave_, step, &reply);
  }
  ASSERT_EQ(reply.status, Status::kIntegrity);
  EXPECT_TRUE(OutputIsZero());
  std::ranges::fill(std::span(before).subspan(16384, Output().size() * 4), uint8_t{0});
  EXPECT_TRUE(std::ranges::equal(before, exchange_.view));
  EXPECT_EQ(reply.job.kind, JobKind::kNone);
  EXPECT_EQ(reply.receipt_size, 0u);
  EXPECT_EQ(reply.info.pads_ready, 0u);
  EXPECT_EQ(reply.info.clamped_count, 0u);
}

TEST_F(FailureLogTest, AKeyNobodyCanOwnIsRefused) {
  TinyBundleOptions options;
  options.change_plan = [](TinyPlan* plan) { std::ranges::fill(plan->header.failure_log_key, uint8_t{0}); };
  Use(MakeTinyBundle(options));
  EXPECT_EQ(Load(), Status::kPlanRejected);
}

}  // namespace
}  // namespace penumbra::trusted
