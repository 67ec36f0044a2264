// Named tensors, and the files they come from. Functions throw Error and may run in any thread.
#ifndef PENUMBRA_TENSOR_H_
#define PENUMBRA_TENSOR_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "penumbra/export.h"

namespace penumbra {

// Element types of models and files. Values are kept as float32 whatever the type: exact for bool
// and for integers up to 2^24; float16 and float64 are computed as float32.
enum class TensorType : uint8_t {
  kFloat32,
  kFloat16,
  kFloat64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kBool,
};
PENUMBRA_API std::string TensorTypeName(TensorType type);  // "int64"

struct Tensor {
  std::vector<int64_t> shape;  // in the model's own axis order, outermost first
  std::vector<float> values;   // row-major
  // What the values stand for: as read from a file, as the model declares an output.
  TensorType type = TensorType::kFloat32;
};
using TensorMap = std::map<std::string, Tensor>;  // by the name of the model's input or output

struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
  TensorType type = TensorType::kFloat32;
};

// NumPy .npy, versions 1 to 3, of any TensorType. P101 for an integer that float32 cannot hold.
// Written with the tensor's element type.
PENUMBRA_API Tensor ReadNpy(const std::filesystem::path& path);
PENUMBRA_API void WriteNpy(const std::filesystem::path& path, const Tensor& tensor);
// NumPy .npz: an archive of such arrays by name.
PENUMBRA_API void WriteNpz(const std::filesystem::path& path, const TensorMap& tensors);

// 8-bit RGB, [height][width][3].
PENUMBRA_API void WritePng(const std::filesystem::path& path, uint32_t width, uint32_t height,
                           const std::vector<uint8_t>& rgb);

// A file that holds exactly `text`, written complete or not at all.
PENUMBRA_API void WriteText(const std::filesystem::path& path, const std::string& text);

// How pictures become inputs: the JSON object of docs/json_schema.md. `spec`: "imagenet",
// "cifar10", "none" or the path of a JSON file; `labels` (may be empty): a file with one class name
// a line. height, width: the model's input.
PENUMBRA_API std::string ResolvePreprocess(const std::string& spec, uint32_t height, uint32_t width,
                                           const std::filesystem::path& labels);

// A .npy array, or a JPEG or PNG picture brought into shape by `preprocess` (JSON; may be empty for
// arrays).
PENUMBRA_API Tensor ReadSample(const std::filesystem::path& path, const std::string& preprocess);

// A tensor as the samples of one input: its own shape, that shape without outer extents of 1, or
// any number of samples along a first axis, in place of an outer 1 or before it. Throws P103 for every other shape.
PENUMBRA_API std::vector<Tensor> SplitSamples(const TensorInfo& input, const Tensor& tensor);

// The samples of a file for a model with these inputs: for one input all that ReadSample reads, split by SplitSamples; for
// any number of inputs NumPy's .npz with an array for each, named like it, all with as many samples (TensorMap: one each).
// Throws Error: P102 for an array that is no input's or an input without array, P103 for shapes and counts.
PENUMBRA_API std::vector<TensorMap> ReadSamples(const std::filesystem::path& path, const std::vector<TensorInfo>& inputs,
                                                const std::string& preprocess);

struct Sample {
  std::filesystem::path path;
  int label = -1;  // index into Dataset::classes; -1: unknown
};
struct Dataset {
  std::vector<Sample> samples;       // classes in turn, so that any prefix has all of them
  std::vector<std::string> classes;  // folder names, sorted
};
// Every .npy, .npz, .jpg, .jpeg and .png below `folder`; the folder a sample lies in is its class.
PENUMBRA_API Dataset ListDataset(const std::filesystem::path& folder);

}  // namespace penumbra

#endif  // PENUMBRA_TENSOR_H_
