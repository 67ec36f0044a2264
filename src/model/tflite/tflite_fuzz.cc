// libFuzzer entry: see testing/fuzz_graph.h.
#include "model/testing/fuzz_graph.h"
#include "model/tflite/import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return penumbra::model::FuzzImporter(
      std::as_bytes(std::span(data, size)),
      [](std::span<const std::byte> bytes) { return penumbra::model::ImportTfliteBytes(bytes); });
}
