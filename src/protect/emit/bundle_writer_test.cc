// What stands in a written file, byte by byte, and that a failed write leaves nothing behind.
#include "protect/emit/bundle_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "boundary/bundle.h"
#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "model/error.h"
#include "protect/emit/opening.h"
#include "protect/emit/output_file.h"

namespace penumbra::protect {
namespace {

namespace fs = std::filesystem;

class BundleWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    options_.path = (folder_ / "m.penumbra").string();
    options_.name = "model";
    options_.metadata = "{}";
    ASSERT_EQ(crypto::GenerateSigningKey(options_.vendor_key, vendor_public_), Status::kOk);
    std::array<uint8_t, 32> device_public{};
    ASSERT_EQ(crypto::GenerateX25519Key(device_key_, device_public), Status::kOk);
    options_.device_keys = {device_public};
    plan_.constants = {{5, [] { return std::vector<uint8_t>{1, 2, 3, 4, 5}; }}};
    plan_.tensors = {{PlanType::kRaw, TensorKind::kConstant, 1, 5, 1, 0},
                     {PlanType::kRaw, TensorKind::kPublic, 1, 4, 1, 0}};
    plan_.blobs = {
        {6, 2,
         [](uint32_t part) { return std::vector<uint8_t>(3, static_cast<uint8_t>(7 + part)); }},
        {4, 1, [](uint32_t) {
           return std::vector<uint8_t>{9, 9, 9, 8};
         }}};
    plan_.slices = {{1, 0, 4}};
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<uint8_t> Read() const {
    std::ifstream file(options_.path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
  CompiledPlan plan_;
  BundleOptions options_;
  std::array<uint8_t, 32> vendor_public_{}, device_key_{};
};

TEST_F(BundleWriterTest, EveryPartOpensAgain) {
  WriteBundle(plan_, options_);
  const std::vector<uint8_t> file = Read();
  BundleHeader header;
  ASSERT_GE(file.size(), sizeof(header));
  std::memcpy(&header, file.data(), sizeof(header));
  EXPECT_EQ(std::memcmp(header.magic, "PENUMBRA", 8), 0);
  EXPECT_EQ(header.public_offset % kPublicAlignment, 0u);
  EXPECT_EQ(header.sealed_offset, header.public_offset + header.public_size);
  ASSERT_EQ(file.size(), header.sealed_offset + header.sealed_size);

  const std::string context = kManifestContext;
  const std::vector<uint8_t> aad(context.begin(), context.end());
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(header.manifest_size, aad.size()));
  crypto::Bytes payload;
  ASSERT_EQ(
      crypto::VerifyCoseSign1(vendor_public_, aad,
                              std::span(file).subspan(48, header.manifest_size), scratch, &payload),
      Status::kOk);
  ManifestHead head;
  std::memcpy(&head, payload.data(), sizeof(head));
  ASSERT_EQ(head.chunk_count, 2u);
  ASSERT_EQ(head.plan_chunk_count, 1u);
  std::array<uint8_t, 32> digest{};
  ASSERT_EQ(crypto::Sha256::Digest(
                std::span(file).subspan(header.public_offset, header.public_size), digest),
            Status::kOk);
  EXPECT_TRUE(std::ranges::equal(digest, head.public_sha256));

  WrapRec wrap;
  std::memcpy(&wrap, payload.data() + sizeof(head) + 5 + 8, sizeof(wrap));
  std::vector<uint8_t> info;
  for (const char c : std::string(kWrapContext)) info.push_back(static_cast<uint8_t>(c));
  info.insert(info.end(), vendor_public_.begin(), vendor_public_.end());
  info.insert(info.end(), {1, 0, 0, 0, 0, 0, 0, 0, 'm', 'o', 'd', 'e', 'l'});
  std::array<uint8_t, 32> key{};
  ASSERT_EQ(crypto::OpenBase(device_key_, wrap.enc, info, {}, wrap.wrapped, key), Status::kOk);

  // The last chunk holds the constant.
  crypto::AeadKey aead;
  ASSERT_EQ(aead.Init(key), Status::kOk);
  const std::array<uint8_t, 12> nonce = {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<uint8_t> chunk_aad = {'c', 'h', 'u', 'n', 'k', 1, 0, 0, 0,
                                          2,   0,   0,   0,   5,   0, 0, 0};
  const auto sealed = std::span(file).last(5 + kAeadTagSize);
  std::vector<uint8_t> plain(5);
  ASSERT_EQ(aead.Open(nonce, chunk_aad, sealed.first(5), sealed.last<kAeadTagSize>(), plain),
            Status::kOk);
  EXPECT_EQ(plain, (std::vector<uint8_t>{1, 2, 3, 4, 5}));
}

TEST_F(BundleWriterTest, TheVendorAndTheDeviceOpenTheReport) {
  options_.report = std::string(kMaxChunkSize, 'a') + "the end";
  WriteBundle(plan_, options_);
  const std::vector<uint8_t> file = Read();
  BundleHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  const auto payload = std::ranges::search(file, std::string("model")).begin() -
                       static_cast<std::ptrdiff_t>(sizeof(ManifestHead));
  ManifestHead head;
  std::memcpy(&head, &*payload, sizeof(head));
  ASSERT_EQ(head.chunk_count, 4u);  // plan, constant, report in two
  ASSERT_EQ(head.wrap_count, 2u);
  std::array<WrapRec, 2> wraps;
  std::memcpy(wraps.data(), &*payload + sizeof(head) + 5 + 4 * sizeof(uint32_t), sizeof(wraps));

  // HKDF (RFC 5869) of the signing key, written out.
  std::array<uint8_t, 32> prk{}, vendor{}, stranger{};
  const std::string context = "penumbra vendor recipient 1";
  ASSERT_EQ(crypto::HkdfExtract({}, options_.vendor_key, prk), Status::kOk);
  ASSERT_EQ(crypto::HkdfExpand(prk, std::vector<uint8_t>(context.begin(), context.end()), vendor),
            Status::kOk);
  const auto rest = std::span(file).last(7 + kAeadTagSize);
  for (const auto& key : {device_key_, vendor}) {
    BundleOpener opener(wraps, key, vendor_public_, 1, "model");
    const std::vector<uint8_t> plain = opener.OpenChunk(3, 4, rest);
    EXPECT_EQ(std::string(plain.begin(), plain.end()), "the end");
    EXPECT_THROW(opener.OpenChunk(2, 4, rest), model::ModelError);
    EXPECT_THROW(BundleOpener(wraps, key, vendor_public_, 2, "model"), model::ModelError);
  }
  stranger.fill(9);
  EXPECT_FALSE(IsRecipient(wraps, stranger));
  try {
    BundleOpener(wraps, stranger, vendor_public_, 1, "model");
    FAIL() << "opened";
  } catch (const model::ModelError& error) {
    EXPECT_EQ(error.status(), Status::kWrongDevice);
  }
}

TEST_F(BundleWriterTest, BlobsAreAlignedAndComplete) {
  WriteBundle(plan_, options_);
  const std::vector<uint8_t> file = Read();
  BundleHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  PublicHead head;
  std::memcpy(&head, file.data() + header.public_offset, sizeof(head));
  ASSERT_EQ(head.blob_count, 2u);
  EXPECT_EQ(head.blobs_offset % kBlobAlignment, 0u);
  const uint8_t* blob = file.data() + header.public_offset + head.blobs_offset;
  EXPECT_EQ(std::vector<uint8_t>(blob, blob + 6), (std::vector<uint8_t>{7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(blob[kBlobAlignment + 3], 8);
  EXPECT_EQ(header.public_size, head.blobs_offset + kBlobAlignment + 4);
}

TEST_F(BundleWriterTest, FailureLeavesNothing) {
  plan_.constants[0].make = []() -> std::vector<uint8_t> { return {1, 2}; };
  EXPECT_THROW(WriteBundle(plan_, options_), model::ModelError);
  EXPECT_TRUE(fs::is_empty(folder_));
  options_.device_keys.clear();
  EXPECT_THROW(WriteBundle(plan_, options_), model::ModelError);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(BundleWriterTest, AFailedWriteKeepsTheOldFile) {
  std::ofstream(options_.path) << "old";
  plan_.constants[0].make = []() -> std::vector<uint8_t> { return {}; };
  EXPECT_THROW(WriteBundle(plan_, options_), model::ModelError);
  const std::vector<uint8_t> file = Read();
  EXPECT_EQ(std::string(file.begin(), file.end()), "old");
}

TEST_F(BundleWriterTest, MissingFolderIsReported) {
  options_.path = (folder_ / "none" / "m.penumbra").string();
  try {
    WriteBundle(plan_, options_);
    FAIL();
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), Status::kNotFound);
  }
}

}  // namespace
}  // namespace penumbra::protect
