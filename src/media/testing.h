// What the tests of this room share.
#ifndef PENUMBRA_MEDIA_TESTING_H_
#define PENUMBRA_MEDIA_TESTING_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "media/error.h"

namespace penumbra::media {

class ScratchFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "penumbra_media_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path Put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::filesystem::path folder_;
};

// Runs `action` and expects a MediaError with `status` whose message contains `text`.
template <typename Action>
void ExpectError(Status status, const std::string& text, Action action) {
  try {
    action();
    ADD_FAILURE() << "no error, expected one with '" << text << "'";
  } catch (const MediaError& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_TESTING_H_
