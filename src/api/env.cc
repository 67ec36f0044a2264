#include "penumbra/env.h"

#include <utility>

#include "api/translate.h"
#include "host/keys/default_keys.h"
#include "host/keys/key_file.h"

namespace penumbra {

Env::Env(EnvOptions options) : options_(std::make_shared<const EnvOptions>(std::move(options))) {}

void Env::Log(LogLevel level, const std::string& line) const {
  if (options_->log) options_->log(level, line);
}

std::filesystem::path Env::config_folder() const {
  if (!options_->config_folder.empty()) return options_->config_folder;
  return api::Translated([] { return host::ConfigFolder(); });
}

KeyFiles GenerateKeys(KeyKind kind, const std::filesystem::path& private_path) {
  return api::Translated([&] {
    const auto inner = kind == KeyKind::kVendor ? host::KeyKind::kVendor : host::KeyKind::kDevice;
    std::filesystem::path public_path = private_path;
    public_path.replace_extension(".pub");
    host::WriteKeyPair(host::GenerateKeyPair(inner), private_path, public_path);
    return KeyFiles{private_path, public_path, true};
  });
}

void WriteDevicePublicKey(const std::filesystem::path& private_path,
                          const std::filesystem::path& public_path) {
  api::Translated([&] {
    host::WritePublicKey(host::ReadPrivateKey(host::KeyKind::kDevice, private_path), public_path);
  });
}

KeyFiles DefaultKeys(const Env& env, KeyKind kind) {
  return api::Translated([&] {
    const bool vendor = kind == KeyKind::kVendor;
    const std::filesystem::path folder = env.config_folder();
    const host::DefaultKey key =
        vendor ? host::EnsureDefaultVendor(folder) : host::EnsureDefaultDevice(folder);
    env.Log(LogLevel::kInfo, std::string(key.created ? "made and using " : "using ") +
                                 "the default " + (vendor ? "vendor" : "device") + " key " +
                                 key.private_path.string());
    return KeyFiles{key.private_path, key.public_path, key.created};
  });
}

}  // namespace penumbra
