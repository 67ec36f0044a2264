// Fuzzes what reads a bundle's structure. The signature would stop almost every mutation, so the
// parsers are also called on their own; the first byte chooses.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "host/bundle_file.h"
#include "host/bundle_layout.h"
#include "host/error.h"
#include "host/metadata.h"

namespace penumbra::host {
namespace {

// Touches everything a parsed public half refers to, so that a wrong range is seen by the
// sanitizer.
void Visit(const BundleFile& bundle) {
  volatile uint8_t sink = 0;
  for (uint32_t i = 0; i < bundle.segment_count(); ++i) {
    const SegmentView view = bundle.Segment(i);
    for (const uint32_t port : view.inputs) sink = static_cast<uint8_t>(view.tensors[port].c);
    for (const SegmentNode& node : view.nodes) {
      sink = static_cast<uint8_t>(bundle.Blob(node.weight_blob).size());
    }
  }
  for (uint64_t i = 0; !bundle.Chunk(i).empty(); ++i) sink = bundle.Chunk(i).back();
  static_cast<void>(sink);
}

void Parse(uint8_t choice, std::span<const uint8_t> bytes) {
  constexpr uint64_t kExchangeSize = uint64_t{1} << 20;
  switch (choice % 5) {
    case 0:
      Visit(*BundleFile::Parse(bytes, std::nullopt));
      break;
    case 1:
      static_cast<void>(ParseManifest(bytes, 0));
      break;
    case 2:
      static_cast<void>(ParsePublicHalf(bytes, 0));
      break;
    case 3:
      static_cast<void>(UnverifiedPayload(bytes, 0));
      break;
    case 4:
      static_cast<void>(ParseMetadata(std::string(bytes.begin(), bytes.end()), kExchangeSize));
      break;
  }
}

}  // namespace
}  // namespace penumbra::host

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    penumbra::host::Parse(data[0], {data + 1, size - 1});
  } catch (const penumbra::host::HostError&) {
    // Refusing is what most inputs deserve; anything else is a finding.
  }
  return 0;
}
