#include "crypto/sign.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::Fixed;
using testing::FlipBit;
using testing::FromHex;
using testing::Pattern;
using testing::ToHex;

using Key = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, kSignatureSize>;

struct Vector {
  const char *private_key, *public_key, *message, *signature;
};

// RFC 8032 section 7.1, tests 1 to 3.
const Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Sign, MatchesPublishedVectors) {
  for (const Vector& v : kVectors) {
    const auto private_key = FromHex(v.private_key), message = FromHex(v.message);
    Key public_key;
    Signature signature;
    ASSERT_EQ(SigningPublicKey(Fixed<32>(private_key), public_key), Status::kOk);
    EXPECT_EQ(ToHex(public_key), v.public_key);
    ASSERT_EQ(Sign(Fixed<32>(private_key), message, signature), Status::kOk);
    EXPECT_EQ(ToHex(signature), v.signature);
    EXPECT_EQ(VerifySignature(public_key, message, signature), Status::kOk);
  }
}

class SignTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(GenerateSigningKey(private_key_, public_key_), Status::kOk);
    ASSERT_EQ(Sign(private_key_, message_, signature_), Status::kOk);
  }

  Status Verify() const { return VerifySignature(public_key_, message_, signature_); }

  Key private_key_, public_key_;
  Signature signature_;
  std::vector<uint8_t> message_ = Pattern(35, 1);
};

TEST_F(SignTest, RefusesEveryFlippedBit) {
  ASSERT_EQ(Verify(), Status::kOk);
  for (const MutableBytes part :
       {MutableBytes(message_), MutableBytes(signature_), MutableBytes(public_key_)}) {
    for (size_t bit = 0; bit < 8 * part.size(); ++bit) {
      FlipBit(part, bit);
      ASSERT_EQ(Verify(), Status::kBadSignature) << bit;
      FlipBit(part, bit);
    }
  }
  EXPECT_EQ(Verify(), Status::kOk);
}

// S + L satisfies the same equation; RFC 8032 section 5.1.7 demands S < L.
TEST_F(SignTest, RefusesASecondSpellingOfS) {
  const auto order = FromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    carry += signature_[32 + i] + order[i];
    signature_[32 + i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  ASSERT_EQ(carry, 0u);
  EXPECT_EQ(Verify(), Status::kBadSignature);
}

TEST_F(SignTest, KeysAreFreshAndIndependent) {
  Key other_private, other_public;
  ASSERT_EQ(GenerateSigningKey(other_private, other_public), Status::kOk);
  EXPECT_NE(other_private, private_key_);
  EXPECT_NE(other_public, public_key_);
  EXPECT_EQ(VerifySignature(other_public, message_, signature_), Status::kBadSignature);
  Key derived;
  ASSERT_EQ(SigningPublicKey(other_private, derived), Status::kOk);
  EXPECT_EQ(derived, other_public);
}

}  // namespace
}  // namespace penumbra::crypto
