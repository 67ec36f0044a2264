#include "host/keys/default_keys.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "host/error.h"

namespace penumbra::host {
namespace {

std::filesystem::path AbsoluteFromEnvironment(const char* variable) {
  const char* value = std::getenv(variable);
  const std::filesystem::path path = value != nullptr ? value : "";
  return path.is_absolute() ? path : std::filesystem::path();
}

[[noreturn]] void ThrowErrno(const std::filesystem::path& folder) {
  const int error = errno;
  throw HostError(
      error == EACCES || error == EPERM || error == EROFS ? Status::kPermission : Status::kIo,
      "cannot use the configuration folder: " + std::generic_category().message(error),
      folder.string(), "set XDG_CONFIG_HOME to a folder you can write to");
}

void MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return;
  if (folder.has_parent_path() && folder.parent_path() != folder) MakeFolder(folder.parent_path());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) ThrowErrno(folder);
}

// Holds the folder for this process, so that of two that start together only one makes the keys.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) ThrowErrno(folder);
    while (flock(descriptor_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      close(descriptor_);
      errno = error;
      ThrowErrno(folder);
    }
  }
  ~FolderLock() { close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

// A dangling link counts as present: reading it then fails with its name in the message.
bool IsPresent(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

DefaultKey EnsureDefault(KeyKind kind, const std::filesystem::path& folder) {
  const std::string name = KeyKindName(kind);
  DefaultKey result;
  result.private_path = folder / (name + ".key");
  result.public_path = folder / (name + ".pub");
  MakeFolder(folder);
  const FolderLock lock(folder);
  if (!IsPresent(result.private_path)) {
    result.keys = GenerateKeyPair(kind);
    WriteKeyPair(result.keys, result.private_path, result.public_path);
    result.created = true;
    return result;
  }
  result.keys = ReadPrivateKey(kind, result.private_path);
  if (!IsPresent(result.public_path)) WritePublicKey(result.keys, result.public_path);
  return result;
}

}  // namespace

std::filesystem::path ConfigFolder() {
  std::filesystem::path base = AbsoluteFromEnvironment("XDG_CONFIG_HOME");
  if (base.empty()) {
    std::filesystem::path home = AbsoluteFromEnvironment("HOME");
    if (home.empty()) {
      const passwd* user = getpwuid(getuid());
      if (user != nullptr && user->pw_dir != nullptr) home = user->pw_dir;
    }
    if (!home.is_absolute()) {
      throw HostError(Status::kNotFound, "no home folder to keep the default keys in", {},
                      "set XDG_CONFIG_HOME, or name key files with --sign, --device or --vendor");
    }
    base = home / ".config";
  }
  return base / "penumbra";
}

DefaultKey EnsureDefaultVendor(const std::filesystem::path& folder) {
  return EnsureDefault(KeyKind::kVendor, folder);
}

DefaultKey EnsureDefaultDevice(const std::filesystem::path& folder) {
  return EnsureDefault(KeyKind::kDevice, folder);
}

}  // namespace penumbra::host
