// ONNX files to graphs. Operator sets 7 to 21 of the default domain; older ones as far as their
// operators have not changed since.
#ifndef PENUMBRA_MODEL_ONNX_IMPORT_H_
#define PENUMBRA_MODEL_ONNX_IMPORT_H_

#include <cstddef>
#include <filesystem>
#include <span>

#include "model/import.h"
#include "model/tensor.h"

namespace penumbra::model {

// Every byte of the file is hostile. Throws ModelError: kIo and kNotFound for the file system,
// kMalformed and kTruncated for bytes that make no sense, kUnsupported and kUnsupportedVersion for
// what this room does not do, kWrongName and kWrongShape for options that do not fit the model.
// External data is read only from the folder of the model.
ImportedModel ImportOnnxFile(const std::filesystem::path& path, const ImportOptions& options = {});

// The same from memory; external data is refused.
ImportedModel ImportOnnxBytes(std::span<const std::byte> bytes, const ImportOptions& options = {});

// One serialised TensorProto, as the ONNX test suites store inputs and outputs.
Tensor ReadOnnxTensor(std::span<const std::byte> bytes);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_IMPORT_H_
