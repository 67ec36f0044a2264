// Reads the sealed report with a recipient's key.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/report_json.h"
#include "api/translate.h"
#include "host/bundle_file.h"
#include "host/error.h"
#include "host/keys/key_file.h"
#include "penumbra/inspect.h"
#include "protect/emit/opening.h"
#include "protect/emit/sealing.h"

namespace penumbra {
namespace {

struct Recipient {
  host::KeyPair pair;  // of X25519; erased when it goes
  host::VendorKey vendor{};
};

Recipient ReadKeys(const ReportKeys& keys) {
  if (keys.vendor_private_key.empty() == keys.device_private_key.empty()) {
    api::Throw(Status::kInvalidArgument,
               "a report opens with one private key; give --vendor-key or --device-key");
  }
  Recipient recipient;
  if (!keys.vendor_private_key.empty()) {
    const host::KeyPair vendor =
        host::ReadPrivateKey(host::KeyKind::kVendor, keys.vendor_private_key);
    recipient.pair.private_key = protect::VendorRecipientKey(vendor.private_key);
    recipient.vendor = vendor.public_key;
  } else {
    recipient.pair = host::ReadPrivateKey(host::KeyKind::kDevice, keys.device_private_key);
    recipient.vendor = host::ReadPublicKey(host::KeyKind::kVendor, keys.vendor_public_key);
  }
  return recipient;
}

// A vendor's key that did not sign the bundle is a wrong key first of all (P304). Anything else
// that breaks the signature stays P303.
std::shared_ptr<const host::BundleFile> OpenFor(const Recipient& recipient, bool as_vendor,
                                                const std::filesystem::path& path) {
  try {
    return host::BundleFile::Open(path, recipient.vendor);
  } catch (const host::HostError& error) {
    if (error.status() != Status::kBadSignature || !as_vendor) throw;
    const auto claimed = host::BundleFile::Open(path, std::nullopt);
    if (api::SealedReportSize(claimed->manifest().metadata) == 0 ||
        protect::IsRecipient(claimed->manifest().wraps, recipient.pair.private_key)) {
      throw;
    }
    api::Throw(Status::kWrongDevice, "the bundle was made with another vendor's key [" +
                                         path.string() +
                                         "]; use the private key it was signed with");
  }
}

std::string OpenReport(const host::BundleFile& bundle, const Recipient& recipient, uint64_t size) {
  const host::Manifest& manifest = bundle.manifest();
  protect::BundleOpener opener(manifest.wraps, recipient.pair.private_key, recipient.vendor,
                               manifest.head.model_version, manifest.name);
  const uint32_t count = manifest.head.chunk_count;
  const uint64_t report_count = (size + kMaxChunkSize - 1) / kMaxChunkSize;
  if (report_count > count - manifest.head.plan_chunk_count) {
    api::Throw(Status::kMalformed, "the metadata announces a report that is not there");
  }
  std::string text;
  for (auto i = static_cast<uint32_t>(count - report_count); i < count; ++i) {
    const std::vector<uint8_t> chunk = opener.OpenChunk(i, count, bundle.Chunk(i));
    text.append(chunk.begin(), chunk.end());
  }
  return text;
}

}  // namespace

std::optional<SealedReport> ReadReport(const std::filesystem::path& bundle,
                                       const ReportKeys& keys) {
  return api::Translated([&]() -> std::optional<SealedReport> {
    const Recipient recipient = ReadKeys(keys);
    const auto file = OpenFor(recipient, !keys.vendor_private_key.empty(), bundle);
    const uint64_t size = api::SealedReportSize(file->manifest().metadata);
    if (size == 0) return std::nullopt;
    return api::ParseReport(OpenReport(*file, recipient, size));
  });
}

}  // namespace penumbra
