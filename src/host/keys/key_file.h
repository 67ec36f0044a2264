// Key pairs of vendors and devices, and the files they live in.
//
// A private key file is PKCS#8 in PEM, a public key file SubjectPublicKeyInfo in PEM (RFC 8410),
// i.e. what `openssl pkey` reads and writes; a device's public file also has the key of its receipts
// (docs/receipt.md), which follows from the private key. Functions throw HostError; they may run in any thread.
#ifndef PENUMBRA_HOST_KEYS_KEY_FILE_H_
#define PENUMBRA_HOST_KEYS_KEY_FILE_H_

#include <array>
#include <cstdint>
#include <filesystem>

#include "attest/receipt.h"

namespace penumbra::host {

enum class KeyKind {
  kVendor,  // Ed25519: signs bundles (crypto/sign.h)
  kDevice,  // X25519: bundle keys are wrapped to it (crypto/key_agreement.h)
};

// "vendor" and "Ed25519", "device" and "X25519".
const char* KeyKindName(KeyKind kind);
const char* KeyAlgorithmName(KeyKind kind);

using RawKey = std::array<uint8_t, 32>;

// Erases the private key when it goes.
struct KeyPair {
  KeyKind kind = KeyKind::kVendor;
  RawKey private_key{};
  RawKey public_key{};

  KeyPair() = default;
  ~KeyPair();
  KeyPair(const KeyPair&) = default;
  KeyPair& operator=(const KeyPair&) = default;
};

// Throws kInternal when the machine has no entropy.
KeyPair GenerateKeyPair(KeyKind kind);

// Creates both files, the private one readable by its owner only (0600). Never overwrites: kIo when
// one exists. When either cannot be written, neither is left behind (kPermission, kNoSpace,
// kNotFound, kIo).
void WriteKeyPair(const KeyPair& keys, const std::filesystem::path& private_path,
                  const std::filesystem::path& public_path);

// Creates the public file alone, under the same rules.
void WritePublicKey(const KeyPair& keys, const std::filesystem::path& public_path);

// Refuses with kPermission a file that group or others can read. Further errors: kNotFound, kIo,
// kMalformed (no such PEM in the file), kUnsupported (encrypted), kInvalidArgument (a key of
// another algorithm).
KeyPair ReadPrivateKey(KeyKind kind, const std::filesystem::path& path);

// kNotFound, kPermission, kIo, kMalformed, kInvalidArgument as above.
RawKey ReadPublicKey(KeyKind kind, const std::filesystem::path& path);

// What a verifier of receipts needs of a device. kNotFound when the file was written by a release
// that knew no receipts; it says how to make one that has the key. Else as ReadPublicKey().
attest::Device ReadDevice(const std::filesystem::path& path);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_KEYS_KEY_FILE_H_
