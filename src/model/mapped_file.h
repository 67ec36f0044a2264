// A file mapped for reading.
#ifndef PENUMBRA_MODEL_MAPPED_FILE_H_
#define PENUMBRA_MODEL_MAPPED_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>

namespace penumbra::model {

// Pages of a large model come and go as the parser passes. Starts at a page.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);  // throws ModelError
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_MAPPED_FILE_H_
