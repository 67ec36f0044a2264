// Model files to graphs, whatever their format.
#ifndef PENUMBRA_MODEL_IMPORT_H_
#define PENUMBRA_MODEL_IMPORT_H_

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/graph.h"

namespace penumbra::model {

struct ImportOptions {
  // Input name to its full shape. A dynamic first dimension without an entry becomes 1; any other
  // dynamic dimension without an entry is an error. A symbolic dimension fixed here is fixed in
  // every input.
  std::map<std::string, Shape> shapes;
  // Input name to the constant that replaces it, converted to the input's element type. A single
  // element fills the whole input.
  std::map<std::string, Tensor> fix_inputs;
};

struct ImportedModel {
  // Shapes inferred, parameters canonical, If and functions inlined, everything constant folded.
  Graph graph;
  std::vector<std::string> notes;  // what a user should know, e.g. float16 computed as float32
};

// All operators of a model that are not supported, not only the first. Status kUnsupported.
class UnsupportedOperators : public ModelError {
 public:
  explicit UnsupportedOperators(std::vector<ErrorPlace> places);
  const std::vector<ErrorPlace>& places() const { return places_; }

 private:
  std::vector<ErrorPlace> places_;
};

// An ONNX file, or a TFLite file where name or content says so. Every byte is hostile. Throws
// ModelError: kIo and kNotFound for the file system, kMalformed and kTruncated for bytes that make
// no sense, kUnsupported and kUnsupportedVersion for what this room does not do, kWrongName and
// kWrongShape for options that do not fit the model.
ImportedModel ImportModelFile(const std::filesystem::path& path, const ImportOptions& options = {});

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_IMPORT_H_
