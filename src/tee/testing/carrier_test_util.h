// What the tests of every carrier share.
#ifndef PENUMBRA_TEE_TESTING_CARRIER_TEST_UTIL_H_
#define PENUMBRA_TEE_TESTING_CARRIER_TEST_UTIL_H_

#include <array>
#include <cstdint>
#include <filesystem>

#include "boundary/protocol.h"
#include "tee/testing/scripted_enclave.h"

namespace penumbra::tee {

// A folder of its own, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline Command ScriptCommand(Script script, uint64_t argument = 0) {
  Command command{};
  command.id = CommandId::kHello;
  command.args[0] = static_cast<uint64_t>(script);
  command.args[1] = argument;
  return command;
}

// Makes an X25519 key, writes it as PKCS#8 PEM with the given mode and returns the raw private key.
std::array<uint8_t, 32> WriteDeviceKey(const std::filesystem::path& path, unsigned mode);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_TESTING_CARRIER_TEST_UTIL_H_
