// The folder of a durable bank on disks that are full, read-only, torn or rotten: an error or fewer pads.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "host/disk_pad_store.h"
#include "host/error.h"
#include "host/pad_folder.h"
#include "tee/testing/carrier_test_util.h"

namespace penumbra::host {
namespace {

using Bytes = std::vector<uint8_t>;

class PadFolderTest : public ::testing::Test {
 protected:
  std::filesystem::path Path() const { return scratch_.path() / "bank"; }
  std::filesystem::path PadPath(uint64_t pad) const {
    char name[32];
    std::snprintf(name, sizeof(name), "%010llx.pad", static_cast<unsigned long long>(pad));
    return Path() / name;
  }
  std::shared_ptr<PadFolder> Open() {
    return PadFolder::Open(Path(), [this](const std::string& text) { notices_.push_back(text); });
  }
  static Bytes ReadAll(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void WriteAll(const std::filesystem::path& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  static Status StatusOf(const std::function<void()>& body) {
    try {
      body();
      return Status::kOk;
    } catch (const HostError& error) {
      return error.status();
    }
  }
  // Runs `body` in a process of its own, whose limits and mounts end with it; its exit code is 0 when `body` is true.
  static int InChild(const std::function<bool()>& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 0 : 1);
    int ending = -1;
    EXPECT_EQ(waitpid(child, &ending, 0), child);
    return WIFEXITED(ending) ? WEXITSTATUS(ending) : -1;
  }

  tee::TemporaryFolder scratch_;
  std::vector<std::string> notices_;
};

TEST_F(PadFolderTest, OneSessionAtATime) {
  auto first = Open();
  EXPECT_EQ(StatusOf([&] { Open(); }), Status::kWrongState);
  EXPECT_EQ(InChild([&] { return StatusOf([&] { Open(); }) == Status::kWrongState; }), 0);
  first.reset();
  EXPECT_EQ(StatusOf([&] { Open(); }), Status::kOk);
}

TEST_F(PadFolderTest, PathsThatAreNoFolder) {
  std::ofstream(scratch_.path() / "file").close();
  EXPECT_EQ(StatusOf([&] { PadFolder::Open(scratch_.path() / "file"); }), Status::kNotFound);
  EXPECT_EQ(StatusOf([&] { PadFolder::Open(scratch_.path() / "missing" / "bank"); }), Status::kNotFound);
  const auto link = scratch_.path() / "link";
  std::filesystem::create_directory(link);
  std::filesystem::create_symlink("/dev/null", link / "lock");
  EXPECT_NE(StatusOf([&] { PadFolder::Open(link); }), Status::kOk);
}

TEST_F(PadFolderTest, TheLedgerIsReplacedInOneStep) {
  const auto folder = Open();
  EXPECT_TRUE(folder->ReadLedger().empty());
  std::string why;
  ASSERT_EQ(folder->WriteLedger(Bytes{1, 2, 3}, &why), Status::kOk);
  ASSERT_EQ(folder->WriteLedger(Bytes{4, 5}, &why), Status::kOk);
  EXPECT_EQ(folder->ReadLedger(), (Bytes{4, 5}));
  EXPECT_FALSE(std::filesystem::exists(Path() / "ledger.new"));
  WriteAll(Path() / "ledger.new", {9});  // of a life that was killed
  EXPECT_EQ(folder->ReadLedger(), (Bytes{4, 5}));
  ASSERT_EQ(folder->WriteLedger(Bytes{6}, &why), Status::kOk);
  EXPECT_EQ(folder->ReadLedger(), Bytes{6});
}

TEST_F(PadFolderTest, PadsComeBackSlotBySlotOnce) {
  {
    DiskPadStore store(Open());
    ASSERT_EQ(store.Put({7, 1}, Bytes{1, 2, 3}), Status::kOk);
    ASSERT_EQ(store.Put({7, 9}, Bytes{4}), Status::kOk);
    ASSERT_EQ(store.Put({8, 1}, Bytes{5}), Status::kOk);
    store.Complete(7);  // 8 is not: nothing of it outlives the store
    EXPECT_EQ(store.size(), 5u);
  }
  DiskPadStore store(Open());
  EXPECT_EQ(store.size(), 4u);
  Bytes three(3), one(1);
  EXPECT_EQ(store.Take({7, 1}, three), Status::kOk);
  EXPECT_EQ(three, (Bytes{1, 2, 3}));
  EXPECT_EQ(store.Take({7, 1}, three), Status::kNotFound);
  EXPECT_EQ(store.Take({7, 9}, three), Status::kMalformed);
  EXPECT_EQ(store.Take({8, 1}, one), Status::kNotFound);
  store.Drop(7);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_FALSE(std::filesystem::exists(PadPath(7)));
}

// What is taken from memory does not need its file; beyond the bound only the file is left.
TEST_F(PadFolderTest, PadsStayInMemoryBesideTheirFiles) {
  DiskPadStore store(Open(), /*memory_size=*/5);
  const auto make = [&](uint64_t pad) {
    ASSERT_EQ(store.Put({pad, 0}, Bytes(3, static_cast<uint8_t>(pad))), Status::kOk);
    store.Complete(pad);
    ASSERT_TRUE(std::filesystem::exists(PadPath(pad)));
  };
  Bytes out(3);
  const auto without_file = [&](uint64_t pad) {
    std::filesystem::remove(PadPath(pad));
    const Status status = store.Take({pad, 0}, out);
    store.Drop(pad);
    return status;
  };
  make(1);
  make(2);  // does not fit beside it
  EXPECT_EQ(without_file(1), Status::kOk);
  EXPECT_EQ(out, Bytes(3, 1));
  make(3);  // in the place of the first
  EXPECT_EQ(without_file(2), Status::kNotFound);
  EXPECT_EQ(without_file(3), Status::kOk);
  EXPECT_EQ(out, Bytes(3, 3));
  EXPECT_EQ(store.size(), 0u);
}

TEST_F(PadFolderTest, KeepsOnlyThePadsOfTheLedger) {
  const auto folder = Open();
  DiskPadStore store(folder);
  for (const uint64_t pad : {1, 2, 3}) {
    ASSERT_EQ(store.Put({pad, 0}, Bytes{1}), Status::kOk);
    store.Complete(pad);
  }
  WriteAll(Path() / "notes.txt", {1});
  WriteAll(Path() / "00000000zz.pad", {1});
  const std::vector<uint64_t> kept = {2, 5};
  store.KeepOnly(kept);
  EXPECT_EQ(folder->ListPads(), (std::map<uint64_t, uint64_t>{{2, 1}}));
  EXPECT_TRUE(std::filesystem::exists(Path() / "notes.txt")) << "a file that is none of ours is gone";
  EXPECT_TRUE(std::filesystem::exists(Path() / "00000000zz.pad"));
}

TEST_F(PadFolderTest, DamageIsNoticedAtEveryByte) {
  const auto folder = Open();
  std::string why;
  const Bytes tile(40, 3), other(30, 4);
  const std::vector<PadTile> tiles = {{5, tile}, {6, other}};
  ASSERT_EQ(folder->WritePad(1, tiles, &why), Status::kOk);
  const Bytes whole = ReadAll(PadPath(1));
  ASSERT_EQ(whole.size(), 48u + 2 * 24 + 70);
  const auto is_whole = [&] {
    std::unique_ptr<PadFile> file;
    Bytes out(40), out_other(30);
    return IsOk(folder->OpenPad(1, &file)) && IsOk(file->Read(5, out)) && IsOk(file->Read(6, out_other)) &&
           out == tile && out_other == other;
  };
  ASSERT_TRUE(is_whole()) << "the control of what follows";
  for (size_t i = 0; i < whole.size(); ++i) {
    Bytes rotten = whole;
    rotten[i] ^= 0x10;
    WriteAll(PadPath(1), rotten);
    ASSERT_FALSE(is_whole()) << "byte " << i;
    WriteAll(PadPath(1), Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i)));
    ASSERT_FALSE(is_whole()) << "cut at " << i;
    Bytes torn = whole;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(i), torn.end(), uint8_t{0});
    WriteAll(PadPath(1), torn);
    ASSERT_FALSE(is_whole() && torn != whole) << "torn at " << i;
  }
  std::filesystem::remove(PadPath(1));
  WriteAll(PadPath(2), whole);  // a pad under another's name
  std::unique_ptr<PadFile> file;
  EXPECT_EQ(folder->OpenPad(2, &file), Status::kMalformed);
  EXPECT_EQ(folder->OpenPad(1, &file), Status::kNotFound);
}

// A limit on file sizes fails like a full disk, for root as well.
TEST_F(PadFolderTest, WhatDoesNotFitLeavesTheOldFile) {
  const auto folder = Open();
  std::string why;
  ASSERT_EQ(folder->WriteLedger(Bytes{1, 2, 3}, &why), Status::kOk);
  EXPECT_EQ(InChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit small{10, 10};
              setrlimit(RLIMIT_FSIZE, &small);
              const Bytes tile(11);
              const std::vector<PadTile> tiles = {{0, tile}};
              return folder->WriteLedger(Bytes(11), &why) == Status::kNoSpace && !why.empty() &&
                     folder->WritePad(1, tiles, &why) == Status::kNoSpace;
            }),
            0);
  EXPECT_EQ(folder->ReadLedger(), (Bytes{1, 2, 3}));
  EXPECT_TRUE(folder->ListPads().empty());
  EXPECT_FALSE(std::filesystem::exists(Path() / "ledger.new"));
}

// A pad that cannot be written serves the session that made it.
TEST_F(PadFolderTest, APadThatDoesNotFitStaysInMemory) {
  const int code = InChild([&] {
    DiskPadStore store(Open());
    signal(SIGXFSZ, SIG_IGN);
    const rlimit small{10, 10};
    setrlimit(RLIMIT_FSIZE, &small);
    for (const uint64_t pad : {1, 2}) {
      if (!IsOk(store.Put({pad, 0}, Bytes(11, 5)))) return false;
      store.Complete(pad);
    }
    Bytes out(11);
    return IsOk(store.Take({1, 0}, out)) && out == Bytes(11, 5) && store.size() == 22 && notices_.size() == 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(DiskPadStore(Open()).size(), 0u);
}

constexpr int kNoMounts = 77;

// On a small disk of its own, which `body` may fill and remount.
int OnSmallDisk(const std::filesystem::path& path, const std::function<bool()>& body) {
  std::filesystem::create_directory(path);
  const pid_t child = fork();
  if (child == 0) {
    const bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!alone || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k") != 0) {
      _exit(kNoMounts);
    }
    _exit(body() ? 0 : 1);
  }
  int ending = -1;
  EXPECT_EQ(waitpid(child, &ending, 0), child);
  return WIFEXITED(ending) ? WEXITSTATUS(ending) : -1;
}

TEST_F(PadFolderTest, AFullDisk) {
  const int code = OnSmallDisk(Path(), [&] {
    const auto folder = Open();
    DiskPadStore store(folder);
    uint64_t pad = 0;
    for (; notices_.empty(); ++pad) {
      if (!IsOk(store.Put({pad, 0}, Bytes(10'000, 1)))) return false;
      store.Complete(pad);
    }
    Bytes out(10'000);
    const bool last_serves = IsOk(store.Take({pad - 1, 0}, out)), first_serves = IsOk(store.Take({0, 0}, out));
    std::string why;
    const bool refused = folder->WriteLedger(Bytes(30'000), &why) == Status::kNoSpace;
    return pad > 1 && pad <= 7 && last_serves && first_serves && refused && folder->ListPads().size() == pad - 1;
  });
  if (code == kNoMounts) GTEST_SKIP() << "mounts are not permitted here";
  EXPECT_EQ(code, 0);
}

TEST_F(PadFolderTest, AReadOnlyDisk) {
  const int code = OnSmallDisk(Path(), [&] {
    auto folder = Open();
    std::string why;
    if (!IsOk(folder->WriteLedger(Bytes{1}, &why))) return false;
    if (mount(nullptr, Path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      // The open lock is a writer; the disk can only be remounted after it.
      folder.reset();
      if (mount(nullptr, Path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return false;
    }
    return StatusOf([&] { Open(); }) == Status::kPermission;
  });
  if (code == kNoMounts) GTEST_SKIP() << "mounts are not permitted here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace penumbra::host
