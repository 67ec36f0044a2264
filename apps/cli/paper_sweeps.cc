#include "paper_sweeps.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "charts.h"
#include "paper_numbers.h"
#include "paper_plan.h"

namespace penumbra::cli {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kPaperTransformer = "transformer";
constexpr uint32_t kPaperWidth = 1024;

std::string SweepName(const Json& cell) {
  return cell.at("network").get<std::string>() + ", batch " + std::to_string(cell.at("batch").get<uint32_t>());
}

double PrintedAt(const Json& cell) {
  for (const SoterSweep& sweep : SoterSweeps()) {
    if (cell.at("network") != std::string(sweep.network) || cell.at("batch") != sweep.batch) continue;
    for (size_t i = 0; i < std::size(kSoterThetas); ++i) {
      if (kSoterThetas[i] == cell.at("value")) return sweep.means[i];
    }
  }
  return kNotPrinted;
}

// Milliseconds over theta by what they are measured on.
using Lines = std::vector<std::pair<std::string, std::map<double, double>>>;

std::string ChartOverTheta(const Lines& lines) {
  std::set<double> thetas;
  for (const auto& [name, line] : lines) {
    for (const auto& [theta, milliseconds] : line) thetas.insert(theta);
  }
  if (thetas.size() < 2) return {};
  const std::vector<double> x(thetas.begin(), thetas.end());
  std::vector<Series> series;
  for (const auto& [name, line] : lines) {
    series.push_back({name, {}});
    for (const double theta : x) series.back().values.push_back(line.contains(theta) ? line.at(theta) : kNone);
  }
  return LineChart(x, series, "theta", "milliseconds");
}

// The d of a Transformer by its name in tools/zoo; 0 for what has none.
uint32_t WidthOf(const std::string& network) {
  if (network == kPaperTransformer) return kPaperWidth;
  if (!network.starts_with(kTransformerOfWidth)) return 0;
  uint32_t width = 0;
  const char* const end = network.data() + network.size();
  const auto [rest, failed] = std::from_chars(network.data() + kTransformerOfWidth.size(), end, width);
  return failed == std::errc() && rest == end ? width : 0;
}

// Each Transformer whose width is known, the narrowest first.
Lines LinesByWidth(const Json& results) {
  std::map<std::pair<uint32_t, std::string>, std::map<double, double>> times;
  for (const Json& cell : CellsOf(results, "theta")) {
    const std::string network = cell.at("network");
    const uint32_t width = WidthOf(network);
    if (width != 0 && !cell.at("presets").empty()) times[{width, network}][cell.at("value")] = BurstOf(cell.at("presets")[0]);
  }
  Lines lines;
  for (const auto& [key, line] : times) lines.emplace_back("d = " + std::to_string(key.first) + " (" + key.second + ")", line);
  return lines;
}

// "12.34 (1.50)": milliseconds, and divided by what theta 1 takes.
std::string AgainstAllPublic(double milliseconds, double all_public) {
  return Fixed(milliseconds, 2) + (all_public > 0 ? " (" + Fixed(milliseconds / all_public, 2) + ")" : "");
}

std::string PrintedAgainstAllPublic(double theta) {
  const auto sweep = std::ranges::find(SoterSweeps(), kPaperTransformer, &SoterSweep::network);
  const auto at = std::ranges::find(kSoterThetas, theta);
  if (at == std::end(kSoterThetas)) return "-";
  return AgainstAllPublic(sweep->means[at - std::begin(kSoterThetas)], sweep->means[std::size(kSoterThetas) - 1]);
}

// "87.33 % (88.00 %)".
std::string AccuracyText(const Json& compared) {
  const double labelled = compared.at("labelled").get<double>();
  if (labelled == 0) return "-";
  const auto share = [&](const char* right) { return Fixed(100 * compared.at(right).get<double>() / labelled, 2) + " %"; };
  return share("protected_right") + " (" + share("float_right") + ")";
}

}  // namespace

std::string Printed(double value, int digits) { return value == kNotPrinted ? "-" : Fixed(value, digits); }
std::string MegabytesText(const Json& json) { return json.is_number() ? Fixed(json.get<double>() / 1e6, 2) : "-"; }

// Cells of one kind in the order in which they were measured.
std::vector<Json> CellsOf(const Json& results, const std::string& kind) {
  std::vector<Json> cells;
  for (const auto& [key, cell] : results.at("cells").items()) {
    if (cell.at("kind") == kind) cells.push_back(cell);
  }
  return cells;
}

double BurstOf(const Json& preset) { return preset.at("burst").at("p50_ms"); }

std::vector<Row> ThetaRows(const Json& results) {
  std::vector<Row> rows{{"network", "theta", "ms", "ratio", "public layers", "SOTER printed, ms"}};
  for (const Json& cell : CellsOf(results, "theta")) {
    for (const Json& preset : cell.at("presets")) {
      const Json& protection = preset.at("protection");
      rows.push_back({SweepName(cell), Fixed(cell.at("value"), 1), Fixed(BurstOf(preset), 2), NumberText(preset.at("ratio"), 2),
                      std::to_string(protection.at("public_layers").get<uint64_t>()) + " of " +
                          std::to_string(protection.at("layers").get<uint64_t>()),
                      Printed(PrintedAt(cell), 1)});
    }
  }
  return rows;
}

std::vector<Row> WidthRows(const Json& results) {
  const Lines lines = LinesByWidth(results);
  std::vector<Row> rows{{"theta"}};
  std::set<double> thetas;
  for (const auto& [name, line] : lines) {
    rows[0].push_back(name);
    for (const auto& [theta, milliseconds] : line) thetas.insert(theta);
  }
  rows[0].push_back("SOTER printed, d = " + std::to_string(kPaperWidth));
  for (const double theta : thetas) {
    rows.push_back({Fixed(theta, 1)});
    for (const auto& [name, line] : lines) {
      const auto at = line.find(theta), all_public = line.find(1.0);
      rows.back().push_back(at == line.end() ? "-" : AgainstAllPublic(at->second, all_public == line.end() ? 0 : all_public->second));
    }
    rows.back().push_back(PrintedAgainstAllPublic(theta));
  }
  return rows;
}

std::vector<Row> RatioRows(const Json& results) {
  std::vector<Row> rows{{"network", "ratio of filters", "ms", "to float32", "public half, MB", "one pad, ms", "same top-1",
                         "accuracy (float32)", "largest error"}};
  for (const Json& cell : CellsOf(results, "ratio")) {
    for (const Json& preset : cell.at("presets")) {
      const Json& compared = cell.at("compared");
      rows.push_back({cell.at("network"), Fixed(cell.at("value"), 1), Fixed(BurstOf(preset), 2), NumberText(preset.at("ratio"), 2),
                      MegabytesText(preset.at("public_bytes")), NumberText(preset.at("pad_ms"), 2),
                      std::to_string(compared.at("same_top1").get<uint32_t>()) + " of " +
                          std::to_string(compared.at("samples").get<uint32_t>()),
                      AccuracyText(compared), Fixed(compared.at("max_abs_error"), 5) + " of " + Fixed(compared.at("max_abs_value"), 2)});
    }
  }
  return rows;
}

std::string ThetaChart(const Json& results) {
  std::map<std::string, std::map<double, double>> lines;
  for (const Json& cell : CellsOf(results, "theta")) {
    if (!cell.at("presets").empty()) lines[SweepName(cell)][cell.at("value")] = BurstOf(cell.at("presets")[0]);
  }
  return ChartOverTheta(Lines(lines.begin(), lines.end()));
}

std::string WidthChart(const Json& results) { return ChartOverTheta(LinesByWidth(results)); }

std::string RatioChart(const Json& results) {
  std::vector<double> x;
  Series time{"ms", {}}, size{"public half, MB", {}};
  for (const Json& cell : CellsOf(results, "ratio")) {
    if (cell.at("presets").empty()) continue;
    const Json& preset = cell.at("presets")[0];
    x.push_back(cell.at("value"));
    time.values.push_back(BurstOf(preset));
    size.values.push_back(preset.at("public_bytes").get<double>() / 1e6);
  }
  return x.size() < 2 ? std::string() : LineChart(x, {time, size}, "published to secret filters", "");
}

}  // namespace penumbra::cli
