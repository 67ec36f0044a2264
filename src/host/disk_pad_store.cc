#include "host/disk_pad_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penumbra::host {

DiskPadStore::DiskPadStore(std::shared_ptr<const PadFolder> folder, uint64_t memory_size)
    : folder_(std::move(folder)), memory_size_(memory_size) {
  for (const auto& [pad, size] : folder_->ListPads()) {
    pads_[pad].size = size;
    pads_[pad].written = true;
    size_ += size;
  }
}

void DiskPadStore::TellOnce(Status status, const std::string& text) {
  if (told_ == status) return;
  told_ = status;
  folder_->Tell(text);
}

Status DiskPadStore::Put(PadSlot where, std::span<const uint8_t> sealed) {
  const std::lock_guard lock(mutex_);
  Pad& pad = pads_[where.pad];
  if (pad.tiles == nullptr) pad.tiles = std::make_shared<Tiles>();
  std::vector<uint8_t>& kept = (*pad.tiles)[where.slot];
  pad.size = pad.size - kept.size() + sealed.size();
  size_ = size_ - kept.size() + sealed.size();
  kept.assign(sealed.begin(), sealed.end());
  return Status::kOk;
}

// With the lock.
void DiskPadStore::Written(Pad* pad) {
  pad->written = true;
  if (pad->size > memory_size_ - kept_size_) {
    pad->tiles.reset();
  } else {
    kept_size_ += pad->size;
  }
}

// A request may take the pad while it is written: the trusted half knew first that it was ready.
void DiskPadStore::Complete(uint64_t pad) {
  std::shared_ptr<const Tiles> tiles;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pads_.find(pad);
    if (found == pads_.end() || found->second.tiles == nullptr) return;
    tiles = found->second.tiles;
  }
  std::vector<PadTile> views;
  for (const auto& [slot, bytes] : *tiles) views.push_back({slot, bytes});
  std::string why;
  const Status status = folder_->WritePad(pad, views, &why);
  const std::lock_guard lock(mutex_);
  const auto found = pads_.find(pad);
  if (!IsOk(status)) {
    TellOnce(status, "a pad cannot be written (" + why + "); it stays in memory and ends with this session");
  } else if (found == pads_.end()) {
    folder_->RemovePad(pad);
  } else {
    Written(&found->second);
    told_ = Status::kOk;
  }
}

Status DiskPadStore::Take(PadSlot where, std::span<uint8_t> out_sealed) {
  std::shared_ptr<const Tiles> tiles;
  std::shared_ptr<const PadFile> file;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pads_.find(where.pad);
    if (found == pads_.end() || !found->second.taken.insert(where.slot).second) return Status::kNotFound;
    Pad& pad = found->second;
    if (pad.tiles == nullptr && pad.file == nullptr) {
      std::unique_ptr<PadFile> opened;
      if (const Status status = folder_->OpenPad(where.pad, &opened); !IsOk(status)) return status;
      pad.file = std::move(opened);
    }
    tiles = pad.tiles;
    file = pad.file;
  }
  if (tiles == nullptr) return file->Read(where.slot, out_sealed);
  const auto tile = tiles->find(where.slot);
  if (tile == tiles->end()) return Status::kNotFound;
  if (tile->second.size() != out_sealed.size()) return Status::kMalformed;
  std::memcpy(out_sealed.data(), tile->second.data(), out_sealed.size());
  return Status::kOk;
}

void DiskPadStore::Drop(uint64_t pad) {
  const std::lock_guard lock(mutex_);
  const auto found = pads_.extract(pad);
  if (found.empty()) return;
  const Pad& dropped = found.mapped();
  size_ -= dropped.size;
  if (!dropped.written) return;
  if (dropped.tiles != nullptr) kept_size_ -= dropped.size;
  folder_->RemovePad(pad);
}

void DiskPadStore::KeepOnly(std::span<const uint64_t> pads) {
  std::vector<uint64_t> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [pad, entry] : pads_) {
      if (std::ranges::find(pads, pad) == pads.end()) gone.push_back(pad);
    }
  }
  for (const uint64_t pad : gone) Drop(pad);
}

uint64_t DiskPadStore::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace penumbra::host
