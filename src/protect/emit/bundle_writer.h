// Writes a .penumbra file (boundary/bundle.h, docs/bundle_format.md).
#ifndef PENUMBRA_PROTECT_EMIT_BUNDLE_WRITER_H_
#define PENUMBRA_PROTECT_EMIT_BUNDLE_WRITER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "boundary/limits.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

inline constexpr uint32_t kMaxDevices = kMaxWraps - 1;  // the vendor takes one

struct BundleOptions {
  std::string path;
  std::string name;  // UTF-8, 1..kMaxNameSize bytes
  uint64_t model_version = 1;
  std::string metadata;  // UTF-8 JSON
  uint64_t secure_memory_size = 0;
  std::array<uint8_t, 32> vendor_key{};              // Ed25519 private key; the caller wipes it
  std::vector<std::array<uint8_t, 32>> device_keys;  // X25519 public keys, 1..kMaxDevices
  // Sealed behind the chunks the plan uses, for the vendor and the devices; the trusted runtime does
  // not read it. Empty: none, and then the vendor is no recipient of the bundle key.
  std::string report;
  std::function<void(uint64_t done_size, uint64_t total_size)> progress;  // may be empty
};

// Streams the bundle: at most one layer's published weights, one constant and the plan are in
// memory at a time. The file appears complete or not at all. Throws model::ModelError:
// kInvalidArgument for keys and names, kNoSpace, kIo, kPermission, kUnsupported for a plan beyond
// the limits of the format.
void WriteBundle(const CompiledPlan& plan, const BundleOptions& options);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_BUNDLE_WRITER_H_
