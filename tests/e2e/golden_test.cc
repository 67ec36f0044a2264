// A bundle written in the past still loads and still gives the same bits.
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "golden.h"
#include "harness.h"
#include "host/error.h"
#include "media/file.h"
#include "media/npy.h"

namespace penumbra::e2e {
namespace {

const std::filesystem::path kFolder = PENUMBRA_GOLDEN;

host::RawKey ReadRaw(const std::filesystem::path& path) {
  host::RawKey key{};
  std::ifstream stream(path, std::ios::binary);
  stream.read(reinterpret_cast<char*>(key.data()), static_cast<std::streamsize>(key.size()));
  EXPECT_TRUE(stream.good()) << path;
  return key;
}

void ExpectOutput(const std::filesystem::path& folder) {
  Keys keys;
  keys.device.private_key = ReadRaw(folder / kGoldenDeviceKey);
  keys.vendor.public_key = ReadRaw(folder / kGoldenVendorKey);
  const ScratchFolder scratch;
  const Tensors input = {media::ReadNpy(folder / kGoldenInput).values};
  const Tensors wanted = {media::ReadNpy(folder / kGoldenOutput).values};
  ASSERT_FALSE(wanted[0].empty());
  for (const Place& place : {Place{.device = "reference"}, Place{.device = "native"}, Place{.device = "onednn"}}) {
    SCOPED_TRACE(PlaceName(place));
    const auto session = OpenSession(folder / kGoldenBundle, keys, place, scratch.path());
    EXPECT_EQ(CountDifferentBits(RunSession(session.get(), input), wanted), 0u);
  }
}

// Nothing in a receipt is drawn at random, and Ed25519 is deterministic: the same inference signs the same bytes.
TEST(Golden, TheReceiptInTheTreeIsSignedAgain) {
  Keys keys;
  keys.device.private_key = ReadRaw(kFolder / kGoldenDeviceKey);
  keys.vendor.public_key = ReadRaw(kFolder / kGoldenVendorKey);
  const ScratchFolder scratch;
  const auto session = OpenSession(kFolder / kGoldenBundle, keys, {}, scratch.path());
  host::ReceiptRequest request;
  std::iota(request.nonce.begin(), request.nonce.end(), uint8_t{0});
  RunSession(session.get(), {media::ReadNpy(kFolder / kGoldenInput).values}, nullptr, &request);
  EXPECT_EQ(request.receipt, media::ReadFile(kFolder / kGoldenReceipt));
  attest::Receipt receipt;
  EXPECT_EQ(attest::CheckReceipt(request.receipt, host::ReadDevice(kFolder / kGoldenDevicePublic), &receipt),
            attest::Verdict::kGenuine);
}

TEST(Golden, TheBundleInTheTreeGivesItsOutput) { ExpectOutput(kFolder); }
// As bundles were before their plans could ask for checks: refused, never misread.
TEST(Golden, ABundleWithAnOlderPlanIsRefused) {
  const std::filesystem::path folder = kFolder / "plan_1";
  Keys keys;
  keys.device.private_key = ReadRaw(folder / kGoldenDeviceKey);
  keys.vendor.public_key = ReadRaw(folder / kGoldenVendorKey);
  const ScratchFolder scratch;
  try {
    OpenSession(folder / kGoldenBundle, keys, {}, scratch.path());
    FAIL() << "loaded";
  } catch (const host::HostError& error) {
    EXPECT_EQ(error.status(), Status::kUnsupportedVersion) << error.what();
  }
}

}  // namespace
}  // namespace penumbra::e2e
