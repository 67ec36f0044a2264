// The whole trusted half through its only door: load, pads, inference, and ways the outside may cheat.
#include "trusted/entry/entry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "boundary/geometry.h"
#include "trusted/testing/entry_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::AlignedBytes;
using testing::EntryTest;
using testing::kColumns;
using testing::kRows;
using testing::MakeInput;
using testing::MakeTinyBundle;
using testing::MakeTinyFloatPlan;
using testing::TinyBundle;
using testing::TinyBundleOptions;
using testing::TinyHost;
using testing::TinyPlan;

TEST_F(EntryTest, InferenceIsExact) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  EXPECT_EQ(info_.pads_ready, 3u);
  for (uint32_t seed = 0; seed < 3; ++seed) {
    ASSERT_EQ(Infer(MakeInput(seed)), Status::kOk);
    EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(seed)));
  }
  EXPECT_EQ(info_.pads_ready, 0u);
}

// The same over the papers' prime.
TEST_F(EntryTest, PrimeInferenceIsExact) {
  TinyBundleOptions prime;
  prime.prime = true;
  Use(MakeTinyBundle(prime));
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  for (uint32_t seed = 0; seed < 3; ++seed) {
    ASSERT_EQ(Infer(MakeInput(seed)), Status::kOk);
    EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(seed)));
  }
}

// Pads that shared a pass over the weights, over both arithmetics, checked or not.
TEST_F(EntryTest, InferencesWithPadsOfABatchAreExact) {
  for (const bool prime : {false, true}) {
    for (const bool checked : {false, true}) {
      TinyBundleOptions options;
      options.prime = prime;
      options.checked = checked;
      Use(MakeTinyBundle(options));
      ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
      ASSERT_EQ(Start(ProgramId::kMakePads), Status::kOk);
      ASSERT_EQ(info_.pads_ready, 1 + testing::kPadBatch);
      for (uint32_t seed = 0; seed < 1 + testing::kPadBatch; ++seed) {
        ASSERT_EQ(Infer(MakeInput(seed)), Status::kOk);
        EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(seed)));
      }
      EXPECT_EQ(Infer(MakeInput(0)), Status::kPadsExhausted);
    }
  }
}

TEST_F(EntryTest, PrimeRepliesOfAnySizeAreOnlyWrong) {
  TinyBundleOptions prime;
  prime.prime = true;
  Use(MakeTinyBundle(prime));
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  host_->tamper = [](const HostJob& job, std::span<uint8_t> bytes) {
    if (job.kind == JobKind::kAccelerate) std::memset(bytes.data(), 0xff, bytes.size());
  };
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  EXPECT_NE(Output(), ExpectedOutput(bundle_, MakeInput(1)));
}

TEST_F(EntryTest, PrimeMasksAreCanonicalAndFresh) {
  TinyBundleOptions prime;
  prime.prime = true;
  Use(MakeTinyBundle(prime));
  ASSERT_EQ(LoadAndMakePads(2), Status::kOk);
  std::vector<std::vector<uint32_t>> sent(2, std::vector<uint32_t>(kRows * kColumns));
  for (auto& words : sent) {
    ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
    std::memcpy(words.data(), exchange_.view.data(), words.size() * 4);
    for (const uint32_t word : words) EXPECT_LT(word, kFieldPrime);
  }
  uint32_t equal = 0;
  for (size_t i = 0; i < sent[0].size(); ++i) equal += sent[0][i] == sent[1][i];
  EXPECT_LE(equal, 1u);  // by chance with probability 128 / p
}

TEST_F(EntryTest, APadServesOnce) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(2), Status::kOk);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  const std::vector<uint8_t> first(exchange_.view.begin(), exchange_.view.begin() + 256);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  const std::vector<uint8_t> second(exchange_.view.begin(), exchange_.view.begin() + 256);
  EXPECT_NE(first, second) << "the same input was masked with the same pad";
  EXPECT_EQ(Infer(MakeInput(1)), Status::kPadsExhausted);
  EXPECT_EQ(Start(ProgramId::kMakePad), Status::kOk);
  EXPECT_EQ(Infer(MakeInput(1)), Status::kOk);
}

TEST_F(EntryTest, ADeviceFailureSpendsThePadAndKeepsTheModel) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(2), Status::kOk);
  device_status_ = Status::kDeviceFailed;
  EXPECT_EQ(Infer(MakeInput(1)), Status::kDeviceFailed);
  EXPECT_TRUE(OutputIsZero());
  EXPECT_EQ(info_.pads_ready, 1u);
  device_status_ = Status::kOk;
  EXPECT_EQ(Infer(MakeInput(1)), Status::kOk);
}

TEST_F(EntryTest, NonFiniteInputIsTheCallersError) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(3), Status::kOk);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> x = MakeInput(1);
    x[77] = bad;
    EXPECT_EQ(Infer(x), Status::kNotFinite);
    EXPECT_TRUE(OutputIsZero());
  }
  EXPECT_EQ(Infer(MakeInput(1)), Status::kOk);
}

TEST_F(EntryTest, FloatSegmentsRunUnmaskedAndMustReplyFinitely) {
  TinyBundleOptions options;
  options.change_plan = [](TinyPlan* p) { *p = MakeTinyFloatPlan(); };
  Use(MakeTinyBundle(options));
  ASSERT_EQ(Load(), Status::kOk);
  EXPECT_EQ(Start(ProgramId::kMakePad), Status::kUnsupported);
  const std::vector<float> x = MakeInput(1);
  std::vector<float> expected(x.size());
  for (size_t i = 0; i < x.size(); ++i) expected[i] = x[i] + 2 * x[i];
  ASSERT_EQ(Infer(x), Status::kOk);
  EXPECT_EQ(Output(), expected);
  host_->tamper = [](const HostJob& job, std::span<uint8_t> bytes) {
    const float bad = std::numeric_limits<float>::quiet_NaN();
    if (job.kind == JobKind::kAccelerate) std::memcpy(bytes.data() + bytes.size() - 4, &bad, 4);
  };
  EXPECT_EQ(Infer(x), Status::kDeviceFailed);
  EXPECT_TRUE(OutputIsZero());
  host_->tamper = {};
  EXPECT_EQ(Infer(x), Status::kOk);
}

TEST_F(EntryTest, ClampedInputsAreCounted) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  std::vector<float> x(kRows * kColumns, 5.0f);
  x[3] = 100.0f;
  x[9] = 11.0f;
  ASSERT_EQ(Infer(x), Status::kOk);
  EXPECT_EQ(info_.clamped_count, 2u);
  EXPECT_EQ(Output(), ExpectedOutput(bundle_, x));
}

TEST_F(EntryTest, PadTilesTravelTogether) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  host_->seen.clear();
  ASSERT_EQ(Infer(MakeInput(3)), Status::kOk);
  EXPECT_EQ(Output(), ExpectedOutput(bundle_, MakeInput(3)));
  uint32_t reads = 0;
  for (const HostJob& job : host_->seen) {
    if (job.kind != JobKind::kRead || job.source != JobSource::kPad) continue;
    EXPECT_EQ(job.batch, 2u);
    EXPECT_EQ(job.size, 2 * (testing::kPrimeCount * testing::kTileRows * kColumns + kAeadTagSize));
    ++reads;
  }
  EXPECT_EQ(reads, 1u);
}

// Every byte that the host moves into the enclave, sealed or authenticated, is protected. Each transfer is hit once
// in the middle, where the second of two tiles begins, and once in its first byte.
TEST_F(EntryTest, TamperedTransfersAreRefused) {
  for (uint32_t round = 0;; ++round) {
    const uint32_t victim = round / 2;
    Use(MakeTinyBundle());
    uint32_t count = 0;
    bool hit = false;
    host_->tamper = [&](const HostJob& job, std::span<uint8_t> bytes) {
      if (job.kind != JobKind::kRead || count++ != victim) return;
      hit = true;
      bytes[round % 2 == 0 ? bytes.size() / 2 : 0] ^= 0x10;
    };
    Status status = LoadAndMakePads(1);
    if (IsOk(status)) status = Infer(MakeInput(1));
    if (!hit) {
      EXPECT_EQ(status, Status::kOk);
      EXPECT_GE(victim, 8u);
      break;
    }
    EXPECT_EQ(status, Status::kAuthenticationFailed) << "transfer " << victim;
    EXPECT_NE(Start(ProgramId::kInfer), Status::kOk);
    EXPECT_EQ(info_.pads_ready, 0u);
  }
}

TEST_F(EntryTest, SecretsAreWipedWhenTheModelGoes) {
  Use(MakeTinyBundle());
  ASSERT_EQ(LoadAndMakePads(1), Status::kOk);
  // The window begins stand in the sealed params, row sums in the sealed bounds.
  const auto* needle = reinterpret_cast<const uint8_t*>(bundle_.window_begin.data());
  const auto found = [&] {
    return std::search(secure_.view.begin(), secure_.view.end(), needle, needle + 64) != secure_.view.end();
  };
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  EXPECT_FALSE(found());
  Command unload{};
  unload.id = CommandId::kUnload;
  EXPECT_EQ(Call(unload), Status::kOk);
  EXPECT_FALSE(found());
  EXPECT_EQ(Start(ProgramId::kInfer), Status::kWrongState);
  EXPECT_EQ(Load(), Status::kOk);
}

TEST_F(EntryTest, WrongVendorDeviceOrManifestIsRefused) {
  const TinyBundle good = MakeTinyBundle();
  TinyBundle other_vendor = good;
  other_vendor.vendor_public[0] ^= 1;
  Use(other_vendor);
  EXPECT_EQ(Load(), Status::kBadSignature);
  TinyBundle other_device = good;
  other_device.device_private = MakeTinyBundle().device_private;
  Use(other_device);
  EXPECT_EQ(Load(), Status::kWrongDevice);
  for (size_t at = 0; at < good.manifest.size(); at += 7) {
    TinyBundle flipped = good;
    flipped.manifest[at] ^= 0x04;
    Use(flipped);
    const Status status = Load();
    EXPECT_TRUE(status == Status::kBadSignature || status == Status::kMalformed) << "byte " << at;
  }
  TinyBundle cut = good;
  cut.manifest.pop_back();
  Use(cut);
  EXPECT_EQ(Load(), Status::kMalformed);
}

TEST_F(EntryTest, OlderVersionsAreRefused) {
  TinyBundleOptions options;
  options.model_version = 5;
  const TinyBundle current = MakeTinyBundle(options);
  Use(current);
  ASSERT_EQ(Load(), Status::kOk);
  ASSERT_EQ(port_.versions.begin()->second, 5u);
  // An older bundle of the same vendor: the highest version seen is remembered per vendor and name.
  port_.versions.begin()->second = 6;
  Use(current);
  EXPECT_EQ(Load(), Status::kRolledBack);
}

TEST_F(EntryTest, BoundsAreProvedAgainAtLoad) {
  TinyBundleOptions wide;
  wide.change_bounds = [](std::vector<BoundRow>* rows) { (*rows)[4].positive += 7000; };
  Use(MakeTinyBundle(wide));
  EXPECT_EQ(Load(), Status::kBoundUnproved);
  TinyBundleOptions overflowing;
  overflowing.change_bounds = [](std::vector<BoundRow>* rows) { (*rows)[15].negative = ~uint64_t{0}; };
  Use(MakeTinyBundle(overflowing));
  EXPECT_EQ(Load(), Status::kBoundUnproved);
  TinyBundleOptions shifted;  // sums that do not belong to the decoding window
  shifted.change_bounds = [](std::vector<BoundRow>* rows) { (*rows)[0].negative += 1; };
  Use(MakeTinyBundle(shifted));
  EXPECT_EQ(Load(), Status::kBoundUnproved);
}

// Over the one prime a bound may be missing only where the sealed plan says that the vendor knows.
TEST_F(EntryTest, UnprovedPrimeBoundsNeedTheVendorsWord) {
  // Weights times levels up to 10 reach beyond half the prime.
  const auto wide = [](std::vector<BoundRow>* rows) { (*rows)[4].positive += kFieldPrime / 20; };
  TinyBundleOptions options;
  options.prime = true;
  options.change_bounds = wide;
  Use(MakeTinyBundle(options));
  EXPECT_EQ(Load(), Status::kBoundUnproved);
  options.change_plan = [](TinyPlan* p) { p->layers[0].flags |= kLayerMayWrap; };
  Use(MakeTinyBundle(options));
  EXPECT_EQ(Load(), Status::kOk);
  // Nobody's word replaces the proof over the ring.
  options.prime = false;
  Use(MakeTinyBundle(options));
  EXPECT_EQ(Load(), Status::kPlanRejected);
}

TEST_F(EntryTest, LyingHeadsAreRefused) {
  const std::vector<std::function<void(ManifestHead*)>> lies = {
      [](ManifestHead* h) { h->version = 2; },        [](ManifestHead* h) { h->chunk_count = 2; },
      [](ManifestHead* h) { h->chunk_count = 1u << 31; }, [](ManifestHead* h) { h->plan_chunk_count = 4; },
      [](ManifestHead* h) { h->wrap_count = 2; },     [](ManifestHead* h) { h->name_size = 0; },
      [](ManifestHead* h) { h->sealed_size += 1; },   [](ManifestHead* h) { h->metadata_size = 1; },
      [](ManifestHead* h) { h->model_version += 1; },
  };
  for (size_t i = 0; i < lies.size(); ++i) {
    TinyBundleOptions options;
    options.change_head = lies[i];
    Use(MakeTinyBundle(options));
    EXPECT_NE(Load(), Status::kOk) << "lie " << i;
    EXPECT_EQ(Start(ProgramId::kInfer), Status::kWrongState);
  }
}

TEST_F(EntryTest, CommandsAtTheWrongMomentAreRefused) {
  Use(MakeTinyBundle());
  EXPECT_EQ(Start(ProgramId::kInfer), Status::kWrongState);
  Command step{};
  step.id = CommandId::kStep;
  EXPECT_EQ(Call(step), Status::kWrongState);
  ASSERT_EQ(Load(), Status::kOk);
  EXPECT_EQ(Load(), Status::kWrongState);
  EXPECT_EQ(Start(static_cast<ProgramId>(9)), Status::kInvalidArgument);
  Command unknown{};
  unknown.id = static_cast<CommandId>(99);
  EXPECT_EQ(Call(unknown), Status::kInvalidArgument);
  EXPECT_EQ(Start(ProgramId::kMakePad), Status::kOk);
}

// The last factor stands at the end of the params, the last index b before the factors: whoever sealed nonsense there is told
// when the model is loaded.
TEST_F(EntryTest, RestoreTablesOutOfRangeAreRefusedAtLoad) {
  for (const bool prime : {false, true}) {
    const size_t factors_size = size_t{testing::kColumns} * (prime ? 4 : testing::kPrimeCount);
    TinyBundleOptions options;
    options.prime = prime;
    options.change_params = [](std::vector<uint8_t>* params) { params->back() = 0xff; };
    Use(MakeTinyBundle(options));
    EXPECT_EQ(Load(), Status::kPlanRejected);
    options.change_params = [=](std::vector<uint8_t>* params) { (*params)[params->size() - factors_size - 1] = 0x7f; };
    Use(MakeTinyBundle(options));
    EXPECT_EQ(Load(), Status::kPlanRejected);
  }
}

TEST_F(EntryTest, TooLittleSecureMemoryIsRefused) {
  bundle_ = MakeTinyBundle();
  port_.device_key = bundle_.device_private;
  AlignedBytes tight(size_t{320} << 10);
  ASSERT_EQ(CreateEnclave(tight.view, exchange_.view, port_.Make(), &enclave_), Status::kOk);
  host_ = std::make_unique<TinyHost>(&bundle_, exchange_.view);
  EXPECT_EQ(Load(), Status::kSecureMemoryExceeded);
  Destroy();
}

}  // namespace
}  // namespace penumbra::trusted
