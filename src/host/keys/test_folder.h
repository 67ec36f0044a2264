// What the tests of this folder share: a scratch folder, and a check that a call fails with a given
// status.
#ifndef PENUMBRA_HOST_KEYS_TEST_FOLDER_H_
#define PENUMBRA_HOST_KEYS_TEST_FOLDER_H_

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "host/error.h"

namespace penumbra::host {

class TestFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "penumbra_keys_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string Contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static mode_t Mode(const std::filesystem::path& path) {
    struct stat info = {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  std::filesystem::path WriteFile(const std::string& name, const std::string& text, mode_t mode) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  bool IsEmpty() const { return std::filesystem::is_empty(folder_); }

  std::filesystem::path folder_;
};

// Runs `action`, expects a HostError with `status` whose message contains its code and `text`.
template <typename Action>
void ExpectError(Status status, const std::string& text, Action action) {
  try {
    action();
    ADD_FAILURE() << "no error, expected " << StatusCode(status);
  } catch (const HostError& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    EXPECT_NE(std::string(error.what()).find(StatusCode(status)), std::string::npos);
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_KEYS_TEST_FOLDER_H_
