// Layout of a .penumbra file: header, signed manifest, public half, sealed half.
// docs/bundle_format.md describes every byte. Little endian throughout.
#ifndef PENUMBRA_BOUNDARY_BUNDLE_H_
#define PENUMBRA_BOUNDARY_BUNDLE_H_

#include <cstdint>

#include "boundary/limits.h"

namespace penumbra {

inline constexpr uint8_t kBundleMagic[8] = {'P', 'E', 'N', 'U', 'M', 'B', 'R', 'A'};
inline constexpr uint32_t kBundleVersion = 1;
inline constexpr uint32_t kPublicAlignment = 4096;
inline constexpr uint32_t kBlobAlignment = 64;

struct BundleHeader {
  uint8_t magic[8];
  uint32_t version;
  uint32_t manifest_size;   // the COSE_Sign1 message right after this header
  uint64_t public_offset;   // multiple of kPublicAlignment; zeros between manifest and here
  uint64_t public_size;
  uint64_t sealed_offset;   // == public_offset + public_size
  uint64_t sealed_size;     // the file ends at sealed_offset + sealed_size
};
static_assert(sizeof(BundleHeader) == 48);

// Payload of the manifest's COSE_Sign1 (RFC 9052, EdDSA, external_aad = kManifestContext):
//   ManifestHead, name bytes, u32 chunk_plain_size[chunk_count], WrapRec[wrap_count], metadata bytes.
inline constexpr char kManifestContext[] = "penumbra manifest 1";

struct ManifestHead {
  uint32_t version;        // kBundleVersion
  uint32_t name_size;      // UTF-8 model name, 1..kMaxNameSize
  uint64_t model_version;  // only grows for one (vendor, name)
  uint64_t public_size, sealed_size;
  uint64_t exchange_size;       // bytes of exchange region the host must provide
  uint64_t secure_memory_size;  // bytes of secure memory the plan was made for
  uint8_t public_sha256[32];
  uint8_t sealed_sha256[32];
  uint32_t chunk_count;       // chunks of the sealed half
  uint32_t plan_chunk_count;  // the first chunks hold the plan
  uint32_t wrap_count;
  uint32_t metadata_size;  // UTF-8 JSON for hosts and applications; the trusted half ignores it
};
static_assert(sizeof(ManifestHead) == 128);

// The bundle key for one device: HPKE base mode (RFC 9180; X25519, HKDF-SHA256, AES-256-GCM), one shot.
// info = kWrapContext || vendor public key || u64 model_version || name; aad empty; plaintext = bundle key.
inline constexpr char kWrapContext[] = "penumbra bundle key 1";
struct WrapRec {
  uint8_t device_id[32];  // SHA-256 of the device public key
  uint8_t enc[32];        // encapsulated key
  uint8_t wrapped[kAeadKeySize + kAeadTagSize];
};
static_assert(sizeof(WrapRec) == 112);

// Sealed half: chunk i = ciphertext || tag, AES-256-GCM under the bundle key,
//   nonce = u32 domain (kNonceChunk) || u64 i,
//   aad = "chunk" || u32 i || u32 chunk_count || u32 plain size.
// chunk_count in the AAD makes the last chunk final: none can be cut off or added.
inline constexpr uint32_t kNonceChunk = 1;
// Public slices (plan.h): GMAC with nonce = u32 kNonceSlice || u64 index.
inline constexpr uint32_t kNonceSlice = 2;

// Public half:
//   PublicHead, SegmentRec[segment_count], SegmentTensor[], SegmentNode[], u32 ports[], BlobRec[],
//   then blobs, each aligned to kBlobAlignment, zeros between.
inline constexpr uint32_t kPublicVersion = 1;
struct PublicHead {
  uint32_t version;
  uint32_t segment_count, tensor_count, node_count, port_count, blob_count;
  uint64_t blobs_offset;  // from the start of the public half, first blob
};
static_assert(sizeof(PublicHead) == 32);

struct SegmentRec {
  uint32_t first_tensor, tensor_count;
  uint32_t first_node, node_count;
  uint32_t first_input, input_count;    // into ports[]: tensor indices within the segment
  uint32_t first_output, output_count;  // likewise
};

struct BlobRec {
  uint64_t offset;  // from the start of the public half
  uint64_t size;
};

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_BUNDLE_H_
