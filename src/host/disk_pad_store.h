// Sealed pads in the folder of a durable bank. A pad in the making is held in memory, a finished one is a file, too; of
// these as many as fit a bound stay in memory besides, because reading and checking a file takes longer than opening
// the pad. What cannot be written stays in memory and serves this session only.
#ifndef PENUMBRA_HOST_DISK_PAD_STORE_H_
#define PENUMBRA_HOST_DISK_PAD_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "host/pad_folder.h"
#include "host/pad_store.h"

namespace penumbra::host {

class DiskPadStore final : public PadStore {
 public:
  // `memory_size`: bytes of pads with a file that stay in memory.
  explicit DiskPadStore(std::shared_ptr<const PadFolder> folder, uint64_t memory_size = uint64_t{256} << 20);
  Status Put(PadSlot where, std::span<const uint8_t> sealed) override;
  // Also kIo; kMalformed: the file is damaged.
  Status Take(PadSlot where, std::span<uint8_t> out_sealed) override;
  void Complete(uint64_t pad) override;
  void Drop(uint64_t pad) override;
  void KeepOnly(std::span<const uint64_t> pads) override;
  uint64_t size() const override;

 private:
  using Tiles = std::map<uint32_t, std::vector<uint8_t>>;
  struct Pad {
    std::shared_ptr<Tiles> tiles;         // null: on the disk only; not altered any more once the pad is complete
    std::shared_ptr<const PadFile> file;  // once it was opened
    bool written = false;                 // there is a file
    uint64_t size = 0;
    std::set<uint32_t> taken;
  };
  void TellOnce(Status status, const std::string& text);
  void Written(Pad* pad);

  const std::shared_ptr<const PadFolder> folder_;
  const uint64_t memory_size_;
  mutable std::mutex mutex_;  // of everything below
  std::map<uint64_t, Pad> pads_;
  uint64_t size_ = 0;
  uint64_t kept_size_ = 0;  // of it in memory and in a file
  Status told_ = Status::kOk;  // what went wrong last
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_DISK_PAD_STORE_H_
