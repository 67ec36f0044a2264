// Whole files in and out. Functions throw MediaError: kNotFound, kPermission, kNoSpace, kIo,
// kOutOfMemory. Any thread.
#ifndef PENUMBRA_MEDIA_FILE_H_
#define PENUMBRA_MEDIA_FILE_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace penumbra::media {

inline constexpr uint64_t kMaxFileSize = uint64_t{16} << 30;

// A regular file larger than `max_size` bytes is refused (kOutOfMemory) before anything is read.
std::vector<uint8_t> ReadFile(const std::filesystem::path& path, uint64_t max_size = kMaxFileSize);

// The file appears complete or not at all: the bytes go to a temporary file beside it, which
// replaces it once they are on disk and is removed on failure. A path that exists and is no regular
// file (a pipe, /dev/null) is written directly.
void WriteFile(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_FILE_H_
