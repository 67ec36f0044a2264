// The one exception type of the model room. It never leaves the vendor's machine, so messages may
// name operators, nodes and files, but they never print a weight.
#ifndef PENUMBRA_MODEL_ERROR_H_
#define PENUMBRA_MODEL_ERROR_H_

#include <stdexcept>
#include <string>

#include "boundary/status.h"

namespace penumbra::model {

// The hint where an operator needs a constant and finds none.
inline constexpr const char* kFixInputHint = "turn the model input it depends on into a constant with --fix-input";

// Where something went wrong. Empty or negative fields are unknown and left out of the message.
struct ErrorPlace {
  std::string file = {};
  std::string node = {};     // name of the node, or of its first output when it has none
  std::string op = {};       // ONNX operator name, with its domain when that is not the default one
  int opset = -1;            // operator set version the model imports
  int64_t file_offset = -1;  // bytes from the start of `file`
};

// what() is one line: what failed, where, and what to do next.
class ModelError : public std::runtime_error {
 public:
  ModelError(Status status, const std::string& what, ErrorPlace place = {}, std::string hint = {});

  Status status() const { return status_; }
  const ErrorPlace& place() const { return place_; }
  const std::string& hint() const { return hint_; }
  const std::string& reason() const { return reason_; }  // what failed, without place and hint

  // The same error with the empty fields of its place filled in by an outer caller that knows them.
  ModelError At(const ErrorPlace& outer) const;

 private:
  Status status_;
  std::string reason_;
  ErrorPlace place_;
  std::string hint_;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ERROR_H_
