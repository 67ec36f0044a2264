// The results of 'bench --paper' for people: text and a page with charts.
#include <algorithm>
#include <limits>

#include "bench_paper.h"
#include "bench_presets.h"
#include "paper_metric.h"
#include "paper_numbers.h"
#include "paper_sweeps.h"

namespace penumbra::cli {
namespace {

// NaN: there is none.
double PeerOf(const Json& cell) {
  return cell.at("peer").is_null() ? std::numeric_limits<double>::quiet_NaN() : cell.at("peer").at("p50_ms").get<double>();
}

const SoterRow* SoterRowOf(const std::string& network) {
  const auto found = std::ranges::find(SoterRows(), network, &SoterRow::network);
  return found == SoterRows().end() ? nullptr : &*found;
}

// What SOTER printed for this preset, divided by insecure inference.
double PrintedRatio(const std::string& network, const std::string& preset) {
  const SoterRow* row = SoterRowOf(network);
  if (row == nullptr) return kNotPrinted;
  if (preset == "soter") return row->soter;
  if (preset == "aegisdnn") return row->aegisdnn;
  if (preset == "mlcapsule") return row->mlcapsule;
  return preset == "ennclave" ? row->ennclave : kNotPrinted;
}

// P1 to P4 as shares of their sum, "55/31/2/12".
std::string SharesText(double p1, double p2, double p3, double p4) {
  const double sum = p1 + p2 + p3 + p4;
  if (!(sum > 0)) return "-";
  std::string text;
  for (const double part : {p1, p2, p3, p4}) text.append(text.empty() ? "" : "/").append(Fixed(100 * part / sum, 0));
  return text;
}

std::string PrintedShares(const std::string& network, const std::string& preset) {
  const SoterRow* row = SoterRowOf(network);
  return row == nullptr || preset != "soter" ? "-" : SharesText(row->p1, row->p2, row->p3, row->p4);
}

std::string OurShares(const Json& phases) {
  const Json& p4 = phases.at("p4_integrity_ms");
  return SharesText(phases.at("p1_trusted_ms"), phases.at("p2_accelerator_ms"), phases.at("p3_switch_ms"),
                    p4.is_null() ? 0 : p4.get<double>());
}

std::vector<Row> LatencyRows(const Json& results) {
  std::vector<Row> rows{{"network", "preset", "ratio", "paper's ratio", "ms", "P1", "P2", "P3", "P4", "shares, %",
                         "paper's shares", "added, ms", "per second", "as used, ms"}};
  for (const Json& cell : CellsOf(results, "networks")) {
    const std::string network = cell.at("network");
    for (const Json& preset : cell.at("presets")) {
      const Json& phases = preset.at("phases");
      const double burst = BurstOf(preset), peer = PeerOf(cell);
      const std::string name = preset.at("preset");
      rows.push_back({network, name, NumberText(preset.at("ratio"), 2), Printed(PrintedRatio(network, name), 2),
                      Fixed(burst, 2), NumberText(phases.at("p1_trusted_ms"), 2),
                      NumberText(phases.at("p2_accelerator_ms"), 2), NumberText(phases.at("p3_switch_ms"), 2),
                      NumberText(phases.at("p4_integrity_ms"), 2), OurShares(phases), PrintedShares(network, name),
                      peer > 0 ? Fixed(burst - peer, 2) : "-", Fixed(1000 / burst, 2),
                      preset.at("sustained").is_null() ? "-" : NumberText(preset.at("sustained").at("p50_ms"), 2)});
    }
  }
  return rows;
}

std::vector<Row> SizeRows(const Json& results) {
  std::vector<Row> rows{{"network", "preset", "model, MB", "public half, MB", "sealed half, MB", "TEE memory, MB",
                         "protect, s", "load, ms", "one pad, ms"}};
  for (const Json& cell : CellsOf(results, "networks")) {
    for (const Json& preset : cell.at("presets")) {
      rows.push_back({cell.at("network"), preset.at("preset"), MegabytesText(cell.at("model_bytes")),
                      MegabytesText(preset.at("public_bytes")), MegabytesText(preset.at("sealed_bytes")),
                      MegabytesText(preset.at("secure_memory_peak_bytes")), NumberText(preset.at("protect_s"), 2),
                      NumberText(preset.at("load_ms"), 1), NumberText(preset.at("pad_ms"), 2)});
    }
  }
  return rows;
}

std::vector<Row> ShadowNetPaperRows() {
  std::vector<Row> rows{{"ShadowNet printed", "linear weights, MB", "in the TEE, MB", "TEE memory, MB", "added, ms"}};
  for (const ShadowNetRow& row : ShadowNetRows()) {
    const auto change = [](double before, double after) {
      return before == kNotPrinted ? std::string("-") : Fixed(before, 2) + " to " + Fixed(after, 2);
    };
    rows.push_back({std::string(row.network), change(row.linear_before, row.linear_after),
                    change(row.trusted_before, row.trusted_after), change(row.tee_unmodified, row.tee_shadownet),
                    Printed(row.added_ms, 0)});
  }
  return rows;
}

std::vector<Row> AblationRows(const Json& results) {
  std::vector<Row> rows{{"network", "changed", "ms", "to float32", "trusted half", "accelerator", "one pad, ms", "TEE memory, MB"}};
  for (const Json& cell : CellsOf(results, "ablation")) {
    for (const Json& preset : cell.at("presets")) {
      const Json& phases = preset.at("phases");
      rows.push_back({cell.at("network"), cell.at("setting"), Fixed(BurstOf(preset), 2), NumberText(preset.at("ratio"), 2),
                      NumberText(phases.at("p1_trusted_ms"), 2), NumberText(phases.at("p2_accelerator_ms"), 2),
                      NumberText(preset.at("pad_ms"), 2), MegabytesText(preset.at("secure_memory_peak_bytes"))});
    }
  }
  return rows;
}

// What did not run, and why.
std::vector<Row> RefusedRows(const Json& results) {
  std::vector<Row> rows{{"not run", "preset", "error"}};
  for (const Json& name : results.at("missing")) {
    const bool backbone = name.get<std::string>().starts_with(kBackbones);
    rows.push_back({name, backbone ? "ennclave" : "all", "no such file in the folder of --models"});
  }
  for (const auto& [key, cell] : results.at("cells").items()) {
    for (const Json& error : cell.at("errors")) {
      rows.push_back({key, error.at("preset").is_null() ? "all" : error.at("preset").get<std::string>(),
                      error.at("code").get<std::string>() + ": " + error.at("message").get<std::string>()});
    }
  }
  return rows;
}

struct Part {
  std::string heading, says;
  std::vector<Row> rows;
  std::string chart = {};     // SVG
  bool is_long = false;       // left away in a terminal
};

std::vector<Part> PartsOf(const Json& results) {
  const bool soter = results.at("paper") == "soter";
  std::vector<Part> parts{
      {"Latency",
       soter ? "Ratios are to the unprotected network: ours in float32 on the same cores, SOTER's on an RTX 2080 Ti (ATC 2022, read "
               "from its figure). P1 trusted half, P2 accelerator, P3 switches, P4 integrity; milliseconds, medians, pads ready."
             : "Ratios are to the unprotected network in float32 on the same cores. ShadowNet printed inference times 1.6 to 2.6 "
               "times the original (S&P 2023). Milliseconds, medians, pads ready.",
       LatencyRows(results)},
      {"Sizes and offline work", "TEE memory of mlcapsule is the whole network inside: what the other presets save.", SizeRows(results)}};
  if (!soter) parts.push_back({"As ShadowNet printed them", "Hikey960, OP-TEE 3.9, ratio 1.2.", ShadowNetPaperRows()});
  parts.push_back({"Share of public operators (theta)", "theta 0 keeps all inside, 1 publishes all. A batch is one request.",
                   ThetaRows(results), ThetaChart(results)});
  parts.push_back({"Theta over the Transformer's width d",
                   "Milliseconds, in brackets divided by what theta 1 takes: that is comparable with SOTER's, which has 24 + 24 layers; "
                   "the transformer-d of tools/zoo have 4 + 4, 8 heads and ff 2d.",
                   WidthRows(results), WidthChart(results)});
  parts.push_back({"Ratio of published filters", "Accuracy, size and time together; compared with float32 on: " +
                                                      results.at("settings").at("data").get<std::string>() + ".", RatioRows(results), RatioChart(results)});
  parts.push_back({"One thing changed in turn", "What the code has switches for.", AblationRows(results)});
  parts.push_back({"Paper metric", kPaperMetricSays, PaperMetricRows(results), PaperMetricChart(results)});
  parts.push_back({"Paper metric, layer by layer", "Ratio 1.2.", PaperMetricLayerRows(results), {}, true});
  parts.push_back({"Not run", "", RefusedRows(results)});
  std::erase_if(parts, [](const Part& part) { return part.rows.size() < 2; });
  return parts;
}

void AddNetworkCharts(const Json& results, Page* page) {
  for (const Json& cell : CellsOf(results, "networks")) {
    if (cell.at("presets").empty()) continue;
    const double peer = PeerOf(cell);
    page->Heading(cell.at("network").get<std::string>());
    page->Chart(peer > 0 ? PhasesChart(cell.at("presets"), peer, "times the unprotected network")
                         : PhasesChart(cell.at("presets"), 1, "milliseconds"));
  }
}

std::string Intro(const Json& results) {
  const Json& settings = results.at("settings");
  return MachineText(results.at("machine")) + "; " + std::to_string(settings.at("iterations").get<uint32_t>()) +
         " rounds, " + std::to_string(settings.at("threads").get<uint32_t>()) + " thread(s), carrier " +
         settings.at("carrier").get<std::string>() + (settings.at("quick") == true ? ", quick" : "");
}

}  // namespace

std::string PaperText(const Json& results) {
  std::string text = Intro(results) + "\n";
  for (const Part& part : PartsOf(results)) {
    if (!part.is_long) text += "\n" + part.heading + ". " + part.says + "\n" + Table(part.rows);
  }
  return text;
}

std::string PaperHtml(const Json& results) {
  Page page("penumbra bench --paper " + results.at("paper").get<std::string>());
  page.Paragraph(Intro(results));
  AddNetworkCharts(results, &page);
  for (const Part& part : PartsOf(results)) {
    page.Heading(part.heading);
    if (!part.says.empty()) page.Paragraph(part.says);
    if (!part.chart.empty()) page.Chart(part.chart);
    page.Table(part.rows);
  }
  return page.Html();
}

}  // namespace penumbra::cli
