// A durable pad bank through the door of the trusted half: pads outlive it, and what the host does to ledgers, pads and
// commands costs pads at most.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "boundary/pad_ledger.h"
#include "trusted/entry/entry.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::trusted {
namespace {

using testing::AlignedBytes;
using testing::kColumns;
using testing::kExchangeSize;
using testing::kRows;
using testing::MakeInput;
using testing::TinyBundle;
using testing::TinyHost;
using testing::TinyPort;

constexpr uint64_t kCapacity = 8;
constexpr uint64_t kLedgerOffset = kExchangeSize - 4096;  // a corner no job of the tiny plan reaches
static_assert(LedgerSize(kCapacity) <= 4096);

class DurableTest : public ::testing::Test {
 protected:
  void SetUp() override { Load(testing::MakeTinyBundle()); }
  void TearDown() override { DestroyEnclave(enclave_); }

  // A trusted half that knows nothing of those before, with `bundle` loaded.
  void Load(const TinyBundle& bundle) {
    Kill();
    bundle_ = bundle;
    port_.device_key = bundle_.device_private;
    ASSERT_EQ(CreateEnclave(secure_.view, exchange_.view, port_.Make(), &enclave_), Status::kOk);
    Command load{};
    load.id = CommandId::kLoad;
    load.args[0] = bundle_.manifest.size();
    load.run_count = 1;
    std::memcpy(load.vendor_key, bundle_.vendor_public.data(), 32);
    std::memcpy(exchange_.view.data(), bundle_.manifest.data(), bundle_.manifest.size());
    ASSERT_EQ(Call(load), Status::kOk);
  }
  void LoadAgain() { Load(TinyBundle(bundle_)); }
  void Kill() {
    if (enclave_ != nullptr) DestroyEnclave(enclave_);
    enclave_ = nullptr;
  }
  Status Call(const Command& command) {
    Reply reply{};
    Dispatch(enclave_, command, &reply);
    while (IsOk(reply.status) && reply.job.kind != JobKind::kNone) {
      host_.Serve(reply.job);
      Command step{};
      step.id = CommandId::kStep;
      Dispatch(enclave_, step, &reply);
    }
    info_ = reply.info;
    ledger_size_ = reply.ledger_size;
    return reply.status;
  }
  Status Open(std::span<const uint8_t> ledger) {
    std::ranges::copy(ledger, exchange_.view.begin() + kLedgerOffset);
    Command open{};
    open.id = CommandId::kOpenPadBank;
    open.args[0] = ledger.size();
    open.args[1] = kLedgerOffset;
    open.args[2] = kCapacity;
    return Call(open);
  }
  Status Record(uint64_t lease) {
    Command record{};
    record.id = CommandId::kRecordPads;
    record.args[0] = lease;
    record.args[1] = kLedgerOffset;
    const Status status = Call(record);
    const auto ledger = exchange_.view.subspan(kLedgerOffset, ledger_size_);
    if (IsOk(status)) ledger_.assign(ledger.begin(), ledger.end());
    return status;
  }
  Status MakePad() {
    Command start{};
    start.id = CommandId::kStart;
    start.program = ProgramId::kMakePad;
    return Call(start);
  }
  Status Infer(uint32_t seed) {
    const std::vector<float> x = MakeInput(seed);
    std::memcpy(exchange_.view.data() + 8192, x.data(), x.size() * 4);
    Command start{};
    start.id = CommandId::kStart;
    start.program = ProgramId::kInfer;
    return Call(start);
  }
  void ExpectExact(uint32_t seed) {
    ASSERT_EQ(Infer(seed), Status::kOk);
    std::vector<float> y(kRows * kColumns);
    std::memcpy(y.data(), exchange_.view.data() + 16384, y.size() * 4);
    EXPECT_EQ(y, ExpectedOutput(bundle_, MakeInput(seed)));
  }
  void MakeDurable(uint32_t pad_count, uint64_t lease) {
    ASSERT_EQ(Open({}), Status::kOk);
    for (uint32_t i = 0; i < pad_count; ++i) ASSERT_EQ(MakePad(), Status::kOk);
    ASSERT_EQ(Record(lease), Status::kOk);
  }

  TinyBundle bundle_;
  TinyPort port_;
  AlignedBytes exchange_{kExchangeSize}, secure_{size_t{2} << 20};
  TinyHost host_{&bundle_, exchange_.view};  // keeps sealed pads over the lives of the trusted half
  Enclave* enclave_ = nullptr;
  Info info_{};
  uint64_t ledger_size_ = 0;
  std::vector<uint8_t> ledger_;
};

TEST_F(DurableTest, PadsServeInTheNextLife) {
  MakeDurable(4, 0);
  LoadAgain();
  ASSERT_EQ(Open(ledger_), Status::kOk);
  EXPECT_EQ(info_.pads_ready, 4u);
  EXPECT_EQ(info_.pads_in_hand, 0u);
  EXPECT_EQ(Infer(1), Status::kPadsExhausted) << "a lease comes first";
  EXPECT_EQ(info_.pads_ready, 4u);
  ASSERT_EQ(Record(3), Status::kOk);
  EXPECT_EQ(info_.pads_in_hand, 3u);
  for (uint32_t seed = 1; seed <= 3; ++seed) ExpectExact(seed);
  EXPECT_EQ(Infer(1), Status::kPadsExhausted);
  ASSERT_EQ(MakePad(), Status::kOk);
  EXPECT_EQ(info_.pads_unrecorded, 1u);
  ASSERT_EQ(Record(2), Status::kOk);
  for (uint32_t seed = 4; seed <= 5; ++seed) ExpectExact(seed);
}

// Every pad has its own keystream even when identifiers come again: the masked tensors of one input all differ.
TEST_F(DurableTest, IdentifiersThatComeAgainGiveOtherPads) {
  std::set<std::vector<uint8_t>> masked;
  host_.tamper = [&](const HostJob& job, std::span<uint8_t>) {
    if (job.kind != JobKind::kAccelerate) return;
    const auto x = exchange_.view.subspan(job.x_offset, job.x_size);
    EXPECT_TRUE(masked.emplace(x.begin(), x.end()).second);
  };
  for (int life = 0; life < 5; ++life) {
    MakeDurable(2, 2);
    ExpectExact(1);
    ExpectExact(1);
    LoadAgain();
  }
  EXPECT_EQ(masked.size(), 10u);
}

TEST_F(DurableTest, AnOldLedgerIsRefusedAndTheBankStartsEmpty) {
  MakeDurable(3, 0);
  const std::vector<uint8_t> old = ledger_;
  ASSERT_EQ(Record(2), Status::kOk);
  ExpectExact(1);
  LoadAgain();
  EXPECT_EQ(Open(old), Status::kRolledBack);
  EXPECT_EQ(Record(1), Status::kWrongState) << "a refused ledger changes nothing";
  ASSERT_EQ(Open({}), Status::kOk);
  EXPECT_EQ(info_.pads_ready, 0u);
  ASSERT_EQ(MakePad(), Status::kOk);
  ExpectExact(2);
}

TEST_F(DurableTest, LedgersOfOtherBundlesAndDevicesAreRefused) {
  MakeDurable(2, 0);
  testing::TinyBundleOptions next;
  next.model_version = 2;
  Load(testing::MakeTinyBundle(next));
  EXPECT_EQ(Open(ledger_), Status::kWrongBank);
  EXPECT_EQ(Open({}), Status::kOk);
}

TEST_F(DurableTest, ASealedPadThatWasAlteredIsRefused) {
  MakeDurable(2, 0);
  LoadAgain();
  ASSERT_EQ(Open(ledger_), Status::kOk);
  ASSERT_EQ(Record(2), Status::kOk);
  host_.tamper = [](const HostJob& job, std::span<uint8_t> bytes) {
    if (job.kind == JobKind::kRead && job.source == JobSource::kPad) bytes[0] ^= 1;
  };
  EXPECT_EQ(Infer(1), Status::kAuthenticationFailed);
  EXPECT_EQ(Infer(1), Status::kPoisoned);
  EXPECT_EQ(Record(1), Status::kPoisoned);
}

// A pad the host cannot bring is spent, and the next one serves.
TEST_F(DurableTest, APadThatIsLostCostsOneRequest) {
  MakeDurable(2, 0);
  LoadAgain();
  ASSERT_EQ(Open(ledger_), Status::kOk);
  ASSERT_EQ(Record(2), Status::kOk);
  Command start{};
  start.id = CommandId::kStart;
  start.program = ProgramId::kInfer;
  const std::vector<float> x = MakeInput(1);
  std::memcpy(exchange_.view.data() + 8192, x.data(), x.size() * 4);
  Reply reply{};
  Dispatch(enclave_, start, &reply);
  while (reply.job.kind != JobKind::kRead || reply.job.source != JobSource::kPad) {
    ASSERT_EQ(reply.status, Status::kOk);
    host_.Serve(reply.job);
    Command step{};
    step.id = CommandId::kStep;
    Dispatch(enclave_, step, &reply);
  }
  Command step{};
  step.id = CommandId::kStep;
  step.args[0] = static_cast<uint64_t>(Status::kIo);
  Dispatch(enclave_, step, &reply);
  EXPECT_EQ(reply.status, Status::kDeviceFailed);
  EXPECT_EQ(reply.info.pads_ready, 1u);
  ExpectExact(2);
}

TEST_F(DurableTest, CommandsOutOfPlaceAreRefused) {
  Command open{};
  open.id = CommandId::kOpenPadBank;
  open.args[2] = kCapacity;
  for (const auto& [size, offset] : {std::pair<uint64_t, uint64_t>{1, kExchangeSize}, {kExchangeSize + 1, 0},
                                     {UINT64_MAX, 64}, {64, UINT64_MAX}, {0, kExchangeSize + 1}}) {
    open.args[0] = size;
    open.args[1] = offset;
    EXPECT_EQ(Call(open), Status::kInvalidArgument) << size << " at " << offset;
  }
  EXPECT_EQ(Record(1), Status::kWrongState);
  ASSERT_EQ(MakePad(), Status::kOk);
  EXPECT_EQ(Open({}), Status::kWrongState) << "a pad was made that is not durable";
  LoadAgain();
  ASSERT_EQ(Open({}), Status::kOk);
  EXPECT_EQ(Open({}), Status::kWrongState);
  Command record{};
  record.id = CommandId::kRecordPads;
  for (const uint64_t offset : {kExchangeSize - LedgerSize(kCapacity) + 1, uint64_t{kExchangeSize}, UINT64_MAX}) {
    record.args[1] = offset;
    EXPECT_EQ(Call(record), Status::kInvalidArgument) << offset;
  }
  EXPECT_TRUE(std::ranges::all_of(port_.counters, [](const auto& counter) { return counter.second == 0; }));
  Command unload{};
  unload.id = CommandId::kUnload;
  ASSERT_EQ(Call(unload), Status::kOk);
  EXPECT_EQ(Open({}), Status::kWrongState);
  EXPECT_EQ(Record(1), Status::kWrongState);
}

}  // namespace
}  // namespace penumbra::trusted
