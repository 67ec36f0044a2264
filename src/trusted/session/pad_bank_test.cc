// Durable banks: what a ledger must be, and that no order of crashes, old ledgers and second users serves a pad twice.
#include "trusted/session/pad_bank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "trusted/testing/pad_world.h"

namespace penumbra::trusted {
namespace {

using testing::CounterFault;
using testing::OpenLedger;
using testing::PadWorld;

// What may happen next. Each machine has all of these.
constexpr std::array<void (*)(PadWorld*, uint32_t), 11> kSteps = {
    [](PadWorld* w, uint32_t m) { w->Make(m); },
    [](PadWorld* w, uint32_t m) { w->Use(m); },
    [](PadWorld* w, uint32_t m) { (void)w->Record(m, 0); },
    [](PadWorld* w, uint32_t m) { (void)w->Record(m, 1); },
    [](PadWorld* w, uint32_t m) { (void)w->Record(m, 2); },
    [](PadWorld* w, uint32_t m) { (void)w->Record(m, 1, CounterFault::kFails); },
    [](PadWorld* w, uint32_t m) { (void)w->Record(m, 1, CounterFault::kDies); },
    [](PadWorld* w, uint32_t m) { (void)w->Start(m, {}); },
    [](PadWorld* w, uint32_t m) { (void)w->Start(m, w->Ledger(0)); },
    [](PadWorld* w, uint32_t m) { (void)w->Start(m, w->Ledger(1)); },
    [](PadWorld* w, uint32_t m) { (void)w->Start(m, w->Ledger(2)); },
};

struct Tally {
  uint64_t orders = 0, used = 0, carried = 0, reused = 0;
};

// Every order of `depth` steps of the first `machines` machines, each from a world in which one machine has recorded
// three pads.
Tally PlayAllOrders(uint32_t depth, uint32_t machines) {
  Tally tally;
  const uint64_t choices = kSteps.size() * machines;
  uint64_t orders = 1;
  for (uint32_t i = 0; i < depth; ++i) orders *= choices;
  for (uint64_t order = 0; order < orders; ++order) {
    PadWorld world;
    for (int i = 0; i < 3; ++i) world.Make(0);
    EXPECT_EQ(world.Record(0, 1), Status::kOk);
    uint64_t rest = order;
    for (uint32_t i = 0; i < depth; ++i, rest /= choices) {
      kSteps[rest % choices / machines](&world, static_cast<uint32_t>(rest % machines));
    }
    // Whatever can still be had is used.
    for (uint32_t machine = 0; machine < machines; ++machine) {
      for (int i = 0; i < 4; ++i) world.Use(machine);
      (void)world.Record(machine, PadWorld::kCapacity);
      for (int i = 0; i < 4; ++i) world.Use(machine);
    }
    ++tally.orders;
    tally.used += world.use_count();
    tally.carried += world.carried_count();
    tally.reused += world.reuse_count();
  }
  return tally;
}

TEST(PadBank, NoOrderOfStepsUsesAPadTwice) {
  const Tally alone = PlayAllOrders(4, 1), together = PlayAllOrders(3, 2);
  EXPECT_EQ(alone.orders, 14641u);
  EXPECT_EQ(together.orders, 10648u);
  EXPECT_EQ(alone.reused + together.reused, 0u);
  EXPECT_GT(alone.carried, 1000u) << "ledgers brought too few pads to say anything";
  EXPECT_GT(together.carried, 1000u);
}

TEST(PadBank, NoLongHistoryUsesAPadTwice) {
  std::mt19937_64 random(1);
  uint64_t carried = 0;
  for (int history = 0; history < 200; ++history) {
    PadWorld world;
    for (int step = 0; step < 400; ++step) {
      const uint32_t machine = random() % 16 == 0 ? 1 : 0;
      const uint64_t kind = random() % 32;
      if (kind == 0 && !world.ledgers().empty()) {
        (void)world.Start(machine, world.ledgers()[random() % world.ledgers().size()]);
      } else {
        kSteps[kind < 3 ? random() % kSteps.size() : random() % 5](&world, machine);
      }
      if (kind == 1) (void)world.Start(machine, world.Ledger(0));
    }
    EXPECT_EQ(world.reuse_count(), 0u);
    carried += world.carried_count();
  }
  EXPECT_GT(carried, 300u);
}

// The controls: without the counter the same world uses pads twice, so that it would show if the bank did.
TEST(PadBank, ACounterThatForgetsIsNoticedByTheseTests) {
  PadWorld world;
  for (int i = 0; i < 3; ++i) world.Make(0);
  ASSERT_EQ(world.Record(0, 0), Status::kOk);
  ASSERT_EQ(world.Record(0, 2, CounterFault::kForgets), Status::kOk);
  world.Use(0);
  ASSERT_EQ(world.Start(0, world.Ledger(1)), Status::kOk);
  ASSERT_EQ(world.Record(0, 2), Status::kOk);
  world.Use(0);
  EXPECT_EQ(world.reuse_count(), 1u);
}

TEST(PadBank, ACounterThatIsRestoredIsNoticedByTheseTests) {
  PadWorld world;
  world.Make(0);
  ASSERT_EQ(world.Record(0, 0), Status::kOk);
  const auto counters = world.port()->counters;
  ASSERT_EQ(world.Record(0, 1), Status::kOk);
  world.Use(0);
  world.port()->counters = counters;
  ASSERT_EQ(world.Start(0, world.Ledger(1)), Status::kOk);
  ASSERT_EQ(world.Record(0, 1), Status::kOk);
  world.Use(0);
  EXPECT_EQ(world.reuse_count(), 1u);
}

TEST(PadBank, ALeaseComesBeforeTheFirstUse) {
  PadWorld world;
  for (int i = 0; i < 4; ++i) world.Make(0);
  ASSERT_EQ(world.Record(0, 0), Status::kOk);
  EXPECT_EQ(world.book(0).ready(), 4u);
  world.Use(0);
  EXPECT_EQ(world.use_count(), 0u) << "a recorded pad served without a lease";
  ASSERT_EQ(world.Record(0, 3), Status::kOk);
  EXPECT_EQ(world.book(0).in_hand(), 3u);
  for (int i = 0; i < 4; ++i) world.Use(0);
  EXPECT_EQ(world.use_count(), 3u);
  EXPECT_EQ(UnsealLedger(*world.port(), world.Ledger(0)).ids, std::vector<uint64_t>{4});
  // What was made meanwhile is in no ledger and may be used, but not past a recorded pad.
  world.Make(0);
  world.Use(0);
  EXPECT_EQ(world.use_count(), 3u);
  ASSERT_EQ(world.Record(0, 1), Status::kOk);
  world.Use(0);
  world.Use(0);
  EXPECT_EQ(world.use_count(), 4u);
}

TEST(PadBank, AnUncleanEndBurnsTheLeaseOnly) {
  PadWorld world;
  for (int i = 0; i < 5; ++i) world.Make(0);
  ASSERT_EQ(world.Record(0, 2), Status::kOk);
  ASSERT_EQ(world.Start(0, world.Ledger(0)), Status::kOk);
  EXPECT_EQ(world.book(0).ready(), 3u);
  EXPECT_EQ(world.book(0).in_hand(), 0u);
  EXPECT_EQ(world.book(0).oldest(), 3u);
  world.Make(0);  // continues behind the last
  EXPECT_EQ(world.book(0).next(), 7u);
  ASSERT_EQ(world.Record(0, PadWorld::kCapacity), Status::kOk);
  for (int i = 0; i < 5; ++i) world.Use(0);
  EXPECT_EQ(world.use_count(), 4u);
  EXPECT_EQ(world.carried_count(), 3u);
}

// The second machine moves the counter: what the first had recorded is gone for it, what it holds is not.
TEST(PadBank, WhoeverComesLateLosesWhatWasRecorded) {
  PadWorld world;
  for (int i = 0; i < 4; ++i) world.Make(0);
  ASSERT_EQ(world.Record(0, 1), Status::kOk);
  ASSERT_EQ(world.Start(1, world.Ledger(0)), Status::kOk);
  ASSERT_EQ(world.Record(1, 3), Status::kOk);
  world.Make(0);
  EXPECT_EQ(world.Record(0, 3), Status::kRolledBack);
  EXPECT_EQ(world.book(0).ready(), 2u);
  ASSERT_EQ(world.Record(0, 3), Status::kOk) << "the next call starts from the new value";
  for (uint32_t machine : {0u, 1u}) {
    for (int i = 0; i < 5; ++i) world.Use(machine);
  }
  EXPECT_EQ(world.use_count(), 5u);
  EXPECT_EQ(world.reuse_count(), 0u);
}

TEST(PadBank, ACounterThatFailsGivesNoLease) {
  PadWorld world;
  for (int i = 0; i < 2; ++i) world.Make(0);
  ASSERT_EQ(world.Record(0, 0), Status::kOk);
  EXPECT_EQ(world.Record(0, 2, CounterFault::kFails), Status::kIo);
  world.Use(0);
  EXPECT_EQ(world.use_count(), 0u);
  EXPECT_EQ(world.ledgers().size(), 1u);
  ASSERT_EQ(world.Record(0, 2), Status::kOk);
  world.Use(0);
  EXPECT_EQ(world.use_count(), 1u);
}

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) world_.Make(0);
    ASSERT_EQ(world_.Record(0, 1), Status::kOk);
    ledger_.assign(world_.Ledger(0).begin(), world_.Ledger(0).end());
  }
  // Of a ledger that was changed after it was opened, and sealed again with the right key.
  Status StartWith(const std::function<void(OpenLedger*)>& change) {
    OpenLedger open = UnsealLedger(*world_.port(), ledger_);
    change(&open);
    return world_.Start(1, ResealLedger(*world_.port(), open));
  }
  void ExpectEmpty() {
    EXPECT_EQ(world_.book(1).ready(), 0u);
    world_.Make(1);
    world_.Use(1);
    EXPECT_EQ(world_.use_count(), ++uses_) << "a bank that refused a ledger works without";
  }

  PadWorld world_;
  std::vector<uint8_t> ledger_;
  uint64_t uses_ = 0;
};

TEST_F(LedgerTest, IsWhatThePageSays) {
  EXPECT_EQ(ledger_.size(), 168u + 2 * 8 + 2 * 32 + 16);
  EXPECT_STREQ(reinterpret_cast<const char*>(ledger_.data()), "penumbra pad ledger 1");
  const OpenLedger open = UnsealLedger(*world_.port(), ledger_);
  EXPECT_EQ(open.ids, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(open.head.counter, 1u);
  EXPECT_NE(open.seeds[0], open.seeds[1]);
  EXPECT_EQ(StartWith([](OpenLedger*) {}), Status::kOk) << "the control of the tests below";
  EXPECT_EQ(world_.book(1).ready(), 2u);
}

// Rot, a torn write and a cut, at every byte.
TEST_F(LedgerTest, DamageIsNoticedAtEveryByte) {
  for (size_t i = 0; i < ledger_.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      std::vector<uint8_t> rotten = ledger_;
      rotten[i] ^= flip;
      ASSERT_NE(world_.Start(1, rotten), Status::kOk) << "byte " << i;
      ASSERT_EQ(world_.book(1).ready(), 0u);
    }
    std::vector<uint8_t> torn = ledger_;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(i), torn.end(), uint8_t{0});
    // A tag may end in zeros by chance, and then that much of the tail is whole.
    ASSERT_TRUE(torn == ledger_ || !IsOk(world_.Start(1, torn))) << "torn at " << i;
    const std::span<const uint8_t> cut = std::span(ledger_).first(i);
    ASSERT_TRUE(cut.empty() || world_.Start(1, cut) == Status::kTruncated) << "cut at " << i;
  }
  std::vector<uint8_t> longer = ledger_;
  longer.push_back(0);
  EXPECT_EQ(world_.Start(1, longer), Status::kTruncated);
  ExpectEmpty();
}

TEST_F(LedgerTest, AMixOfTwoLedgersIsNoticed) {
  ASSERT_EQ(world_.Record(0, 1), Status::kOk);
  const std::span<const uint8_t> next = world_.Ledger(0);
  ASSERT_EQ(next.size(), ledger_.size());
  for (size_t i = 1; i < ledger_.size(); ++i) {
    std::vector<uint8_t> torn(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(i));
    torn.insert(torn.end(), ledger_.begin() + static_cast<std::ptrdiff_t>(i), ledger_.end());
    ASSERT_TRUE(std::ranges::equal(torn, next) || !IsOk(world_.Start(1, torn))) << i;
  }
}

TEST_F(LedgerTest, IdentifiersAreAscendingAndFewEnough) {
  const std::vector<std::vector<uint64_t>> wrong = {{2, 2}, {3, 2}, {0, 1}, {1, 1 + PadWorld::kCapacity}, {UINT64_MAX, 1},
                                                    {kMaxPadId, kMaxPadId + 1}};
  for (const std::vector<uint64_t>& ids : wrong) {
    EXPECT_EQ(StartWith([&](OpenLedger* open) { open->ids = ids; }), Status::kMalformed) << ids[0] << " " << ids[1];
    ExpectEmpty();
  }
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->ids = {7, 7 + PadWorld::kCapacity - 1}; }), Status::kOk);
  EXPECT_EQ(StartWith([](OpenLedger* open) {
              open->head.pad_count = PadWorld::kCapacity + 1;
              open->ids = {1, 2, 3, 4, 5, 6};
              open->seeds.resize(open->ids.size());
            }),
            Status::kNoSpace);
  ExpectEmpty();
}

TEST_F(LedgerTest, OfAnotherModelVersionOrDeviceIsRefused) {
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->head.model_id[31] ^= 1; }), Status::kWrongBank);
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->head.manifest_hash[0] ^= 1; }), Status::kWrongBank);
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->head.device_id[16] ^= 1; }), Status::kWrongBank);
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->head.reserved = 1; }), Status::kMalformed);
  EXPECT_EQ(StartWith([](OpenLedger* open) { open->head.context[20] ^= 1; }), Status::kMalformed);
  ExpectEmpty();
  // The names of another device in clear do not help: its sealing key is another.
  world_.port()->device_key[0] ^= 1;
  EXPECT_EQ(world_.Start(1, ledger_), Status::kAuthenticationFailed);
  ExpectEmpty();
}

TEST_F(LedgerTest, OfAnotherMomentIsRefused) {
  EXPECT_EQ(StartWith([](OpenLedger* open) { ++open->head.counter; }), Status::kRolledBack);
  EXPECT_EQ(StartWith([](OpenLedger* open) { --open->head.counter; }), Status::kRolledBack);
  ASSERT_EQ(world_.Record(0, 1), Status::kOk);
  EXPECT_EQ(world_.Start(1, ledger_), Status::kRolledBack);
  EXPECT_EQ(world_.Start(1, world_.Ledger(0)), Status::kOk);
}

TEST(PadBank, OpensOnceAndInTime) {
  testing::TinyPort tiny;
  const Port port = tiny.Make();
  testing::AlignedBytes memory(size_t{1} << 20);
  Arena arena(memory.view);
  PadBank bank;
  ASSERT_EQ(bank.Init(), Status::kOk);
  ASSERT_EQ(bank.Start(port), Status::kOk);
  uint8_t ledger[LedgerSize(4)];
  uint64_t size = 0, id = 0;
  EXPECT_EQ(bank.Record(port, 1, ledger, &size), Status::kWrongState);
  const Manifest manifest{};
  for (const uint64_t capacity : {uint64_t{0}, uint64_t{kMaxPads} + 1, UINT64_MAX}) {
    EXPECT_EQ(bank.Open(manifest, port, {}, capacity, &arena), Status::kInvalidArgument);
  }
  Arena small(memory.view.first(DurableBankMemory(4) - 64));
  EXPECT_EQ(bank.Open(manifest, port, {}, 4, &small), Status::kSecureMemoryExceeded);
  EXPECT_EQ(small.used(), 0u);
  PadSeed seed;
  ASSERT_EQ(bank.Begin(port, {&seed, 1}, &id), Status::kOk);
  EXPECT_EQ(bank.Open(manifest, port, {}, 4, &arena), Status::kWrongState);
  bank.Burn(id);
  // Its identifier was in use, and a ledger may have the same.
  EXPECT_EQ(bank.Open(manifest, port, {}, 4, &arena), Status::kWrongState);
  bank.Clear();
  ASSERT_EQ(bank.Start(port), Status::kOk);
  ASSERT_EQ(bank.Open(manifest, port, {}, 4, &arena), Status::kOk);
  EXPECT_EQ(arena.used(), DurableBankMemory(4));
  EXPECT_EQ(bank.Open(manifest, port, {}, 4, &arena), Status::kWrongState);
  EXPECT_EQ(bank.Record(port, 1, std::span(ledger).first(LedgerSize(4) - 1), &size), Status::kInvalidArgument);
  EXPECT_TRUE(tiny.counters.begin()->second == 0) << "a refused call moved the counter";
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(bank.Begin(port, {&seed, 1}, &id), Status::kOk);
    bank.Finish(id);
  }
  EXPECT_EQ(bank.Begin(port, {&seed, 1}, &id), Status::kNoSpace);
  bank.Clear();
  EXPECT_EQ(bank.Record(port, 1, ledger, &size), Status::kWrongState) << "durable no more";
}

}  // namespace
}  // namespace penumbra::trusted
