// The structure of a .penumbra file, read as hostile bytes: header, manifest payload and public
// half (docs/bundle_format.md). Nothing here checks signatures or hashes; host/bundle_file.h does.
//
// Every function throws HostError: kTruncated when bytes are missing, kUnsupportedVersion for
// another version, kMalformed for everything else. `base` is the file offset of the first byte, for
// messages.
#ifndef PENUMBRA_HOST_BUNDLE_LAYOUT_H_
#define PENUMBRA_HOST_BUNDLE_LAYOUT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "boundary/bundle.h"
#include "boundary/segment.h"

namespace penumbra::host {

// Checks everything the header says against itself and against `file_size`.
BundleHeader ParseBundleHeader(std::span<const uint8_t> head, uint64_t file_size);

struct Manifest {
  ManifestHead head;
  std::string name;  // UTF-8 without control characters
  std::vector<uint32_t> chunk_plain_sizes;
  std::vector<WrapRec> wraps;
  std::string metadata;  // UTF-8, meant to be JSON; not parsed here
};

// The payload of the manifest's COSE_Sign1. Chunk sizes add up to the sealed half on return.
Manifest ParseManifest(std::span<const uint8_t> payload, uint64_t base);

// Views the payload inside a COSE_Sign1 message of the one encoding crypto/cose_sign1.h accepts,
// without checking the signature: only for showing what an unverified file claims.
std::span<const uint8_t> UnverifiedPayload(std::span<const uint8_t> message, uint64_t base);

// Tables of the public half. Ranges and indices are checked; what the operators compute is checked
// by the accelerator (accel/validate.h).
struct PublicTables {
  std::vector<SegmentRec> segments;
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  std::vector<uint32_t> ports;
  std::vector<BlobRec> blobs;  // in ascending order, disjoint, inside the half
};
PublicTables ParsePublicHalf(std::span<const uint8_t> half, uint64_t base);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_BUNDLE_LAYOUT_H_
