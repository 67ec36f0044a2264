// COSE_Sign1 (RFC 9052 section 4.2) with EdDSA over Ed25519, in exactly one encoding:
//
//   18([ h'a10127', {}, payload bstr, signature bstr .size 64 ])
//
// All lengths and heads are of the shortest form (RFC 8949 section 4.2.1), nothing follows the
// signature. Any other byte string is kMalformed, so a message has one spelling and cannot be
// changed without the signer. Encoding allocates nothing, verifying is set-up only (crypto/sign.h).
// Thread-safe.
#ifndef PENUMBRA_CRYPTO_COSE_SIGN1_H_
#define PENUMBRA_CRYPTO_COSE_SIGN1_H_

#include "boundary/status.h"
#include "crypto/bytes.h"
#include "crypto/sign.h"

namespace penumbra::crypto {

inline constexpr size_t kCoseSign1MaxPayloadSize = size_t{1} << 30;
inline constexpr size_t kCoseSign1MaxAadSize = size_t{1} << 30;

// Bytes of a whole message with this payload. payload_size <= kCoseSign1MaxPayloadSize.
size_t CoseSign1Size(size_t payload_size);

// Bytes of scratch that signing or verifying needs: Ed25519 signs the Sig_structure (RFC 9052
// section 4.4) in one piece, which holds the payload again. For a verifier that does not know the
// payload size, message.size() in its place is enough. Sizes within the limits above.
size_t CoseSign1ScratchSize(size_t payload_size, size_t external_aad_size);

// Writes the message. `out_message` has CoseSign1Size(payload.size()) bytes, `scratch` at least
// CoseSign1ScratchSize(); else, or beyond the limits, kInvalidArgument. Buffers are disjoint. On
// failure `out_message` is zeroed.
Status EncodeCoseSign1(FixedBytes<kSignPrivateKeySize> private_key, Bytes external_aad,
                       Bytes payload, MutableBytes scratch, MutableBytes out_message);

// Checks encoding and signature; on success `*out_payload` views the payload inside `message`,
// which must be private memory that cannot change any more. On failure `*out_payload` is empty.
// Errors: kMalformed, kBadSignature; kInvalidArgument when `scratch` is too small or a limit is
// passed.
Status VerifyCoseSign1(FixedBytes<kSignPublicKeySize> public_key, Bytes external_aad, Bytes message,
                       MutableBytes scratch, Bytes* out_payload);

// The payload of a well-formed message whose signature nobody has checked: anybody may have written
// it. Good for saying whose message it claims to be. Errors: kMalformed; `*out_payload` then is empty.
Status PeekCoseSign1(Bytes message, Bytes* out_payload);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_COSE_SIGN1_H_
