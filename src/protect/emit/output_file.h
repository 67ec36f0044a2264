// A file that appears complete or not at all: written under a temporary name beside its
// destination, flushed to the disk, then renamed.
#ifndef PENUMBRA_PROTECT_EMIT_OUTPUT_FILE_H_
#define PENUMBRA_PROTECT_EMIT_OUTPUT_FILE_H_

#include <cstdint>
#include <span>
#include <string>

namespace penumbra::protect {

// All members throw model::ModelError: kNoSpace when the disk is full, kPermission, kNotFound, kIo.
// The destructor removes the temporary file unless Commit() succeeded.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  uint64_t size() const { return size_; }
  void Append(std::span<const uint8_t> bytes);
  void AppendZeros(uint64_t count);
  // Overwrites bytes that were appended before.
  void WriteAt(uint64_t offset, std::span<const uint8_t> bytes);
  void Commit();

 private:
  [[noreturn]] void Fail(const std::string& what) const;

  std::string path_, temporary_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_OUTPUT_FILE_H_
