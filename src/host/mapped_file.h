// A file mapped read-only. The mapping is private, but a file cut short by somebody else while it
// is mapped makes reads fail with SIGBUS, as with every mapped file.
#ifndef PENUMBRA_HOST_MAPPED_FILE_H_
#define PENUMBRA_HOST_MAPPED_FILE_H_

#include <cstdint>
#include <filesystem>
#include <span>

namespace penumbra::host {

class MappedFile {
 public:
  // Throws HostError: kNotFound, kPermission, kIo (not a regular file, mapping failed).
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page-aligned; empty for an empty file.
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_MAPPED_FILE_H_
