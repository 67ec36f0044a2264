#include "paper_metric.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "charts.h"
#include "paper_plan.h"
#include "paper_sweeps.h"

namespace penumbra::cli {
namespace {

constexpr double kDefaultRatio = 1.2;

double Log2Factorial(double n) { return std::lgamma(n + 1) / std::log(2.0); }

struct Layer {
  std::string name;
  uint32_t filters = 0;
  HiddenFilters hidden;

  // log2 of its keys, all alike likely. `ratio` does not count for channelwise layers.
  double Bits(double ratio) const {
    if (hidden.channelwise) return Log2Factorial(filters) + filters * hidden.scalar_bits;
    const uint32_t m = filters / hidden.groups;
    const uint32_t random = std::max(m + 1, static_cast<uint32_t>(std::floor(ratio * m))) - m;
    const double order = Log2Factorial(m + random) - Log2Factorial(random);
    return hidden.groups * (order + m * std::log2(random) + m * hidden.scalar_bits);
  }
};

// Layers that share their weights are one.
std::vector<Layer> LayersOf(const ProtectReport& report, const std::filesystem::path& bundle) {
  std::vector<Layer> layers;
  for (const HiddenFilters& hidden : RecoverHiddenFilters(bundle)) {
    const auto found = std::ranges::find(report.layers, std::optional<uint32_t>(hidden.segment), &ProtectedLayer::segment);
    if (found != report.layers.end()) layers.push_back({found->name, found->output.back(), hidden});
  }
  return layers;
}

Json RatiosJson(const std::vector<Layer>& layers) {
  Json ratios = Json::array();
  for (const double ratio : kShadowNetRatios) {
    double sum = 0, least = INFINITY;
    for (const Layer& layer : layers) {
      sum += layer.Bits(ratio);
      least = std::min(least, layer.Bits(ratio));
    }
    ratios.push_back({{"ratio", ratio}, {"sum_bits", sum}, {"least_layer_bits", layers.empty() ? 0 : least}});
  }
  return ratios;
}

const Json& AtDefaultRatio(const Json& metric) {
  return *std::ranges::find_if(metric.at("ratios"), [](const Json& at) { return at.at("ratio") == kDefaultRatio; });
}

std::string Share(const Json& of) {
  return std::to_string(of.at("recovered").get<uint64_t>()) + " of " + std::to_string(of.at("filters").get<uint64_t>());
}

}  // namespace

const char* const kPaperMetricSays =
    "ShadowNet argues by the number of keys that could have led to what is published; the count is ours (docs/schemes.md) and takes all of "
    "them for equally likely. They are not: filters are small integers, and the attack beside it needs milliseconds, no key and no query. "
    "The figure says nothing about security.";

Json PaperMetricJson(const std::filesystem::path& model, ProtectOptions options, const ScratchFolder& scratch,
                     const Console& console) {
  if (options.calibration.empty()) {
    options.calibration = scratch.path() / "noise";
    WriteNoiseSamples(model, options.import, options.calibration);
  }
  const std::filesystem::path bundle = scratch.path() / "counted.penumbra";
  const ProtectReport report = Protect(console.env(), model, bundle, options);
  const std::vector<Layer> layers = LayersOf(report, bundle);
  Json list = Json::array();
  uint64_t filters = 0, recovered = 0;
  double milliseconds = 0;
  for (const Layer& layer : layers) {
    filters += layer.filters;
    recovered += layer.hidden.recovered;
    milliseconds += layer.hidden.milliseconds;
    list.push_back({{"name", layer.name},
                    {"filters", layer.filters},
                    {"published", layer.hidden.published},
                    {"bits", layer.Bits(kDefaultRatio)},
                    {"attempted", layer.hidden.attempted},
                    {"recovered", layer.hidden.recovered},
                    {"attack_ms", layer.hidden.milliseconds}});
  }
  return {{"ratios", RatiosJson(layers)}, {"filters", filters},  {"recovered", recovered},
          {"attack_ms", milliseconds},    {"layers", list}};
}

std::vector<Row> PaperMetricRows(const Json& results) {
  std::vector<Row> rows{{"network", "layers", "bits, sum, ratio 1.0", "1.2", "2.0", "least layer, 1.2", "recovered filters", "attack, ms"}};
  for (const Json& cell : CellsOf(results, "paper metric")) {
    if (!cell.contains("paper_metric")) continue;
    const Json& metric = cell.at("paper_metric");
    const Json& at = AtDefaultRatio(metric);
    rows.push_back({cell.at("network"), std::to_string(metric.at("layers").size()),
                    NumberText(metric.at("ratios").front().at("sum_bits"), 0), NumberText(at.at("sum_bits"), 0),
                    NumberText(metric.at("ratios").back().at("sum_bits"), 0), NumberText(at.at("least_layer_bits"), 0),
                    Share(metric), NumberText(metric.at("attack_ms"), 1)});
  }
  return rows;
}

std::vector<Row> PaperMetricLayerRows(const Json& results) {
  std::vector<Row> rows{{"network", "layer", "filters", "published", "bits", "recovered filters", "attack, ms"}};
  for (const Json& cell : CellsOf(results, "paper metric")) {
    if (!cell.contains("paper_metric")) continue;
    for (const Json& layer : cell.at("paper_metric").at("layers")) {
      rows.push_back({cell.at("network"), layer.at("name"), NumberText(layer.at("filters"), 0),
                      NumberText(layer.at("published"), 0), NumberText(layer.at("bits"), 0),
                      layer.at("attempted") == true ? Share(layer) : "too short to tell",
                      NumberText(layer.at("attack_ms"), 2)});
    }
  }
  return rows;
}

std::string PaperMetricChart(const Json& results) {
  const std::vector<double> x(std::begin(kShadowNetRatios), std::end(kShadowNetRatios));
  std::vector<Series> series;
  for (const Json& cell : CellsOf(results, "paper metric")) {
    if (!cell.contains("paper_metric")) continue;
    series.push_back({cell.at("network"), {}});
    for (const Json& at : cell.at("paper_metric").at("ratios")) series.back().values.push_back(at.at("sum_bits"));
  }
  return series.empty() ? std::string() : LineChart(x, series, "published to secret filters", "bits, all layers");
}

}  // namespace penumbra::cli
