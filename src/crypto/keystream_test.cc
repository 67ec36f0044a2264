#include "crypto/keystream.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::Fixed;
using testing::FromHex;
using testing::Pattern;
using testing::ToHex;

// NIST SP 800-38A, F.5.5 CTR-AES256.Encrypt: the four output blocks.
TEST(Keystream, MatchesPublishedVector) {
  const auto key = FromHex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  const auto counter = FromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const auto plaintext = FromHex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  std::vector<uint8_t> stream(plaintext.size());
  Keystream keystream;
  ASSERT_EQ(keystream.Init(Fixed<32>(key)), Status::kOk);
  ASSERT_EQ(keystream.Generate(Fixed<16>(counter), stream), Status::kOk);
  for (size_t i = 0; i < stream.size(); ++i) stream[i] ^= plaintext[i];
  EXPECT_EQ(ToHex(stream),
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
            "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");
}

class KeystreamTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(keystream_.Init(Fixed<32>(key_)), Status::kOk); }

  std::vector<uint8_t> Generate(const std::vector<uint8_t>& counter, size_t size) {
    std::vector<uint8_t> out(size, 0xa5);
    EXPECT_EQ(keystream_.Generate(Fixed<16>(counter), out), Status::kOk);
    return out;
  }

  Keystream keystream_;
  const std::vector<uint8_t> key_ = Pattern(32, 1);
};

// Prefixes of one stream, across the piece size of the backend: what the output buffer held before
// and how the size divides must not matter.
TEST_F(KeystreamTest, EverySizeIsAPrefixOfTheSameStream) {
  const auto counter = Pattern(16, 2);
  const auto whole = Generate(counter, 40000);
  for (size_t size : {0, 1, 15, 16, 17, 255, 4096, 8191, 8192, 8193, 16384, 39999}) {
    EXPECT_EQ(Generate(counter, size), std::vector(whole.begin(), whole.begin() + size)) << size;
  }
}

TEST_F(KeystreamTest, SeeksToAnyBlock) {
  auto counter = FromHex("000102030405060708090a0b0c0d0000");
  const auto whole = Generate(counter, 16 * 1000);
  for (size_t block : {1, 2, 255, 256, 511, 513, 999}) {
    counter[14] = static_cast<uint8_t>(block >> 8);
    counter[15] = static_cast<uint8_t>(block);
    EXPECT_EQ(Generate(counter, 16),
              std::vector(whole.begin() + 16 * block, whole.begin() + 16 * (block + 1)));
  }
}

// The carry runs through all sixteen bytes, and past them to zero.
TEST_F(KeystreamTest, CountsIn128BitsBigEndian) {
  const auto ones = FromHex("ffffffffffffffffffffffffffffffff");
  const auto zero = FromHex("00000000000000000000000000000000");
  const auto low32 = FromHex("000000000000000000000000ffffffff");
  const auto carried = FromHex("00000000000000000000000100000000");
  const auto wrapped = Generate(ones, 48);
  EXPECT_EQ(std::vector(wrapped.begin() + 16, wrapped.end()), Generate(zero, 32));
  const auto crossing = Generate(low32, 48);
  EXPECT_EQ(std::vector(crossing.begin() + 16, crossing.end()), Generate(carried, 32));
}

TEST_F(KeystreamTest, ChangesKeyCompletely) {
  const auto counter = Pattern(16, 3), other_key = Pattern(32, 4);
  const auto before = Generate(counter, 100);
  ASSERT_EQ(keystream_.Init(Fixed<32>(other_key)), Status::kOk);
  EXPECT_NE(Generate(counter, 100), before);
  ASSERT_EQ(keystream_.Init(Fixed<32>(key_)), Status::kOk);
  EXPECT_EQ(Generate(counter, 100), before);
}

TEST(Keystream, WantsAKeyFirst) {
  Keystream keystream;
  std::vector<uint8_t> counter(16), out(16);
  EXPECT_EQ(keystream.Generate(Fixed<16>(counter), out), Status::kWrongState);
}

}  // namespace
}  // namespace penumbra::crypto
