#include "host/bundle_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "host/error.h"
#include "host/field_reader.h"
#include "host/utf8.h"

namespace penumbra::host {
namespace {

[[noreturn]] void ThrowMalformed(const std::string& what, uint64_t offset) {
  throw HostError(Status::kMalformed, what, AtOffset(offset));
}

void Require(bool holds, const char* what, uint64_t offset) {
  if (!holds) ThrowMalformed(what, offset);
}

void CheckFileSize(const BundleHeader& h, uint64_t file_size) {
  const uint64_t end = h.sealed_offset + h.sealed_size;
  if (file_size < end) {
    throw HostError(Status::kTruncated,
                    "the header announces " + std::to_string(end) + " bytes, the file has " +
                        std::to_string(file_size),
                    AtOffset(file_size));
  }
  if (file_size > end) ThrowMalformed("bytes follow the sealed half", end);
}

void CheckManifestHead(const ManifestHead& h, uint64_t base) {
  if (h.version != kBundleVersion) {
    throw HostError(Status::kUnsupportedVersion,
                    "the manifest has version " + std::to_string(h.version), AtOffset(base));
  }
  Require(h.name_size >= 1 && h.name_size <= kMaxNameSize, "the model name has an impossible size",
          base + offsetof(ManifestHead, name_size));
  Require(h.chunk_count >= 1 && h.chunk_count <= kMaxChunks, "the chunk count is out of range",
          base + offsetof(ManifestHead, chunk_count));
  Require(h.plan_chunk_count >= 1 && h.plan_chunk_count <= h.chunk_count,
          "the plan has more chunks than the sealed half, or none",
          base + offsetof(ManifestHead, plan_chunk_count));
  Require(h.wrap_count >= 1 && h.wrap_count <= kMaxWraps, "the number of devices is out of range",
          base + offsetof(ManifestHead, wrap_count));
}

void CheckChunkSizes(const Manifest& manifest, uint64_t base) {
  uint64_t total = 0;  // kMaxChunks * (kMaxChunkSize + tag) cannot overflow
  uint64_t plan = 0;
  for (size_t i = 0; i < manifest.chunk_plain_sizes.size(); ++i) {
    const uint32_t size = manifest.chunk_plain_sizes[i];
    Require(size >= 1 && size <= kMaxChunkSize, "a sealed chunk has an impossible size",
            base + i * sizeof(uint32_t));
    total += uint64_t{size} + kAeadTagSize;
    if (i < manifest.head.plan_chunk_count) plan += size;
  }
  Require(total == manifest.head.sealed_size, "the chunk sizes do not add up to the sealed half",
          base);
  Require(plan <= kMaxPlanSize, "the plan is larger than any runtime accepts", base);
}

// Counts of the tables, multiplied out, against the bytes there are; blobs_offset follows them.
void CheckPublicHead(const PublicHead& h, uint64_t half_size, uint64_t base) {
  if (h.version != kPublicVersion) {
    throw HostError(Status::kUnsupportedVersion,
                    "the public half has version " + std::to_string(h.version), AtOffset(base));
  }
  Require(h.segment_count <= kMaxLayers, "there are too many segments",
          base + offsetof(PublicHead, segment_count));
  const uint64_t tables = sizeof(PublicHead) + uint64_t{h.segment_count} * sizeof(SegmentRec) +
                          uint64_t{h.tensor_count} * sizeof(SegmentTensor) +
                          uint64_t{h.node_count} * sizeof(SegmentNode) +
                          uint64_t{h.port_count} * sizeof(uint32_t) +
                          uint64_t{h.blob_count} * sizeof(BlobRec);
  if (tables > half_size) {
    throw HostError(Status::kTruncated, "the tables do not fit the public half", AtOffset(base));
  }
  Require(h.blobs_offset >= tables && h.blobs_offset <= half_size &&
              h.blobs_offset % kBlobAlignment == 0,
          "the blobs start at an impossible place", base + offsetof(PublicHead, blobs_offset));
}

bool InRange(uint32_t first, uint32_t count, size_t size) {
  return first <= size && count <= size - first;
}

void CheckPorts(const PublicTables& t, uint32_t first, uint32_t count, uint32_t tensor_count,
                uint64_t offset) {
  for (uint32_t i = first; i < first + count; ++i) {
    Require(t.ports[i] < tensor_count, "a segment port names a tensor that does not exist", offset);
  }
}

void CheckBlobIndex(uint32_t blob, const PublicTables& t, uint64_t offset) {
  Require(blob == kNoBlob || blob < t.blobs.size(), "a node names a blob that does not exist",
          offset);
}

void CheckSegment(const PublicTables& t, const SegmentRec& s, uint64_t offset) {
  Require(InRange(s.first_tensor, s.tensor_count, t.tensors.size()) &&
              InRange(s.first_node, s.node_count, t.nodes.size()) &&
              InRange(s.first_input, s.input_count, t.ports.size()) &&
              InRange(s.first_output, s.output_count, t.ports.size()),
          "a segment reaches beyond the tables", offset);
  CheckPorts(t, s.first_input, s.input_count, s.tensor_count, offset);
  CheckPorts(t, s.first_output, s.output_count, s.tensor_count, offset);
  for (uint32_t n = s.first_node; n < s.first_node + s.node_count; ++n) {
    const SegmentNode& node = t.nodes[n];
    Require(node.input_count <= kMaxSegmentInputs, "a node has too many inputs", offset);
    for (uint16_t i = 0; i < node.input_count; ++i) {
      Require(node.inputs[i] < s.tensor_count, "a node reads a tensor that does not exist", offset);
    }
    Require(node.output < s.tensor_count, "a node writes a tensor that does not exist", offset);
    CheckBlobIndex(node.weight_blob, t, offset);
    CheckBlobIndex(node.bias_blob, t, offset);
  }
}

void CheckBlobs(const std::vector<BlobRec>& blobs, uint64_t first, uint64_t half_size,
                uint64_t base) {
  uint64_t end = first;
  for (const BlobRec& blob : blobs) {
    Require(blob.offset % kBlobAlignment == 0 && blob.offset >= end && blob.offset <= half_size &&
                blob.size <= half_size - blob.offset,
            "a blob is misaligned, overlaps another or reaches beyond the public half",
            base + std::min(blob.offset, half_size));
    end = blob.offset + blob.size;
  }
}

}  // namespace

BundleHeader ParseBundleHeader(std::span<const uint8_t> head, uint64_t file_size) {
  const size_t magic_size = std::min(head.size(), sizeof(kBundleMagic));
  if (magic_size == 0 || std::memcmp(head.data(), kBundleMagic, magic_size) != 0) {
    ThrowMalformed("this is not a penumbra bundle", 0);
  }
  const auto h = FieldReader(head, 0).Take<BundleHeader>("the header");
  if (h.version != kBundleVersion) {
    throw HostError(Status::kUnsupportedVersion,
                    "the bundle has version " + std::to_string(h.version),
                    AtOffset(offsetof(BundleHeader, version)));
  }
  Require(h.manifest_size >= 1 && h.manifest_size <= kMaxManifestSize,
          "the manifest has an impossible size", offsetof(BundleHeader, manifest_size));
  Require(h.public_offset == AlignUp(sizeof(BundleHeader) + h.manifest_size, kPublicAlignment),
          "the public half starts at an impossible place", offsetof(BundleHeader, public_offset));
  Require(h.public_size <= UINT64_MAX - h.public_offset, "the public half has an impossible size",
          offsetof(BundleHeader, public_size));
  Require(h.sealed_offset == h.public_offset + h.public_size,
          "the sealed half does not follow the public half", offsetof(BundleHeader, sealed_offset));
  Require(h.sealed_size <= UINT64_MAX - h.sealed_offset, "the sealed half has an impossible size",
          offsetof(BundleHeader, sealed_size));
  CheckFileSize(h, file_size);
  return h;
}

Manifest ParseManifest(std::span<const uint8_t> payload, uint64_t base) {
  FieldReader reader(payload, base);
  Manifest manifest;
  manifest.head = reader.Take<ManifestHead>("the manifest");
  CheckManifestHead(manifest.head, base);
  const uint64_t name_at = reader.file_offset();
  const auto name = reader.TakeBytes(manifest.head.name_size, "the model name");
  manifest.name.assign(name.begin(), name.end());
  Require(IsPrintableUtf8(manifest.name), "the model name is not printable UTF-8", name_at);
  const uint64_t chunks_at = reader.file_offset();
  manifest.chunk_plain_sizes =
      reader.TakeArray<uint32_t>(manifest.head.chunk_count, "the chunk sizes");
  CheckChunkSizes(manifest, chunks_at);
  manifest.wraps = reader.TakeArray<WrapRec>(manifest.head.wrap_count, "the wrapped keys");
  const uint64_t metadata_at = reader.file_offset();
  const auto metadata = reader.TakeBytes(manifest.head.metadata_size, "the metadata");
  manifest.metadata.assign(metadata.begin(), metadata.end());
  Require(IsUtf8(manifest.metadata), "the metadata is not UTF-8", metadata_at);
  Require(reader.remaining() == 0, "bytes follow the metadata", reader.file_offset());
  return manifest;
}

std::span<const uint8_t> UnverifiedPayload(std::span<const uint8_t> message, uint64_t base) {
  // 18([ h'a10127', {}, ... (RFC 9052 section 4.2); the payload's CBOR head comes next.
  constexpr uint8_t kPrefix[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0};
  constexpr size_t kSignatureSize = 2 + 64;
  FieldReader reader(message, base);
  const auto prefix = reader.TakeBytes(sizeof(kPrefix), "the manifest's head");
  Require(std::equal(prefix.begin(), prefix.end(), kPrefix), "the manifest is no COSE_Sign1", base);
  const uint8_t head = reader.Take<uint8_t>("the manifest's head");
  uint64_t size = head - 0x40u;
  if (head >= 0x58 && head <= 0x5a) {
    size = 0;
    for (const uint8_t byte : reader.TakeBytes(size_t{1} << (head - 0x58), "the manifest's head")) {
      size = size << 8 | byte;
    }
  } else {
    Require(head >= 0x40 && head < 0x58, "the manifest is no COSE_Sign1", reader.file_offset());
  }
  const auto payload = reader.TakeBytes(size, "the manifest");
  Require(reader.remaining() == kSignatureSize, "the manifest's signature has an impossible size",
          reader.file_offset());
  return payload;
}

PublicTables ParsePublicHalf(std::span<const uint8_t> half, uint64_t base) {
  FieldReader reader(half, base);
  const auto head = reader.Take<PublicHead>("the public half");
  CheckPublicHead(head, half.size(), base);
  PublicTables t;
  const uint64_t segments_at = reader.file_offset();
  t.segments = reader.TakeArray<SegmentRec>(head.segment_count, "the segments");
  t.tensors = reader.TakeArray<SegmentTensor>(head.tensor_count, "the tensors");
  t.nodes = reader.TakeArray<SegmentNode>(head.node_count, "the nodes");
  t.ports = reader.TakeArray<uint32_t>(head.port_count, "the ports");
  t.blobs = reader.TakeArray<BlobRec>(head.blob_count, "the blob table");
  for (size_t i = 0; i < t.segments.size(); ++i) {
    CheckSegment(t, t.segments[i], segments_at + i * sizeof(SegmentRec));
  }
  CheckBlobs(t.blobs, head.blobs_offset, half.size(), base);
  return t;
}

}  // namespace penumbra::host
