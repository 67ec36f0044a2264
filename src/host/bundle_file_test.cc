#include "host/bundle_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"

namespace penumbra::host {
namespace {

TEST(BundleFile, ShowsWhatTheFileHolds) {
  const BundleBuilder builder;
  const std::vector<uint8_t> file = builder.Build();
  const auto bundle = BundleFile::Parse(file, TestVendorKey());
  EXPECT_TRUE(bundle->signature_checked());
  EXPECT_EQ(bundle->manifest().name, "tiny");
  EXPECT_EQ(bundle->manifest().metadata, kTinyMetadata);
  ASSERT_EQ(bundle->segment_count(), 1u);
  const SegmentView segment = bundle->Segment(0);
  EXPECT_EQ(segment.tensors.size(), 2u);
  EXPECT_EQ(segment.inputs[0], 0u);
  EXPECT_EQ(segment.outputs[0], 1u);
  EXPECT_EQ(bundle->Blob(0).size(), 12u);
  EXPECT_TRUE(bundle->Blob(1).empty());
  ASSERT_EQ(bundle->Chunk(2).size(), 7u + kAeadTagSize);
  EXPECT_EQ(bundle->Chunk(2).back(), builder.sealed_half.back());
  EXPECT_TRUE(bundle->Chunk(3).empty());
  EXPECT_TRUE(bundle->Chunk(UINT64_MAX).empty());
  EXPECT_TRUE(std::ranges::equal(bundle->public_half(), builder.public_half));
}

TEST(BundleFile, EveryTruncationIsRefused) {
  const std::vector<uint8_t> file = BundleBuilder().Build();
  for (size_t size = 0; size < file.size(); ++size) {
    try {
      static_cast<void>(BundleFile::Parse(std::span(file).first(size), TestVendorKey()));
      ADD_FAILURE() << size;
    } catch (const HostError& error) {
      const Status expected = size == 0 ? Status::kMalformed : Status::kTruncated;
      EXPECT_EQ(error.status(), expected) << size << ": " << error.what();
    }
  }
}

TEST(BundleFile, EveryFlippedBitIsRefused) {
  std::vector<uint8_t> file = BundleBuilder().Build();
  for (size_t at = 0; at < file.size(); ++at) {
    const auto flip = static_cast<uint8_t>(1u << (at % 8));
    file[at] ^= flip;
    EXPECT_THROW(BundleFile::Parse(file, TestVendorKey()), HostError) << at;
    file[at] ^= flip;
  }
  EXPECT_NO_THROW(BundleFile::Parse(file, TestVendorKey()));
}

TEST(BundleFile, SignatureDecides) {
  const std::vector<uint8_t> file = BundleBuilder().Build();
  VendorKey other = TestVendorKey();
  other[0] ^= 1;
  EXPECT_HOST_ERROR(BundleFile::Parse(file, other), Status::kBadSignature, "P303");
  const auto claimed = BundleFile::Parse(file, std::nullopt);
  EXPECT_FALSE(claimed->signature_checked());
  EXPECT_EQ(claimed->manifest().name, "tiny");
}

TEST(BundleFile, NothingHidesInTheGap) {
  BundleBuilder builder;
  builder.gap = {0, 0, 1};
  EXPECT_HOST_ERROR(BundleFile::Parse(builder.Build(), TestVendorKey()), Status::kMalformed, "gap");
}

// Header fields are not signed; sizes moved between the halves must not pass.
TEST(BundleFile, HeaderMustAgreeWithTheManifest) {
  std::vector<uint8_t> file = BundleBuilder().Build();
  BundleHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  header.public_size += 16;
  header.sealed_offset += 16;
  header.sealed_size -= 16;
  std::memcpy(file.data(), &header, sizeof(header));
  EXPECT_HOST_ERROR(BundleFile::Parse(file, TestVendorKey()), Status::kMalformed, "disagree");
}

// A vendor's own mistakes are caught too: signed, but not well formed.
TEST(BundleFile, SignedNonsenseIsRefused) {
  BundleBuilder builder;
  builder.public_half.resize(16);
  EXPECT_HOST_ERROR(BundleFile::Parse(builder.Build(), TestVendorKey()), Status::kTruncated,
                    "P302");
}

TEST(BundleFile, OpensFilesFromDisk) {
  std::string folder = (std::filesystem::temp_directory_path() / "penumbra-bundle-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::filesystem::path path = std::filesystem::path(folder) / "m.penumbra";
  const std::vector<uint8_t> bytes = BundleBuilder().Build();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(BundleFile::Open(path, TestVendorKey())->manifest().name, "tiny");
  EXPECT_HOST_ERROR(BundleFile::Open(path.string() + "x", TestVendorKey()), Status::kNotFound,
                    "P205");
  EXPECT_HOST_ERROR(BundleFile::Open(folder, TestVendorKey()), Status::kIo, "regular");
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_HOST_ERROR(BundleFile::Open(path, TestVendorKey()), Status::kMalformed, "not a penumbra");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace penumbra::host
