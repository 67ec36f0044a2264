#include "host/emitted_halves.h"

#include <algorithm>

namespace penumbra::host {

Status EmittedHalves::Put(uint64_t index, std::span<const uint8_t> bytes) {
  std::vector<uint8_t>& half = halves_[static_cast<uint32_t>(index >> 32)];
  const uint64_t offset = index & 0xffffffffu;
  if (offset < half.size()) return Status::kMalformed;
  const uint64_t added = offset - half.size() + bytes.size();
  if (added > max_size_ - size_) return Status::kNoSpace;
  size_ += added;
  half.resize(offset + bytes.size());
  std::ranges::copy(bytes, half.begin() + static_cast<std::ptrdiff_t>(offset));
  return Status::kOk;
}

EmittedHalves::Halves EmittedHalves::Take() {
  size_ = 0;
  return std::exchange(halves_, {});
}

}  // namespace penumbra::host
