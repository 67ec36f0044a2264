#include "host/keys/key_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "crypto/key_agreement.h"
#include "crypto/sign.h"
#include "host/keys/pem.h"
#include "host/keys/test_folder.h"

namespace penumbra::host {
namespace {

// RFC 8410 section 10.3 (private) and 10.1 (public, the same pair).
constexpr char kEd25519Private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kEd25519Public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";
// Alice's pair of RFC 7748 section 6.1 as `openssl pkey` 3.0 writes it.
constexpr char kX25519Private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kX25519Public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
    "-----END PUBLIC KEY-----\n";

constexpr char kX25519Receipt[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEALUfsgfhAfGvqEfHIna//bzuiRFuTFwn3Oqffap4uunw=\n"
    "-----END PUBLIC KEY-----\n";

struct Known {
  KeyKind kind;
  const char *private_pem, *public_pem;
  uint8_t private_begin, public_begin;  // first bytes of the raw keys
};
constexpr Known kKnown[] = {
    {KeyKind::kVendor, kEd25519Private, kEd25519Public, 0xd4, 0x19},
    {KeyKind::kDevice, kX25519Private, kX25519Public, 0x77, 0x85},
};

class KeyFileTest : public TestFolder {};

TEST_F(KeyFileTest, ReadsAndWritesTheBytesOfOtherTools) {
  for (const Known& known : kKnown) {
    const auto private_path = WriteFile("in.key", known.private_pem, 0600);
    const auto public_path = WriteFile("in.pub", known.public_pem, 0644);
    const KeyPair keys = ReadPrivateKey(known.kind, private_path);
    EXPECT_EQ(keys.kind, known.kind);
    EXPECT_EQ(keys.private_key[0], known.private_begin);
    EXPECT_EQ(keys.public_key[0], known.public_begin);
    EXPECT_EQ(ReadPublicKey(known.kind, public_path), keys.public_key);

    const auto name = std::string("out_") + KeyKindName(known.kind);
    WriteKeyPair(keys, folder_ / (name + ".key"), folder_ / (name + ".pub"));
    EXPECT_EQ(Contents(folder_ / (name + ".key")), known.private_pem);
    // A device's has one more block behind the one that other tools read.
    const std::string public_file = Contents(folder_ / (name + ".pub"));
    EXPECT_EQ(public_file.substr(0, std::string_view(known.public_pem).size()), known.public_pem);
    EXPECT_EQ(public_file.size() == std::string_view(known.public_pem).size(), known.kind == KeyKind::kVendor);
    EXPECT_EQ(ReadPublicKey(known.kind, folder_ / (name + ".pub")), keys.public_key);
  }
}

// The receipt key of Alice's private key, by HKDF and Ed25519 of the Python package cryptography 48.
TEST_F(KeyFileTest, ADevicesFileHoldsItsReceiptKey) {
  const KeyPair keys = PrivateKeyFromPem(KeyKind::kDevice, kX25519Private, "memory");
  WritePublicKey(keys, folder_ / "device.pub");
  const attest::Device device = ReadDevice(folder_ / "device.pub");
  EXPECT_EQ(device.public_key, keys.public_key);
  EXPECT_EQ(ReceiptKeyToPem(device.receipt_key), kX25519Receipt);
  RawKey derived;
  ASSERT_TRUE(IsOk(attest::ReceiptPublicKey(keys.private_key, derived)));
  EXPECT_EQ(device.receipt_key, derived);

  const auto old = WriteFile("old.pub", kX25519Public, 0644);
  ExpectError(Status::kNotFound, "penumbra keygen device --from", [&] { ReadDevice(old); });
  const auto twice = WriteFile("twice.pub", std::string(kX25519Public) + kX25519Public, 0644);
  ExpectError(Status::kMalformed, "no Ed25519 key", [&] { ReadDevice(twice); });
  const auto vendor = WriteFile("vendor.pub", kEd25519Public, 0644);
  ExpectError(Status::kInvalidArgument, "this one is ED25519", [&] { ReadDevice(vendor); });
}

// The derivation of public keys is that of the cryptographic room, which checks bundles.
TEST_F(KeyFileTest, GeneratesFreshConsistentPairs) {
  for (const Known& known : kKnown) {
    const KeyPair a = GenerateKeyPair(known.kind), b = GenerateKeyPair(known.kind);
    EXPECT_NE(a.private_key, b.private_key);
    RawKey derived;
    ASSERT_TRUE(IsOk(known.kind == KeyKind::kVendor
                         ? crypto::SigningPublicKey(a.private_key, derived)
                         : crypto::X25519PublicKey(a.private_key, derived)));
    EXPECT_EQ(derived, a.public_key);
    const KeyPair copy =
        PrivateKeyFromPem(known.kind, PrivateKeyToPem(known.kind, a.private_key), "memory");
    EXPECT_EQ(copy.private_key, a.private_key);
    EXPECT_EQ(copy.public_key, a.public_key);
  }
}

TEST_F(KeyFileTest, ClosesPrivateFilesWhateverTheUmask) {
  const KeyPair keys = GenerateKeyPair(KeyKind::kVendor);
  const mode_t old = umask(0);
  WriteKeyPair(keys, folder_ / "a.key", folder_ / "a.pub");
  umask(old);
  EXPECT_EQ(Mode(folder_ / "a.key"), 0600u);
  EXPECT_EQ(Mode(folder_ / "a.pub"), 0644u);
}

TEST_F(KeyFileTest, RefusesPrivateFilesThatOthersCanUse) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777}) {
    const auto path = WriteFile("open.key", kEd25519Private, mode);
    ExpectError(Status::kPermission, "chmod 600", [&] { ReadPrivateKey(KeyKind::kVendor, path); });
  }
  for (const mode_t mode : {0400, 0600, 0700}) {
    EXPECT_NO_THROW(ReadPrivateKey(KeyKind::kVendor, WriteFile("open.key", kEd25519Private, mode)));
  }
}

// The mode of the link itself is always 0777; what counts is the file it names.
TEST_F(KeyFileTest, LooksThroughLinks) {
  std::filesystem::create_symlink(WriteFile("good.key", kEd25519Private, 0600),
                                  folder_ / "good.link");
  std::filesystem::create_symlink(WriteFile("bad.key", kEd25519Private, 0644),
                                  folder_ / "bad.link");
  EXPECT_NO_THROW(ReadPrivateKey(KeyKind::kVendor, folder_ / "good.link"));
  ExpectError(Status::kPermission, "mode 0644",
              [&] { ReadPrivateKey(KeyKind::kVendor, folder_ / "bad.link"); });
}

TEST_F(KeyFileTest, NeverOverwrites) {
  const KeyPair keys = GenerateKeyPair(KeyKind::kDevice);
  const auto existing = WriteFile("old", "precious", 0600);
  const auto fresh = folder_ / "fresh";
  ExpectError(Status::kIo, "never overwritten", [&] { WriteKeyPair(keys, existing, fresh); });
  EXPECT_FALSE(std::filesystem::exists(fresh));
  ExpectError(Status::kIo, "never overwritten", [&] { WriteKeyPair(keys, fresh, existing); });
  EXPECT_FALSE(std::filesystem::exists(fresh));
  std::filesystem::create_symlink(fresh, folder_ / "dangling");
  ExpectError(Status::kIo, "never overwritten",
              [&] { WritePublicKey(keys, folder_ / "dangling"); });
  EXPECT_FALSE(std::filesystem::exists(fresh));
  EXPECT_EQ(Contents(existing), "precious");
}

// A limit on file sizes stands in for the disk that fills: the write fails after the file was
// created.
TEST_F(KeyFileTest, LeavesNothingBehindWhenWritingFails) {
  const KeyPair keys = GenerateKeyPair(KeyKind::kVendor);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  for (const rlim_t size : {0, 50, 115}) {  // 115: the private file is 119 bytes, the public 113
    const rlimit limit = {size, old_limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ExpectError(Status::kNoSpace, "cannot write",
                [&] { WriteKeyPair(keys, folder_ / "a.key", folder_ / "a.pub"); });
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    EXPECT_TRUE(IsEmpty());
  }
  std::signal(SIGXFSZ, old_handler);
}

TEST_F(KeyFileTest, SaysWhatIsWrongWithAFile) {
  const auto private_path = WriteFile("v.key", kEd25519Private, 0600);
  const auto public_path = WriteFile("v.pub", kEd25519Public, 0600);
  const auto encrypted = WriteFile("e.key",
                                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                   "-----END ENCRYPTED PRIVATE KEY-----\n",
                                   0600);
  const auto rubbish = WriteFile("r.key", "not a key", 0600);
  const auto empty = WriteFile("n.key", "", 0600);
  const auto large = WriteFile("l.key", std::string(20000, '-'), 0600);
  const auto vendor = [](const auto& path) {
    return [path] { ReadPrivateKey(KeyKind::kVendor, path); };
  };
  ExpectError(Status::kInvalidArgument, "this one is ED25519",
              [&] { ReadPrivateKey(KeyKind::kDevice, private_path); });
  ExpectError(Status::kInvalidArgument, "this one is ED25519",
              [&] { ReadPublicKey(KeyKind::kDevice, public_path); });
  ExpectError(Status::kMalformed, "this is a public key", vendor(public_path));
  ExpectError(Status::kMalformed, "this is a private key",
              [&] { ReadPublicKey(KeyKind::kVendor, private_path); });
  ExpectError(Status::kUnsupported, "passphrase", vendor(encrypted));
  ExpectError(Status::kMalformed, "no private key", vendor(rubbish));
  ExpectError(Status::kMalformed, "no private key", vendor(empty));
  ExpectError(Status::kMalformed, "too large", vendor(large));
  ExpectError(Status::kNotFound, "nowhere", vendor(folder_ / "nowhere"));
  ExpectError(Status::kIo, "Is a directory", [&] { ReadPublicKey(KeyKind::kVendor, folder_); });
}

// A damaged file gives an error or, where base64 or PEM ignores the byte, the same key; never
// another key and never a message with key bytes in it.
TEST_F(KeyFileTest, SurvivesEveryDamagedByteAndTruncation) {
  const std::string pem = kEd25519Private;
  const KeyPair keys = PrivateKeyFromPem(KeyKind::kVendor, pem, "memory");
  const size_t key_text = pem.find("INTu");
  size_t refused = 0;
  for (size_t i = 0; i < pem.size(); ++i) {
    for (std::string damaged : {pem.substr(0, i), pem}) {
      if (damaged.size() == pem.size()) damaged[i] = '!';
      try {
        const KeyPair read = PrivateKeyFromPem(KeyKind::kVendor, damaged, "memory");
        EXPECT_EQ(read.private_key, keys.private_key) << i;
      } catch (const HostError& error) {
        ++refused;
        EXPECT_EQ(std::string(error.what()).find(pem.substr(key_text, 8)), std::string::npos);
      }
    }
  }
  EXPECT_GT(refused, pem.size());
}

}  // namespace
}  // namespace penumbra::host
