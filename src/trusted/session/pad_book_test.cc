#include "trusted/session/pad_book.h"

#include <gtest/gtest.h>

namespace penumbra::trusted {
namespace {

uint64_t Begin(PadBook* book) {
  uint64_t id = 0;
  EXPECT_EQ(book->Begin(kMaxPads, 1, &id), Status::kOk);
  return id;
}

uint64_t Take(PadBook* book) {
  uint64_t id = 0;
  EXPECT_EQ(book->Take(&id), Status::kOk);
  return id;
}

TEST(PadBook, OldestReadyPadFirst) {
  PadBook book;
  const uint64_t a = Begin(&book), b = Begin(&book), c = Begin(&book);
  uint64_t none = 0;
  EXPECT_EQ(book.Take(&none), Status::kPadsExhausted);
  book.Finish(c, false);
  EXPECT_EQ(Take(&book), c);  // the others are not there yet
  book.Finish(b, false);
  book.Finish(a, false);
  EXPECT_EQ(book.ready(), 2u);
  EXPECT_EQ(Take(&book), a);
  EXPECT_EQ(Take(&book), b);
  EXPECT_EQ(book.Take(&none), Status::kPadsExhausted);
}

TEST(PadBook, NoIdentifierIsGivenTwice) {
  PadBook book;
  uint64_t last = 0;
  for (int i = 0; i < 3 * static_cast<int>(kMaxPads); ++i) {
    const uint64_t id = Begin(&book);
    ASSERT_GT(id, last);
    last = id;
    if (i % 3 == 0) {
      book.Burn(id);
    } else {
      book.Finish(id, false);
      ASSERT_EQ(Take(&book), id);
    }
  }
  book.Clear();
  EXPECT_GT(Begin(&book), last);
}

TEST(PadBook, PadsMadeTogetherHaveConsecutiveIdentifiers) {
  PadBook book;
  const uint64_t before = Begin(&book);
  uint64_t first = 0;
  ASSERT_EQ(book.Begin(kMaxPads, 4, &first), Status::kOk);
  EXPECT_EQ(first, before + 1);
  const uint64_t after = Begin(&book);
  EXPECT_EQ(after, first + 4);
  for (uint64_t id = first; id < first + 4; ++id) book.Finish(id, false);
  for (uint64_t id = first; id < first + 4; ++id) EXPECT_EQ(Take(&book), id);
  uint64_t none = 0;
  EXPECT_EQ(book.Take(&none), Status::kPadsExhausted);
}

// All or none.
TEST(PadBook, ABatchThatDoesNotFitTakesNothing) {
  PadBook book;
  for (uint32_t i = 0; i < kMaxPads - 3; ++i) book.Finish(Begin(&book), false);
  uint64_t id = 0;
  EXPECT_EQ(book.Begin(kMaxPads, 4, &id), Status::kNoSpace);
  EXPECT_EQ(book.Begin(kMaxPads, 3, &id), Status::kOk);
  EXPECT_EQ(book.Begin(kMaxPads, 1, &id), Status::kNoSpace);
}

TEST(PadBook, HoldsSoManyAndNoMore) {
  PadBook book;
  const uint64_t first = Begin(&book);
  for (uint32_t i = 1; i < kMaxPads; ++i) book.Finish(Begin(&book), false);
  uint64_t id = 0;
  EXPECT_EQ(book.Begin(kMaxPads, 1, &id), Status::kNoSpace);
  EXPECT_EQ(Take(&book), first + 1);
  EXPECT_EQ(book.Begin(kMaxPads, 1, &id), Status::kNoSpace);  // the first one is still being made
  book.Burn(first);
  EXPECT_EQ(book.Begin(kMaxPads, 1, &id), Status::kOk);
  EXPECT_EQ(book.ready(), kMaxPads - 2);
  book.Clear();
  EXPECT_EQ(book.ready(), 0u);
  EXPECT_EQ(book.Take(&id), Status::kPadsExhausted);
}

}  // namespace
}  // namespace penumbra::trusted
