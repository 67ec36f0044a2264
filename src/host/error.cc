#include "host/error.h"

namespace penumbra::host {
namespace {

struct Words {
  Status status;
  std::string_view meaning;
  std::string_view advice;
};

constexpr Words kWords[] = {
    {Status::kOk, "no error", ""},
    {Status::kInvalidArgument, "the request is not valid", ""},
    {Status::kWrongName, "no port of the model has this name",
     "list the ports with 'penumbra inspect'"},
    {Status::kWrongShape, "the tensor has the wrong shape",
     "list the ports with 'penumbra inspect'"},
    {Status::kWrongType, "the tensor has the wrong element type", "convert it to float32"},
    {Status::kNotFinite, "an input holds NaN or infinity", "check the preprocessing of the input"},
    {Status::kUnsupported, "this is not supported", ""},
    {Status::kIllegalCombination, "these options exclude each other", ""},
    {Status::kOutOfMemory, "memory ran out", ""},
    {Status::kSecureMemoryExceeded, "the model does not fit the secure memory",
     "protect it again with a smaller --secure-memory, or give the enclave more"},
    {Status::kIo, "reading or writing failed", ""},
    {Status::kNoSpace, "no space is left", "free some space and try again"},
    {Status::kNotFound, "it does not exist", ""},
    {Status::kPermission, "permission was denied", ""},
    {Status::kPadsExhausted, "every prepared pad is spent", "make pads before running"},
    {Status::kTimeout, "it took too long", "load the model again, with more --accelerator-timeout for a slow accelerator"},
    {Status::kMalformed, "the bundle is damaged or not a penumbra bundle",
     "fetch the bundle from its vendor again"},
    {Status::kTruncated, "the bundle is cut off", "fetch the bundle from its vendor again"},
    {Status::kBadSignature, "the vendor's signature does not match",
     "check that --vendor names the key this bundle was signed with"},
    {Status::kWrongDevice, "the bundle is not wrapped for this device",
     "ask the vendor to protect it with this device's public key"},
    {Status::kAuthenticationFailed, "the sealed half did not authenticate",
     "fetch the bundle from its vendor again"},
    {Status::kRolledBack, "a newer version of this model has already run here",
     "use the newest bundle"},
    {Status::kUnsupportedVersion, "the bundle has a version this program cannot read",
     "use a matching release of penumbra"},
    {Status::kPlanRejected, "the trusted runtime refused the plan", ""},
    {Status::kBoundUnproved, "a layer's sums could wrap around", ""},
    {Status::kWrongBank, "the pad bank belongs to another model or device",
     "name another folder with --durable-pads"},
    {Status::kWrongState, "the session is not ready for this", ""},
    {Status::kPoisoned, "an earlier failure ended this session", "load the model again"},
    {Status::kEnclaveDied, "the enclave process ended", "load the model again"},
    {Status::kDeviceFailed, "the accelerator failed", "try another --accelerator"},
    {Status::kDeviceUnsupported, "the accelerator cannot run this model", "try another --accelerator"},
    {Status::kSelfTestFailed, "a self-test failed on this machine", ""},
    {Status::kIntegrity, "a result of the accelerator was wrong and was refused", ""},
    {Status::kReceiptRefused, "the receipt does not vouch for this", ""},
    {Status::kAttestation, "attestation failed", ""},
    {Status::kInternal, "internal error", "please report it"},
};

const Words* Find(Status status) {
  for (const Words& words : kWords) {
    if (words.status == status) return &words;
  }
  return nullptr;
}

std::string Line(Status status, const std::string& what, const std::string& where,
                 std::string_view hint) {
  std::string line = StatusCode(status) + ": " + what;
  if (!where.empty()) line += " [" + where + "]";
  if (!hint.empty()) line.append("; ").append(hint);
  return line;
}

}  // namespace

std::string StatusCode(Status status) {
  return "P" + std::to_string(static_cast<uint32_t>(status));
}

std::string_view StatusMeaning(Status status) {
  const Words* words = Find(status);
  return words != nullptr ? words->meaning : "unknown status";
}

std::string_view StatusAdvice(Status status) {
  const Words* words = Find(status);
  return words != nullptr ? words->advice : "";
}

HostError::HostError(Status status, const std::string& what, const std::string& where,
                     const std::string& hint)
    : std::runtime_error(
          Line(status, what, where, hint.empty() ? StatusAdvice(status) : std::string_view(hint))),
      status_(status),
      reason_(what),
      where_(where),
      hint_(hint) {}

HostError HostError::In(const std::string& outer) const {
  return HostError(status_, reason_, where_.empty() ? outer : outer + ", " + where_, hint_);
}

std::string AtOffset(uint64_t offset) { return "file offset " + std::to_string(offset); }

}  // namespace penumbra::host
