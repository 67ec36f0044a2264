// The keystream of this backend against OpenSSL's block cipher, at sizes around the unrolled loops and where the
// counter's halves wrap.
#include "crypto/keystream.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <vector>

#include "crypto/openssl/cipher.h"
#include "crypto/openssl/counter_mode.h"
#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::Fixed;
using testing::FromHex;
using testing::Pattern;

TEST(Keystream, AgreesWithOpenSsl) {
  const auto key = Pattern(32, 1);
  Keystream keystream;
  ASSERT_EQ(keystream.Init(Fixed<32>(key)), Status::kOk);
  void* ecb = nullptr;
  ASSERT_EQ(openssl::MakeCipher("AES-256-ECB", key.data(), &ecb), Status::kOk);
  std::vector<size_t> sizes = {2000, 4096, 100003};
  for (size_t size = 0; size <= 600; ++size) sizes.push_back(size);
  for (const char* counter : {"00000000000000000000000000000000", "0102030405060708090a0b0c0d0e0f10",
                              "000000000000000000000000fffffffd", "0000000000000007fffffffffffffffc",
                              "0000000000000007fffffffffffffffe", "0000000000000007ffffffffffffffff",
                              "ffffffffffffffffffffffffffffffdd"}) {
    for (const size_t size : sizes) {
      std::vector<uint8_t> stream(size + 1, 0xa5), expected = stream;
      const auto start = FromHex(counter);
      ASSERT_EQ(keystream.Generate(Fixed<16>(start), MutableBytes(stream).first(size)), Status::kOk);
      ASSERT_EQ(openssl::GenerateKeystream(static_cast<EVP_CIPHER_CTX*>(ecb), Fixed<16>(start),
                                           MutableBytes(expected).first(size)),
                Status::kOk);
      ASSERT_EQ(stream, expected) << counter << ", size " << size;
    }
  }
  EVP_CIPHER_CTX_free(static_cast<EVP_CIPHER_CTX*>(ecb));
}

}  // namespace
}  // namespace penumbra::crypto
