#include "crypto/openssl/library.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "crypto/sign.h"

namespace penumbra::crypto {
namespace {

// Runs each statement in a process of its own, where OpenSSL has not been touched yet.
class HostileConfiguration : public ::testing::Test {
 protected:
  void SetUp() override {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    path_ = ::testing::TempDir() + "penumbra_hostile_openssl_" + std::to_string(getpid()) + ".cnf";
    // Leaves the default context with the one provider that implements nothing.
    std::ofstream(path_) << "openssl_conf = init\n[init]\nproviders = providers\n"
                            "[providers]\nnull = null_provider\n[null_provider]\nactivate = 1\n";
    setenv("OPENSSL_CONF", path_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("OPENSSL_CONF");
    std::filesystem::remove(path_);
  }

  static bool DefaultContextHasAes() {
    EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    EVP_CIPHER_free(cipher);
    return cipher != nullptr;
  }

  static bool EveryServiceWorks() {
    std::array<uint8_t, 32> key, public_key;
    std::array<uint8_t, kSignatureSize> signature;
    AeadKey aead;
    return IsOk(RandomBytes(key)) && IsOk(aead.Init(key)) &&
           IsOk(SigningPublicKey(key, public_key)) && IsOk(Sign(key, {}, signature)) &&
           IsOk(VerifySignature(public_key, {}, signature));
  }

  std::string path_;
};

// Control: this configuration does harm whoever reads it.
TEST_F(HostileConfiguration, TakesAwayTheCiphersOfTheDefaultContext) {
  EXPECT_EXIT(_exit(DefaultContextHasAes() ? 1 : 0), ::testing::ExitedWithCode(0), "");
}

TEST_F(HostileConfiguration, DoesNotReachThisBackend) {
  EXPECT_EXIT(_exit(EveryServiceWorks() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

// Reading it into the default context would be enough to load a module into the process.
TEST_F(HostileConfiguration, IsNotEvenReadOnceThisBackendRan) {
  EXPECT_EXIT(_exit(EveryServiceWorks() && DefaultContextHasAes() ? 0 : 1),
              ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace penumbra::crypto
