#include "media/file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "media/testing.h"

namespace penumbra::media {
namespace {

class FileTest : public ScratchFolder {
 protected:
  size_t EntryCount() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++count;
    return count;
  }
};

TEST_F(FileTest, RoundTripReplacesTheOldFile) {
  const auto path = Put("a", "a longer text that was there before");
  const std::vector<uint8_t> bytes{1, 2, 3};
  WriteFile(path, bytes);
  EXPECT_EQ(ReadFile(path), bytes);
  EXPECT_EQ(EntryCount(), 1u);
}

TEST_F(FileTest, WritesDevicesDirectly) {
  WriteFile("/dev/null", std::vector<uint8_t>{1});
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(FileTest, RefusesFoldersAndLargeFiles) {
  ExpectError(Status::kIo, folder_.string(), [&] { ReadFile(folder_); });
  ExpectError(Status::kIo, folder_.string(), [&] { WriteFile(folder_, {}); });
  ExpectError(Status::kOutOfMemory, "5 bytes", [&] { ReadFile(Put("b", "12345"), 4); });
  ExpectError(Status::kNotFound, "c/d", [&] { WriteFile(folder_ / "c" / "d", {}); });
}

// A file-size limit fails a write half-way, as a full disk does.
TEST_F(FileTest, AFullDiskLeavesNothingBehind) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  ExpectError(Status::kNoSpace, "cannot write",
              [&] { WriteFile(folder_ / "big", std::vector<uint8_t>(5000)); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(EntryCount(), 0u);
}

}  // namespace
}  // namespace penumbra::media
