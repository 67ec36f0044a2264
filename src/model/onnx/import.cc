#include "model/onnx/import.h"

#include <new>

#include "model/import_errors.h"
#include "model/mapped_file.h"
#include "model/onnx/graph_builder.h"
#include "model/onnx/tensor_reader.h"
#include "model/onnx/wire.h"

namespace penumbra::model {
namespace {

ImportedModel Import(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                     const ImportOptions& options) {
  try {
    const onnx::ModelProto proto = ParseModel(bytes);
    TensorReader reader(folder);
    ImportedModel model;
    model.graph = GraphBuilder(proto, &reader).Build(options);
    model.notes = ConversionNotes(reader.converted());
    return model;
  } catch (const std::bad_alloc&) {
    throw ModelError(Status::kOutOfMemory, "not enough memory to read the model");
  }
}

}  // namespace

ImportedModel ImportOnnxFile(const std::filesystem::path& path, const ImportOptions& options) {
  const MappedFile file(path);
  return InFile(path, [&] {
    return Import(file.bytes(), std::filesystem::absolute(path).parent_path(), options);
  });
}

ImportedModel ImportOnnxBytes(std::span<const std::byte> bytes, const ImportOptions& options) {
  return Import(bytes, {}, options);
}

Tensor ReadOnnxTensor(std::span<const std::byte> bytes) {
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw ModelError(Status::kMalformed, "the bytes are not an ONNX tensor");
  }
  return TensorReader({}).Read(proto);
}

}  // namespace penumbra::model
