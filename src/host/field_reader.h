// Reads fixed-size records one after the other from hostile bytes, never beyond their end.
#ifndef PENUMBRA_HOST_FIELD_READER_H_
#define PENUMBRA_HOST_FIELD_READER_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "host/error.h"

namespace penumbra::host {

class FieldReader {
 public:
  // `base` is the file offset of bytes[0].
  FieldReader(std::span<const uint8_t> bytes, uint64_t base) : bytes_(bytes), base_(base) {}

  // `what` names the field in the message of the kTruncated error.
  template <typename Record>
  Record Take(const char* what) {
    static_assert(std::is_trivially_copyable_v<Record>);
    Record record;
    std::memcpy(&record, TakeBytes(sizeof(Record), what).data(), sizeof(Record));
    return record;
  }

  template <typename Record>
  std::vector<Record> TakeArray(uint64_t count, const char* what) {
    static_assert(std::is_trivially_copyable_v<Record>);
    if (count > remaining() / sizeof(Record)) ThrowTruncated(what);
    const std::span<const uint8_t> bytes = TakeBytes(count * sizeof(Record), what);
    std::vector<Record> records(count);
    if (count != 0) std::memcpy(records.data(), bytes.data(), bytes.size());
    return records;
  }

  std::span<const uint8_t> TakeBytes(uint64_t size, const char* what) {
    if (size > remaining()) ThrowTruncated(what);
    const std::span<const uint8_t> taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }
  uint64_t file_offset() const { return base_ + position_; }

 private:
  [[noreturn]] void ThrowTruncated(const char* what) const {
    throw HostError(Status::kTruncated, std::string("the bytes end inside ") + what,
                    AtOffset(file_offset()));
  }

  std::span<const uint8_t> bytes_;
  uint64_t base_;
  uint64_t position_ = 0;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_FIELD_READER_H_
