#include "media/npz.h"

#include <zip.h>

#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "media/error.h"
#include "media/file.h"
#include "media/npy.h"

namespace penumbra::media {
namespace {

constexpr std::string_view kEnding = ".npy";
constexpr uint64_t kMostExpansion = 1032;  // of deflate; who announces more lies

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Entry = std::unique_ptr<zip_file_t, Discard>;

[[noreturn]] void Refuse(Status status, const std::string& why, const std::string& entry = {}) {
  throw MediaError(status, ".npz: " + why, entry.empty() ? "" : "entry '" + entry.substr(0, 64) + "'",
                   "write it with numpy.savez");
}

struct Free {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, Free>;

struct ZipError {
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t error;
};

Source BufferOf(std::span<const uint8_t> bytes) {
  ZipError why;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &why.error));
  if (source == nullptr) throw std::bad_alloc();
  return source;
}

Archive OpenArchive(std::span<const uint8_t> bytes) {
  ZipError why;
  Source source = BufferOf(bytes);
  Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, &why.error));
  if (archive == nullptr) {
    Refuse(Status::kMalformed, std::string("the archive cannot be read: ") + zip_error_strerror(&why.error));
  }
  source.release();  // the archive's now
  return archive;
}

std::vector<uint8_t> Unpack(zip_t* archive, uint64_t index, const std::string& name, uint64_t size) {
  Entry file(zip_fopen_index(archive, index, 0));
  if (file == nullptr) Refuse(Status::kUnsupported, zip_strerror(archive), name);
  std::vector<uint8_t> bytes(size);
  const zip_int64_t got = zip_fread(file.get(), bytes.data(), size);
  // The checksum is compared by the read that finds the end.
  uint8_t beyond;
  if (got < 0 || static_cast<uint64_t>(got) != size || zip_fread(file.get(), &beyond, 1) != 0) {
    Refuse(Status::kMalformed, std::string("the entry cannot be unpacked: ") + zip_file_strerror(file.get()), name);
  }
  return bytes;
}

// What libzip cannot do to a buffer in memory, it lacks memory for.
void Require(bool done) {
  if (!done) throw std::bad_alloc();
}

void AddEntry(const std::string& name, std::span<const uint8_t> bytes, zip_t* archive) {
  Source source = BufferOf(bytes);
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  Require(index >= 0);
  source.release();
  const auto entry = static_cast<zip_uint64_t>(index);
  constexpr zip_uint16_t kFirstOfJanuary1980 = (1 << 5) | 1;
  Require(zip_set_file_compression(archive, entry, ZIP_CM_STORE, 0) == 0);
  Require(zip_file_set_dostime(archive, entry, 0, kFirstOfJanuary1980, 0) == 0);
}

std::vector<uint8_t> Contents(zip_source_t* source) {
  zip_stat_t stat;
  Require(zip_source_stat(source, &stat) == 0 && zip_source_open(source) == 0);
  std::vector<uint8_t> bytes(stat.size);
  const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  Require(got == static_cast<zip_int64_t>(bytes.size()));
  return bytes;
}

}  // namespace

ArrayMap ParseNpz(std::span<const uint8_t> bytes) {
  const Archive archive = OpenArchive(bytes);
  const auto count = static_cast<uint64_t>(zip_get_num_entries(archive.get(), 0));
  if (count == 0) Refuse(Status::kMalformed, "no arrays");
  if (count > kMaxNpzEntries) Refuse(Status::kMalformed, std::to_string(count) + " entries");
  ArrayMap arrays;
  uint64_t left = kMaxNpyCount;
  for (uint64_t i = 0; i < count; ++i) {
    zip_stat_t entry;
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE;
    if (zip_stat_index(archive.get(), i, 0, &entry) != 0 || (entry.valid & kNeeded) != kNeeded) {
      Refuse(Status::kMalformed, "an entry without name or size");
    }
    std::string name = entry.name;
    if (!name.ends_with(kEnding)) Refuse(Status::kMalformed, "an entry that is no .npy file", name);
    if (entry.size / kMostExpansion > bytes.size()) Refuse(Status::kMalformed, "an entry that lies about its size", name);
    if (entry.size > left) Refuse(Status::kWrongShape, "more than 2 GiB of arrays", name);
    left -= entry.size;
    try {
      Array array = ParseNpy(Unpack(archive.get(), i, name, entry.size));
      arrays.emplace(name.substr(0, name.size() - kEnding.size()), std::move(array));
    } catch (const MediaError& error) {
      throw error.where().find(name) == std::string::npos ? error.In("entry '" + name + "'") : error;
    }
  }
  return arrays;
}

ArrayMap ReadNpz(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = ReadFile(path);
  try {
    return ParseNpz(bytes);
  } catch (const MediaError& error) {
    throw error.In(path.string());
  }
}

std::vector<uint8_t> EncodeNpz(const ArrayMap& arrays) {
  std::vector<std::vector<uint8_t>> entries;  // libzip reads them when it closes the archive
  const Source written = BufferOf({});
  ZipError why;
  Archive archive(zip_open_from_source(written.get(), ZIP_TRUNCATE, &why.error));
  Require(archive != nullptr);
  zip_source_keep(written.get());  // one reference for the archive, one for here
  for (const auto& [name, array] : arrays) {
    entries.push_back(EncodeNpy(array));
    AddEntry(name + std::string(kEnding), entries.back(), archive.get());
  }
  Require(zip_close(archive.get()) == 0);
  archive.release();
  return Contents(written.get());
}

void WriteNpz(const std::filesystem::path& path, const ArrayMap& arrays) { WriteFile(path, EncodeNpz(arrays)); }

}  // namespace penumbra::media
