#include "model/tflite/import.h"

#include <array>
#include <fstream>
#include <new>
#include <vector>

#include "model/import_errors.h"
#include "model/mapped_file.h"
#include "model/tflite/graph_builder.h"
#include "model/tflite/model_file.h"

namespace penumbra::model {

ImportedModel ImportTfliteBytes(std::span<const std::byte> bytes, const ImportOptions& options) {
  try {
    // A copy: what the verifier saw is what is read later, and it starts at an aligned address.
    const std::vector<std::byte> own(bytes.begin(), bytes.end());
    return TfliteGraphBuilder(VerifiedModel(own)).Build(options);
  } catch (const std::bad_alloc&) {
    throw ModelError(Status::kOutOfMemory, "not enough memory to read the model");
  }
}

ImportedModel ImportTfliteFile(const std::filesystem::path& path, const ImportOptions& options) {
  const MappedFile file(path);
  return InFile(path, [&] { return ImportTfliteBytes(file.bytes(), options); });
}

bool IsTfliteFile(const std::filesystem::path& path) {
  if (path.extension() == ".tflite") return true;
  std::array<char, kIdentifierOffset + kIdentifier.size()> head = {};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return std::string_view(head.data() + kIdentifierOffset, kIdentifier.size()) == kIdentifier;
}

}  // namespace penumbra::model
