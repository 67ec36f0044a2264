// Small but complete bundles for tests, signed with a fixed key. The sealed half is noise: the host
// never looks into it.
#ifndef PENUMBRA_HOST_TESTING_BUNDLE_BUILDER_H_
#define PENUMBRA_HOST_TESTING_BUNDLE_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "boundary/bundle.h"
#include "boundary/plan.h"
#include "boundary/segment.h"
#include "host/bundle_file.h"

namespace penumbra::host {

// A manifest and two halves, each part open to change before Build() puts them together.
struct BundleBuilder {
  BundleBuilder();

  ManifestHead head{};
  std::string name = "tiny";
  std::vector<uint32_t> chunk_plain_sizes = {sizeof(PlanHeader), 40, 7};
  std::vector<WrapRec> wraps;
  std::string metadata;
  std::vector<uint8_t> public_half, sealed_half;
  std::vector<uint8_t> gap;  // bytes after the manifest instead of zeros; cut to the gap

  // Fills sizes, counts and hashes of `head`, signs, and writes the file.
  std::vector<uint8_t> Build() const;
  // The payload of the manifest, as Build() signs it.
  std::vector<uint8_t> Payload() const;
};

// One segment: a 1x1 residue convolution of [2,2,2] to [2,2,3] over two primes.
std::vector<uint8_t> TinyPublicHalf();
inline constexpr uint64_t kTinyInputSize = 2 * 2 * 2 * 2;
inline constexpr uint64_t kTinyOutputSize = 2 * 2 * 2 * 3;
// Input "x" [1,2,2,2] NCHW at 4096, output "y" [1,3,2,2] NCHW at 8192.
extern const char kTinyMetadata[];

VendorKey TestVendorKey();

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TESTING_BUNDLE_BUILDER_H_
