#include "penumbra/receipt.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <span>

#include "api/convert.h"
#include "api/translate.h"
#include "attest/receipt.h"
#include "host/bundle_file.h"
#include "host/error.h"
#include "host/keys/key_file.h"
#include "host/layout.h"
#include "host/metadata.h"
#include "host/transport.h"
#include "media/file.h"

namespace penumbra {
namespace {

[[noreturn]] void Refuse(const std::string& what) { api::Throw(Status::kReceiptRefused, what); }

const char* CarrierName(CarrierKind carrier) {
  switch (carrier) {
    case CarrierKind::kDirect: return "direct";
    case CarrierKind::kProcess: return "process";
    case CarrierKind::kOptee: return "optee";
    case CarrierKind::kGramine: return "gramine";
  }
  return "";
}

const char* CheckName(ReceiptCheck check) {
  switch (check) {
    case ReceiptCheck::kVendorSignature: return "vendor signature";
    case ReceiptCheck::kModelVersion: return "model version";
    case ReceiptCheck::kPlanProved: return "plan proved";
    case ReceiptCheck::kBoundProved: return "bound proved";
    case ReceiptCheck::kPads: return "one-time pads";
    case ReceiptCheck::kReplies: return "replies";
  }
  return "";
}

ReceiptInfo Describe(const attest::Receipt& receipt) {
  ReceiptInfo info;
  info.bundle_hash = api::Hex(receipt.manifest_hash);
  info.vendor_key = api::Hex(receipt.vendor_key);
  info.device_id = api::Hex(receipt.device_id);
  info.nonce = api::Hex(receipt.nonce);
  info.input_hash = api::Hex(receipt.input_hash);
  info.output_hash = api::Hex(receipt.output_hash);
  info.model_version = receipt.model_version;
  info.carrier = CarrierName(receipt.carrier);
  info.software_tee = receipt.software_tee;
  info.notice = host::ProtectionNotice(receipt.carrier);
  for (const ReceiptCheck check : receipt.checks) info.checks.emplace_back(CheckName(check));
  info.soundness_bits = receipt.soundness_bits;
  info.clamped_count = receipt.clamped_count;
  return info;
}

attest::Receipt CheckSignature(const std::vector<uint8_t>& message, const std::filesystem::path& device_key) {
  attest::Receipt receipt;
  switch (attest::CheckReceipt(message, host::ReadDevice(device_key), &receipt)) {
    case attest::Verdict::kGenuine: return receipt;
    case attest::Verdict::kNotAReceipt:
      Refuse("this is no penumbra receipt, or its structure was altered; fetch the file again");
    case attest::Verdict::kOtherDevice:
      Refuse("the receipt names another device, " + api::Hex(receipt.device_id) + ", not the one of [" +
             device_key.string() + "]; name that device's .pub file");
    case attest::Verdict::kAltered: break;
  }
  Refuse("the receipt was altered: the device of [" + device_key.string() + "] did not sign this");
}

const Tensor& Find(const TensorMap& tensors, const host::Port& port) {
  const auto found = tensors.find(port.name);
  if (found == tensors.end()) {
    api::Throw(Status::kWrongName, "the tensor '" + port.name +
                                       "' is missing; a receipt speaks of all inputs or all outputs together");
  }
  if (api::ToExtents(found->second.shape, port.name) != port.shape ||
      found->second.values.size() != port.elem_count) {
    api::Throw(Status::kWrongShape, "'" + port.name + "' has the shape " +
                                        api::ShapeText(found->second.shape) +
                                        ", which is not the bundle's");
  }
  return found->second;
}

attest::Hash HashTensors(const char (&context)[16], const std::vector<host::Port>& ports, const TensorMap& tensors) {
  attest::PortsHash hash(context, static_cast<uint32_t>(ports.size()));
  for (const host::Port& port : ports) {
    std::vector<float> physical(port.elem_count);
    host::ToPhysical(port.shape, port.perm, Find(tensors, port).values, physical);
    hash.Add(physical);
  }
  if (tensors.size() != ports.size()) api::Throw(Status::kWrongName, "a tensor is not the bundle's");
  return hash.Final();
}

// Holds a receipt whose signature is good against one expectation after the other.
class Comparison {
 public:
  Comparison(const attest::Receipt& receipt, ReceiptInfo* info) : receipt_(receipt), info_(*info) {
    info_.checked.emplace_back("signature");
  }

  void CompareNonce(const std::optional<Nonce>& nonce) {
    if (!Wanted("nonce", nonce.has_value())) return;
    if (*nonce != receipt_.nonce) {
      Refuse("the receipt answers another nonce, " + api::Hex(receipt_.nonce) + ": it may be a replay");
    }
  }
  void CompareVendor(const std::filesystem::path& path) {
    if (!Wanted("vendor", !path.empty())) return;
    if (host::ReadPublicKey(host::KeyKind::kVendor, path) != receipt_.vendor_key) {
      Refuse("the receipt is for a bundle of another vendor than [" + path.string() + "]");
    }
  }
  void CompareBundle(const std::filesystem::path& path) {
    if (!Wanted("bundle", !path.empty())) return;
    const auto bundle = OpenBundle(path);
    attest::Hash hash{};
    if (!IsOk(crypto::Sha256::Digest(bundle->manifest_message(), hash)) ||
        hash != receipt_.manifest_hash) {
      Refuse("the receipt is for another bundle than [" + path.string() + "]");
    }
    ports_ = host::ParseMetadata(bundle->manifest().metadata, bundle->manifest().head.exchange_size);
  }
  // After CompareBundle().
  void CompareTensors(const TensorMap& inputs, const TensorMap& outputs) {
    if (Wanted("input", !inputs.empty()) &&
        HashTensors(kReceiptInputs, Ports().inputs, inputs) != receipt_.input_hash) {
      Refuse("the receipt is for another input");
    }
    if (Wanted("output", !outputs.empty()) &&
        HashTensors(kReceiptOutputs, Ports().outputs, outputs) != receipt_.output_hash) {
      Refuse("the receipt is for another output");
    }
  }

 private:
  bool Wanted(const char* what, bool wanted) {
    (wanted ? info_.checked : info_.not_checked).emplace_back(what);
    return wanted;
  }
  // By the key the trusted half says it verified the bundle with: another vendor's bundle is another bundle.
  std::shared_ptr<const host::BundleFile> OpenBundle(const std::filesystem::path& path) const {
    try {
      return host::BundleFile::Open(path, receipt_.vendor_key);
    } catch (const host::HostError& error) {
      if (error.status() != Status::kBadSignature) throw;
      Refuse("the receipt is for another bundle than [" + path.string() +
             "]: the vendor it names did not sign that");
    }
  }
  const host::Metadata& Ports() const {
    if (!ports_) api::Throw(Status::kIllegalCombination, "inputs and outputs need the bundle");
    return *ports_;
  }

  const attest::Receipt& receipt_;
  ReceiptInfo& info_;
  std::optional<host::Metadata> ports_;
};

}  // namespace

ReceiptInfo VerifyReceipt(const std::vector<uint8_t>& receipt, const std::filesystem::path& device_key,
                          const ReceiptExpectations& expected) {
  return api::Translated([&] {
    const attest::Receipt genuine = CheckSignature(receipt, device_key);
    ReceiptInfo info = Describe(genuine);
    Comparison comparison(genuine, &info);
    comparison.CompareNonce(expected.nonce);
    comparison.CompareVendor(expected.vendor_key);
    comparison.CompareBundle(expected.bundle);
    comparison.CompareTensors(expected.inputs, expected.outputs);
    return info;
  });
}

std::vector<uint8_t> ReadReceiptFile(const std::filesystem::path& path) {
  return api::Translated([&] {
    std::ifstream file(path, std::ios::binary);
    if (!file) api::Throw(Status::kNotFound, "cannot open the receipt [" + path.string() + "]");
    std::vector<uint8_t> bytes(kMaxReceiptSize + 1);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (file.bad()) api::Throw(Status::kIo, "cannot read the receipt [" + path.string() + "]");
    bytes.resize(static_cast<size_t>(file.gcount()));
    if (bytes.size() > kMaxReceiptSize) {
      Refuse("this is no penumbra receipt: it is too large [" + path.string() + "]");
    }
    return bytes;
  });
}

void WriteReceiptFile(const std::filesystem::path& path, const std::vector<uint8_t>& receipt) {
  api::Translated([&] { media::WriteFile(path, receipt); });
}

}  // namespace penumbra
