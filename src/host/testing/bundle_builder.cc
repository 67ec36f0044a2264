#include "host/testing/bundle_builder.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>

#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

namespace penumbra::host {
namespace {

constexpr uint8_t kPrivateKey[32] = {1, 2, 3, 4, 5, 6, 7, 8};

void Check(Status status) {
  if (!IsOk(status)) throw std::runtime_error("building a test bundle failed");
}

template <typename Record>
void Append(std::vector<uint8_t>* out, const Record& record) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&record);
  out->insert(out->end(), bytes, bytes + sizeof(record));
}

void AppendBytes(std::vector<uint8_t>* out, std::span<const uint8_t> bytes) {
  out->insert(out->end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> SignManifest(const std::vector<uint8_t>& payload) {
  const std::span<const uint8_t> context(reinterpret_cast<const uint8_t*>(kManifestContext),
                                         sizeof(kManifestContext) - 1);
  std::vector<uint8_t> message(crypto::CoseSign1Size(payload.size()));
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(payload.size(), context.size()));
  Check(crypto::EncodeCoseSign1(kPrivateKey, context, payload, scratch, message));
  return message;
}

SegmentNode TinyNode() {
  SegmentNode node{};
  node.op = SegmentOp::kConvResidue;
  node.input_count = 1;
  node.inputs[0] = 0;
  node.output = 1;
  node.geometry = {2, 2, 2, 2, 2, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  node.weight_blob = 0;
  node.bias_blob = kNoBlob;
  return node;
}

}  // namespace

const char kTinyMetadata[] =
    R"({"inputs":[{"name":"x","type":"float32","shape":[1,2,2,2],"perm":[0,2,3,1],"offset":4096}],)"
    R"("outputs":[{"name":"y","type":"float32","shape":[1,3,2,2],"perm":[0,2,3,1],"offset":8192}]})";

std::vector<uint8_t> TinyPublicHalf() {
  constexpr uint64_t kWeightsSize = 2 * 3 * 2;  // primes, out_c, in_c
  std::vector<uint8_t> half;
  PublicHead head{kPublicVersion, 1, 2, 1, 2, 1, 0};
  const uint64_t tables = sizeof(PublicHead) + sizeof(SegmentRec) + 2 * sizeof(SegmentTensor) +
                          sizeof(SegmentNode) + 2 * sizeof(uint32_t) + sizeof(BlobRec);
  head.blobs_offset = AlignUp(tables, kBlobAlignment);
  Append(&half, head);
  Append(&half, SegmentRec{0, 2, 0, 1, 0, 1, 1, 1});
  Append(&half, SegmentTensor{2, 2, 2, ElementType::kU8Residue, 2});
  Append(&half, SegmentTensor{2, 2, 3, ElementType::kU8Residue, 2});
  Append(&half, TinyNode());
  Append(&half, uint32_t{0});
  Append(&half, uint32_t{1});
  Append(&half, BlobRec{head.blobs_offset, kWeightsSize});
  half.resize(head.blobs_offset);
  for (uint8_t i = 0; i < kWeightsSize; ++i) half.push_back(static_cast<uint8_t>(i - 6));
  return half;
}

BundleBuilder::BundleBuilder() : metadata(kTinyMetadata), public_half(TinyPublicHalf()) {
  head.version = kBundleVersion;
  head.model_version = 1;
  head.exchange_size = 16384;
  head.secure_memory_size = 1 << 20;
  head.plan_chunk_count = 1;
  wraps.resize(1);
  for (const uint32_t size : chunk_plain_sizes) {
    for (uint32_t i = 0; i < size + kAeadTagSize; ++i) {
      sealed_half.push_back(static_cast<uint8_t>(31 * i + size));
    }
  }
}

std::vector<uint8_t> BundleBuilder::Payload() const {
  ManifestHead h = head;
  h.name_size = static_cast<uint32_t>(name.size());
  h.public_size = public_half.size();
  h.sealed_size = sealed_half.size();
  h.chunk_count = static_cast<uint32_t>(chunk_plain_sizes.size());
  h.wrap_count = static_cast<uint32_t>(wraps.size());
  h.metadata_size = static_cast<uint32_t>(metadata.size());
  Check(crypto::Sha256::Digest(public_half, h.public_sha256));
  Check(crypto::Sha256::Digest(sealed_half, h.sealed_sha256));
  std::vector<uint8_t> payload;
  Append(&payload, h);
  payload.insert(payload.end(), name.begin(), name.end());
  for (const uint32_t size : chunk_plain_sizes) Append(&payload, size);
  for (const WrapRec& wrap : wraps) Append(&payload, wrap);
  payload.insert(payload.end(), metadata.begin(), metadata.end());
  return payload;
}

std::vector<uint8_t> BundleBuilder::Build() const {
  const std::vector<uint8_t> message = SignManifest(Payload());
  BundleHeader header{};
  std::memcpy(header.magic, kBundleMagic, sizeof(header.magic));
  header.version = kBundleVersion;
  header.manifest_size = static_cast<uint32_t>(message.size());
  header.public_offset = AlignUp(sizeof(header) + message.size(), kPublicAlignment);
  header.public_size = public_half.size();
  header.sealed_offset = header.public_offset + header.public_size;
  header.sealed_size = sealed_half.size();
  std::vector<uint8_t> file;
  Append(&file, header);
  AppendBytes(&file, message);
  const size_t gap_size = header.public_offset - file.size();
  AppendBytes(&file, std::span(gap).first(std::min(gap.size(), gap_size)));
  file.resize(header.public_offset);
  AppendBytes(&file, public_half);
  AppendBytes(&file, sealed_half);
  return file;
}

VendorKey TestVendorKey() {
  VendorKey key{};
  Check(crypto::SigningPublicKey(kPrivateKey, key));
  return key;
}

}  // namespace penumbra::host
