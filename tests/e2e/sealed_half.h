// Opens a bundle the way its device does, for tests that judge what is inside and what is not.
#ifndef PENUMBRA_TESTS_E2E_SEALED_HALF_H_
#define PENUMBRA_TESTS_E2E_SEALED_HALF_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness.h"

namespace penumbra::e2e {

struct OpenedBundle {
  std::vector<uint8_t> visible;  // header, manifest and public half: what everybody reads
  std::array<uint8_t, 32> bundle_key;
  std::vector<uint8_t> plan;                    // plaintext
  std::vector<std::vector<uint8_t>> constants;  // plaintexts of the chunks after the plan
  std::string report;                           // of the last chunks
};

// Throws std::runtime_error when the bundle does not open with these keys.
OpenedBundle OpenBundle(const std::filesystem::path& path, const Keys& keys);

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_SEALED_HALF_H_
