#include "host/pad_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "boundary/pad_ledger.h"
#include "crypto/hash.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

constexpr char kLockName[] = "lock", kLedgerName[] = "ledger";
constexpr char kPadSuffix[] = ".pad", kNewSuffix[] = ".new";
constexpr size_t kPadDigits = 10;  // kMaxPadId in hexadecimal
constexpr uint8_t kPadMagic[16] = "penumbra pad 1";
constexpr uint32_t kMaxPadTiles = 1u << 24;
constexpr size_t kCheckSize = 16;  // first bytes of SHA-256

struct PadFileHead {
  uint8_t magic[16];
  uint64_t pad;
  uint32_t tile_count;
  uint32_t reserved;            // 0
  uint8_t check[kCheckSize];    // of the fields above and the table
};
static_assert(sizeof(PadFileHead) == 48);
// The table follows the head, the tiles follow the table in its order.
struct PadTileRec {
  uint32_t slot, size;
  uint8_t check[kCheckSize];  // of the tile
};
static_assert(sizeof(PadTileRec) == 24);

template <typename T>
std::span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

std::vector<uint8_t> CheckOf(std::initializer_list<std::span<const uint8_t>> parts) {
  crypto::Sha256 hash;
  std::vector<uint8_t> digest(crypto::kSha256Size);
  Status status = Status::kOk;
  for (const auto part : parts) {
    if (IsOk(status)) status = hash.Update(part);
  }
  if (IsOk(status)) status = hash.Final(std::span(digest).first<crypto::kSha256Size>());
  if (!IsOk(status)) throw HostError(status, "a checksum could not be computed");
  digest.resize(kCheckSize);
  return digest;
}

std::span<const uint8_t> TableBytes(const std::vector<PadTileRec>& table) {
  return {reinterpret_cast<const uint8_t*>(table.data()), table.size() * sizeof(PadTileRec)};
}

std::vector<uint8_t> CheckOfTable(const PadFileHead& head, const std::vector<PadTileRec>& table) {
  return CheckOf({BytesOf(head).first(offsetof(PadFileHead, check)), TableBytes(table)});
}

std::string PadName(uint64_t pad) {
  char digits[kPadDigits + 1];
  std::snprintf(digits, sizeof(digits), "%010llx", static_cast<unsigned long long>(pad & kMaxPadId));
  return std::string(digits) + kPadSuffix;
}

std::optional<uint64_t> PadOfName(const std::string& name) {
  uint64_t pad = 0;
  if (name.size() != kPadDigits + sizeof(kPadSuffix) - 1) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kPadDigits, pad, 16);
  if (error != std::errc() || end != name.data() + kPadDigits || PadName(pad) != name) return std::nullopt;
  return pad;
}

Status ReadAt(int descriptor, uint64_t offset, std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return StatusOfErrno(errno);
    if (got == 0) return Status::kMalformed;
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return Status::kOk;
}

bool WriteAll(int descriptor, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

[[noreturn]] void Throw(const std::filesystem::path& path, const std::string& what, int error) {
  throw HostError(StatusOfErrno(error), what + ": " + std::strerror(error), "pad bank " + path.string());
}

}  // namespace

Status PadFile::Open(int folder, uint64_t pad, std::unique_ptr<PadFile>* out_file) {
  out_file->reset();
  const int descriptor = openat(folder, PadName(pad).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return StatusOfErrno(errno);
  std::unique_ptr<PadFile> file(new PadFile(descriptor));
  const Status status = file->ReadTable(pad);
  if (IsOk(status)) *out_file = std::move(file);
  return status;
}

Status PadFile::ReadTable(uint64_t pad) {
  struct stat info;
  PadFileHead head;
  if (fstat(file_.get(), &info) != 0) return StatusOfErrno(errno);
  const std::span<uint8_t> head_bytes(reinterpret_cast<uint8_t*>(&head), sizeof(head));
  if (const Status status = ReadAt(file_.get(), 0, head_bytes); !IsOk(status)) return status;
  const auto file_size = static_cast<uint64_t>(info.st_size);
  if (std::memcmp(head.magic, kPadMagic, sizeof(head.magic)) != 0 || head.pad != pad || head.tile_count > kMaxPadTiles ||
      file_size < sizeof(head) + head.tile_count * sizeof(PadTileRec)) {
    return Status::kMalformed;
  }
  std::vector<PadTileRec> table(head.tile_count);
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(table.data()), table.size() * sizeof(PadTileRec));
  if (const Status status = ReadAt(file_.get(), sizeof(head), bytes); !IsOk(status)) return status;
  if (!std::ranges::equal(CheckOfTable(head, table), head.check)) return Status::kMalformed;
  uint64_t offset = sizeof(head) + bytes.size();
  for (const PadTileRec& tile : table) {
    places_[tile.slot] = {offset, tile.size, {tile.check, tile.check + kCheckSize}};
    offset += tile.size;
  }
  return offset == file_size ? Status::kOk : Status::kMalformed;
}

Status PadFile::Read(uint32_t slot, std::span<uint8_t> out_bytes) const {
  const auto place = places_.find(slot);
  if (place == places_.end()) return Status::kNotFound;
  if (place->second.size != out_bytes.size()) return Status::kMalformed;
  const Status status = ReadAt(file_.get(), place->second.offset, out_bytes);
  if (!IsOk(status)) return status;
  return CheckOf({out_bytes}) == place->second.check ? Status::kOk : Status::kMalformed;
}

PadFolder::PadFolder(std::filesystem::path path, int folder, int lock, Notice notice)
    : path_(std::move(path)), folder_(folder), lock_(lock), notice_(std::move(notice)) {}

std::shared_ptr<PadFolder> PadFolder::Open(const std::filesystem::path& path, Notice notice) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) Throw(path, "cannot make the folder", errno);
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) Throw(path, "cannot open the folder", errno);
  // Open for writing, so that a disk that cannot be written is noticed before the first lease.
  const int lock = openat(folder, kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const int error = errno;
  std::shared_ptr<PadFolder> opened(new PadFolder(path, folder, lock, std::move(notice)));
  if (lock < 0) Throw(path, "cannot write to the folder", error);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) Throw(path, "cannot lock the folder", errno);
    throw HostError(Status::kWrongState, "another session uses these pads", "pad bank " + path.string(),
                    "end it, or name another folder with --durable-pads");
  }
  return opened;
}

void PadFolder::Tell(const std::string& text) const {
  if (notice_) notice_("pad bank " + path_.string() + ": " + text);
}

std::vector<uint8_t> PadFolder::ReadLedger() const {
  const Descriptor file(openat(folder_.get(), kLedgerName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) return {};
  struct stat info;
  if (file.get() < 0 || fstat(file.get(), &info) != 0) Throw(path_, "cannot read the ledger", errno);
  // One byte more than any ledger has is as wrong as more.
  std::vector<uint8_t> ledger(std::min(static_cast<uint64_t>(info.st_size), LedgerSize(kMaxPads) + 1));
  if (!IsOk(ReadAt(file.get(), 0, ledger))) Throw(path_, "cannot read the ledger", EIO);
  return ledger;
}

// A new file beside the old one, on the disk before it takes the name.
Status PadFolder::Replace(const std::string& name, std::span<const std::span<const uint8_t>> parts,
                          std::string* out_why) const {
  const std::string fresh = name + kNewSuffix;
  int error = 0;
  {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    const Descriptor file(openat(folder_.get(), fresh.c_str(), kFlags, 0600));
    const auto write_part = [&](std::span<const uint8_t> part) { return WriteAll(file.get(), part); };
    const bool written = file.get() >= 0 && std::ranges::all_of(parts, write_part) && fsync(file.get()) == 0;
    if (!written) error = errno;
  }
  if (error == 0 && renameat(folder_.get(), fresh.c_str(), folder_.get(), name.c_str()) != 0) error = errno;
  if (error == 0 && fsync(folder_.get()) != 0) error = errno;
  if (error == 0) return Status::kOk;
  unlinkat(folder_.get(), fresh.c_str(), 0);
  *out_why = std::strerror(error);
  return StatusOfErrno(error);
}

Status PadFolder::WriteLedger(std::span<const uint8_t> ledger, std::string* out_why) const {
  return Replace(kLedgerName, {{ledger}}, out_why);
}

Status PadFolder::WritePad(uint64_t pad, std::span<const PadTile> tiles, std::string* out_why) const {
  PadFileHead head{};
  std::memcpy(head.magic, kPadMagic, sizeof(head.magic));
  head.pad = pad;
  head.tile_count = static_cast<uint32_t>(tiles.size());
  std::vector<PadTileRec> table;
  for (const PadTile& tile : tiles) {
    table.push_back({tile.slot, static_cast<uint32_t>(tile.bytes.size()), {}});
    std::ranges::copy(CheckOf({tile.bytes}), table.back().check);
  }
  std::ranges::copy(CheckOfTable(head, table), head.check);
  std::vector<std::span<const uint8_t>> parts = {BytesOf(head), TableBytes(table)};
  for (const PadTile& tile : tiles) parts.push_back(tile.bytes);
  return Replace(PadName(pad), parts, out_why);
}

Status PadFolder::OpenPad(uint64_t pad, std::unique_ptr<PadFile>* out_file) const {
  return PadFile::Open(folder_.get(), pad, out_file);
}

void PadFolder::RemovePad(uint64_t pad) const { unlinkat(folder_.get(), PadName(pad).c_str(), 0); }

uint64_t PadFolder::TilesSize(uint64_t pad) const {
  const Descriptor file(openat(folder_.get(), PadName(pad).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info;
  PadFileHead head;
  if (file.get() < 0 || fstat(file.get(), &info) != 0 ||
      !IsOk(ReadAt(file.get(), 0, {reinterpret_cast<uint8_t*>(&head), sizeof(head)}))) {
    return 0;
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size), around = sizeof(head) + head.tile_count * sizeof(PadTileRec);
  return size < around ? size : size - around;
}

std::map<uint64_t, uint64_t> PadFolder::ListPads() const {
  std::map<uint64_t, uint64_t> pads;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
    const std::optional<uint64_t> pad = PadOfName(entry.path().filename().string());
    if (pad.has_value()) pads[*pad] = TilesSize(*pad);
  }
  return pads;
}

}  // namespace penumbra::host
