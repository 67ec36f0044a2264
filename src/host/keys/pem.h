// Raw 32-byte keys to PEM text and back. Throws HostError.
#ifndef PENUMBRA_HOST_KEYS_PEM_H_
#define PENUMBRA_HOST_KEYS_PEM_H_

#include <optional>
#include <string>
#include <string_view>

#include "host/keys/key_file.h"

namespace penumbra::host {

// The caller wipes the text of a private key.
std::string PrivateKeyToPem(KeyKind kind, const RawKey& private_key);
std::string PublicKeyToPem(KeyKind kind, const RawKey& public_key);

// `where` names the source in error messages: kMalformed, kUnsupported (encrypted),
// kInvalidArgument (a key of another algorithm).
KeyPair PrivateKeyFromPem(KeyKind kind, std::string_view pem, const std::string& where);
RawKey PublicKeyFromPem(KeyKind kind, std::string_view pem, const std::string& where);

// A device's public file has two blocks: the X25519 key first, so that other tools and older releases
// read what they always did, then the Ed25519 key that verifies its receipts. Nothing: files of older
// releases have no second block. Errors as above.
std::string ReceiptKeyToPem(const RawKey& receipt_key);
std::optional<RawKey> ReceiptKeyFromPem(std::string_view pem, const std::string& where);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_KEYS_PEM_H_
