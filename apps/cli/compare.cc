// compare: is the protected model still right?
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "arguments.h"
#include "model_options.h"
#include "scores.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kWrongShape = 103, kUnsupported = 106;

struct Options {
  std::string model, bundle, data;
  uint32_t limit = 0;
  ImportArguments import;
  SessionArguments session;
};

struct Tally {
  std::vector<float> errors;  // absolute, of every output element
  float largest_value = 0;    // of the float model
  uint64_t samples = 0, same_top = 0;
  uint64_t labelled = 0, float_right = 0, protected_right = 0;
};

// The class of a sample as the model numbers it: by name where the bundle has labels, else in the
// sorted order of the folders when there are as many as scores.
std::optional<uint32_t> TrueClass(const Sample& sample, const Dataset& dataset,
                                  const std::vector<std::string>& labels, size_t score_count) {
  if (sample.label < 0) return std::nullopt;
  const std::string& name = dataset.classes[static_cast<size_t>(sample.label)];
  const auto found = std::ranges::find(labels, name);
  if (found != labels.end()) return static_cast<uint32_t>(found - labels.begin());
  if (labels.empty() && dataset.classes.size() == score_count)
    return static_cast<uint32_t>(sample.label);
  return std::nullopt;
}

void CountErrors(const TensorMap& expected, const TensorMap& actual, Tally* tally) {
  for (const auto& [name, tensor] : expected) {
    const auto other = actual.find(name);
    if (other == actual.end() || other->second.values.size() != tensor.values.size()) {
      throw Error(kWrongShape, "the bundle has no such output as the model's '" + name +
                                   "'; compare a bundle with the model it was made from");
    }
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tally->errors.push_back(std::abs(tensor.values[i] - other->second.values[i]));
      tally->largest_value = std::max(tally->largest_value, std::abs(tensor.values[i]));
    }
  }
}

void CountClasses(uint32_t expected_top, uint32_t actual_top, std::optional<uint32_t> truth,
                  Tally* tally) {
  tally->same_top += expected_top == actual_top ? 1 : 0;
  if (!truth) return;
  ++tally->labelled;
  tally->float_right += expected_top == *truth ? 1 : 0;
  tally->protected_right += actual_top == *truth ? 1 : 0;
}

Tally Compare(const Options& options, const Console& console, const FloatModel& model,
              Session* session) {
  if (session->inputs().size() != 1) {
    throw Error(kUnsupported,
                "compare needs a model with one input; fix the others with --fix-input");
  }
  const Dataset dataset = ListDataset(options.data);
  const TensorInfo input = session->inputs().front();
  const std::string scores = session->outputs().front().name;
  const size_t limit = options.limit == 0 ? dataset.samples.size() : options.limit;
  Tally tally;
  for (const Sample& sample : dataset.samples) {
    for (Tensor& tensor : SplitSamples(input, ReadSample(sample.path, session->preprocess()))) {
      if (tally.samples == limit) return tally;
      console.Progress("compare", static_cast<double>(tally.samples) / static_cast<double>(limit));
      const TensorMap feeds{{input.name, std::move(tensor)}};
      const TensorMap expected = model.Run(feeds, options.session.threads),
                      actual = session->Run(feeds);
      CountErrors(expected, actual, &tally);
      const std::vector<float>& values = expected.at(scores).values;
      CountClasses(TopScores(values, 1).front().index,
                   TopScores(actual.at(scores).values, 1).front().index,
                   TrueClass(sample, dataset, session->labels(), values.size()), &tally);
      ++tally.samples;
    }
  }
  return tally;
}

void Run(const Options& options, const Console& console) {
  const FloatModel model(options.model, ToImportSettings(options.import));
  Session session(console.env(), options.bundle, ToSessionOptions(options.session));
  const SessionInfo info = session.Info();
  if (!info.notice.empty()) console.Log(LogLevel::kWarning, info.notice);
  Tally tally = Compare(options, console, model, &session);
  const auto middle = tally.errors.begin() + static_cast<ptrdiff_t>(tally.errors.size() / 2);
  std::nth_element(tally.errors.begin(), middle, tally.errors.end());
  const double median = *middle, largest = *std::ranges::max_element(tally.errors);
  const auto share = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  const double agreement = share(tally.same_top, tally.samples);
  Json document{{"samples", tally.samples},
                {"max_abs_error", largest},
                {"median_abs_error", median},
                {"max_abs_value", tally.largest_value},
                {"top1_agreement", agreement}};
  std::vector<Row> rows{
      {"samples", std::to_string(tally.samples)},
      {"largest error", Fixed(largest, 6), "largest output " + Fixed(tally.largest_value, 3)},
      {"median error", Fixed(median, 6)},
      {"top-1 agreement", Fixed(100 * agreement, 2) + " %",
       std::to_string(tally.same_top) + " of " + std::to_string(tally.samples)}};
  if (tally.labelled != 0) {
    const double unprotected = share(tally.float_right, tally.labelled);
    const double secure = share(tally.protected_right, tally.labelled);
    document["labelled_samples"] = tally.labelled;
    document["float_accuracy"] = unprotected;
    document["protected_accuracy"] = secure;
    rows.push_back({"accuracy, float", Fixed(100 * unprotected, 2) + " %"});
    rows.push_back({"accuracy, protected", Fixed(100 * secure, 2) + " %"});
  }
  console.Result("compare", document, Table(rows));
}

}  // namespace

Verb AddCompare(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app->add_subcommand("compare", "compare a bundle with the model it was made from");
  command->add_option("model", options->model, "ONNX file")->required();
  command->add_option("bundle", options->bundle, "bundle file")->required();
  command->add_option("--data", options->data, "folder of samples, one subfolder per class")
      ->required();
  command->add_option("--limit", options->limit, "samples to use at most; default: all");
  AddImportArguments(command, &options->import);
  AddSessionArguments(command, &options->session);
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
