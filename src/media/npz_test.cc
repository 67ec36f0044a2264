#include "media/npz.h"

#include <zip.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "media/file.h"
#include "media/npy.h"
#include "media/testing.h"

namespace penumbra::media {
namespace {

const ArrayMap kArrays{{"input", {{2, 2}, {1, 2, 3, 4}, "f4"}}, {"dir/state", {{3}, {7, 8, 9}, "i8"}}};

void ExpectSame(const ArrayMap& expected, const ArrayMap& actual) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, array] : expected) {
    const Array& other = actual.at(name);
    EXPECT_EQ(other.shape, array.shape) << name;
    EXPECT_EQ(other.values, array.values) << name;
    EXPECT_EQ(other.type, array.type) << name;
  }
}

class Npz : public ScratchFolder {
 protected:
  // An archive of these entries, then changed by `change`.
  std::vector<uint8_t> Zip(const std::vector<std::pair<std::string, std::vector<uint8_t>>>& entries,
                           const std::function<void(zip_t*)>& change = {}) {
    const std::filesystem::path path = folder_ / "made.npz";
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& [name, bytes] : entries) {
      zip_file_add(archive, name.c_str(), zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0);
    }
    if (change) change(archive);
    EXPECT_EQ(zip_close(archive), 0);
    return ReadFile(path);
  }
};

TEST_F(Npz, ComesBack) {
  WriteNpz(folder_ / "a.npz", kArrays);
  ExpectSame(kArrays, ReadNpz(folder_ / "a.npz"));
  EXPECT_EQ(EncodeNpz(kArrays), ReadFile(folder_ / "a.npz"));
}

TEST_F(Npz, ReadsDeflatedEntries) {
  const std::vector<uint8_t> entry = EncodeNpy({{1000}, std::vector<float>(1000, 5), "f4"});
  const std::vector<uint8_t> bytes = Zip({{"x.npy", entry}});
  EXPECT_LT(bytes.size(), entry.size() / 2);
  ExpectSame({{"x", {{1000}, std::vector<float>(1000, 5), "f4"}}}, ParseNpz(bytes));
}

TEST_F(Npz, EveryTruncationIsAnError) {
  const std::vector<uint8_t> bytes = EncodeNpz(kArrays);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(ParseNpz(std::span(bytes).first(size)), MediaError) << size;
  }
}

TEST_F(Npz, AnAlteredValueIsAnError) {
  std::vector<uint8_t> bytes = EncodeNpz({{"x", {{1}, {5}, "f4"}}});
  const size_t value = 30 + 5 + EncodeNpy({{1}, {5}, "f4"}).size() - 1;  // local header, name, the last byte
  bytes[value] ^= 1;
  ExpectError(Status::kMalformed, "x.npy", [&] { ParseNpz(bytes); });
}

TEST_F(Npz, RefusesWhatItCannotRead) {
  const std::vector<uint8_t> one = EncodeNpy({{1}, {5}, "f4"});
  const auto fails = [](Status status, const std::string& text, const std::vector<uint8_t>& bytes) {
    ExpectError(status, text, [&] { ParseNpz(bytes); });
  };
  fails(Status::kMalformed, "cannot be read", {'P', 'K', 3, 4});
  fails(Status::kMalformed, "no .npy file [entry 'notes.txt']", Zip({{"notes.txt", one}}));
  fails(Status::kMalformed, "entry 'x.npy'", Zip({{"x.npy", {1, 2, 3}}}));
  fails(Status::kUnsupported, "entry 'x.npy'", Zip({{"x.npy", one}}, [](zip_t* archive) {
          zip_file_set_encryption(archive, 0, ZIP_EM_AES_256, "secret");
        }));
  std::vector<std::pair<std::string, std::vector<uint8_t>>> many;
  for (uint64_t i = 0; i <= kMaxNpzEntries; ++i) many.emplace_back(std::to_string(i) + ".npy", one);
  fails(Status::kMalformed, "1025 entries", Zip(many));
  // libzip writes no name twice; give the second entry the first one's.
  std::vector<uint8_t> twice = Zip({{"x.npy", one}, {"y.npy", one}});
  for (size_t i = 0; i + 5 <= twice.size(); ++i) {
    if (std::string(twice.begin() + static_cast<ptrdiff_t>(i), twice.begin() + static_cast<ptrdiff_t>(i) + 5) == "y.npy") {
      twice[i] = 'x';
    }
  }
  fails(Status::kMalformed, "cannot be read", twice);
  ExpectError(Status::kMalformed, "bad.npz", [&] { ReadNpz(Put("bad.npz", "no archive")); });
}

// A directory that announces gigabytes is not believed.
TEST_F(Npz, RefusesALyingSize) {
  std::vector<uint8_t> bytes = Zip({{"x.npy", EncodeNpy({{1000}, std::vector<float>(1000, 5), "f4"})}});
  const auto patch = [&](size_t at) {
    for (size_t i = 0; i < 4; ++i) bytes[at + i] = i == 3 ? 0x7f : 0xff;
  };
  patch(22);  // local header: uncompressed size
  const auto directory = std::search(bytes.begin(), bytes.end(), std::begin("PK\1\2"), std::begin("PK\1\2") + 4);
  patch(static_cast<size_t>(directory - bytes.begin()) + 24);
  ExpectError(Status::kMalformed, "lies about its size", [&] { ParseNpz(bytes); });
}

}  // namespace
}  // namespace penumbra::media
