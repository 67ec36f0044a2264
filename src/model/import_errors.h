// What importers of all formats do about errors.
#ifndef PENUMBRA_MODEL_IMPORT_ERRORS_H_
#define PENUMBRA_MODEL_IMPORT_ERRORS_H_

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "model/import.h"

namespace penumbra::model {

inline constexpr size_t kMaxNodeCount = size_t{1} << 16;  // of a graph, after inlining

// Ends the import at once: to go on with other nodes could take forever.
class LimitExceeded : public ModelError {
 public:
  explicit LimitExceeded(const std::string& what) : ModelError(Status::kUnsupported, what) {}
};

// Nodes that cannot be imported, collected so that one error names all of them.
class Complaints {
 public:
  void Add(const ModelError& complaint) { complaints_.push_back(complaint); }
  void Throw() const;  // ModelError(kUnsupported) when there is any

 private:
  std::vector<ModelError> complaints_;
};

// One note for each type of the file that the graph computes with as float32.
std::vector<std::string> ConversionNotes(const std::set<DataType>& converted);

// Runs `import` and tells errors which file they are about.
template <typename Import>
ImportedModel InFile(const std::filesystem::path& path, Import&& import) {
  try {
    return import();
  } catch (const UnsupportedOperators&) {
    throw;
  } catch (const ModelError& error) {
    throw error.At({.file = path.string()});
  }
}

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_IMPORT_ERRORS_H_
