// compare: is the protected model still right?
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "arguments.h"
#include "error_codes.h"
#include "model_options.h"
#include "scores.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

struct Options {
  std::string model, bundle, data;
  uint32_t limit = 0;
  ProtectArguments protect;  // for --layers; its import settings for the float model, too
  bool layers = false;
  std::string vendor_key;  // private
  double threshold_db = -20;
  SessionArguments session;
};

struct Tally {
  std::vector<float> errors;  // absolute, of every output element
  float largest_value = 0;    // of the float model
  uint64_t samples = 0, same_top = 0;
  uint64_t labelled = 0, float_right = 0, protected_right = 0;
};

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
              Session* session, LayerComparer* layers) {
  const Dataset dataset = ListDataset(options.data);
  const std::string scores = session->outputs().front().name;
  Tally tally;
  for (size_t file = 0; file < dataset.samples.size(); ++file) {
    const Sample& sample = dataset.samples[file];
    for (const TensorMap& feeds : ReadSamples(sample.path, session->inputs(), session->preprocess())) {
      if (options.limit != 0 && tally.samples == options.limit) return tally;
      const double by_files = static_cast<double>(file) / static_cast<double>(dataset.samples.size());
      const double by_limit =
          options.limit == 0 ? 0.0 : static_cast<double>(tally.samples) / static_cast<double>(options.limit);
      console.Progress("compare", std::max(by_files, by_limit));
      const TensorMap expected = model.Run(feeds, options.session.threads),
                      actual = session->Run(feeds);
      if (layers != nullptr) layers->Add(feeds, actual);
      CountErrors(expected, actual, &tally);
      const Tensor& output = expected.at(scores);
      const size_t score_count =
          IsFloat(output.type) ? output.values.size() : dataset.classes.size();
      CountClasses(TopScores(output, 1).front().index,
                   TopScores(actual.at(scores), 1).front().index,
                   TrueClass(sample, dataset, session->labels(), score_count), &tally);
      ++tally.samples;
    }
  }
  return tally;
}

// How the bundle was made: as it says itself when the vendor opens it, else as given. Paths and
// constant inputs are in no bundle.
ProtectOptions LayerOptions(const Options& options) {
  const ProtectOptions given = ToProtectOptions(options.protect);
  if (options.vendor_key.empty()) return given;
  const std::optional<SealedReport> report =
      ReadReport(options.bundle, {.vendor_private_key = options.vendor_key});
  if (!report) {
    throw Error(kNotFound, "the bundle holds no report of how it was made [" + options.bundle +
                               "]; give the options of 'penumbra protect' instead of --vendor-key");
  }
  ProtectOptions request = report->request;
  request.calibration = given.calibration;
  request.public_backbone = given.public_backbone;
  request.preprocess = given.preprocess;
  request.import.fix_inputs = given.import.fix_inputs;
  return request;
}

// A float that JSON has no number for is null: the layers are equal.
Json LayersJson(const LayerComparison& layers, double threshold_db) {
  Json list = Json::array();
  for (const LayerDifference& layer : layers.layers) {
    list.push_back({{"name", layer.name},
                    {"kind", layer.kind},
                    {"error_db", std::isfinite(layer.error_db) ? Json(layer.error_db) : nullptr},
                    {"max_abs_error", layer.max_error},
                    {"max_abs_value", layer.max_value}});
  }
  return {{"threshold_db", threshold_db},
          {"first_different",
           layers.first ? Json(layers.layers[*layers.first].name) : Json(nullptr)},
          {"first_different_index", layers.first ? Json(*layers.first) : Json(nullptr)},
          {"layers", list}};
}

std::string LayersText(const LayerComparison& layers, double threshold_db) {
  std::vector<Row> rows{{"layer", "kind", "error dB", "largest error", "largest value", ""}};
  for (size_t i = 0; i < layers.layers.size(); ++i) {
    const LayerDifference& layer = layers.layers[i];
    rows.push_back({layer.name, layer.kind,
                    std::isfinite(layer.error_db) ? Fixed(layer.error_db, 1) : "equal",
                    Fixed(layer.max_error, 6), Fixed(layer.max_value, 3),
                    layers.first == i ? "<- first above the threshold" : ""});
  }
  const std::string limit = Fixed(threshold_db, 1) + " dB";
  return "\n" + Table(rows) +
         (layers.first ? "first layer that differs by more than " + limit + ": " +
                             layers.layers[*layers.first].name + "\n"
                       : "no layer differs by more than " + limit + "\n");
}

void Run(const Options& options, const Console& console) {
  const FloatModel model(options.model, ToImportSettings(options.protect.import));
  Session session(console.env(), options.bundle, ToSessionOptions(options.session));
  const SessionInfo info = session.Info();
  if (!info.notice.empty()) console.Log(LogLevel::kWarning, info.notice);
  std::optional<LayerComparer> layers;
  if (options.layers) layers.emplace(options.model, LayerOptions(options), session.preprocess());
  Tally tally = Compare(options, console, model, &session, layers ? &*layers : nullptr);
  if (tally.samples == 0) throw Error(kInvalidArgument, "no sample to compare [" + options.data + "]");
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
  std::string text = Table(rows);
  if (layers) {
    const LayerComparison result = layers->Result(options.threshold_db);
    document.update(LayersJson(result, options.threshold_db));
    text += LayersText(result, options.threshold_db);
  }
  console.Result("compare", document, text);
}

}  // namespace

Verb AddCompare(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app->add_subcommand("compare", "compare a bundle with the model it was made from");
  command->add_option("model", options->model, "ONNX or TFLite file")->required();
  command->add_option("bundle", options->bundle, "bundle file")->required();
  command->add_option("--data", options->data, "folder of samples (as for --calibration), one subfolder per class")
      ->required();
  command->add_option("--limit", options->limit, "samples to use at most; default: all");
  command->add_flag("--layers", options->layers,
                    "also layer by layer; needs the options the bundle was made with, or "
                    "--vendor-key and --calibration");
  command->add_option("--vendor-key", options->vendor_key,
                      "vendor's private key: takes those options from the bundle");
  command
      ->add_option("--threshold-db", options->threshold_db,
                   "error of a layer, relative to its values, that counts as different")
      ->capture_default_str();
  AddProtectArguments(command, &options->protect, "--public-layers");
  AddSessionArguments(command, &options->session);
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
