#include "accel/malicious/lies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "accel/validate.h"
#include "boundary/geometry.h"

namespace penumbra::malicious {
namespace {

constexpr uint32_t kBatch = 2;

// A random reply of 3 primes or of floats, and a copy of it.
struct Sample {
  Sample(ElementType type, Rng* rng) {
    const auto primes = static_cast<uint16_t>(type == ElementType::kU8Residue ? 3 : 0);
    view.shape = {5, 4, 6, type, primes};
    view.batch = kBatch;
    bytes.resize(TensorByteSize(view.shape, kBatch));
    view.bytes = bytes;
    Randomize(view, rng);
    honest = bytes;
  }
  uint16_t prime(size_t at) const { return kPrimes[at / (bytes.size() / 3)]; }

  std::vector<uint8_t> bytes, honest;
  ReplyView view;
};

constexpr ElementType kTypes[] = {ElementType::kU8Residue, ElementType::kU32Residue, ElementType::kF32};

TEST(Lies, OtherRepresentativesMeanTheSame) {
  Rng rng(1);
  Sample s(ElementType::kU8Residue, &rng);
  for (size_t i = 0; i < s.bytes.size(); ++i) s.bytes[i] %= static_cast<uint8_t>(s.prime(i));
  s.bytes[0] = 4;
  s.honest = s.bytes;
  UseOtherRepresentatives(s.view);
  EXPECT_EQ(s.bytes[0], 255);
  EXPECT_NE(s.bytes, s.honest);
  EXPECT_FALSE(IsWrong(s.view, s.honest));
}

// Of the papers' prime a word has 409 or 410 representatives; the largest is as good as any.
TEST(Lies, OtherRepresentativesOfWords) {
  Rng rng(1);
  Sample s(ElementType::kU32Residue, &rng);
  for (size_t i = 0; i < s.bytes.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, s.bytes.data() + i, 4);
    word %= kFieldPrime;
    std::memcpy(s.bytes.data() + i, &word, 4);
  }
  s.honest = s.bytes;
  UseOtherRepresentatives(s.view);
  EXPECT_FALSE(IsWrong(s.view, s.honest));
  for (size_t i = 0; i < s.bytes.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, s.bytes.data() + i, 4);
    EXPECT_GT(word, 0xffffffff - kFieldPrime);
  }
}

TEST(Lies, OnePlaneIsChangedWhereOneIsNamed) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Sample s(ElementType::kU8Residue, &rng);
    const auto plane = static_cast<uint32_t>(seed % 3);
    ChangeElement(s.view, plane + 3, &rng);
    const auto differ = std::ranges::mismatch(s.bytes, s.honest);
    ASSERT_NE(differ.in1, s.bytes.end());
    EXPECT_EQ(static_cast<size_t>(differ.in1 - s.bytes.begin()) / (s.bytes.size() / 3), plane);
  }
}

TEST(Lies, WrongMeansAnotherResidueOrAnotherBit) {
  Rng rng(2);
  for (const ElementType type : kTypes) {
    Sample s(type, &rng);
    EXPECT_FALSE(IsWrong(s.view, s.honest));
    s.bytes.back() ^= 1;
    EXPECT_TRUE(IsWrong(s.view, s.honest));
  }
}

struct NamedLie {
  const char* name;
  void (*tell)(const ReplyView&, Rng*);
};

TEST(Lies, AreWrongAndRepeatable) {
  constexpr NamedLie kEveryLie[] = {
      {"FlipBit", FlipBit},
      {"ChangeElement", [](const ReplyView& reply, Rng* rng) { ChangeElement(reply, {}, rng); }},
      {"ReplaceTile", ReplaceTile},
      {"SwapChannels", SwapChannels},
      {"AddConstant", AddConstant},
      {"Randomize", Randomize},
      {"Zero", [](const ReplyView& reply, Rng*) { Zero(reply); }},
  };
  for (const ElementType type : kTypes) {
    for (const NamedLie& lie : kEveryLie) {
      SCOPED_TRACE(lie.name);
      for (uint64_t seed = 0; seed < 200; ++seed) {
        Rng draw(seed), once(seed + 1000), again(seed + 1000);
        Sample s(type, &draw);
        lie.tell(s.view, &once);
        EXPECT_TRUE(IsWrong(s.view, s.honest)) << seed;
        const std::vector<uint8_t> first = std::exchange(s.bytes, s.honest);
        s.view.bytes = s.bytes;
        lie.tell(s.view, &again);
        EXPECT_EQ(s.bytes, first) << seed;
      }
    }
  }
}

TEST(Lies, ChangeWhatTheySay) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Sample bit(ElementType::kU8Residue, &rng), one = bit, tile = bit, swap = bit;
    for (Sample* s : {&bit, &one, &tile, &swap}) s->view.bytes = s->bytes;
    const auto changes = [](const Sample& s) {
      size_t count = 0;
      for (size_t i = 0; i < s.bytes.size(); ++i) count += s.bytes[i] != s.honest[i];
      return count;
    };
    FlipBit(bit.view, &rng);
    EXPECT_EQ(changes(bit), 1u);
    ChangeElement(one.view, {}, &rng);
    EXPECT_EQ(changes(one), 1u);
    SwapChannels(swap.view, &rng);
    std::vector<uint8_t> sorted[2] = {swap.bytes, swap.honest};
    for (std::vector<uint8_t>& bytes : sorted) std::ranges::sort(bytes);
    EXPECT_EQ(sorted[0], sorted[1]);
    // Whole rows are random; the others are as they were.
    ReplaceTile(tile.view, &rng);
    constexpr size_t kRow = 4 * 6;
    for (size_t row = 0; row < tile.bytes.size(); row += kRow) {
      size_t changed = 0;
      for (size_t i = row; i < row + kRow; ++i) changed += tile.bytes[i] != tile.honest[i];
      EXPECT_TRUE(changed == 0 || changed > kRow / 2) << row;
    }
  }
}

TEST(Lies, ReplaceByFillsTheReply) {
  Rng rng(3);
  Sample s(ElementType::kU8Residue, &rng);
  ReplaceBy({}, s.view);
  EXPECT_EQ(s.bytes, s.honest);
  ReplaceBy(std::vector<uint8_t>{1, 2, 3}, s.view);
  for (size_t i = 0; i < s.bytes.size(); ++i) EXPECT_EQ(s.bytes[i], 1 + i % 3);
}

TEST(Lies, DrawIsUniform) {
  Rng rng(4);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[Draw(&rng, counts.size())];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 600);  // six standard deviations
}

}  // namespace
}  // namespace penumbra::malicious
