// Reads hostile bytes: every access is checked, nothing is ever read past the end. After the first failure
// every further read fails too, so a caller may check once at the end of a group.
#ifndef PENUMBRA_TRUSTED_BASE_BYTE_READER_H_
#define PENUMBRA_TRUSTED_BASE_BYTE_READER_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace penumbra::trusted {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  // Copies one plain record out; no alignment is assumed.
  template <typename T>
  bool Read(T* out) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Copy(out, sizeof(T));
  }

  // Copies `count` records to `out`.
  template <typename T>
  bool ReadArray(T* out, uint64_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count > rest_.size() / sizeof(T)) return Fail();
    return Copy(out, count * sizeof(T));
  }

  // A view of the next `size` bytes.
  bool ReadBytes(uint64_t size, std::span<const uint8_t>* out) {
    if (failed_ || size > rest_.size()) return Fail();
    *out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }

  bool AtEnd() const { return !failed_ && rest_.empty(); }
  uint64_t remaining() const { return rest_.size(); }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }
  bool Copy(void* out, uint64_t size) {
    if (failed_ || size > rest_.size()) return Fail();
    if (size != 0) std::memcpy(out, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return true;
  }

  std::span<const uint8_t> rest_;
  bool failed_ = false;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_BASE_BYTE_READER_H_
