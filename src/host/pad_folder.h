// The folder of a durable pad bank: a lock, the ledger, and one file for each sealed pad (docs/pad_bank.md has every
// byte). All of it is outside: what is lost, old or altered here costs pads, never secrets, because the trusted half
// believes nothing of it. Checks in here only turn accidents into clear messages.
#ifndef PENUMBRA_HOST_PAD_FOLDER_H_
#define PENUMBRA_HOST_PAD_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "boundary/status.h"
#include "host/descriptor.h"

namespace penumbra::host {

struct PadTile {
  uint32_t slot;
  std::span<const uint8_t> bytes;
};

// One sealed pad, open for reading. Safe from any thread.
class PadFile {
 public:
  // `folder`: its descriptor. kNotFound; kMalformed: not such a file, cut off or altered in its table.
  static Status Open(int folder, uint64_t pad, std::unique_ptr<PadFile>* out_file);
  // kNotFound; kMalformed: another size, or the bytes are not those that were written.
  Status Read(uint32_t slot, std::span<uint8_t> out_bytes) const;

 private:
  struct Place {
    uint64_t offset, size;
    std::vector<uint8_t> check;
  };
  explicit PadFile(int descriptor) : file_(descriptor) {}
  Status ReadTable(uint64_t pad);

  Descriptor file_;
  std::map<uint32_t, Place> places_;
};

// Safe from any thread, but for Open.
class PadFolder {
 public:
  using Notice = std::function<void(const std::string&)>;

  // Makes the folder (mode 0700) when there is none, and locks it until destruction. `notice` hears in words of what
  // costs pads but ends nothing. Throws HostError: kWrongState when another session has the folder; kPermission (also
  // of a read-only disk), kNoSpace, kNotFound (its parent), kIo.
  static std::shared_ptr<PadFolder> Open(const std::filesystem::path& path, Notice notice = {});

  const std::filesystem::path& path() const { return path_; }
  void Tell(const std::string& text) const;

  // Empty when there is none. Throws HostError.
  std::vector<uint8_t> ReadLedger() const;
  // Each replaces a file in one step, durably before it returns; after an error the old one stands. *out_why: in words.
  // kNoSpace, kPermission, kIo.
  Status WriteLedger(std::span<const uint8_t> ledger, std::string* out_why) const;
  Status WritePad(uint64_t pad, std::span<const PadTile> tiles, std::string* out_why) const;
  Status OpenPad(uint64_t pad, std::unique_ptr<PadFile>* out_file) const;
  void RemovePad(uint64_t pad) const;
  // Pads that have a file, with the bytes of their tiles as far as the file tells.
  std::map<uint64_t, uint64_t> ListPads() const;

 private:
  PadFolder(std::filesystem::path path, int folder, int lock, Notice notice);
  Status Replace(const std::string& name, std::span<const std::span<const uint8_t>> parts, std::string* out_why) const;

  uint64_t TilesSize(uint64_t pad) const;

  const std::filesystem::path path_;
  const Descriptor folder_, lock_;
  const Notice notice_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_PAD_FOLDER_H_
