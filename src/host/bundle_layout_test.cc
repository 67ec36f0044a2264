#include "host/bundle_layout.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <functional>

#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"

namespace penumbra::host {
namespace {

template <typename Field>
void Patch(std::vector<uint8_t>* bytes, size_t offset, Field value) {
  std::memcpy(bytes->data() + offset, &value, sizeof(value));
}

BundleHeader ParseHeader(const std::vector<uint8_t>& file, uint64_t size) {
  return ParseBundleHeader(std::span(file).first(sizeof(BundleHeader)), size);
}

TEST(BundleHeader, EveryFieldIsChecked) {
  const std::vector<uint8_t> good = BundleBuilder().Build();
  EXPECT_EQ(ParseHeader(good, good.size()).version, kBundleVersion);
  const auto broken = [&](size_t offset, auto value, Status status) {
    std::vector<uint8_t> file = good;
    Patch(&file, offset, value);
    EXPECT_HOST_ERROR(ParseHeader(file, file.size()), status, "file offset");
  };
  broken(0, uint8_t{'p'}, Status::kMalformed);
  broken(offsetof(BundleHeader, version), uint32_t{2}, Status::kUnsupportedVersion);
  broken(offsetof(BundleHeader, manifest_size), uint32_t{0}, Status::kMalformed);
  broken(offsetof(BundleHeader, manifest_size), kMaxManifestSize + 1, Status::kMalformed);
  broken(offsetof(BundleHeader, manifest_size), ~uint32_t{0}, Status::kMalformed);
  broken(offsetof(BundleHeader, public_offset), uint64_t{0}, Status::kMalformed);
  broken(offsetof(BundleHeader, public_offset), uint64_t{8192}, Status::kMalformed);
  broken(offsetof(BundleHeader, public_size), ~uint64_t{0}, Status::kMalformed);
  broken(offsetof(BundleHeader, sealed_offset), uint64_t{4096}, Status::kMalformed);
  broken(offsetof(BundleHeader, sealed_size), ~uint64_t{0}, Status::kMalformed);
  broken(offsetof(BundleHeader, sealed_size), uint64_t{1} << 40, Status::kTruncated);
  EXPECT_HOST_ERROR(ParseHeader(good, good.size() + 1), Status::kMalformed, "follow");
}

TEST(BundleHeader, ForeignFilesAreNamedAsSuch) {
  const std::vector<uint8_t> zip = {'P', 'K', 3, 4};
  EXPECT_HOST_ERROR(ParseBundleHeader(zip, zip.size()), Status::kMalformed,
                    "not a penumbra bundle");
  EXPECT_HOST_ERROR(ParseBundleHeader({}, 0), Status::kMalformed, "not a penumbra bundle");
}

void ExpectManifestError(const std::function<void(BundleBuilder*)>& change, Status status,
                         const char* words) {
  BundleBuilder builder;
  change(&builder);
  EXPECT_HOST_ERROR(ParseManifest(builder.Payload(), 0), status, words);
}

TEST(Manifest, EveryFieldIsChecked) {
  ExpectManifestError([](BundleBuilder* b) { b->head.version = 2; }, Status::kUnsupportedVersion,
                      "2");
  ExpectManifestError([](BundleBuilder* b) { b->name.clear(); }, Status::kMalformed, "name");
  ExpectManifestError([](BundleBuilder* b) { b->name.assign(257, 'a'); }, Status::kMalformed,
                      "name");
  ExpectManifestError([](BundleBuilder* b) { b->name = "a\x1b[2J"; }, Status::kMalformed,
                      "printable");
  ExpectManifestError([](BundleBuilder* b) { b->metadata = "\xff"; }, Status::kMalformed, "UTF-8");
  ExpectManifestError([](BundleBuilder* b) { b->chunk_plain_sizes.clear(); }, Status::kMalformed,
                      "chunk count");
  ExpectManifestError([](BundleBuilder* b) { b->chunk_plain_sizes[0] += 1; }, Status::kMalformed,
                      "add up");
  ExpectManifestError([](BundleBuilder* b) { b->chunk_plain_sizes[1] = 0; }, Status::kMalformed,
                      "impossible size");
  ExpectManifestError([](BundleBuilder* b) { b->chunk_plain_sizes[1] = kMaxChunkSize + 1; },
                      Status::kMalformed, "impossible size");
  ExpectManifestError([](BundleBuilder* b) { b->head.plan_chunk_count = 0; }, Status::kMalformed,
                      "plan");
  ExpectManifestError([](BundleBuilder* b) { b->head.plan_chunk_count = 4; }, Status::kMalformed,
                      "plan");
  ExpectManifestError([](BundleBuilder* b) { b->wraps.clear(); }, Status::kMalformed, "devices");
  ExpectManifestError([](BundleBuilder* b) { b->wraps.resize(kMaxWraps + 1); }, Status::kMalformed,
                      "devices");
}

TEST(Manifest, TruncationAndExcessAtEveryByte) {
  const std::vector<uint8_t> payload = BundleBuilder().Payload();
  EXPECT_EQ(ParseManifest(payload, 0).name, "tiny");
  for (size_t size = 0; size < payload.size(); ++size) {
    EXPECT_HOST_ERROR(ParseManifest(std::span(payload).first(size), 0), Status::kTruncated,
                      "end inside");
  }
  std::vector<uint8_t> longer = payload;
  longer.push_back(0);
  EXPECT_HOST_ERROR(ParseManifest(longer, 0), Status::kMalformed, "follow");
}

constexpr size_t kSegmentAt = sizeof(PublicHead);
constexpr size_t kNodeAt = kSegmentAt + sizeof(SegmentRec) + 2 * sizeof(SegmentTensor);
constexpr size_t kPortsAt = kNodeAt + sizeof(SegmentNode);
constexpr size_t kBlobAt = kPortsAt + 2 * sizeof(uint32_t);

TEST(PublicHalf, TablesAreRead) {
  const PublicTables tables = ParsePublicHalf(TinyPublicHalf(), 0);
  ASSERT_EQ(tables.segments.size(), 1u);
  EXPECT_EQ(tables.tensors[1].c, 3u);
  EXPECT_EQ(tables.nodes[0].geometry.out_c, 3u);
  EXPECT_EQ(tables.blobs[0].size, 12u);
}

TEST(PublicHalf, EveryReferenceIsChecked) {
  const auto broken = [](size_t offset, auto value, Status status, const char* words) {
    std::vector<uint8_t> half = TinyPublicHalf();
    Patch(&half, offset, value);
    EXPECT_HOST_ERROR(ParsePublicHalf(half, 0), status, words);
  };
  constexpr uint32_t kMany = 0xffffffff;
  broken(0, uint32_t{9}, Status::kUnsupportedVersion, "9");
  broken(offsetof(PublicHead, segment_count), kMaxLayers + 1, Status::kMalformed, "segments");
  for (const size_t count : {offsetof(PublicHead, tensor_count), offsetof(PublicHead, node_count),
                             offsetof(PublicHead, port_count), offsetof(PublicHead, blob_count)}) {
    broken(count, kMany, Status::kTruncated, "tables");
  }
  broken(offsetof(PublicHead, blobs_offset), uint64_t{64}, Status::kMalformed, "blobs start");
  broken(offsetof(PublicHead, blobs_offset), ~uint64_t{63}, Status::kMalformed, "blobs start");
  for (size_t field = 0; field < sizeof(SegmentRec); field += 4) {
    broken(kSegmentAt + field, kMany, Status::kMalformed, "reaches beyond");
  }
  broken(kPortsAt, uint32_t{2}, Status::kMalformed, "port");
  broken(kPortsAt + 4, kMany, Status::kMalformed, "port");
  broken(kNodeAt + offsetof(SegmentNode, input_count), uint16_t{9}, Status::kMalformed, "inputs");
  broken(kNodeAt + offsetof(SegmentNode, inputs), uint32_t{2}, Status::kMalformed, "reads");
  broken(kNodeAt + offsetof(SegmentNode, output), uint32_t{2}, Status::kMalformed, "writes");
  broken(kNodeAt + offsetof(SegmentNode, weight_blob), uint32_t{1}, Status::kMalformed, "blob");
  broken(kNodeAt + offsetof(SegmentNode, bias_blob), uint32_t{1}, Status::kMalformed, "blob");
  broken(kBlobAt, uint64_t{0}, Status::kMalformed, "blob");
  broken(kBlobAt, uint64_t{1}, Status::kMalformed, "blob");
  broken(kBlobAt, ~uint64_t{63}, Status::kMalformed, "blob");
  broken(kBlobAt + 8, uint64_t{13}, Status::kMalformed, "blob");
  broken(kBlobAt + 8, ~uint64_t{0}, Status::kMalformed, "blob");
}

TEST(PublicHalf, TruncationAtEveryByte) {
  const std::vector<uint8_t> half = TinyPublicHalf();
  for (size_t size = 0; size < half.size(); ++size) {
    EXPECT_THROW(ParsePublicHalf(std::span(half).first(size), 0), HostError) << size;
  }
}

TEST(UnverifiedPayload, AgreesWithTheSignedOne) {
  const BundleBuilder builder;
  const std::vector<uint8_t> file = builder.Build();
  const BundleHeader header = ParseHeader(file, file.size());
  const auto message = std::span(file).subspan(sizeof(header), header.manifest_size);
  const auto payload = UnverifiedPayload(message, 0);
  EXPECT_TRUE(std::ranges::equal(payload, builder.Payload()));
  for (size_t size = 0; size < message.size(); ++size) {
    EXPECT_THROW(UnverifiedPayload(message.first(size), 0), HostError) << size;
  }
}

}  // namespace
}  // namespace penumbra::host
