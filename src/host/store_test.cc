#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "host/emitted_halves.h"
#include "host/pad_store.h"
#include "host/spill_store.h"

namespace penumbra::host {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(PadSlot, SplitsTheIndex) {
  const PadSlot where = PadSlotOf((uint64_t{5} << 24) | 7);
  EXPECT_EQ(where.pad, 5u);
  EXPECT_EQ(where.slot, 7u);
}

TEST(MemoryPadStore, GivesEverySlotOnce) {
  MemoryPadStore store(100);
  ASSERT_EQ(store.Put({1, 0}, Bytes{1, 2}), Status::kOk);
  ASSERT_EQ(store.Put({1, 1}, Bytes{3}), Status::kOk);
  Bytes out(2);
  EXPECT_EQ(store.Take({1, 1}, out), Status::kMalformed);
  EXPECT_EQ(store.Take({1, 0}, out), Status::kOk);
  EXPECT_EQ(out, (Bytes{1, 2}));
  EXPECT_EQ(store.Take({1, 0}, out), Status::kNotFound);
  EXPECT_EQ(store.Take({2, 0}, out), Status::kNotFound);
  EXPECT_EQ(store.size(), 1u);
}

TEST(MemoryPadStore, KeepsItsLimit) {
  MemoryPadStore store(10);
  EXPECT_EQ(store.Put({1, 0}, Bytes(8)), Status::kOk);
  EXPECT_EQ(store.Put({1, 1}, Bytes(3)), Status::kNoSpace);
  EXPECT_EQ(store.Put({1, 0}, Bytes(10)), Status::kOk);
  store.Drop(1);
  store.Drop(9);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.Put({2, 0}, Bytes(10)), Status::kOk);
  const std::vector<uint64_t> kept = {2, 3};
  store.KeepOnly(kept);
  EXPECT_EQ(store.size(), 10u);
  store.KeepOnly({});
  EXPECT_EQ(store.size(), 0u);
  Bytes out(10);
  EXPECT_EQ(store.Take({2, 0}, out), Status::kNotFound);
}

TEST(SpillStore, ForgetsAtClear) {
  SpillStore store(10);
  ASSERT_EQ(store.Put(3, Bytes{1, 2}), Status::kOk);
  ASSERT_EQ(store.Put(3, Bytes{4, 5}), Status::kOk);
  Bytes out(2);
  EXPECT_EQ(store.Get(3, out), Status::kOk);
  EXPECT_EQ(store.Get(3, out), Status::kOk);
  EXPECT_EQ(out, (Bytes{4, 5}));
  Bytes longer(3);
  EXPECT_EQ(store.Get(3, longer), Status::kMalformed);
  EXPECT_EQ(store.Get(4, out), Status::kNotFound);
  store.Clear();
  EXPECT_EQ(store.Get(3, out), Status::kNotFound);
}

TEST(SpillStore, KeepsItsLimit) {
  SpillStore store(10);
  EXPECT_EQ(store.Put(1, Bytes(6)), Status::kOk);
  EXPECT_EQ(store.Put(2, Bytes(5)), Status::kNoSpace);
  EXPECT_EQ(store.Put(1, Bytes(10)), Status::kOk);
}

TEST(EmittedHalves, PutsPiecesWhereTheyBelong) {
  constexpr uint64_t kThird = uint64_t{3} << 32;
  EmittedHalves halves(12);
  EXPECT_EQ(halves.Put(kThird, Bytes{1, 2}), Status::kOk);
  EXPECT_EQ(halves.Put(7, Bytes{9}), Status::kOk);  // of segment 0
  EXPECT_EQ(halves.Put(kThird | 3, Bytes{4}), Status::kOk);
  EXPECT_EQ(halves.Put(kThird | 3, Bytes{5}), Status::kMalformed);  // a second time
  EXPECT_EQ(halves.Put(kThird, Bytes{5}), Status::kMalformed);
  EXPECT_EQ(halves.Put(kThird | 4, Bytes{5}), Status::kNoSpace);
  EXPECT_EQ(halves.Put(kThird | 0xffffffff, Bytes{}), Status::kNoSpace);
  const EmittedHalves::Halves taken = halves.Take();
  EXPECT_EQ(taken, (EmittedHalves::Halves{{0, {0, 0, 0, 0, 0, 0, 0, 9}}, {3, {1, 2, 0, 4}}}));
  EXPECT_TRUE(halves.Take().empty());
  EXPECT_EQ(halves.Put(11, Bytes{1}), Status::kOk);
}

}  // namespace
}  // namespace penumbra::host
