// Reads the sealed report with a recipient's key.
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/report_json.h"
#include "api/translate.h"
#include "host/bundle_file.h"
#include "host/error.h"
#include "host/keys/key_file.h"
#include "media/file.h"
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

// The public linear layers of a plan are those of the report that are in residues, in its order. A plan with fingerprints has
// none, but float segments, whose numbers stand in the report.
void NameLayer(const ProtectReport& report, uint32_t plan_layer, RefusedReply* out) {
  uint32_t public_count = 0;
  for (uint32_t i = 0; i < report.layers.size(); ++i) {
    const ProtectedLayer& layer = report.layers[i];
    const bool in_plan = layer.is_public && layer.prime_count != 0;
    if (layer.float_segment != plan_layer && !(in_plan && public_count++ == plan_layer)) continue;
    out->layer_index = i;
    out->layer = layer.name;
    out->float_segment = layer.float_segment;
    return;
  }
  if (report.fingerprints.count != 0) {
    out->layer_index = static_cast<uint32_t>(report.layers.size());
    out->float_segment = plan_layer;
    return;
  }
  api::Throw(Status::kMalformed, "the failure log names a layer the bundle does not have");
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

RefusedReply ReadFailureLog(const std::vector<uint8_t>& log, const std::filesystem::path& bundle,
                            const std::filesystem::path& vendor_private_key) {
  return api::Translated([&] {
    penumbra::FailureLog sealed;
    if (log.size() != sizeof(sealed)) {
      api::Throw(Status::kMalformed, "a failure log has " + std::to_string(sizeof(sealed)) +
                                         " bytes, not " + std::to_string(log.size()));
    }
    std::memcpy(&sealed, log.data(), sizeof(sealed));
    const Recipient vendor = ReadKeys({.vendor_private_key = vendor_private_key});
    const auto file = OpenFor(vendor, /*as_vendor=*/true, bundle);
    const FailureRecord record =
        protect::OpenFailureLog(sealed, vendor.pair.private_key, file->manifest_message());
    RefusedReply reply{.model_version = record.model_version,
                       .layer = {},
                       .layer_index = record.layer,
                       .prime = record.prime,
                       .row = record.row,
                       .word = record.word,
                       .start = record.start};
    const uint64_t size = api::SealedReportSize(file->manifest().metadata);
    if (size == 0) return reply;
    const ProtectReport report = api::ParseReport(OpenReport(*file, vendor, size)).report;
    NameLayer(report, record.layer, &reply);
    return reply;
  });
}

std::vector<uint8_t> ReadFailureLogFile(const std::filesystem::path& path) {
  return api::Translated([&] {
    std::vector<uint8_t> log = media::ReadFile(path);
    if (log.size() != sizeof(penumbra::FailureLog)) {
      api::Throw(Status::kMalformed,
                 "[" + path.string() + "] is no failure log: it has " + std::to_string(log.size()) +
                     " bytes, not " + std::to_string(sizeof(penumbra::FailureLog)) +
                     "; name a file that run --vendor-log wrote");
    }
    return log;
  });
}

void WriteFailureLogFile(const std::filesystem::path& path, const std::vector<uint8_t>& log) {
  api::Translated([&] { media::WriteFile(path, log); });
}

}  // namespace penumbra
