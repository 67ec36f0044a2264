// What a storm runs on: one folder with a bundle, keys, and inputs whose results and first-layer
// levels are known. Everything throws std::runtime_error or host::HostError.
#ifndef PENUMBRA_TESTS_STORM_FOLDER_H_
#define PENUMBRA_TESTS_STORM_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "host/bundle_file.h"

namespace penumbra::storm {

inline constexpr char kBundleName[] = "model.penumbra";
inline constexpr char kDeviceKeyName[] = "device.key";

struct StormFolder {
  host::VendorKey vendor_key{};
  // Of one network with one input and one output; one entry per known input.
  std::vector<std::vector<float>> inputs, outputs;
  // What the first layer's mask hides: [pixels][channels] levels. The first layer reads the input.
  std::vector<std::vector<int32_t>> levels;
  uint32_t first_segment = 0;  // index of the first layer's segment
  bool is_masked = false;      // the model uses pads
};

// Compiles a small network and fills an empty folder. Without `masked` its activations are public:
// a control in which every "pad" is zero.
void MakeFolder(const std::filesystem::path& path, bool masked);
StormFolder ReadFolder(const std::filesystem::path& path);

}  // namespace penumbra::storm

#endif  // PENUMBRA_TESTS_STORM_FOLDER_H_
