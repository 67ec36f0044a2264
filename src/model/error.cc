#include "model/error.h"

#include <utility>

namespace penumbra::model {
namespace {

std::string Sentence(const std::string& what, const ErrorPlace& place, const std::string& hint) {
  std::string text = what;
  std::string where;
  const auto add = [&where](const std::string& part) {
    where += (where.empty() ? "" : ", ") + part;
  };
  if (!place.op.empty()) add("operator " + place.op);
  if (!place.node.empty()) add("node '" + place.node + "'");
  if (place.opset >= 0) add("opset " + std::to_string(place.opset));
  if (!place.file.empty()) add("file " + place.file);
  if (place.file_offset >= 0) add("offset " + std::to_string(place.file_offset));
  if (!where.empty()) text += " [" + where + "]";
  if (!hint.empty()) text += "; " + hint;
  return text;
}

}  // namespace

ModelError::ModelError(Status status, const std::string& what, ErrorPlace place, std::string hint)
    : std::runtime_error(Sentence(what, place, hint)),
      status_(status),
      reason_(what),
      place_(std::move(place)),
      hint_(std::move(hint)) {}

ModelError ModelError::At(const ErrorPlace& outer) const {
  ErrorPlace place = place_;
  if (place.file.empty()) place.file = outer.file;
  if (place.node.empty()) place.node = outer.node;
  if (place.op.empty()) place.op = outer.op;
  if (place.opset < 0) place.opset = outer.opset;
  if (place.file_offset < 0) place.file_offset = outer.file_offset;
  return ModelError(status_, reason_, std::move(place), hint_);
}

}  // namespace penumbra::model
