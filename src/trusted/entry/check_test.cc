// Checked replies through the only door: what is right passes, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "boundary/geometry.h"
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

class CheckTest : public testing::EntryTest {};

TEST_F(CheckTest, CheckedInferenceIsExact) {
  Use(CheckedBundle());
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  for (uint32_t seed = 0; seed < 3; ++seed) {
    ASSERT_EQ(Infer(MakeInput(seed)), Status::kOk);
    EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(seed)));
  }
}

// Over the papers' prime with two projections: any representative passes, and any wrong word anywhere does not.
TEST_F(CheckTest, CheckedPrimeRepliesAreExactOrRefused) {
  TinyBundleOptions options;
  options.checked = options.prime = true;
  const TinyBundle bundle = MakeTinyBundle(options);
  Use(bundle);
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  for (uint32_t seed = 0; seed < 3; ++seed) {
    ASSERT_EQ(Infer(MakeInput(seed)), Status::kOk);
    EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(seed)));
  }
  for (uint32_t victim = 0; victim < kRows * kPublicColumns; ++victim) {
    Use(bundle);
    ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
    host_->tamper = [victim](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind != JobKind::kAccelerate) return;
      auto* words = reinterpret_cast<uint32_t*>(bytes.data());
      words[victim] = (words[victim] + 1 + victim * 65003 % (kFieldPrime - 1)) % kFieldPrime;
    };
    ASSERT_EQ(Infer(MakeInput(1)), Status::kIntegrity) << "word " << victim;
    EXPECT_TRUE(OutputIsZero());
    EXPECT_EQ(Start(ProgramId::kMakePad), Status::kPoisoned);
  }
}

// Every number that means the right residue passes, and gives the same bits.
TEST_F(CheckTest, EveryRepresentativeOfARightWordIsAccepted) {
  TinyBundleOptions options;
  options.checked = options.prime = true;
  Use(MakeTinyBundle(options));
  ASSERT_EQ(Load(), Status::kOk);
  for (uint64_t more = 0; more <= 0xffffffff; more += kFieldPrime) {
    host_->tamper = [more](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind != JobKind::kAccelerate) return;
      for (size_t i = 0; i < bytes.size(); i += sizeof(uint32_t)) {
        uint32_t word;
        std::memcpy(&word, bytes.data() + i, sizeof(word));
        const uint64_t other = word % kFieldPrime + more;
        if (other > 0xffffffff) continue;
        word = static_cast<uint32_t>(other);
        std::memcpy(bytes.data() + i, &word, sizeof(word));
      }
    };
    ASSERT_EQ(Start(ProgramId::kMakePad), Status::kOk);
    ASSERT_EQ(Infer(MakeInput(1)), Status::kOk) << more;
    ASSERT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(1))) << more;
  }
}

// The tiny host replies with any representative; a check must see through that. Every single byte of the reply, and
// differences of every size.
TEST_F(CheckTest, AWrongReplyAnywhereEndsTheModel) {
  const TinyBundle bundle = CheckedBundle();
  const uint32_t reply_size = kPrimeCount * kRows * kPublicColumns;
  for (uint32_t victim = 0; victim < reply_size; ++victim) {
    Use(bundle);
    ASSERT_EQ(LoadAndMakePads(2), Status::kOk);
    const uint32_t prime = kPrimes[victim / (kRows * kPublicColumns)];
    const uint32_t difference = 1 + victim % (prime - 1);
    host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind != JobKind::kAccelerate) return;
      bytes[victim] = static_cast<uint8_t>((bytes[victim] + difference) % prime);
    };
    ASSERT_EQ(Infer(MakeInput(1)), Status::kIntegrity) << "byte " << victim;
    EXPECT_TRUE(OutputIsZero());
    EXPECT_EQ(info_.pads_ready, 0u);
    EXPECT_EQ(Start(ProgramId::kInfer), Status::kPoisoned);
    EXPECT_EQ(Start(ProgramId::kMakePad), Status::kPoisoned);
  }
}

// Rows that no secret filter is gathered from are checked as well, and so is a reply that answers another input.
TEST_F(CheckTest, AReplyToAnotherInputIsWrong) {
  Use(CheckedBundle());
  ASSERT_EQ(LoadAndMakePads(2), Status::kOk);
  std::vector<uint8_t> first;
  host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
    if (job.kind == JobKind::kAccelerate) first.assign(bytes.begin(), bytes.end());
  };
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
    if (job.kind == JobKind::kAccelerate) std::copy(first.begin(), first.end(), bytes.begin());
  };
  EXPECT_EQ(Infer(MakeInput(1)), Status::kIntegrity);
}

// The right-hand side comes from the trusted half's own copy: an adversary who swaps the input in the exchange region
// and answers it correctly is found out.
TEST_F(CheckTest, AChangedInputIsNotWhatIsChecked) {
  Use(CheckedBundle());
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  Command command{};
  command.id = CommandId::kStart;
  command.program = ProgramId::kInfer;
  const std::vector<float> x = MakeInput(1);
  std::memcpy(exchange_.view.data() + 8192, x.data(), x.size() * 4);
  Reply reply{};
  Dispatch(enclave_, command, &reply);
  while (IsOk(reply.status) && reply.job.kind != JobKind::kNone) {
    if (reply.job.kind == JobKind::kAccelerate) exchange_.view[reply.job.x_offset + 5] ^= 1;
    host_->Serve(reply.job);
    Command step{};
    step.id = CommandId::kStep;
    Dispatch(enclave_, step, &reply);
  }
  EXPECT_EQ(reply.status, Status::kIntegrity);
}

// Keys are drawn at every load: what waits outside differs, although the weights do not.
TEST_F(CheckTest, WhatIsDerivedIsSealedUnderANewKeyAtEveryLoad) {
  std::set<std::vector<uint8_t>> seen;
  const TinyBundle bundle = CheckedBundle();
  for (uint32_t load = 0; load < 3; ++load) {
    Use(bundle);
    ASSERT_EQ(Load(), Status::kOk);
    for (const HostJob& job : host_->seen) {
      if (job.source != JobSource::kDerived || job.kind != JobKind::kWrite) continue;
      const auto begin = exchange_.view.begin() + static_cast<long>(job.offset);
      seen.insert({begin, begin + static_cast<long>(job.size)});
    }
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(CheckTest, TamperedTransfersOfChecksAreRefused) {
  for (const JobSource source : {JobSource::kPublic, JobSource::kDerived}) {
    Use(CheckedBundle());
    host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind == JobKind::kRead && job.source == source) bytes[0] ^= 1;
    };
    Status status = Load();
    if (source == JobSource::kPublic) {
      EXPECT_EQ(status, Status::kAuthenticationFailed);
      continue;
    }
    ASSERT_EQ(status, Status::kOk);
    host_->tamper = {};
    ASSERT_EQ(Start(ProgramId::kMakePad), Status::kOk);
    host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind == JobKind::kRead && job.source == source) bytes[0] ^= 1;
    };
    EXPECT_EQ(Infer(MakeInput(1)), Status::kAuthenticationFailed);
  }
}

TEST_F(CheckTest, ThePrepareProgramCannotBeStarted) {
  Use(CheckedBundle());
  ASSERT_EQ(Load(), Status::kOk);
  EXPECT_EQ(Start(ProgramId::kPrepare), Status::kInvalidArgument);
  EXPECT_EQ(Start(ProgramId::kMakePad), Status::kOk);
}

}  // namespace
}  // namespace penumbra::trusted
