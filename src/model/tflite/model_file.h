// The bytes of a TFLite file, checked as far as no operator is needed for it.
#ifndef PENUMBRA_MODEL_TFLITE_MODEL_FILE_H_
#define PENUMBRA_MODEL_TFLITE_MODEL_FILE_H_

#include <tflite/schema_generated.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/tensor.h"

namespace penumbra::model {

inline constexpr std::string_view kIdentifier = "TFL3";
inline constexpr size_t kIdentifierOffset = 4;  // bytes

// Runs the FlatBuffers verifier over all of it. `bytes` start at an aligned address and outlive the
// result. One subgraph, and every index (tensor, buffer, operator code) is in range. Throws
// ModelError.
const tflite::Model& VerifiedModel(std::span<const std::byte> bytes);

inline const tflite::SubGraph& MainSubgraph(const tflite::Model& model) {
  return *model.subgraphs()->Get(0);
}

// kUndefined for types that are not supported.
DataType DataTypeFromTflite(tflite::TensorType type);
// Whether integers stand for real numbers.
bool IsQuantized(const tflite::Tensor& tensor);
// Whether the file holds the tensor's elements.
bool IsConstant(const tflite::Model& model, const tflite::Tensor& tensor);
// As far as the file fixes it: -1 for an open dimension.
Shape DeclaredShape(const tflite::Tensor& tensor);

// The elements of a constant tensor; float16 and float64 become float32. Throws ModelError.
Tensor ReadTensor(const tflite::Model& model, const tflite::Tensor& tensor);

// "CONV_2D", or "operator 200" where the schema does not know it.
std::string BuiltinName(tflite::BuiltinOperator op);
tflite::BuiltinOperator BuiltinOf(const tflite::OperatorCode& code);

inline std::string Text(const flatbuffers::String* text) {
  return text == nullptr ? "" : text->str();
}

// A vector of the file that may be absent, as a range.
template <typename Vector>
auto Items(const Vector* vector) {
  struct Range {
    const Vector* items;
    auto begin() const { return items == nullptr ? decltype(items->begin())() : items->begin(); }
    auto end() const { return items == nullptr ? decltype(items->end())() : items->end(); }
  };
  return Range{vector};
}

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_MODEL_FILE_H_
