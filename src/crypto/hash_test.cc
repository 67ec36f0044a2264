#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::AllZero;
using testing::Fixed;
using testing::FromHex;
using testing::Pattern;
using testing::Text;
using testing::ToHex;

using Digest = std::array<uint8_t, kSha256Size>;

std::string HashHex(Bytes message) {
  Digest digest;
  EXPECT_EQ(Sha256::Digest(message, digest), Status::kOk);
  return ToHex(digest);
}

// FIPS 180-2 appendix B.1 to B.3 and the empty message.
TEST(Sha256, MatchesPublishedVectors) {
  EXPECT_EQ(HashHex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashHex(Text("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashHex(Text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(HashHex(std::vector<uint8_t>(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheMessageIsCut) {
  const std::vector<uint8_t> message = Pattern(300, 1);
  const std::string expected = HashHex(message);
  for (size_t step = 1; step <= 130; ++step) {
    Sha256 hash;
    for (size_t at = 0; at < message.size(); at += step) {
      const size_t size = std::min(step, message.size() - at);
      ASSERT_EQ(hash.Update(Bytes(message).subspan(at, size)), Status::kOk);
    }
    Digest digest;
    ASSERT_EQ(hash.Final(digest), Status::kOk);
    ASSERT_EQ(ToHex(digest), expected) << step;
  }
}

TEST(Sha256, CopiesForkThePrefix) {
  Sha256 a;
  ASSERT_EQ(a.Update(Text("ab")), Status::kOk);
  Sha256 b = a;
  ASSERT_EQ(a.Update(Text("x")), Status::kOk);
  ASSERT_EQ(b.Update(Text("c")), Status::kOk);
  Digest digest_a, digest_b;
  ASSERT_EQ(a.Final(digest_a), Status::kOk);
  ASSERT_EQ(b.Final(digest_b), Status::kOk);
  EXPECT_EQ(ToHex(digest_a), HashHex(Text("abx")));
  EXPECT_EQ(ToHex(digest_b), HashHex(Text("abc")));
}

TEST(Sha256, RefusesUseAfterFinalUntilReset) {
  Sha256 hash;
  Digest digest;
  ASSERT_EQ(hash.Final(digest), Status::kOk);
  EXPECT_EQ(hash.Update(Text("abc")), Status::kWrongState);
  digest.fill(0xa5);
  EXPECT_EQ(hash.Final(digest), Status::kWrongState);
  EXPECT_TRUE(AllZero(digest));
  hash.Reset();
  ASSERT_EQ(hash.Update(Text("abc")), Status::kOk);
  ASSERT_EQ(hash.Final(digest), Status::kOk);
  EXPECT_EQ(ToHex(digest), HashHex(Text("abc")));
}

// A secret shorter than a block sits in the state as it is until the block fills.
TEST(Sha256, ErasesItsState) {
  alignas(Sha256) unsigned char storage[sizeof(Sha256)];
  const std::vector<uint8_t> secret = Pattern(40, 2);
  const auto holds_secret = [&] {
    return std::search(std::begin(storage), std::end(storage), secret.begin(), secret.end()) !=
           std::end(storage);
  };
  auto* hash = new (storage) Sha256;
  ASSERT_EQ(hash->Update(secret), Status::kOk);
  ASSERT_TRUE(holds_secret());
  hash->~Sha256();
  const unsigned char* after = storage;
  __asm__ __volatile__("" : "+r"(after) : : "memory");
  EXPECT_FALSE(holds_secret());
}

struct HmacVector {
  std::vector<uint8_t> key, message;
  const char* mac;
};

// RFC 4231 sections 4.2, 4.3, 4.4 and 4.7 (a key longer than a block).
TEST(HmacSha256, MatchesPublishedVectors) {
  const HmacVector vectors[] = {
      {std::vector<uint8_t>(20, 0x0b), Text("Hi There"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {Text("Jefe"), Text("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::vector<uint8_t>(20, 0xaa), std::vector<uint8_t>(50, 0xdd),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::vector<uint8_t>(131, 0xaa),
       Text("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const HmacVector& v : vectors) {
    HmacSha256 mac(v.key);
    Digest out;
    ASSERT_EQ(mac.Update(v.message), Status::kOk);
    ASSERT_EQ(mac.Final(out), Status::kOk);
    EXPECT_EQ(ToHex(out), v.mac);
    EXPECT_EQ(mac.Update(v.message), Status::kWrongState);
  }
}

struct HkdfVector {
  std::vector<uint8_t> input_key, salt, info;
  const char *prk, *output;
};

std::vector<uint8_t> Counting(uint8_t first, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(first + i);
  return bytes;
}

// RFC 5869 appendix A.1 to A.3, all of its SHA-256 cases.
TEST(Hkdf, MatchesPublishedVectors) {
  const HkdfVector vectors[] = {
      {std::vector<uint8_t>(22, 0x0b), Counting(0x00, 13), Counting(0xf0, 10),
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {Counting(0x00, 80), Counting(0x60, 80), Counting(0xb0, 80),
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
       "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
       "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {std::vector<uint8_t>(22, 0x0b),
       {},
       {},
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const HkdfVector& v : vectors) {
    Digest prk;
    ASSERT_EQ(HkdfExtract(v.salt, v.input_key, prk), Status::kOk);
    EXPECT_EQ(ToHex(prk), v.prk);
    std::vector<uint8_t> output(std::string_view(v.output).size() / 2);
    ASSERT_EQ(HkdfExpand(prk, v.info, output), Status::kOk);
    EXPECT_EQ(ToHex(output), v.output);
  }
}

TEST(Hkdf, ShorterOutputsArePrefixes) {
  const std::vector<uint8_t> prk = Pattern(32, 3), info = Pattern(9, 4);
  std::vector<uint8_t> longest(kHkdfMaxOutputSize);
  ASSERT_EQ(HkdfExpand(Fixed<32>(prk), info, longest), Status::kOk);
  for (size_t size : {0, 1, 31, 32, 33, 64, 100, 8159}) {
    std::vector<uint8_t> out(size);
    ASSERT_EQ(HkdfExpand(Fixed<32>(prk), info, out), Status::kOk);
    EXPECT_TRUE(std::equal(out.begin(), out.end(), longest.begin())) << size;
  }
}

TEST(Hkdf, RefusesTooLongAnOutput) {
  const std::vector<uint8_t> prk(32);
  std::vector<uint8_t> out(kHkdfMaxOutputSize + 1, 0xa5);
  EXPECT_EQ(HkdfExpand(Fixed<32>(prk), {}, out), Status::kInvalidArgument);
  EXPECT_TRUE(AllZero(out));
}

}  // namespace
}  // namespace penumbra::crypto
