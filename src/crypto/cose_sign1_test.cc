#include "crypto/cose_sign1.h"

#include <gtest/gtest.h>

#include <algorithm>
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
using testing::Text;
using testing::ToHex;

using Key = std::array<uint8_t, 32>;

class CoseSign1Test : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(GenerateSigningKey(private_key_, public_key_), Status::kOk); }

  std::vector<uint8_t> Encode(Bytes payload) {
    std::vector<uint8_t> message(CoseSign1Size(payload.size()));
    std::vector<uint8_t> scratch(CoseSign1ScratchSize(payload.size(), aad_.size()));
    EXPECT_EQ(EncodeCoseSign1(private_key_, aad_, payload, scratch, message), Status::kOk);
    return message;
  }

  Status Verify(Bytes message) {
    std::vector<uint8_t> scratch(CoseSign1ScratchSize(message.size(), aad_.size()));
    const Status status = VerifyCoseSign1(public_key_, aad_, message, scratch, &payload_);
    if (!IsOk(status)) {
      EXPECT_TRUE(payload_.empty());
    }
    return status;
  }

  Key private_key_, public_key_;
  std::vector<uint8_t> aad_ = Pattern(5, 1);
  Bytes payload_;
};

// Messages written by an independent implementation (pycose 1.1.0) with the key of RFC 8032 section
// 7.1 test 1. Ed25519 is deterministic, so ours must be the same bytes.
TEST_F(CoseSign1Test, MatchesAnotherImplementation) {
  const auto private_key =
      FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  std::copy(private_key.begin(), private_key.end(), private_key_.begin());
  aad_.clear();
  EXPECT_EQ(ToHex(Encode(Text("This is the content."))),
            "d28443a10127a054546869732069732074686520636f6e74656e742e5840"
            "6354488f9f290e36cd80e23762e664a5cb03e4267c66a8cffaef7c66d89a40bf"
            "2cbb8222432a08e5ee410d8b540c6931d26fb6af673f7e2100655d8bae765c04");
  aad_ = FromHex("11aa22bb33cc44dd55006699");
  EXPECT_EQ(ToHex(Encode(Text("This is the content."))),
            "d28443a10127a054546869732069732074686520636f6e74656e742e5840"
            "aa0e29d45e315ee58384dceb8a2953123199a9570865963a2c5c4792fe16545f"
            "43e53faab34d332e58fc88e88f3d6fae3dcf4d9f7c3f34dc405f163e4bb22c0c");
}

// Around every change of the length's encoding.
TEST_F(CoseSign1Test, RoundTripsEveryHeadSize) {
  for (size_t size : {0, 1, 23, 24, 255, 256, 65535, 65536, 100000}) {
    const auto payload = Pattern(size, 2);
    const auto message = Encode(payload);
    ASSERT_EQ(Verify(message), Status::kOk) << size;
    EXPECT_EQ(std::vector(payload_.begin(), payload_.end()), payload);
    // The view points into the message, after the head.
    EXPECT_GE(payload_.data(), message.data());
    EXPECT_LE(payload_.data() + payload_.size(), message.data() + message.size());
  }
}

TEST_F(CoseSign1Test, RefusesEveryTruncationAndExtension) {
  for (size_t payload_size : {0, 20, 300}) {
    auto message = Encode(Pattern(payload_size, 3));
    for (size_t size = 0; size < message.size(); ++size) {
      ASSERT_EQ(Verify(Bytes(message).first(size)), Status::kMalformed) << size;
    }
    message.push_back(0);
    EXPECT_EQ(Verify(message), Status::kMalformed);
  }
}

TEST_F(CoseSign1Test, RefusesEveryFlippedBit) {
  for (size_t payload_size : {0, 20, 30, 300}) {
    auto message = Encode(Pattern(payload_size, 4));
    const size_t payload_begin = CoseSign1Size(payload_size) - 66 - payload_size;
    for (size_t bit = 0; bit < 8 * message.size(); ++bit) {
      FlipBit(message, bit);
      const size_t byte = bit / 8;
      const bool in_payload = byte >= payload_begin && byte < payload_begin + payload_size;
      const bool in_signature = byte >= message.size() - kSignatureSize;
      ASSERT_EQ(Verify(message),
                in_payload || in_signature ? Status::kBadSignature : Status::kMalformed)
          << bit;
      FlipBit(message, bit);
    }
    EXPECT_EQ(Verify(message), Status::kOk);
  }
}

// Other spellings of the same data item, each of them well-formed CBOR.
TEST_F(CoseSign1Test, RefusesEveryOtherSpelling) {
  const std::string hex = ToHex(Encode(Text("abc")));
  const std::string signature = hex.substr(hex.size() - 2 * kSignatureSize);
  ASSERT_EQ(Verify(FromHex("d28443a10127a043616263"
                           "5840" +
                           signature)),
            Status::kOk);
  for (const std::string& spelling : {
           "8443a10127a043616263"
           "5840" +
               signature,  // no tag
           "d8128443a10127a043616263"
           "5840" +
               signature,  // tag in two bytes
           "d2d28443a10127a043616263"
           "5840" +
               signature,  // tagged twice
           "d2980443a10127a043616263"
           "5840" +
               signature,  // long array head
           "d29f43a10127a043616263"
           "5840" +
               signature + "ff",  // indefinite array
           "d2845803a10127a043616263"
           "5840" +
               signature,  // long protected head
           "d28444a1180127a043616263"
           "5840" +
               signature,  // long label
           "d28444a1013807a043616263"
           "5840" +
               signature,  // long algorithm
           "d28443a10127b80043616263"
           "5840" +
               signature,  // long map head
           "d28443a10127bfff43616263"
           "5840" +
               signature,  // indefinite map
           "d28443a10127a104413143616263"
           "5840" +
               signature,  // a key id
           "d28443a10126a043616263"
           "5840" +
               signature,  // ES256
           "d28440a043616263"
           "5840" +
               signature,  // no algorithm
           "d28443a10127a05803616263"
           "5840" +
               signature,  // long payload heads
           "d28443a10127a0590003616263"
           "5840" +
               signature,
           "d28443a10127a05a00000003616263"
           "5840" +
               signature,
           "d28443a10127a05b0000000000000003616263"
           "5840" +
               signature,
           "d28443a10127a05f43616263ff"
           "5840" +
               signature,  // payload in chunks
           "d28443a10127a063616263"
           "5840" +
               signature,  // payload as text
           "d28443a10127a0f6"
           "5840" +
               signature,  // detached payload
           "d28443a10127a043616263"
           "590040" +
               signature,  // long signature head
           "d28443a10127a043616263"
           "583f" +
               signature.substr(2),  // short signature
       }) {
    EXPECT_EQ(Verify(FromHex(spelling)), Status::kMalformed) << spelling;
  }
}

// Lengths that point far outside, up to the largest that CBOR can say.
TEST_F(CoseSign1Test, RefusesLyingLengths) {
  const auto message = Encode(Pattern(40, 5));
  const std::string rest = ToHex(Bytes(message).subspan(9));
  for (const char* head : {"57", "58ff", "59ffff", "5a40000000", "5affffffff", "5b0000000100000000",
                           "5bffffffffffffffff", "5c", "5d", "5e"}) {
    EXPECT_EQ(Verify(FromHex(std::string("d28443a10127a0") + head + rest)), Status::kMalformed)
        << head;
  }
}

TEST_F(CoseSign1Test, BindsKeyAndExternalAad) {
  const auto message = Encode(Text("payload"));
  ASSERT_EQ(Verify(message), Status::kOk);
  aad_.push_back(0);
  EXPECT_EQ(Verify(message), Status::kBadSignature);
  aad_.pop_back();
  aad_[0] ^= 1;
  EXPECT_EQ(Verify(message), Status::kBadSignature);
  aad_[0] ^= 1;
  Key other_private;
  ASSERT_EQ(GenerateSigningKey(other_private, public_key_), Status::kOk);
  EXPECT_EQ(Verify(message), Status::kBadSignature);
}

TEST_F(CoseSign1Test, ChecksBuffers) {
  const auto payload = Pattern(30, 6);
  std::vector<uint8_t> message(CoseSign1Size(30)), scratch(CoseSign1ScratchSize(30, 5));
  const MutableBytes short_scratch = MutableBytes(scratch).first(scratch.size() - 1);
  EXPECT_EQ(EncodeCoseSign1(private_key_, aad_, payload, short_scratch, message),
            Status::kInvalidArgument);
  std::vector<uint8_t> long_message(message.size() + 1, 0xa5);
  EXPECT_EQ(EncodeCoseSign1(private_key_, aad_, payload, scratch, long_message),
            Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(long_message));
  ASSERT_EQ(EncodeCoseSign1(private_key_, aad_, payload, scratch, message), Status::kOk);
  EXPECT_EQ(VerifyCoseSign1(public_key_, aad_, message, short_scratch, &payload_),
            Status::kInvalidArgument);
  EXPECT_EQ(VerifyCoseSign1(public_key_, aad_, message, scratch, &payload_), Status::kOk);
}

}  // namespace
}  // namespace penumbra::crypto
