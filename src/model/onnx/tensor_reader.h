// TensorProto to Tensor: raw, typed and external elements.
#ifndef PENUMBRA_MODEL_ONNX_TENSOR_READER_H_
#define PENUMBRA_MODEL_ONNX_TENSOR_READER_H_

#include <onnx/onnx.pb.h>

#include <filesystem>
#include <set>

#include "model/tensor.h"

namespace penumbra::model {

class TensorReader {
 public:
  // External data is looked for in `folder`; an empty path refuses it.
  explicit TensorReader(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // float16 and float64 elements become float32. Throws ModelError.
  Tensor Read(const onnx::TensorProto& proto);

  // Wide or narrow float types met so far.
  const std::set<DataType>& converted() const { return converted_; }
  void NoteConversion(DataType type);

 private:
  std::filesystem::path folder_;
  std::set<DataType> converted_;
};

// Reads [offset, offset + size) of `location`, a relative path that must stay inside `folder` after
// symbolic links are followed. Throws ModelError.
std::vector<std::byte> ReadExternalData(const std::filesystem::path& folder,
                                        const std::string& location, int64_t offset, size_t size);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_TENSOR_READER_H_
