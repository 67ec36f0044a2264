#include "sealed_half.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>

#include "crypto/aead.h"
#include "crypto/hpke.h"
#include "host/bundle_layout.h"

namespace penumbra::e2e {
namespace {

void Require(Status status, const char* what) {
  if (!IsOk(status)) throw std::runtime_error(std::string("bundle does not open: ") + what);
}

std::array<uint8_t, 32> Unwrap(const host::Manifest& manifest, const Keys& keys) {
  std::vector<uint8_t> info(kWrapContext, kWrapContext + sizeof(kWrapContext) - 1);
  info.insert(info.end(), keys.vendor.public_key.begin(), keys.vendor.public_key.end());
  std::array<uint8_t, sizeof(uint64_t)> version;
  std::memcpy(version.data(), &manifest.head.model_version, version.size());
  info.insert(info.end(), version.begin(), version.end());
  info.insert(info.end(), manifest.name.begin(), manifest.name.end());
  std::array<uint8_t, 32> key;
  const WrapRec& wrap = manifest.wraps.at(0);
  Require(crypto::OpenBase(keys.device.private_key, wrap.enc, info, {}, wrap.wrapped, key), "key");
  return key;
}

std::vector<uint8_t> OpenChunk(crypto::AeadKey* key, uint32_t index, uint32_t count,
                               std::span<const uint8_t> sealed) {
  const size_t size = sealed.size() - kAeadTagSize;
  const uint32_t fields[3] = {index, count, static_cast<uint32_t>(size)};
  uint8_t aad[5 + sizeof(fields)] = {'c', 'h', 'u', 'n', 'k'};
  std::memcpy(aad + 5, fields, sizeof(fields));
  const uint64_t number = index;
  uint8_t nonce[12];
  std::memcpy(nonce, &kNonceChunk, 4);
  std::memcpy(nonce + 4, &number, 8);
  uint8_t tag[kAeadTagSize];
  std::memcpy(tag, sealed.data() + size, kAeadTagSize);
  std::vector<uint8_t> plain(size);
  Require(key->Open(nonce, aad, sealed.first(size), tag, plain), "chunk");
  return plain;
}

}  // namespace

OpenedBundle OpenBundle(const std::filesystem::path& path, const Keys& keys) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<uint8_t> file((std::istreambuf_iterator<char>(stream)), {});
  const BundleHeader header = host::ParseBundleHeader(file, file.size());
  const std::span<const uint8_t> message =
      std::span(file).subspan(sizeof(BundleHeader), header.manifest_size);
  const host::Manifest manifest = host::ParseManifest(host::UnverifiedPayload(message, 0), 0);

  OpenedBundle opened;
  opened.visible.assign(file.begin(),
                        file.begin() + static_cast<std::ptrdiff_t>(header.sealed_offset));
  opened.bundle_key = Unwrap(manifest, keys);
  crypto::AeadKey key;
  Require(key.Init(opened.bundle_key), "cipher");
  const auto report_size =
      nlohmann::json::parse(manifest.metadata).at("report_size").get<uint64_t>();
  const auto report_count =
      static_cast<uint32_t>((report_size + kMaxChunkSize - 1) / kMaxChunkSize);
  uint64_t at = header.sealed_offset;
  for (uint32_t i = 0; i < manifest.head.chunk_count; ++i) {
    const uint64_t size = uint64_t{manifest.chunk_plain_sizes[i]} + kAeadTagSize;
    std::vector<uint8_t> plain =
        OpenChunk(&key, i, manifest.head.chunk_count, std::span(file).subspan(at, size));
    at += size;
    if (i < manifest.head.plan_chunk_count) {
      opened.plan.insert(opened.plan.end(), plain.begin(), plain.end());
    } else if (i >= manifest.head.chunk_count - report_count) {
      opened.report.append(plain.begin(), plain.end());
    } else {
      opened.constants.push_back(std::move(plain));
    }
  }
  return opened;
}

}  // namespace penumbra::e2e
