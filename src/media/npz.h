// NumPy's .npz: a zip archive that holds one .npy file for each array, named NAME.npy.
#ifndef PENUMBRA_MEDIA_NPZ_H_
#define PENUMBRA_MEDIA_NPZ_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "media/array.h"

namespace penumbra::media {

inline constexpr uint64_t kMaxNpzEntries = 1024;

using ArrayMap = std::map<std::string, Array>;  // by name, without ".npy"

// Stored or deflated, as numpy.savez and savez_compressed write it; at most kMaxNpyCount bytes unpacked, all entries
// together. Every byte is hostile. Throws MediaError: kMalformed (no zip archive, no entry or more than kMaxNpzEntries, one
// twice, damaged or not named *.npy), kUnsupported (encrypted, another compression), kWrongShape (too large), and what
// ParseNpy throws, with the entry's name.
ArrayMap ParseNpz(std::span<const uint8_t> bytes);
// The same for a file; also throws what ReadFile throws.
ArrayMap ReadNpz(const std::filesystem::path& path);

// Stored, not deflated; the same bytes for the same arrays. Throws MediaError as EncodeNpy does.
std::vector<uint8_t> EncodeNpz(const ArrayMap& arrays);
void WriteNpz(const std::filesystem::path& path, const ArrayMap& arrays);  // throws what WriteFile throws

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_NPZ_H_
