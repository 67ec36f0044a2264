// TFLite files to graphs: float32, and float16 weights.
#ifndef PENUMBRA_MODEL_TFLITE_IMPORT_H_
#define PENUMBRA_MODEL_TFLITE_IMPORT_H_

#include <cstddef>
#include <filesystem>
#include <span>

#include "model/import.h"

namespace penumbra::model {

// Every byte of the file is hostile. Throws ModelError as ImportModelFile does. Inputs and outputs
// keep their names (a name that is taken gets a suffix), shapes and order of axes.
ImportedModel ImportTfliteFile(const std::filesystem::path& path,
                               const ImportOptions& options = {});
ImportedModel ImportTfliteBytes(std::span<const std::byte> bytes,
                                const ImportOptions& options = {});

// By the ending .tflite or the identifier in the file; false for a file that cannot be read.
bool IsTfliteFile(const std::filesystem::path& path);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_IMPORT_H_
