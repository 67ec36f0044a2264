// Named float32 tensors, and the files they come from. Functions throw Error and may run in any
// thread.
#ifndef PENUMBRA_TENSOR_H_
#define PENUMBRA_TENSOR_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "penumbra/export.h"

namespace penumbra {

struct Tensor {
  std::vector<int64_t> shape;  // in the model's own axis order, outermost first
  std::vector<float> values;   // row-major
};
using TensorMap = std::map<std::string, Tensor>;  // by the name of the model's input or output

struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
};

// NumPy .npy, versions 1 to 3; integers, bool and other floats are converted. Written as '<f4'.
PENUMBRA_API Tensor ReadNpy(const std::filesystem::path& path);
PENUMBRA_API void WriteNpy(const std::filesystem::path& path, const Tensor& tensor);

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
// any number of samples along a further first axis. Throws P103 for every other shape.
PENUMBRA_API std::vector<Tensor> SplitSamples(const TensorInfo& input, const Tensor& tensor);

struct Sample {
  std::filesystem::path path;
  int label = -1;  // index into Dataset::classes; -1: unknown
};
struct Dataset {
  std::vector<Sample> samples;       // classes in turn, so that any prefix has all of them
  std::vector<std::string> classes;  // folder names, sorted
};
// Every .npy, .jpg, .jpeg and .png below `folder`; the folder a sample lies in is its class.
PENUMBRA_API Dataset ListDataset(const std::filesystem::path& folder);

}  // namespace penumbra

#endif  // PENUMBRA_TENSOR_H_
