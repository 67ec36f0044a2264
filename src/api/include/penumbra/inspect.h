// What a bundle says about itself to somebody without its keys.
#ifndef PENUMBRA_INSPECT_H_
#define PENUMBRA_INSPECT_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/tensor.h"

namespace penumbra {

// One published linear segment, as its accelerator gets it.
struct PublicSegment {
  std::vector<std::string> operators;   // "conv 3x3", in execution order
  std::vector<uint32_t> input, output;  // [h, w, c] of the first port
  uint32_t prime_count = 0;             // 0: float32
  uint64_t multiply_count = 0;          // multiplications of one inference, all primes
  uint64_t weight_size = 0;             // bytes
  uint64_t crossing_bytes = 0;          // masked input and reply of one inference
};

struct BundleInfo {
  std::string name;
  uint64_t model_version = 0;
  bool signature_checked = false;  // false: nothing below is more than a claim
  uint64_t file_size = 0, public_size = 0, sealed_size = 0;  // bytes
  uint64_t exchange_size = 0;
  uint64_t secure_memory_size = 0;      // planned peak
  uint32_t device_count = 0;            // devices the key is wrapped for
  std::vector<std::string> device_ids;  // SHA-256 of their public keys, hex
  std::vector<TensorInfo> inputs, outputs;
  std::string preprocess;  // JSON; may be empty
  std::vector<PublicSegment> segments;
};

// `vendor_key` empty: the signature is not checked. Throws Error.
PENUMBRA_API BundleInfo Inspect(const std::filesystem::path& bundle,
                                const std::filesystem::path& vendor_key = {});

}  // namespace penumbra

#endif  // PENUMBRA_INSPECT_H_
