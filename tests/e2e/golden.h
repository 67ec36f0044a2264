// The files of tests/golden: a bundle, its keys, an input and the output it must give.
#ifndef PENUMBRA_TESTS_E2E_GOLDEN_H_
#define PENUMBRA_TESTS_E2E_GOLDEN_H_

namespace penumbra::e2e {

inline constexpr char kGoldenBundle[] = "small.penumbra";
inline constexpr char kGoldenDeviceKey[] = "device.key";  // 32 raw bytes, X25519 private
inline constexpr char kGoldenVendorKey[] = "vendor.pub";  // 32 raw bytes, Ed25519 public
inline constexpr char kGoldenInput[] = "input.npy";
inline constexpr char kGoldenOutput[] = "output.npy";

// What the trusted half signs about that inference, for the nonce 0, 1, 2, ... 31.
inline constexpr char kGoldenReceipt[] = "receipt.cbor";
inline constexpr char kGoldenDevicePublic[] = "device.pub";  // PEM

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_GOLDEN_H_
