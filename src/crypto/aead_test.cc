#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::AllZero;
using testing::Fixed;
using testing::FlipBit;
using testing::FromHex;
using testing::Pattern;
using testing::ToHex;

using Tag = std::array<uint8_t, kAeadTagSize>;

struct Vector {
  const char *name, *key, *nonce, *aad, *plaintext, *ciphertext, *tag;
};

constexpr char kZeroKey[] = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr char kKey15[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr char kPlaintext15[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
constexpr char kCiphertext15[] =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";

// The AES-256 cases with 96-bit nonces of McGrew and Viega, "The Galois/Counter Mode of Operation
// (GCM)", appendix B, the submission that became SP 800-38D.
const Vector kVectors[] = {
    {"13", kZeroKey, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"14", kZeroKey, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {"15", kKey15, "cafebabefacedbaddecaf888", "", kPlaintext15, kCiphertext15,
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"16", kKey15, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     kPlaintext15, kCiphertext15, "76fc6ece0f4e1768cddf8853bb2d551b"},
};
// Case 16 is case 15 without the last four bytes.
constexpr size_t kCase16Size = 60;

TEST(AeadKey, MatchesPublishedVectors) {
  for (const Vector& v : kVectors) {
    SCOPED_TRACE(v.name);
    std::vector<uint8_t> plaintext = FromHex(v.plaintext), ciphertext = FromHex(v.ciphertext);
    if (std::string_view(v.name) == "16") {
      plaintext.resize(kCase16Size);
      ciphertext.resize(kCase16Size);
    }
    const auto nonce = FromHex(v.nonce), aad = FromHex(v.aad), tag = FromHex(v.tag);
    AeadKey key;
    ASSERT_EQ(key.Init(Fixed<32>(FromHex(v.key))), Status::kOk);
    std::vector<uint8_t> sealed(plaintext.size()), opened(plaintext.size());
    Tag sealed_tag;
    ASSERT_EQ(key.Seal(Fixed<12>(nonce), aad, plaintext, sealed, sealed_tag), Status::kOk);
    EXPECT_EQ(ToHex(sealed), ToHex(ciphertext));
    EXPECT_EQ(ToHex(sealed_tag), v.tag);
    ASSERT_EQ(key.Open(Fixed<12>(nonce), aad, ciphertext, Fixed<16>(tag), opened), Status::kOk);
    EXPECT_EQ(opened, plaintext);
  }
}

class AeadTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(key_.Init(Fixed<32>(key_bytes_)), Status::kOk); }

  FixedBytes<12> nonce() const { return Fixed<12>(nonce_); }

  AeadKey key_;
  const std::vector<uint8_t> key_bytes_ = Pattern(32, 1), nonce_ = Pattern(12, 2),
                             aad_ = Pattern(21, 3);
};

// Every size around the block and the unrolled loops of the backend, in place and apart.
TEST_F(AeadTest, RoundTripsInPlaceAndApart) {
  for (size_t size = 0; size < 700; size += size < 70 ? 1 : 37) {
    const std::vector<uint8_t> plaintext = Pattern(size, 4);
    std::vector<uint8_t> apart(size), in_place = plaintext;
    Tag tag, in_place_tag;
    ASSERT_EQ(key_.Seal(nonce(), aad_, plaintext, apart, tag), Status::kOk);
    ASSERT_EQ(key_.Seal(nonce(), aad_, in_place, in_place, in_place_tag), Status::kOk);
    EXPECT_EQ(apart, in_place);
    EXPECT_EQ(tag, in_place_tag);
    ASSERT_EQ(key_.Open(nonce(), aad_, in_place, tag, in_place), Status::kOk);
    EXPECT_EQ(in_place, plaintext);
  }
}

TEST_F(AeadTest, RefusesEveryFlippedBit) {
  const std::vector<uint8_t> plaintext = Pattern(67, 5);
  std::vector<uint8_t> ciphertext(67), aad = aad_, nonce_copy = nonce_, opened(67);
  Tag tag;
  ASSERT_EQ(key_.Seal(nonce(), aad, plaintext, ciphertext, tag), Status::kOk);
  for (const MutableBytes part :
       {MutableBytes(ciphertext), MutableBytes(tag), MutableBytes(aad), MutableBytes(nonce_copy)}) {
    for (size_t bit = 0; bit < 8 * part.size(); ++bit) {
      FlipBit(part, bit);
      opened.assign(67, 0xa5);
      ASSERT_EQ(key_.Open(Fixed<12>(nonce_copy), aad, ciphertext, tag, opened),
                Status::kAuthenticationFailed);
      ASSERT_TRUE(AllZero(opened));
      FlipBit(part, bit);
    }
  }
  EXPECT_EQ(key_.Open(nonce(), aad, ciphertext, tag, opened), Status::kOk);
  EXPECT_EQ(opened, plaintext);
}

TEST_F(AeadTest, RefusesEveryTruncationAndMovedBoundary) {
  const std::vector<uint8_t> plaintext = Pattern(40, 6);
  std::vector<uint8_t> ciphertext(40), opened(40);
  Tag tag;
  ASSERT_EQ(key_.Seal(nonce(), aad_, plaintext, ciphertext, tag), Status::kOk);
  for (size_t size = 0; size < ciphertext.size(); ++size) {
    EXPECT_EQ(key_.Open(nonce(), aad_, Bytes(ciphertext).first(size), tag,
                        MutableBytes(opened).first(size)),
              Status::kAuthenticationFailed);
  }
  for (size_t size = 0; size < aad_.size(); ++size) {
    EXPECT_EQ(key_.Open(nonce(), Bytes(aad_).first(size), ciphertext, tag, opened),
              Status::kAuthenticationFailed);
  }
}

TEST_F(AeadTest, FailureInPlaceErasesTheBuffer) {
  std::vector<uint8_t> buffer = Pattern(100, 7);
  Tag tag;
  ASSERT_EQ(key_.Seal(nonce(), aad_, buffer, buffer, tag), Status::kOk);
  tag[0] ^= 1;
  EXPECT_EQ(key_.Open(nonce(), aad_, buffer, tag, buffer), Status::kAuthenticationFailed);
  EXPECT_TRUE(AllZero(buffer));
}

// One context serves both directions and survives failures, as the tile store uses it.
TEST_F(AeadTest, AlternatesDirectionsAfterFailures) {
  for (uint32_t round = 0; round < 20; ++round) {
    const std::vector<uint8_t> plaintext = Pattern(32 + round, round);
    std::vector<uint8_t> ciphertext(plaintext.size()), opened(plaintext.size());
    Tag tag;
    ASSERT_EQ(key_.Seal(nonce(), aad_, plaintext, ciphertext, tag), Status::kOk);
    ASSERT_EQ(key_.Open(nonce(), {}, ciphertext, tag, opened), Status::kAuthenticationFailed);
    ASSERT_EQ(key_.Open(nonce(), aad_, ciphertext, tag, opened), Status::kOk);
    EXPECT_EQ(opened, plaintext);
  }
}

TEST_F(AeadTest, ChangesKeyCompletely) {
  const std::vector<uint8_t> plaintext = Pattern(64, 8), other_key = Pattern(32, 9);
  std::vector<uint8_t> ciphertext(64), fresh_ciphertext(64), opened(64);
  Tag tag, fresh_tag;
  ASSERT_EQ(key_.Seal(nonce(), aad_, plaintext, ciphertext, tag), Status::kOk);
  ASSERT_EQ(key_.Init(Fixed<32>(other_key)), Status::kOk);
  EXPECT_EQ(key_.Open(nonce(), aad_, ciphertext, tag, opened), Status::kAuthenticationFailed);
  ASSERT_EQ(key_.Seal(nonce(), aad_, plaintext, ciphertext, tag), Status::kOk);
  AeadKey fresh;
  ASSERT_EQ(fresh.Init(Fixed<32>(other_key)), Status::kOk);
  ASSERT_EQ(fresh.Seal(nonce(), aad_, plaintext, fresh_ciphertext, fresh_tag), Status::kOk);
  EXPECT_EQ(ciphertext, fresh_ciphertext);
  EXPECT_EQ(tag, fresh_tag);
}

TEST_F(AeadTest, MacsPublicBytes) {
  const std::vector<uint8_t> message = Pattern(1000, 10);
  Tag tag, other;
  ASSERT_EQ(key_.Seal(nonce(), message, {}, {}, tag), Status::kOk);
  EXPECT_EQ(key_.Open(nonce(), message, {}, tag, {}), Status::kOk);
  ASSERT_EQ(key_.Seal(nonce(), Bytes(message).first(999), {}, {}, other), Status::kOk);
  EXPECT_NE(tag, other);
  EXPECT_EQ(key_.Open(nonce(), message, {}, other, {}), Status::kAuthenticationFailed);
}

TEST_F(AeadTest, RefusesWrongBuffers) {
  std::vector<uint8_t> buffer = Pattern(64, 11);
  const MutableBytes all = buffer;
  Tag tag;
  tag.fill(0xa5);
  EXPECT_EQ(key_.Seal(nonce(), {}, all.first(16), all.subspan(32, 15), tag),
            Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(tag));
  EXPECT_EQ(key_.Seal(nonce(), {}, all.first(33), all.subspan(16, 33), tag),
            Status::kInvalidArgument);
  EXPECT_EQ(key_.Open(nonce(), {}, all.subspan(1, 32), tag, all.first(32)),
            Status::kInvalidArgument);
  EXPECT_EQ(key_.Seal(nonce(), {}, all.first(32), all.last(32), tag), Status::kOk);
}

TEST(AeadKey, WantsAKeyFirst) {
  AeadKey key;
  const std::vector<uint8_t> nonce(12);
  std::vector<uint8_t> out(4, 0xa5);
  Tag tag;
  EXPECT_EQ(key.Seal(Fixed<12>(nonce), {}, out, out, tag), Status::kWrongState);
  EXPECT_TRUE(AllZero(out));
  EXPECT_EQ(key.Open(Fixed<12>(nonce), {}, out, tag, out), Status::kWrongState);
}

}  // namespace
}  // namespace penumbra::crypto
