// The key pairs that commands use when no flag names one. They live in the user's configuration
// folder and are made on first use.
#ifndef PENUMBRA_HOST_KEYS_DEFAULT_KEYS_H_
#define PENUMBRA_HOST_KEYS_DEFAULT_KEYS_H_

#include <filesystem>

#include "host/keys/key_file.h"

namespace penumbra::host {

// $XDG_CONFIG_HOME/penumbra if that variable is an absolute path (XDG base directory specification
// 0.8), else ~/.config/penumbra. Throws kNotFound when the user has no home. Reads the environment:
// not to be called while another thread changes it.
std::filesystem::path ConfigFolder();

struct DefaultKey {
  KeyPair keys;
  std::filesystem::path private_path, public_path;
  bool created = false;  // by this call; the command then says so
};

// Reads <folder>/vendor.key or device.key; when there is none, makes folder (0700) and pair. A
// missing public file is written again from the private one. Safe against other processes doing the
// same. Throws what key_file.h says.
DefaultKey EnsureDefaultVendor(const std::filesystem::path& folder = ConfigFolder());
DefaultKey EnsureDefaultDevice(const std::filesystem::path& folder = ConfigFolder());

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_KEYS_DEFAULT_KEYS_H_
