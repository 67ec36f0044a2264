#include "tee/testing/carrier_test_util.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace penumbra::tee {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "penumbra-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::array<uint8_t, 32> WriteDeviceKey(const std::filesystem::path& path, unsigned mode) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"),
                                                                std::fclose);
  std::array<uint8_t, 32> raw{};
  size_t size = raw.size();
  if (key == nullptr || file == nullptr ||
      PEM_write_PKCS8PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1 ||
      EVP_PKEY_get_raw_private_key(key.get(), raw.data(), &size) != 1 ||
      chmod(path.c_str(), mode) != 0) {
    throw std::runtime_error("cannot write a device key");
  }
  return raw;
}

}  // namespace penumbra::tee
