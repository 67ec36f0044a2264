// Every level this machine can run gives what OpenSSL gives, at every size around the library's unrolled loops.
#include "crypto/ipsec_mb/gcm.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto::ipsec_mb {
namespace {

using testing::Pattern;
using testing::ToHex;

struct Sealed {
  std::vector<uint8_t> ciphertext;
  std::array<uint8_t, 16> tag{};
};

const std::vector<uint8_t> kKey = Pattern(32, 1), kNonce = Pattern(12, 2);

Sealed Reference(const std::vector<uint8_t>& aad, const std::vector<uint8_t>& plaintext) {
  Sealed out{std::vector<uint8_t>(plaintext.size()), {}};
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> gcm(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(gcm.get(), EVP_aes_256_gcm(), nullptr, kKey.data(), kNonce.data()), 1);
  EXPECT_EQ(EVP_EncryptUpdate(gcm.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())), 1);
  EXPECT_EQ(EVP_EncryptUpdate(gcm.get(), out.ciphertext.data(), &size, plaintext.data(),
                              static_cast<int>(plaintext.size())),
            1);
  uint8_t none[16];
  EXPECT_EQ(EVP_EncryptFinal_ex(gcm.get(), none, &size), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_GCM_GET_TAG, 16, out.tag.data()), 1);
  return out;
}

Sealed SealWith(const Gcm& gcm, const std::vector<uint8_t>& aad, const std::vector<uint8_t>& plaintext) {
  alignas(64) gcm_key_data key;
  gcm_context_data message;
  gcm.expand(kKey.data(), &key);
  Sealed out{std::vector<uint8_t>(plaintext.size()), {}};
  gcm.seal(&key, &message, out.ciphertext.data(), plaintext.data(), plaintext.size(), kNonce.data(), aad.data(),
           aad.size(), out.tag.data(), out.tag.size());
  return out;
}

TEST(Gcm, EveryLevelAgreesWithOpenSsl) {
  std::vector<size_t> sizes = {4095, 4096, 4097, 65536, 200001};
  for (size_t size = 0; size <= 800; ++size) sizes.push_back(size);
  for (int level = 0; level <= static_cast<int>(BestLevel()); ++level) {
    Gcm gcm;
    ASSERT_EQ(MakeGcm(static_cast<Level>(level), &gcm), Status::kOk) << level;
    for (const size_t size : sizes) {
      const auto plaintext = Pattern(size, 5), aad = Pattern(size % 300, 6);
      const Sealed expected = Reference(aad, plaintext), sealed = SealWith(gcm, aad, plaintext);
      ASSERT_EQ(ToHex(sealed.tag), ToHex(expected.tag)) << "level " << level << ", size " << size;
      ASSERT_EQ(sealed.ciphertext, expected.ciphertext) << "level " << level << ", size " << size;
    }
    // A long message of associated data alone: public slices.
    const auto aad = Pattern(100003, 7);
    ASSERT_EQ(ToHex(SealWith(gcm, aad, {}).tag), ToHex(Reference(aad, {}).tag)) << "level " << level;
  }
}

}  // namespace
}  // namespace penumbra::crypto::ipsec_mb
