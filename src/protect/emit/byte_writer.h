// Little-endian records into a byte vector, as boundary/bundle.h stores them.
#ifndef PENUMBRA_PROTECT_EMIT_BYTE_WRITER_H_
#define PENUMBRA_PROTECT_EMIT_BYTE_WRITER_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penumbra::protect {

static_assert(std::endian::native == std::endian::little,
              "records are written as they stand in memory");

class ByteWriter {
 public:
  template <typename T>
  void Put(const T& record) {
    static_assert(std::is_trivially_copyable_v<T>);
    PutRaw(&record, sizeof(T));
  }
  template <typename T>
  void PutAll(const std::vector<T>& records) {
    if (!records.empty()) PutRaw(records.data(), records.size() * sizeof(T));
  }
  void PutText(std::string_view text) { PutRaw(text.data(), text.size()); }
  void PadTo(uint64_t size) { bytes_.resize(size); }

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  void PutRaw(const void* data, size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + size);
    std::memcpy(bytes_.data() + at, data, size);
  }
  std::vector<uint8_t> bytes_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_BYTE_WRITER_H_
