#include "crypto/wipe.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::AllZero;
using testing::FlipBit;
using testing::Pattern;

TEST(Wipe, ClearsExactlyTheView) {
  for (const size_t size : {0, 1, 15, 16, 63, 1000}) {
    std::vector<uint8_t> bytes(size + 2, 0xa5);
    Wipe(MutableBytes(bytes).subspan(1, size));
    EXPECT_EQ(bytes.front(), 0xa5);
    EXPECT_EQ(bytes.back(), 0xa5);
    EXPECT_TRUE(AllZero(Bytes(bytes).subspan(1, size)));
  }
}

struct Holder {
  uint8_t secret[64];
  explicit Holder(uint8_t value) { std::fill(std::begin(secret), std::end(secret), value); }
  ~Holder() { Wipe(secret); }
};

// The stores precede the end of the object's life, which is when an optimiser calls them dead. The
// memory itself outlives the object and is read through a pointer that the optimiser cannot see
// through.
TEST(Wipe, SurvivesTheOptimiserInADestructor) {
  alignas(Holder) unsigned char storage[sizeof(Holder)];
  auto* holder = new (storage) Holder(0x5c);
  holder->~Holder();
  const volatile unsigned char* after = storage;
  __asm__ __volatile__("" : "+r"(after) : : "memory");
  for (size_t i = 0; i < sizeof(Holder); ++i) EXPECT_EQ(after[i], 0) << i;
}

TEST(ScopedWipe, ClearsOnEveryWayOut) {
  std::vector<uint8_t> bytes = Pattern(48, 1);
  const auto leave_early = [&bytes](bool early) {
    const ScopedWipe wipe(bytes);
    if (early) return 1;
    bytes[0] ^= 1;
    return 2;
  };
  EXPECT_EQ(leave_early(true), 1);
  EXPECT_TRUE(AllZero(bytes));
  bytes = Pattern(48, 1);
  EXPECT_EQ(leave_early(false), 2);
  EXPECT_TRUE(AllZero(bytes));
}

TEST(ConstantTimeEqual, SeesEveryBit) {
  const std::vector<uint8_t> a = Pattern(33, 2);
  std::vector<uint8_t> b = a;
  EXPECT_TRUE(ConstantTimeEqual(a, b));
  for (size_t bit = 0; bit < 8 * b.size(); ++bit) {
    FlipBit(b, bit);
    EXPECT_FALSE(ConstantTimeEqual(a, b)) << bit;
    FlipBit(b, bit);
  }
}

TEST(ConstantTimeEqual, ComparesSizes) {
  const std::vector<uint8_t> a = Pattern(16, 3);
  EXPECT_FALSE(ConstantTimeEqual(a, Bytes(a).first(15)));
  EXPECT_FALSE(ConstantTimeEqual({}, a));
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
}

}  // namespace
}  // namespace penumbra::crypto
