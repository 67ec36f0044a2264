#include "host/keys/default_keys.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "host/keys/test_folder.h"

namespace penumbra::host {
namespace {

// Sets or removes a variable until the end of the scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    Set(value);
  }
  ~ScopedVariable() { Set(old_ ? old_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void Set(const char* value) const {
    value != nullptr ? setenv(name_, value, 1) : unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

TEST(ConfigFolder, FollowsTheBaseDirectorySpecification) {
  const ScopedVariable home("HOME", "/home/someone");
  {
    const ScopedVariable xdg("XDG_CONFIG_HOME", "/settings");
    EXPECT_EQ(ConfigFolder(), "/settings/penumbra");
  }
  for (const char* ignored : {static_cast<const char*>(nullptr), "", "relative/path"}) {
    const ScopedVariable xdg("XDG_CONFIG_HOME", ignored);
    EXPECT_EQ(ConfigFolder(), "/home/someone/.config/penumbra");
  }
}

TEST(ConfigFolder, FallsBackToTheUserDatabase) {
  const ScopedVariable home("HOME", nullptr), xdg("XDG_CONFIG_HOME", nullptr);
  const auto folder = ConfigFolder();
  EXPECT_TRUE(folder.is_absolute());
  EXPECT_TRUE(folder.string().ends_with("/.config/penumbra"));
}

class DefaultKeysTest : public TestFolder {};

TEST_F(DefaultKeysTest, MakesOnFirstUseAndReadsAfterwards) {
  const ScopedVariable xdg("XDG_CONFIG_HOME", (folder_ / "new" / "config").c_str());
  const auto expected = folder_ / "new" / "config" / "penumbra";
  const DefaultKey vendor = EnsureDefaultVendor(), device = EnsureDefaultDevice();
  EXPECT_TRUE(vendor.created);
  EXPECT_TRUE(device.created);
  EXPECT_EQ(vendor.private_path, expected / "vendor.key");
  EXPECT_EQ(vendor.public_path, expected / "vendor.pub");
  EXPECT_EQ(device.private_path, expected / "device.key");
  EXPECT_EQ(device.public_path, expected / "device.pub");
  EXPECT_EQ(Mode(expected), 0700u);
  EXPECT_EQ(Mode(vendor.private_path), 0600u);
  EXPECT_EQ(Mode(device.private_path), 0600u);
  EXPECT_EQ(ReadPublicKey(KeyKind::kVendor, vendor.public_path), vendor.keys.public_key);
  EXPECT_EQ(ReadPublicKey(KeyKind::kDevice, device.public_path), device.keys.public_key);

  const DefaultKey again = EnsureDefaultVendor();
  EXPECT_FALSE(again.created);
  EXPECT_EQ(again.keys.private_key, vendor.keys.private_key);
  EXPECT_EQ(again.keys.public_key, vendor.keys.public_key);
}

TEST_F(DefaultKeysTest, RestoresAMissingPublicFile) {
  const DefaultKey first = EnsureDefaultDevice(folder_);
  std::filesystem::remove(first.public_path);
  EXPECT_FALSE(EnsureDefaultDevice(folder_).created);
  EXPECT_EQ(ReadPublicKey(KeyKind::kDevice, first.public_path), first.keys.public_key);
}

// Losing the key silently would make every bundle for this device unreadable.
TEST_F(DefaultKeysTest, NeverReplacesAKeyItCannotUse) {
  const DefaultKey first = EnsureDefaultVendor(folder_);
  ASSERT_EQ(chmod(first.private_path.c_str(), 0644), 0);
  ExpectError(Status::kPermission, "chmod 600", [&] { EnsureDefaultVendor(folder_); });
  ASSERT_EQ(chmod(first.private_path.c_str(), 0600), 0);
  EXPECT_EQ(EnsureDefaultVendor(folder_).keys.private_key, first.keys.private_key);

  std::filesystem::remove(first.private_path);
  ExpectError(Status::kIo, "vendor.pub", [&] { EnsureDefaultVendor(folder_); });
  std::filesystem::create_symlink(folder_ / "unplugged", first.private_path);
  ExpectError(Status::kNotFound, "vendor.key", [&] { EnsureDefaultVendor(folder_); });
}

TEST_F(DefaultKeysTest, NeedsAFolder) {
  const auto file = WriteFile("file", "", 0600);
  ExpectError(Status::kIo, "configuration folder", [&] { EnsureDefaultVendor(file); });
  ExpectError(Status::kIo, "configuration folder", [&] { EnsureDefaultVendor(file / "below"); });
}

// Processes that start together on a fresh machine agree on one key, and one of them made it.
TEST_F(DefaultKeysTest, ProcessesAgree) {
  constexpr int kProcesses = 8;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      uint8_t report[33] = {};
      try {
        const DefaultKey key = EnsureDefaultVendor(folder_ / "shared");
        std::copy(key.keys.public_key.begin(), key.keys.public_key.end(), report);
        report[32] = key.created ? 1 : 0;
      } catch (const HostError&) {
        _exit(1);
      }
      _exit(write(ends[1], report, sizeof(report)) == sizeof(report) ? 0 : 1);
    }
    children.push_back(child);
  }
  const RawKey expected = [&] {
    for (const pid_t child : children) {
      int exit_status = -1;
      EXPECT_EQ(waitpid(child, &exit_status, 0), child);
      EXPECT_EQ(exit_status, 0);
    }
    return EnsureDefaultVendor(folder_ / "shared").keys.public_key;
  }();
  close(ends[1]);
  int reports = 0, created = 0;
  uint8_t report[33];
  while (read(ends[0], report, sizeof(report)) == sizeof(report)) {
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), report));
    created += report[32];
    ++reports;
  }
  close(ends[0]);
  EXPECT_EQ(reports, kProcesses);
  EXPECT_EQ(created, 1);
}

}  // namespace
}  // namespace penumbra::host
