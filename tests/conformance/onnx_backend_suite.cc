// Runs the ONNX backend test suite (folders with model.onnx and
// test_data_set_*/{input,output}_*.pb) against the importer and the reference interpreter.
//
//   onnx_backend_suite [--min-passed N] [--verbose] FOLDER...
//
// Each case runs twice, as imported and after the normalising passes. A case is refused when the
// importer says that it does not support it; everything else must pass. Exit code 1 when a case
// failed or fewer than N passed.
#include <onnx/onnx.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/interpreter.h"
#include "model/onnx/import.h"
#include "model/op_table.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

// Tolerances of the suite's own runner.
constexpr double kRelativeTolerance = 1e-3;
constexpr double kAbsoluteTolerance = 1e-7;

struct Report {
  int passed = 0;
  int failed = 0;
  std::map<std::string, int> refusals;  // reason to number of cases
};

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<Tensor> ReadTensors(const fs::path& folder, const std::string& stem, size_t most) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < most; ++i) {
    const fs::path path = folder / (stem + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) break;
    const std::string bytes = ReadFile(path);
    tensors.push_back(ReadOnnxTensor(std::as_bytes(std::span(bytes))));
  }
  return tensors;
}

// Names that operators need as constants: parameters by the operator table, and conditions of If.
std::set<std::string> ParameterNames(const onnx::GraphProto& graph) {
  std::set<std::string> names;
  for (const auto& node : graph.node()) {
    const OpInfo* info = FindOp(node.op_type());
    uint32_t positions = info == nullptr ? 0 : info->parameter_inputs;
    if (node.op_type() == "If") positions = 1;
    for (int i = 0; i < node.input_size(); ++i) {
      if ((positions >> i & 1) != 0) names.insert(node.input(i));
    }
  }
  return names;
}

template <typename T>
bool Equal(T got, T expected) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(expected)) return std::isnan(got);
    if (std::isinf(expected)) return got == expected;
    return std::fabs(got - expected) <=
           kAbsoluteTolerance + kRelativeTolerance * std::fabs(expected);
  } else {
    return got == expected;
  }
}

// Empty when equal.
std::string Difference(const Tensor& got, const Tensor& expected) {
  if (got.type() != expected.type()) {
    return "type " + std::string(DataTypeName(got.type())) + ", expected " +
           std::string(DataTypeName(expected.type()));
  }
  if (got.shape() != expected.shape()) {
    return "shape " + ShapeText(got.shape()) + ", expected " + ShapeText(expected.shape());
  }
  return WithElementType(got.type(), [&](auto tag) -> std::string {
    using T = decltype(tag);
    for (size_t i = 0; i < static_cast<size_t>(got.count()); ++i) {
      const T a = got.Data<T>()[i];
      const T b = expected.Data<T>()[i];
      if (!Equal(a, b)) {
        return "element " + std::to_string(i) + " is " + std::to_string(a) + ", expected " +
               std::to_string(b);
      }
    }
    return "";
  });
}

std::string Compare(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                    const std::vector<Tensor>& expected) {
  const auto outputs = Interpreter(graph).Run(inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = graph.value(graph.outputs.at(i)).name;
    const std::string difference = Difference(outputs.at(name), expected[i]);
    if (!difference.empty()) return "output '" + name + "': " + difference;
  }
  return "";
}

// Empty when the data set passes. Throws ModelError.
std::string RunDataSet(const fs::path& model_path, const onnx::ModelProto& proto,
                       const fs::path& data) {
  for (const auto& input : proto.graph().input()) {
    if (!input.type().has_tensor_type())
      throw ModelError(Status::kUnsupported, "an input that is not a tensor");
  }
  const auto input_count = static_cast<size_t>(proto.graph().input_size());
  const auto tensors = ReadTensors(data, "input", input_count);
  const std::set<std::string> parameters = ParameterNames(proto.graph());
  ImportOptions options;
  std::map<std::string, Tensor> inputs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = proto.graph().input(static_cast<int>(i)).name();
    if (parameters.contains(name)) {
      options.fix_inputs[name] = tensors[i];
    } else {
      options.shapes[name] = tensors[i].shape();
      inputs[name] = tensors[i];
    }
  }
  ImportedModel model = ImportOnnxFile(model_path, options);
  const auto expected = ReadTensors(data, "output", model.graph.outputs.size());
  if (expected.empty()) return "no expected output";
  const std::string difference = Compare(model.graph, inputs, expected);
  if (!difference.empty()) return difference;
  Normalize(model.graph);
  InferShapes(model.graph);
  const std::string after_passes = Compare(model.graph, inputs, expected);
  return after_passes.empty() ? "" : "after the passes, " + after_passes;
}

std::string ReasonOf(const ModelError& error) {
  if (const auto* many = dynamic_cast<const UnsupportedOperators*>(&error)) {
    return "operator " + many->places().front().op;
  }
  return error.place().op.empty() ? error.reason() : error.place().op + ": " + error.reason();
}

void RunCase(const fs::path& folder, bool verbose, Report* report) {
  const std::string name = folder.filename().string();
  onnx::ModelProto proto;
  proto.ParseFromString(ReadFile(folder / "model.onnx"));
  std::string failure;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory() && failure.empty()) {
        failure = RunDataSet(folder / "model.onnx", proto, entry.path());
      }
    }
  } catch (const ModelError& error) {
    if (error.status() == Status::kUnsupported || error.status() == Status::kUnsupportedVersion) {
      ++report->refusals[ReasonOf(error)];
      if (verbose) std::printf("refused %s: %s\n", name.c_str(), error.what());
      return;
    }
    failure = error.what();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (failure.empty()) {
    ++report->passed;
    if (verbose) std::printf("passed %s\n", name.c_str());
    return;
  }
  ++report->failed;
  std::printf("FAILED %s: %s\n", name.c_str(), failure.c_str());
}

std::vector<fs::path> CasesIn(const fs::path& folder) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
  }
  std::ranges::sort(cases);
  return cases;
}

int Summarize(const Report& report, int min_passed) {
  int refused = 0;
  std::vector<std::pair<int, std::string>> reasons;
  for (const auto& [reason, count] : report.refusals) {
    refused += count;
    reasons.emplace_back(-count, reason);
  }
  std::ranges::sort(reasons);
  std::printf("refused because of:\n");
  for (const auto& [count, reason] : reasons) std::printf("  %4d  %s\n", -count, reason.c_str());
  std::printf("%d passed, %d refused, %d failed\n", report.passed, refused, report.failed);
  if (report.passed < min_passed) std::printf("fewer than the expected %d passed\n", min_passed);
  return report.failed == 0 && report.passed >= min_passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int Main(int argc, char** argv) {
  int min_passed = 1;
  bool verbose = false;
  Report report;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--min-passed") == 0 && i + 1 < argc) {
      min_passed = std::atoi(argv[++i]);
    } else if (std::strcmp(argv[i], "--verbose") == 0) {
      verbose = true;
    } else {
      for (const fs::path& folder : CasesIn(argv[i])) RunCase(folder, verbose, &report);
    }
  }
  return Summarize(report, min_passed);
}

}  // namespace
}  // namespace penumbra::model

int main(int argc, char** argv) {
  try {
    return penumbra::model::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
