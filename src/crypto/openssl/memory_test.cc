// What this backend promises about memory, observed through OpenSSL's allocation hooks: no
// allocation after Init(), and no freed block that still holds a key.
#include <gtest/gtest.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/keystream.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

using testing::Fixed;
using testing::Pattern;

std::atomic<size_t> g_allocation_count{0};
std::atomic<size_t> g_leak_count{0};
const std::vector<uint8_t>* g_secret = nullptr;  // what no freed block may contain

void* CountingMalloc(size_t size, const char*, int) {
  ++g_allocation_count;
  return std::malloc(size);
}

void CheckingFree(void* block, const char*, int) {
  if (block != nullptr && g_secret != nullptr) {
    const auto* bytes = static_cast<const uint8_t*>(block);
    const auto* end = bytes + malloc_usable_size(block);
    if (std::search(bytes, end, g_secret->begin(), g_secret->end()) != end) ++g_leak_count;
  }
  std::free(block);
}

void* CountingRealloc(void* block, size_t size, const char* file, int line) {
  if (block == nullptr) return CountingMalloc(size, file, line);
  void* moved = CountingMalloc(size, file, line);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, malloc_usable_size(block)));
  CheckingFree(block, file, line);
  return moved;
}

// OpenSSL takes hooks only before its first allocation, hence before main().
const bool g_hooks_set =
    CRYPTO_set_mem_functions(CountingMalloc, CountingRealloc, CheckingFree) == 1;

class MemoryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(g_hooks_set); }
  void TearDown() override { g_secret = nullptr; }

  // Allocations made by `action`.
  template <typename Action>
  static size_t Allocations(Action action) {
    const size_t before = g_allocation_count;
    action();
    return g_allocation_count - before;
  }

  // Blocks freed by `action` with `secret` in them.
  template <typename Action>
  static size_t Leaks(const std::vector<uint8_t>& secret, Action action) {
    g_leak_count = 0;
    g_secret = &secret;
    action();
    g_secret = nullptr;
    return g_leak_count;
  }

  const std::vector<uint8_t> key_ = Pattern(32, 1), other_key_ = Pattern(32, 2),
                             nonce_ = Pattern(12, 3), counter_ = Pattern(16, 4);
};

// Control: the hooks see an allocation and a leak when there is one.
TEST_F(MemoryTest, HooksNotice) {
  const auto careless = [this] {
    void* block = OPENSSL_malloc(32);
    std::memcpy(block, key_.data(), 32);
    OPENSSL_free(block);
  };
  EXPECT_EQ(Allocations(careless), 1u);
  EXPECT_EQ(Leaks(key_, careless), 1u);
}

TEST_F(MemoryTest, AeadAllocatesOnlyInInit) {
  AeadKey key;
  EXPECT_GT(Allocations([&] { ASSERT_EQ(key.Init(Fixed<32>(key_)), Status::kOk); }), 0u);
  std::vector<uint8_t> buffer = Pattern(100000, 5);
  std::array<uint8_t, kAeadTagSize> tag;
  EXPECT_EQ(Allocations([&] {
              const auto nonce = Fixed<12>(nonce_);
              for (const size_t size : {0, 1, 16, 1000, 100000}) {
                const auto part = MutableBytes(buffer).first(size);
                ASSERT_EQ(key.Seal(nonce, key_, part, part, tag), Status::kOk);
                ASSERT_EQ(key.Open(nonce, key_, part, tag, part), Status::kOk);
                tag[0] ^= 1;
                ASSERT_EQ(key.Open(nonce, key_, part, tag, part), Status::kAuthenticationFailed);
              }
              ASSERT_EQ(key.Init(Fixed<32>(other_key_)), Status::kOk);
              ASSERT_EQ(key.Seal(nonce, key_, {}, {}, tag), Status::kOk);
            }),
            0u);
}

TEST_F(MemoryTest, KeystreamAllocatesOnlyInInit) {
  Keystream keystream;
  EXPECT_GT(Allocations([&] { ASSERT_EQ(keystream.Init(Fixed<32>(key_)), Status::kOk); }), 0u);
  std::vector<uint8_t> out(100000);
  EXPECT_EQ(Allocations([&] {
              for (const size_t size : {0, 1, 16, 1000, 100000}) {
                ASSERT_EQ(keystream.Generate(Fixed<16>(counter_), MutableBytes(out).first(size)),
                          Status::kOk);
              }
              ASSERT_EQ(keystream.Init(Fixed<32>(other_key_)), Status::kOk);
            }),
            0u);
}

TEST_F(MemoryTest, HashesNeverAllocate) {
  std::array<uint8_t, kSha256Size> out;
  EXPECT_EQ(Allocations([&] {
              ASSERT_EQ(Sha256::Digest(key_, out), Status::kOk);
              ASSERT_EQ(HkdfExtract(key_, other_key_, out), Status::kOk);
              ASSERT_EQ(HkdfExpand(out, key_, out), Status::kOk);
            }),
            0u);
}

TEST_F(MemoryTest, SigningNeverAllocates) {
  std::array<uint8_t, kSignatureSize> signature;
  EXPECT_EQ(Allocations([&] {
              for (const size_t size : {0, 1, 100, 100000}) {
                ASSERT_EQ(Sign(Fixed<32>(key_), Pattern(size, 5), signature), Status::kOk);
              }
            }),
            0u);
}

TEST_F(MemoryTest, RandomAllocatesOnlyInItsFirstCall) {
  std::vector<uint8_t> out(100000);
  ASSERT_EQ(RandomBytes(out), Status::kOk);
  EXPECT_EQ(Allocations([&] {
              for (int i = 0; i < 1000; ++i) {
                ASSERT_EQ(RandomBytes(MutableBytes(out).first(32)), Status::kOk);
              }
              ASSERT_EQ(RandomBytes(out), Status::kOk);
            }),
            0u);
}

// The first round key of AES-256 is the key itself, so a forgotten key schedule shows.
TEST_F(MemoryTest, CiphersEraseTheirKeys) {
  std::vector<uint8_t> buffer(64);
  std::array<uint8_t, kAeadTagSize> tag;
  EXPECT_EQ(Leaks(key_,
                  [&] {
                    AeadKey key;
                    ASSERT_EQ(key.Init(Fixed<32>(key_)), Status::kOk);
                    ASSERT_EQ(key.Seal(Fixed<12>(nonce_), {}, buffer, buffer, tag), Status::kOk);
                    Keystream keystream;
                    ASSERT_EQ(keystream.Init(Fixed<32>(key_)), Status::kOk);
                    ASSERT_EQ(keystream.Generate(Fixed<16>(counter_), buffer), Status::kOk);
                  }),
            0u);
}

TEST_F(MemoryTest, RekeyingErasesTheOldKey) {
  AeadKey key;
  Keystream keystream;
  EXPECT_EQ(Leaks(key_,
                  [&] {
                    ASSERT_EQ(key.Init(Fixed<32>(key_)), Status::kOk);
                    ASSERT_EQ(keystream.Init(Fixed<32>(key_)), Status::kOk);
                    ASSERT_EQ(key.Init(Fixed<32>(other_key_)), Status::kOk);
                    ASSERT_EQ(keystream.Init(Fixed<32>(other_key_)), Status::kOk);
                  }),
            0u);
}

TEST_F(MemoryTest, AsymmetricKeysAreErased) {
  std::array<uint8_t, kSignPublicKeySize> public_key;
  std::array<uint8_t, kSignatureSize> signature;
  EXPECT_EQ(Leaks(key_,
                  [&] {
                    ASSERT_EQ(SigningPublicKey(Fixed<32>(key_), public_key), Status::kOk);
                    ASSERT_EQ(Sign(Fixed<32>(key_), nonce_, signature), Status::kOk);
                  }),
            0u);
  std::vector<uint8_t> ciphertext(nonce_.size() + kHpkeOverheadSize), opened(nonce_.size());
  std::array<uint8_t, kHpkeEncSize> enc;
  EXPECT_EQ(Leaks(key_,
                  [&] {
                    ASSERT_EQ(X25519PublicKey(Fixed<32>(key_), public_key), Status::kOk);
                    ASSERT_EQ(SealBase(public_key, {}, {}, nonce_, enc, ciphertext), Status::kOk);
                    ASSERT_EQ(OpenBase(Fixed<32>(key_), enc, {}, {}, ciphertext, opened),
                              Status::kOk);
                  }),
            0u);
  EXPECT_EQ(opened, nonce_);
}

TEST_F(MemoryTest, AnHpkeSenderAllocatesOnlyInSetup) {
  std::array<uint8_t, kX25519KeySize> public_key;
  ASSERT_EQ(X25519PublicKey(Fixed<32>(key_), public_key), Status::kOk);
  HpkeSender sender;
  std::array<uint8_t, kHpkeEncSize> enc;
  EXPECT_GT(Allocations([&] {
              ASSERT_EQ(sender.Setup(Fixed<32>(other_key_), public_key, {}, enc), Status::kOk);
            }),
            0u);
  std::vector<uint8_t> sealed(nonce_.size());
  std::array<uint8_t, kAeadTagSize> tag;
  EXPECT_EQ(Allocations([&] {
              ASSERT_EQ(sender.Seal({}, nonce_, sealed, tag), Status::kOk);
              ASSERT_EQ(sender.Clear(), Status::kOk);
            }),
            0u);
}

}  // namespace
}  // namespace penumbra::crypto
