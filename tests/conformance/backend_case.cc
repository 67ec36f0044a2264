#include "backend_case.h"

#include <onnx/onnx.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "model/op_table.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

// Tolerances of the suite's own runner.
constexpr double kRelativeTolerance = 1e-3;

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

// Names that operators need as constants: parameters by the operator table, and what
// If and Loop decide by.
std::set<std::string> ParameterNames(const onnx::GraphProto& graph) {
  std::set<std::string> names;
  for (const auto& node : graph.node()) {
    const OpInfo* info = FindOp(node.op_type());
    uint32_t positions = info == nullptr ? 0 : info->parameter_inputs;
    if (node.op_type() == "If") positions = 1;
    if (node.op_type() == "Loop") positions = 3;
    for (int i = 0; i < node.input_size(); ++i) {
      if ((positions >> i & 1) != 0) names.insert(node.input(i));
    }
  }
  return names;
}

template <typename T>
bool Equal(T got, T expected, double absolute_tolerance) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(expected)) return std::isnan(got);
    if (std::isinf(expected)) return got == expected;
    return std::fabs(got - expected) <=
           absolute_tolerance + kRelativeTolerance * std::fabs(expected);
  } else {
    return got == expected;
  }
}

BackendCase ReadCase(const fs::path& model_path, const onnx::ModelProto& proto,
                     const fs::path& data) {
  for (const auto& input : proto.graph().input()) {
    if (!input.type().has_tensor_type())
      throw ModelError(Status::kUnsupported, "an input that is not a tensor");
  }
  const auto input_count = static_cast<size_t>(proto.graph().input_size());
  const auto tensors = ReadTensors(data, "input", input_count);
  const std::set<std::string> parameters = ParameterNames(proto.graph());
  ImportOptions options;
  BackendCase result;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = proto.graph().input(static_cast<int>(i)).name();
    if (parameters.contains(name)) {
      options.fix_inputs[name] = tensors[i];
    } else {
      options.shapes[name] = tensors[i].shape();
      result.inputs[name] = tensors[i];
    }
  }
  result.model = ImportOnnxFile(model_path, options);
  result.expected = ReadTensors(data, "output", result.model.graph.outputs.size());
  return result;
}

std::string ReasonOf(const ModelError& error) {
  if (const auto* many = dynamic_cast<const UnsupportedOperators*>(&error)) {
    return "operator " + many->places().front().op;
  }
  return error.place().op.empty() ? error.reason() : error.place().op + ": " + error.reason();
}

using Body = std::function<std::string(BackendCase&)>;

std::string RunDataSets(const fs::path& folder, const Body& body) {
  onnx::ModelProto proto;
  proto.ParseFromString(ReadFile(folder / "model.onnx"));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    BackendCase data = ReadCase(folder / "model.onnx", proto, entry.path());
    if (data.expected.empty()) return "no expected output";
    const std::string failure = body(data);
    if (!failure.empty()) return failure;
  }
  return "";
}

void RunCase(const fs::path& folder, bool verbose, const Body& body, Report* report) {
  const std::string name = folder.filename().string();
  std::string failure;
  try {
    failure = RunDataSets(folder, body);
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

}  // namespace

// Empty when equal.
std::string Difference(const Tensor& got, const Tensor& expected, double absolute_tolerance) {
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
      if (!Equal(a, b, absolute_tolerance)) {
        return "element " + std::to_string(i) + " is " + std::to_string(a) + ", expected " +
               std::to_string(b);
      }
    }
    return "";
  });
}

SuiteOptions ParseSuiteOptions(int argc, char** argv,
                               const std::function<bool(const std::string& argument)>& other) {
  SuiteOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--min-passed" && i + 1 < argc) {
      options.min_passed = std::atoi(argv[++i]);
    } else if (argument == "--verbose") {
      options.verbose = true;
    } else if (!other || !other(argument)) {
      options.folders.emplace_back(argument);
    }
  }
  return options;
}

int RunSuite(const SuiteOptions& options, const std::function<std::string(BackendCase&)>& body) {
  Report report;
  for (const fs::path& folder : options.folders) {
    for (const fs::path& path : CasesIn(folder)) RunCase(path, options.verbose, body, &report);
  }
  return Summarize(report, options.min_passed);
}

}  // namespace penumbra::model
