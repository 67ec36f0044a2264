// What sessions and compilations share: where keys live and where log lines go; and the key pairs.
#ifndef PENUMBRA_ENV_H_
#define PENUMBRA_ENV_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "penumbra/export.h"

namespace penumbra {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
using LogSink = std::function<void(LogLevel, const std::string&)>;

struct EnvOptions {
  LogSink log = {};  // called from any thread; empty: no log
  // Default keys and version counters; empty: $XDG_CONFIG_HOME/penumbra or ~/.config/penumbra.
  std::filesystem::path config_folder = {};
};

// Cheap to copy; copies share everything. Thread-safe.
class PENUMBRA_API Env {
 public:
  explicit Env(EnvOptions options = {});
  void Log(LogLevel level, const std::string& line) const;
  // Throws Error(P205) when the user has no home and no folder was given.
  std::filesystem::path config_folder() const;

 private:
  std::shared_ptr<const EnvOptions> options_;
};

// A vendor signs bundles (Ed25519); bundle keys are wrapped to a device (X25519). Files are PEM
// (RFC 8410), what `openssl pkey` reads and writes. A device's public file holds a second key, which
// verifies its receipts (receipt.h).
enum class KeyKind { kVendor, kDevice };

struct KeyFiles {
  std::filesystem::path private_path, public_path;
  bool created = false;
};

// Writes a fresh pair: `private_path` (mode 0600) and beside it the same name ending in .pub. Never
// overwrites: Error P203.
PENUMBRA_API KeyFiles GenerateKeys(KeyKind kind, const std::filesystem::path& private_path);

// Writes the public file of a device's private key, e.g. because an older release wrote one without
// the key of receipts. Never overwrites: Error P203.
PENUMBRA_API void WriteDevicePublicKey(const std::filesystem::path& private_path,
                                       const std::filesystem::path& public_path);

// The pair that Protect and Session use when no option names one; made on first use, which is
// logged.
PENUMBRA_API KeyFiles DefaultKeys(const Env& env, KeyKind kind);

}  // namespace penumbra

#endif  // PENUMBRA_ENV_H_
