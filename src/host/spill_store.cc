#include "host/spill_store.h"

#include <cstring>

namespace penumbra::host {

Status SpillStore::Put(uint64_t slot, std::span<const uint8_t> sealed) {
  Slot& kept = slots_[slot];
  if (sealed.size() > max_size_ - (size_ - kept.bytes.size())) return Status::kNoSpace;
  size_ = size_ - kept.bytes.size() + sealed.size();
  kept.bytes.assign(sealed.begin(), sealed.end());
  kept.generation = generation_;
  return Status::kOk;
}

Status SpillStore::Get(uint64_t slot, std::span<uint8_t> out_sealed) const {
  const auto found = slots_.find(slot);
  if (found == slots_.end() || found->second.generation != generation_) return Status::kNotFound;
  if (found->second.bytes.size() != out_sealed.size()) return Status::kMalformed;
  std::memcpy(out_sealed.data(), found->second.bytes.data(), out_sealed.size());
  return Status::kOk;
}

}  // namespace penumbra::host
