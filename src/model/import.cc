#include "model/import.h"

#include <utility>

#include "model/onnx/import.h"
#include "model/tflite/import.h"

namespace penumbra::model {
namespace {

std::string ListOf(const std::vector<ErrorPlace>& places) {
  std::string list;
  for (const ErrorPlace& place : places) {
    list += (list.empty() ? "" : "; ") + place.op + " (node '" + place.node + "'";
    if (place.opset >= 0) list += ", opset " + std::to_string(place.opset);
    list += ")";
  }
  return list;
}

}  // namespace

UnsupportedOperators::UnsupportedOperators(std::vector<ErrorPlace> places)
    : ModelError(Status::kUnsupported, "unsupported operators: " + ListOf(places), {},
                 "`penumbra ops` lists those that are supported"),
      places_(std::move(places)) {}

ImportedModel ImportModelFile(const std::filesystem::path& path, const ImportOptions& options) {
  return IsTfliteFile(path) ? ImportTfliteFile(path, options) : ImportOnnxFile(path, options);
}

}  // namespace penumbra::model
