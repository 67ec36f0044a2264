#include "crypto/cbor.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::FromHex;
using testing::Pattern;
using testing::ToHex;

struct Example {
  CborType type;
  uint64_t argument;
  const char* hex;
};
// RFC 8949 appendix A.
const Example kExamples[] = {
    {CborType::kUnsigned, 0, "00"},
    {CborType::kUnsigned, 23, "17"},
    {CborType::kUnsigned, 24, "1818"},
    {CborType::kUnsigned, 1000, "1903e8"},
    {CborType::kUnsigned, 1000000, "1a000f4240"},
    {CborType::kUnsigned, 1000000000000, "1b000000e8d4a51000"},
    {CborType::kUnsigned, ~uint64_t{0}, "1bffffffffffffffff"},
    {CborType::kSimple, kCborFalse, "f4"},
    {CborType::kSimple, kCborTrue, "f5"},
    {CborType::kArray, 25, "9819"},
    {CborType::kMap, 2, "a2"},
};

TEST(Cbor, MatchesTheExamplesOfTheStandard) {
  for (const Example& example : kExamples) {
    std::vector<uint8_t> out(9);
    CborWriter writer(out);
    writer.Head(example.type, example.argument);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(ToHex(Bytes(out).first(writer.size())), example.hex);
    const auto bytes = FromHex(example.hex);
    CborReader reader(bytes);
    uint64_t argument = 0;
    ASSERT_TRUE(reader.Head(example.type, &argument)) << example.hex;
    EXPECT_EQ(argument, example.argument);
    EXPECT_TRUE(reader.rest().empty());
  }
}

TEST(Cbor, RefusesOtherSpellingsTypesAndEnds) {
  for (const char* hex : {"1800", "1817", "190018", "1a0000ffff", "1b00000000ffffffff", "1c", "1f", "",
                          "18", "1903", "1bffffff", "40", "f5"}) {
    const auto bytes = FromHex(hex);
    CborReader reader(bytes);
    uint64_t argument = 0;
    EXPECT_FALSE(reader.Head(CborType::kUnsigned, &argument)) << hex;
    EXPECT_EQ(reader.rest().size(), bytes.size()) << hex;
  }
}

TEST(Cbor, ByteStringsStayInsideTheInput) {
  for (const size_t size : {0, 1, 23, 24, 255, 256, 70000}) {
    const auto content = Pattern(size, 1);
    std::vector<uint8_t> out(size + CborHeadSize(size));
    CborWriter writer(out);
    writer.ByteString(content);
    ASSERT_TRUE(writer.ok());
    ASSERT_EQ(writer.size(), out.size());
    CborReader reader(out);
    Bytes view;
    ASSERT_TRUE(reader.ByteString(&view));
    EXPECT_EQ(std::vector(view.begin(), view.end()), content);
    CborReader cut(Bytes(out).first(out.size() - 1));
    EXPECT_FALSE(cut.ByteString(&view));
    EXPECT_EQ(cut.rest().size(), out.size() - 1);
  }
}

TEST(Cbor, TheWriterKeepsToItsBuffer) {
  std::vector<uint8_t> out(4, 0xa5);
  CborWriter writer(MutableBytes(out).first(3));
  writer.ByteString(FromHex("0102"));
  ASSERT_TRUE(writer.ok());
  writer.Head(CborType::kUnsigned, 1);
  EXPECT_FALSE(writer.ok());
  writer.Append({});
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(ToHex(out), "420102a5");
}

}  // namespace
}  // namespace penumbra::crypto
