// Status codes shared by both worlds. The numeric values are part of the wire format: never reuse one.
#ifndef PENUMBRA_BOUNDARY_STATUS_H_
#define PENUMBRA_BOUNDARY_STATUS_H_

#include <cstdint>

namespace penumbra {

// Stable bands: 1xx caller, 2xx resource, 3xx bundle, 4xx session, 5xx accelerator, 6xx integrity,
// 7xx attestation, 8xx internal. User-visible codes are "P" followed by the number (P301).
enum class [[nodiscard]] Status : uint32_t {
  kOk = 0,
  // Caller: the request itself is wrong.
  kInvalidArgument = 101,
  kWrongName = 102,
  kWrongShape = 103,
  kWrongType = 104,
  kNotFinite = 105,
  kUnsupported = 106,
  kIllegalCombination = 107,
  // Resource: something ran out or could not be had.
  kOutOfMemory = 201,
  kSecureMemoryExceeded = 202,
  kIo = 203,
  kNoSpace = 204,
  kNotFound = 205,
  kPermission = 206,
  kPadsExhausted = 207,
  kTimeout = 208,
  // Bundle: bytes that came from a file are not what they should be.
  kMalformed = 301,
  kTruncated = 302,
  kBadSignature = 303,
  kWrongDevice = 304,
  kAuthenticationFailed = 305,
  kRolledBack = 306,
  kUnsupportedVersion = 307,
  kPlanRejected = 308,
  kBoundUnproved = 309,
  kWrongBank = 310,
  // Session: right request, wrong moment.
  kWrongState = 401,
  kPoisoned = 402,
  kEnclaveDied = 403,
  // Accelerator.
  kDeviceFailed = 501,
  kDeviceUnsupported = 502,
  kSelfTestFailed = 503,
  // Integrity: a result was refused.
  kIntegrity = 601,
  kReceiptRefused = 602,
  // Attestation.
  kAttestation = 701,
  // Internal: a bug of ours; the trusted half wipes and stops.
  kInternal = 801,
};

constexpr bool IsOk(Status s) { return s == Status::kOk; }

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_STATUS_H_
