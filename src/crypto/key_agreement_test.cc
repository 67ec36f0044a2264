#include "crypto/key_agreement.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::AllZero;
using testing::Fixed;
using testing::FromHex;
using testing::ToHex;

using Key = std::array<uint8_t, kX25519KeySize>;

struct Vector {
  const char *private_key, *peer, *shared;
};

// RFC 7748 section 5.2 (two) and section 6.1 (both directions).
const Vector kVectors[] = {
    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
};

TEST(X25519, MatchesPublishedVectors) {
  for (const Vector& v : kVectors) {
    Key shared;
    const auto private_key = FromHex(v.private_key), peer = FromHex(v.peer);
    ASSERT_EQ(X25519(Fixed<32>(private_key), Fixed<32>(peer), shared), Status::kOk);
    EXPECT_EQ(ToHex(shared), v.shared);
  }
}

TEST(X25519, DerivesPublishedPublicKeys) {
  for (const auto& [own, other] :
       {std::pair(kVectors[2], kVectors[3]), std::pair(kVectors[3], kVectors[2])}) {
    const auto private_key = FromHex(own.private_key);
    Key public_key;
    ASSERT_EQ(X25519PublicKey(Fixed<32>(private_key), public_key), Status::kOk);
    EXPECT_EQ(ToHex(public_key), other.peer);
  }
}

// RFC 7748 section 5.2: the scalar and the point feed each other.
TEST(X25519, MatchesPublishedIteration) {
  Key k = {9}, u = {9}, next;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(X25519(k, u, next), Status::kOk);
    u = k;
    k = next;
    if (i == 0) {
      EXPECT_EQ(ToHex(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(ToHex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, BothSidesAgree) {
  for (int i = 0; i < 10; ++i) {
    Key private_a, public_a, private_b, public_b, shared_a, shared_b;
    ASSERT_EQ(GenerateX25519Key(private_a, public_a), Status::kOk);
    ASSERT_EQ(GenerateX25519Key(private_b, public_b), Status::kOk);
    ASSERT_NE(public_a, public_b);
    ASSERT_EQ(X25519(private_a, public_b, shared_a), Status::kOk);
    ASSERT_EQ(X25519(private_b, public_a, shared_b), Status::kOk);
    EXPECT_EQ(shared_a, shared_b);
  }
}

// The points of order 1, 2, 4 and 8 on the curve and its twist, and their spellings above p.
TEST(X25519, RefusesPointsOfSmallOrder) {
  const auto private_key = FromHex(kVectors[0].private_key);
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    Key shared;
    shared.fill(0xa5);
    const auto peer = FromHex(point);
    EXPECT_EQ(X25519(Fixed<32>(private_key), Fixed<32>(peer), shared), Status::kInvalidArgument)
        << point;
    EXPECT_TRUE(AllZero(shared));
  }
}

}  // namespace
}  // namespace penumbra::crypto
