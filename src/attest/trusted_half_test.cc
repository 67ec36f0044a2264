// Receipts as the trusted half writes them, through its door and with a host that misbehaves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "attest/receipt.h"
#include "trusted/entry/entry.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::attest {
namespace {

using trusted::testing::AlignedBytes;
using trusted::testing::kColumns;
using trusted::testing::kExchangeSize;
using trusted::testing::kRows;
using trusted::testing::kSoundness;
using trusted::testing::MakeInput;
using trusted::testing::MakeTinyBundle;
using trusted::testing::MakeTinyFloatPlan;
using trusted::testing::TinyBundle;
using trusted::testing::TinyBundleOptions;
using trusted::testing::TinyHost;
using trusted::testing::TinyPlan;
using trusted::testing::TinyPort;

constexpr uint64_t kInputOffset = 8192, kOutputOffset = 16384;  // of the tiny plan

Hash Filled(uint8_t value) {
  Hash hash;
  hash.fill(value);
  return hash;
}

Hash HashOf(const char (&context)[16], std::span<const float> elements) {
  PortsHash hash(context, 1);
  hash.Add(elements);
  return hash.Final();
}

class TrustedHalfTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (enclave_ != nullptr) trusted::DestroyEnclave(enclave_);
  }
  void Load(const TinyBundleOptions& options = {}, uint64_t exchange_size = kExchangeSize + kMaxReceiptSize) {
    bundle_ = MakeTinyBundle(options);
    port_.device_key = bundle_.device_private;
    device_.public_key = bundle_.device_public;
    ASSERT_EQ(ReceiptPublicKey(bundle_.device_private, device_.receipt_key), Status::kOk);
    exchange_ = std::make_unique<AlignedBytes>(exchange_size);
    host_ = std::make_unique<TinyHost>(&bundle_, exchange_->view);
    ASSERT_EQ(trusted::CreateEnclave(secure_.view, exchange_->view, port_.Make(), &enclave_), Status::kOk);
    Command command{};
    command.id = CommandId::kLoad;
    command.args[0] = bundle_.manifest.size();
    command.run_count = 1;
    std::memcpy(command.vendor_key, bundle_.vendor_public.data(), 32);
    std::memcpy(exchange_->view.data(), bundle_.manifest.data(), bundle_.manifest.size());
    ASSERT_EQ(Call(command), Status::kOk);
  }
  Status Call(const Command& command) {
    Dispatch(enclave_, command, &reply_);
    while (IsOk(reply_.status) && reply_.job.kind != JobKind::kNone) {
      EXPECT_EQ(reply_.receipt_size, 0u) << "before the end";
      host_->Serve(reply_.job);
      Command step{};
      step.id = CommandId::kStep;
      step.args[0] = static_cast<uint64_t>(device_status_);
      Dispatch(enclave_, step, &reply_);
    }
    return reply_.status;
  }
  Status Start(ProgramId program, uint64_t flags, const Hash& nonce = Filled(7)) {
    Command command{};
    command.id = CommandId::kStart;
    command.program = program;
    command.flags = flags;
    std::memcpy(command.args, nonce.data(), nonce.size());
    return Call(command);
  }
  Status MakePad() { return Start(ProgramId::kMakePad, 0); }
  Status Infer(const std::vector<float>& x, uint64_t flags = kStartReceipt, const Hash& nonce = Filled(7)) {
    std::memcpy(exchange_->view.data() + kInputOffset, x.data(), x.size() * 4);
    return Start(ProgramId::kInfer, flags, nonce);
  }
  std::vector<float> Output() const {
    std::vector<float> y(kRows * kColumns);
    std::memcpy(y.data(), exchange_->view.data() + kOutputOffset, y.size() * 4);
    return y;
  }
  std::vector<uint8_t> Message() const {
    const auto bytes = exchange_->view.subspan(ReceiptOffset(0, reply_.info.exchange_size), reply_.receipt_size);
    return {bytes.begin(), bytes.end()};
  }

  TinyBundle bundle_;
  TinyPort port_;
  Device device_;
  std::unique_ptr<AlignedBytes> exchange_;
  AlignedBytes secure_{size_t{2} << 20};
  std::unique_ptr<TinyHost> host_;
  trusted::Enclave* enclave_ = nullptr;
  Status device_status_ = Status::kOk;
  Reply reply_{};
  Receipt receipt_;
};

TEST_F(TrustedHalfTest, AReceiptSaysWhatHappened) {
  TinyBundleOptions options;
  options.model_version = 41;
  Load(options);
  ASSERT_EQ(MakePad(), Status::kOk);
  std::vector<float> x(kRows * kColumns, 5.0f);
  x[3] = 100.0f;  // beyond the calibrated range
  ASSERT_EQ(Infer(x), Status::kOk);
  ASSERT_EQ(CheckReceipt(Message(), device_, &receipt_), Verdict::kGenuine);
  Hash hash;
  ASSERT_EQ(crypto::Sha256::Digest(bundle_.manifest, hash), Status::kOk);
  EXPECT_EQ(receipt_.manifest_hash, hash);
  ASSERT_EQ(crypto::Sha256::Digest(bundle_.device_public, hash), Status::kOk);
  EXPECT_EQ(receipt_.device_id, hash);
  EXPECT_EQ(receipt_.vendor_key, bundle_.vendor_public);
  EXPECT_EQ(receipt_.model_version, 41u);
  EXPECT_EQ(receipt_.nonce, Filled(7));
  EXPECT_EQ(receipt_.input_hash, HashOf(kReceiptInputs, x));
  EXPECT_EQ(receipt_.output_hash, HashOf(kReceiptOutputs, Output()));
  EXPECT_EQ(Output(), ExpectedOutput(bundle_, x));
  EXPECT_EQ(receipt_.checks,
            (std::vector{ReceiptCheck::kVendorSignature, ReceiptCheck::kModelVersion, ReceiptCheck::kPlanProved,
                         ReceiptCheck::kBoundProved, ReceiptCheck::kPads}));
  EXPECT_EQ(receipt_.soundness_bits, 0u);
  EXPECT_EQ(receipt_.clamped_count, 1u);
  EXPECT_TRUE(receipt_.software_tee);
}

TEST_F(TrustedHalfTest, CheckedRepliesAndMissingPadsShow) {
  TinyBundleOptions checked;
  checked.checked = true;
  Load(checked);
  ASSERT_EQ(MakePad(), Status::kOk);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  ASSERT_EQ(CheckReceipt(Message(), device_, &receipt_), Verdict::kGenuine);
  EXPECT_EQ(receipt_.soundness_bits, kSoundness);
  EXPECT_EQ(receipt_.checks.back(), ReceiptCheck::kReplies);

  trusted::DestroyEnclave(enclave_);
  TinyBundleOptions unmasked;
  unmasked.change_plan = [](TinyPlan* p) { *p = MakeTinyFloatPlan(); };
  Load(unmasked);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  ASSERT_EQ(CheckReceipt(Message(), device_, &receipt_), Verdict::kGenuine);
  EXPECT_EQ(receipt_.checks.back(), ReceiptCheck::kBoundProved);
}

// Hashed is what was computed with: the host changes its region while the inference runs.
TEST_F(TrustedHalfTest, TheHostCannotExchangeWhatWasHashed) {
  Load();
  ASSERT_EQ(MakePad(), Status::kOk);
  const std::vector<float> x = MakeInput(1);
  host_->tamper = [this](const HostJob& job, std::span<uint8_t>) {
    if (job.kind != JobKind::kAccelerate) return;
    for (uint64_t at = kInputOffset; at < kInputOffset + 64; ++at) exchange_->view[at] ^= 1;
  };
  ASSERT_EQ(Infer(x), Status::kOk);
  exchange_->view[kOutputOffset] ^= 1;
  ASSERT_EQ(CheckReceipt(Message(), device_, &receipt_), Verdict::kGenuine);
  EXPECT_EQ(receipt_.input_hash, HashOf(kReceiptInputs, x));
  EXPECT_NE(receipt_.output_hash, HashOf(kReceiptOutputs, Output()));
  EXPECT_EQ(receipt_.output_hash, HashOf(kReceiptOutputs, ExpectedOutput(bundle_, x)));
}

TEST_F(TrustedHalfTest, OneReceiptForOneInferenceThatAskedAndSucceeded) {
  Load();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(MakePad(), Status::kOk);
  ASSERT_EQ(Infer(MakeInput(1), 0), Status::kOk);
  EXPECT_EQ(reply_.receipt_size, 0u);
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  const std::vector<uint8_t> first = Message();
  ASSERT_EQ(Infer(MakeInput(2), kStartReceipt, Filled(8)), Status::kOk);
  EXPECT_NE(Message(), first);
  std::memset(exchange_->view.data() + ReceiptOffset(0, reply_.info.exchange_size), 0, kMaxReceiptSize);
  device_status_ = Status::kDeviceFailed;
  EXPECT_EQ(Infer(MakeInput(1)), Status::kDeviceFailed);
  EXPECT_EQ(reply_.receipt_size, 0u);
  device_status_ = Status::kOk;
  std::vector<float> bad = MakeInput(1);
  bad.back() = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Infer(bad), Status::kNotFinite);
  EXPECT_EQ(reply_.receipt_size, 0u);
  EXPECT_EQ(Infer(MakeInput(1)), Status::kPadsExhausted);
  EXPECT_EQ(reply_.receipt_size, 0u);
  const auto place = exchange_->view.subspan(ReceiptOffset(0, reply_.info.exchange_size), kMaxReceiptSize);
  EXPECT_TRUE(std::all_of(place.begin(), place.end(), [](uint8_t b) { return b == 0; }));
  // The refused wish is forgotten.
  ASSERT_EQ(MakePad(), Status::kOk);
  ASSERT_EQ(Infer(MakeInput(1), 0), Status::kOk);
  EXPECT_EQ(reply_.receipt_size, 0u);
}

TEST_F(TrustedHalfTest, WhatCannotHaveAReceiptIsRefusedAndCostsNoPad) {
  Load({}, kExchangeSize + kMaxReceiptSize - kTileAlignment);
  EXPECT_EQ(Start(ProgramId::kMakePad, kStartReceipt), Status::kInvalidArgument);
  ASSERT_EQ(MakePad(), Status::kOk);
  EXPECT_EQ(Infer(MakeInput(1)), Status::kInvalidArgument) << "no room";
  EXPECT_EQ(Infer(MakeInput(1), 2), Status::kInvalidArgument) << "no such flag";
  EXPECT_EQ(reply_.info.pads_ready, 1u);
  EXPECT_EQ(Infer(MakeInput(1), 0), Status::kOk);
}

// A plan may copy an output out twice, but then the region's bytes need not be those that were hashed.
TEST_F(TrustedHalfTest, TilesThatCrossTwiceHaveNoReceipt) {
  TinyBundleOptions options;
  options.change_plan = [](TinyPlan* p) {
    std::vector<uint32_t> twice;
    const std::vector<size_t> starts = trusted::testing::InstructionStarts(p->infer);
    for (size_t i = 0; i < starts.size(); ++i) {
      const auto begin = p->infer.begin() + static_cast<ptrdiff_t>(starts[i]);
      const auto end = i + 1 < starts.size() ? p->infer.begin() + static_cast<ptrdiff_t>(starts[i + 1]) : p->infer.end();
      const bool output = static_cast<Opcode>(*begin & 0xffff) == Opcode::kOutput;
      for (int copies = output ? 2 : 1; copies > 0; --copies) twice.insert(twice.end(), begin, end);
    }
    p->infer = twice;
  };
  Load(options);
  ASSERT_EQ(MakePad(), Status::kOk);
  ASSERT_EQ(MakePad(), Status::kOk);
  EXPECT_EQ(Infer(MakeInput(1), 0), Status::kOk);
  EXPECT_EQ(Infer(MakeInput(1)), Status::kUnsupported);
  EXPECT_EQ(reply_.receipt_size, 0u);
  EXPECT_EQ(Output(), std::vector<float>(kRows * kColumns, 0.0f));
}

}  // namespace
}  // namespace penumbra::attest
