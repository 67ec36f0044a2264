#include "host/pad_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penumbra::host {

void MemoryPadStore::Recycle(std::vector<uint8_t> bytes) {
  if (bytes.size() > kMaxSpareSize - spare_size_) return;
  spare_size_ += bytes.size();
  spare_.emplace(bytes.size(), std::move(bytes));
}

std::vector<uint8_t> MemoryPadStore::TakeSpare(uint64_t size) {
  auto spare = spare_.extract(size);
  if (spare.empty()) return {};
  spare_size_ -= size;
  return std::move(spare.mapped());
}

Status MemoryPadStore::Put(PadSlot where, std::span<const uint8_t> sealed) {
  const std::lock_guard lock(mutex_);
  std::vector<uint8_t>& kept = pads_[where.pad][where.slot];
  if (sealed.size() > max_size_ - (size_ - kept.size())) return Status::kNoSpace;
  size_ = size_ - kept.size() + sealed.size();
  if (kept.empty()) kept = TakeSpare(sealed.size());
  kept.assign(sealed.begin(), sealed.end());
  return Status::kOk;
}

Status MemoryPadStore::Take(PadSlot where, std::span<uint8_t> out_sealed) {
  const std::lock_guard lock(mutex_);
  const auto pad = pads_.find(where.pad);
  if (pad == pads_.end()) return Status::kNotFound;
  const auto slot = pad->second.find(where.slot);
  if (slot == pad->second.end()) return Status::kNotFound;
  if (slot->second.size() != out_sealed.size()) return Status::kMalformed;
  std::memcpy(out_sealed.data(), slot->second.data(), out_sealed.size());
  size_ -= slot->second.size();
  Recycle(std::move(slot->second));
  pad->second.erase(slot);
  if (pad->second.empty()) pads_.erase(pad);
  return Status::kOk;
}

void MemoryPadStore::Drop(uint64_t pad) {
  const std::lock_guard lock(mutex_);
  const auto found = pads_.find(pad);
  if (found == pads_.end()) return;
  for (const auto& [slot, bytes] : found->second) size_ -= bytes.size();
  pads_.erase(found);
}

void MemoryPadStore::KeepOnly(std::span<const uint64_t> pads) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pads_, [&](const auto& pad) {
    if (std::ranges::find(pads, pad.first) != pads.end()) return false;
    for (const auto& [slot, bytes] : pad.second) size_ -= bytes.size();
    return true;
  });
}

uint64_t MemoryPadStore::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace penumbra::host
