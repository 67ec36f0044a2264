// The ONNX backend test suite: folders with model.onnx and test_data_set_*/{input,output}_*.pb.
#ifndef PENUMBRA_TESTS_CONFORMANCE_BACKEND_CASE_H_
#define PENUMBRA_TESTS_CONFORMANCE_BACKEND_CASE_H_

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/onnx/import.h"
#include "model/tensor.h"

namespace penumbra::model {

// One data set of a case: its inputs, what operators need as constants already fixed.
struct BackendCase {
  ImportedModel model;
  std::map<std::string, Tensor> inputs;
  std::vector<Tensor> expected;  // outputs in the order of the model
};

// Runs `body` on every data set of every case below the folders. `body` returns what is wrong, or
// nothing; a ModelError of kUnsupported or kUnsupportedVersion counts as refused, every other
// exception as a failure. Prints failures at once and a summary at the end.
struct SuiteOptions {
  std::vector<std::filesystem::path> folders;
  int min_passed = 1;
  bool verbose = false;
};
// Arguments [--min-passed N] [--verbose] FOLDER...; others go to `other`, which says whether it
// knows them.
SuiteOptions ParseSuiteOptions(int argc, char** argv,
                               const std::function<bool(const std::string& argument)>& other = {});
// Exit code: 0 when nothing failed and enough passed.
int RunSuite(const SuiteOptions& options, const std::function<std::string(BackendCase&)>& body);

// The tolerance of the suite's own runner beside the relative one.
inline constexpr double kAbsoluteTolerance = 1e-7;
// Empty when equal within the relative tolerance of the suite's own runner and the absolute one given.
std::string Difference(const Tensor& got, const Tensor& expected,
                       double absolute_tolerance = kAbsoluteTolerance);

}  // namespace penumbra::model

#endif  // PENUMBRA_TESTS_CONFORMANCE_BACKEND_CASE_H_
