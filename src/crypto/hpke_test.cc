#include "crypto/hpke.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <array>
#include <vector>

#include "crypto/hpke_internal.h"
#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::AllZero;
using testing::Fixed;
using testing::FlipBit;
using testing::FromHex;
using testing::Pattern;
using testing::ToHex;

using Key = std::array<uint8_t, kX25519KeySize>;

// From the test-vectors.json published with RFC 9180: mode 0, kem_id 32, kdf_id 1, aead_id 2,
// first encryption. (Appendix A prints only a selection of suites, this one not among them.)
constexpr char kRecipientPrivate[] =
    "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d";
constexpr char kRecipientPublic[] =
    "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c";
constexpr char kEphemeralPrivate[] =
    "179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11";
constexpr char kEnc[] = "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256";
constexpr char kInfo[] = "4f6465206f6e2061204772656369616e2055726e";
constexpr char kAad[] = "436f756e742d30";
constexpr char kPlaintext[] = "4265617574792069732074727574682c20747275746820626561757479";
constexpr char kCiphertext[] =
    "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a";

TEST(Hpke, SealsThePublishedVector) {
  const auto plaintext = FromHex(kPlaintext);
  Key enc;
  std::vector<uint8_t> ciphertext(plaintext.size() + kHpkeOverheadSize);
  ASSERT_EQ(internal::SealBaseWithEphemeral(Fixed<32>(FromHex(kEphemeralPrivate)),
                                            Fixed<32>(FromHex(kRecipientPublic)), FromHex(kInfo),
                                            FromHex(kAad), plaintext, enc, ciphertext),
            Status::kOk);
  EXPECT_EQ(ToHex(enc), kEnc);
  EXPECT_EQ(ToHex(ciphertext), kCiphertext);
}

TEST(Hpke, OpensThePublishedVector) {
  const auto ciphertext = FromHex(kCiphertext);
  std::vector<uint8_t> plaintext(ciphertext.size() - kHpkeOverheadSize);
  ASSERT_EQ(OpenBase(Fixed<32>(FromHex(kRecipientPrivate)), Fixed<32>(FromHex(kEnc)),
                     FromHex(kInfo), FromHex(kAad), ciphertext, plaintext),
            Status::kOk);
  EXPECT_EQ(ToHex(plaintext), kPlaintext);
}

class HpkeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(GenerateX25519Key(private_key_, public_key_), Status::kOk);
    ASSERT_EQ(SealBase(public_key_, info_, aad_, plaintext_, enc_, ciphertext_), Status::kOk);
  }

  Status Open() {
    opened_.assign(plaintext_.size(), 0xa5);
    return OpenBase(private_key_, enc_, info_, aad_, ciphertext_, opened_);
  }

  Key private_key_, public_key_, enc_;
  std::vector<uint8_t> info_ = Pattern(11, 1), aad_ = Pattern(7, 2);
  const std::vector<uint8_t> plaintext_ = Pattern(32, 3);
  std::vector<uint8_t> ciphertext_ = std::vector<uint8_t>(32 + kHpkeOverheadSize), opened_;
};

TEST_F(HpkeTest, RoundTripsEverySize) {
  for (size_t size = 0; size < 100; ++size) {
    const auto plaintext = Pattern(size, 4);
    std::vector<uint8_t> buffer = plaintext;
    buffer.resize(size + kHpkeOverheadSize);
    ASSERT_EQ(SealBase(public_key_, info_, aad_, Bytes(buffer).first(size), enc_, buffer),
              Status::kOk);
    std::vector<uint8_t> opened(size);
    ASSERT_EQ(OpenBase(private_key_, enc_, info_, aad_, buffer, opened), Status::kOk);
    EXPECT_EQ(opened, plaintext);
  }
}

TEST_F(HpkeTest, RefusesEveryFlippedBit) {
  for (const MutableBytes part :
       {MutableBytes(ciphertext_), MutableBytes(info_), MutableBytes(aad_), MutableBytes(enc_)}) {
    for (size_t bit = 0; bit < 8 * part.size(); ++bit) {
      FlipBit(part, bit);
      // X25519 ignores the top bit of a point (RFC 7748 section 5), but the key schedule does not.
      ASSERT_EQ(Open(), Status::kAuthenticationFailed) << bit;
      ASSERT_TRUE(AllZero(opened_));
      FlipBit(part, bit);
    }
  }
  ASSERT_EQ(Open(), Status::kOk);
  EXPECT_EQ(opened_, plaintext_);
}

TEST_F(HpkeTest, OnlyTheRecipientOpens) {
  Key other_public;
  ASSERT_EQ(GenerateX25519Key(private_key_, other_public), Status::kOk);
  EXPECT_EQ(Open(), Status::kAuthenticationFailed);
  EXPECT_TRUE(AllZero(opened_));
}

TEST_F(HpkeTest, TwoSealingsShareNothing) {
  Key enc;
  std::vector<uint8_t> ciphertext(ciphertext_.size());
  ASSERT_EQ(SealBase(public_key_, info_, aad_, plaintext_, enc, ciphertext), Status::kOk);
  EXPECT_NE(enc, enc_);
  EXPECT_NE(ciphertext, ciphertext_);
}

TEST_F(HpkeTest, RefusesPointsOfSmallOrder) {
  const Key zero = {};
  EXPECT_EQ(SealBase(zero, info_, aad_, plaintext_, enc_, ciphertext_), Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(enc_));
  EXPECT_TRUE(AllZero(ciphertext_));
  EXPECT_EQ(Open(), Status::kAuthenticationFailed);
}

TEST_F(HpkeTest, ChecksSizes) {
  std::vector<uint8_t> short_ciphertext(ciphertext_.size() - 1, 0xa5), tiny(15);
  EXPECT_EQ(SealBase(public_key_, info_, aad_, plaintext_, enc_, short_ciphertext),
            Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(short_ciphertext));
  EXPECT_EQ(SealBase(public_key_, info_, aad_, plaintext_, enc_, tiny), Status::kInvalidArgument);
  std::vector<uint8_t> opened(5, 0xa5);
  EXPECT_EQ(OpenBase(private_key_, enc_, info_, aad_, ciphertext_, opened),
            Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(opened));
  for (size_t size = 0; size < kHpkeOverheadSize; ++size) {
    EXPECT_EQ(OpenBase(private_key_, enc_, info_, aad_, Bytes(ciphertext_).first(size), {}),
              Status::kAuthenticationFailed);
  }
}

// What a second message under one key would repeat is gone after the first.
TEST_F(HpkeTest, ASenderSealsOnce) {
  HpkeSender sender;
  std::vector<uint8_t> sealed(plaintext_.size()), tag(kAeadTagSize);
  const auto seal = [&] {
    return sender.Seal(aad_, plaintext_, sealed, MutableBytes(tag).first<kAeadTagSize>());
  };
  EXPECT_EQ(seal(), Status::kWrongState);
  Key ephemeral, unused;
  ASSERT_EQ(GenerateX25519Key(ephemeral, unused), Status::kOk);
  ASSERT_EQ(sender.Setup(ephemeral, public_key_, info_, enc_), Status::kOk);
  ASSERT_EQ(seal(), Status::kOk);
  std::ranges::copy(tag, std::ranges::copy(sealed, ciphertext_.begin()).out);
  EXPECT_EQ(Open(), Status::kOk);
  EXPECT_EQ(opened_, plaintext_);
  EXPECT_EQ(seal(), Status::kWrongState);
  EXPECT_TRUE(AllZero(sealed));
  EXPECT_TRUE(AllZero(tag));
  EXPECT_EQ(sender.Setup(ephemeral, Key{}, info_, enc_), Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(enc_));
  EXPECT_EQ(seal(), Status::kWrongState);
  ASSERT_EQ(sender.Setup(ephemeral, public_key_, info_, enc_), Status::kOk);
  ASSERT_EQ(sender.Clear(), Status::kOk);
  EXPECT_EQ(seal(), Status::kWrongState);
}

}  // namespace
}  // namespace penumbra::crypto
