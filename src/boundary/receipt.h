// A receipt: what the trusted half signs about one inference, for whoever was not there. docs/receipt.md describes every
// byte. COSE_Sign1 (RFC 9052, EdDSA, external_aad = kReceiptContext) over one map in CBOR's core deterministic encoding
// (RFC 8949 section 4.2.1): every field exactly once, labels ascending.
#ifndef PENUMBRA_BOUNDARY_RECEIPT_H_
#define PENUMBRA_BOUNDARY_RECEIPT_H_

#include <cstdint>

#include "boundary/limits.h"

namespace penumbra {

inline constexpr char kReceiptContext[] = "penumbra receipt 1";
inline constexpr uint32_t kReceiptVersion = 1;
inline constexpr uint32_t kReceiptNonceSize = 32;
inline constexpr uint32_t kMaxReceiptSize = 512;  // bytes of the whole message

// The Ed25519 seed is HKDF-SHA256 (RFC 5869) of the device's X25519 private key, no salt, with this info.
inline constexpr char kReceiptKeyContext[] = "penumbra receipt key 1";

enum class ReceiptField : uint32_t {
  kVersion = 1,        // unsigned: kReceiptVersion
  kManifestHash = 2,   // 32 bytes: SHA-256 of the bundle's manifest, the whole COSE_Sign1 message
  kModelVersion = 3,   // unsigned
  kVendorKey = 4,      // 32 bytes: Ed25519 public key the manifest was verified with
  kDeviceId = 5,       // 32 bytes: SHA-256 of the device's X25519 public key
  kCarrier = 6,        // unsigned: CarrierKind
  kSoftwareTee = 7,    // true: nothing protected the trusted half from its machine's owner
  kNonce = 8,          // 32 bytes: the caller's
  kInputHash = 9,      // 32 bytes: see ReceiptPortsHead
  kOutputHash = 10,    // 32 bytes
  kChecks = 11,        // array of ReceiptCheck, ascending
  kSoundnessBits = 12, // unsigned: a wrong reply was accepted with probability at most 2^-this; 0: replies unchecked
  kClampedCount = 13,  // unsigned: input levels that left the calibrated range
};
inline constexpr uint32_t kReceiptFieldCount = 13;

// What had passed before the output was released.
enum class ReceiptCheck : uint32_t {
  kVendorSignature = 1,  // manifest, both halves and plan are the vendor's
  kModelVersion = 2,     // no newer version of this model had run on the device
  kPlanProved = 3,       // the program is safe (trusted/plan/prove.h)
  kBoundProved = 4,      // no sum of a public residue layer can wrap around
  kPads = 5,             // every masked layer had a one-time pad of its own
  kReplies = 6,          // every reply of a residue layer passed its secret projections
};
inline constexpr uint32_t kReceiptCheckCount = 6;

// Hash of all inputs, or of all outputs, of a model:
//   SHA-256(head || for each port in the bundle's order: u64 element count || SHA-256(its elements)),
// elements as the trusted half sees them: float32, little endian, row-major in the physical (channel-last) axis order of
// the bundle's metadata.
struct ReceiptPortsHead {
  char context[16];  // kReceiptInputs or kReceiptOutputs
  uint32_t port_count;
};
static_assert(sizeof(ReceiptPortsHead) == 20);
inline constexpr char kReceiptInputs[16] = "penumbra input";    // zeros to the end
inline constexpr char kReceiptOutputs[16] = "penumbra output";

// Where in the exchange region a run leaves its receipt: behind what its plan uses of the run's part. The host makes the
// part kMaxReceiptSize bytes larger than AlignUp(plan's exchange_size, kTileAlignment).
constexpr uint64_t ReceiptOffset(uint64_t part_offset, uint64_t plan_exchange_size) {
  return part_offset + AlignUp(plan_exchange_size, kTileAlignment);
}

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_RECEIPT_H_
