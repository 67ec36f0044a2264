#include "model/import_errors.h"

namespace penumbra::model {

void Complaints::Throw() const {
  if (complaints_.empty()) return;
  if (complaints_.size() == 1) throw complaints_.front();
  std::string all;
  for (const ModelError& complaint : complaints_) all += std::string("\n  ") + complaint.what();
  throw ModelError(Status::kUnsupported,
                   std::to_string(complaints_.size()) + " nodes cannot be imported:" + all);
}

std::vector<std::string> ConversionNotes(const std::set<DataType>& converted) {
  std::vector<std::string> notes;
  for (const DataType type : converted) {
    notes.push_back("tensors of " + std::string(DataTypeName(type)) + " are computed as float32");
  }
  return notes;
}

}  // namespace penumbra::model
