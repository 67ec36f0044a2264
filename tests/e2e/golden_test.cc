// A bundle written in the past still loads and still gives the same bits.
#include <gtest/gtest.h>

#include <fstream>

#include "golden.h"
#include "harness.h"
#include "media/npy.h"

namespace penumbra::e2e {
namespace {

const std::filesystem::path kFolder = PENUMBRA_GOLDEN;

host::RawKey ReadRaw(const char* name) {
  host::RawKey key{};
  std::ifstream stream(kFolder / name, std::ios::binary);
  stream.read(reinterpret_cast<char*>(key.data()), static_cast<std::streamsize>(key.size()));
  EXPECT_TRUE(stream.good()) << name;
  return key;
}

TEST(Golden, TheBundleInTheTreeGivesItsOutput) {
  Keys keys;
  keys.device.private_key = ReadRaw(kGoldenDeviceKey);
  keys.vendor.public_key = ReadRaw(kGoldenVendorKey);
  const ScratchFolder scratch;
  const Tensors input = {media::ReadNpy(kFolder / kGoldenInput).values};
  const Tensors wanted = {media::ReadNpy(kFolder / kGoldenOutput).values};
  ASSERT_FALSE(wanted[0].empty());
  for (const Place& place : {Place{.device = "reference"}, Place{.device = "onednn"}}) {
    SCOPED_TRACE(PlaceName(place));
    const auto session = OpenSession(kFolder / kGoldenBundle, keys, place, scratch.path());
    EXPECT_EQ(CountDifferentBits(RunSession(session.get(), input), wanted), 0u);
  }
}

}  // namespace
}  // namespace penumbra::e2e
