#include "bench_presets.h"

#include <algorithm>
#include <limits>

namespace penumbra::cli {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kShownLayers = 24;

double NumberOf(const Json& json) { return json.is_number() ? json.get<double>() : kNone; }

const Json& P50(const Json& summary) {
  static const Json none = nullptr;
  return summary.is_null() ? none : summary.at("p50_ms");
}

std::vector<std::string> NamesOf(const Json& presets) {
  std::vector<std::string> names;
  for (const Json& preset : presets) names.push_back(preset.at("preset"));
  return names;
}

template <typename Get>
Series SeriesOf(const std::string& name, const Json& list, Get&& get) {
  Series series{name, {}};
  for (const Json& one : list) series.values.push_back(NumberOf(get(one)));
  return series;
}

std::string TimesChart(const Json& presets) {
  return BarChart(NamesOf(presets),
                  {SeriesOf("pads ready", presets, [](const Json& p) { return P50(p.at("burst")); }),
                   SeriesOf("pads made as used", presets, [](const Json& p) { return P50(p.at("sustained")); }),
                   SeriesOf("first request", presets, [](const Json& p) { return p.at("first_request_ms"); })},
                  "milliseconds", /*stacked=*/false);
}

// The layers that take longest, those first.
Json LongestLayers(const Json& layers) {
  std::vector<Json> sorted(layers.begin(), layers.end());
  std::ranges::stable_sort(sorted, std::ranges::greater(), [](const Json& layer) {
    return layer.at("accelerator_ms").get<double>() + layer.at("trusted_before_ms").get<double>();
  });
  sorted.resize(std::min(sorted.size(), kShownLayers));
  return sorted;
}

void AddLayers(const Json& preset, Page* page) {
  const Json layers = LongestLayers(preset.at("layers"));
  if (layers.empty()) return;
  page->Heading("Layers of " + preset.at("preset").get<std::string>());
  std::vector<std::string> names;
  std::vector<Row> rows{{"layer", "accelerator, ms", "trusted half before it, ms", "crossing", "roofline, ms", "share of it"}};
  for (const Json& layer : layers) {
    names.push_back(layer.at("name"));
    rows.push_back({layer.at("name"), NumberText(layer.at("accelerator_ms"), 3), NumberText(layer.at("trusted_before_ms"), 3),
                    SizeText(layer.at("crossing_bytes")), NumberText(layer.at("roofline_ms"), 3),
                    NumberText(layer.at("roofline_share"), 2)});
  }
  page->Chart(BarChart(names,
                       {SeriesOf("accelerator", layers, [](const Json& l) { return l.at("accelerator_ms"); }),
                        SeriesOf("trusted half before it", layers, [](const Json& l) { return l.at("trusted_before_ms"); })},
                       "milliseconds", /*stacked=*/true));
  page->Table(rows);
}

std::string Html(const PresetsRequest& request, const Json& document) {
  const Json& presets = document.at("presets");
  Page page("penumbra bench: " + document.at("model").get<std::string>());
  page.Paragraph(MachineText(document.at("machine")) + ". Medians of " + std::to_string(request.settings.iterations) +
                 " rounds in which each preset ran once, batch 1, " + std::to_string(request.settings.session.threads) +
                 " thread(s), carrier " + request.settings.session.carrier + ".");
  if (!document.at("peer").is_null()) {
    page.Heading("Compared with the unprotected network");
    page.Paragraph("Unprotected in float32 by " + document.at("peer").at("name").get<std::string>() + ": " + NumberText(P50(document.at("peer")), 3) +
                   " ms. P1 is the trusted half, P2 the accelerator, P3 switching between both, P4 checking replies.");
    page.Chart(PhasesChart(presets, P50(document.at("peer")).get<double>(), "times the unprotected network"));
  }
  page.Heading("Where the time goes");
  page.Chart(PhasesChart(presets, 1, "milliseconds"));
  page.Heading("Latency");
  page.Chart(TimesChart(presets));
  page.Table(PresetRows(presets));
  for (const Json& preset : presets) AddLayers(preset, &page);
  return page.Html();
}

}  // namespace

std::string MachineText(const Json& machine) {
  return machine.at("processor").get<std::string>() + ", " + machine.at("instruction_set").get<std::string>() + ", " +
         std::to_string(machine.at("cores").get<uint32_t>()) + " cores, penumbra " +
         machine.at("penumbra").get<std::string>();
}

std::vector<Row> PresetRows(const Json& presets) {
  std::vector<Row> rows{{"preset", "ratio", "pads ready", "as used", "first", "P1", "P2", "P3", "P4", "one pad", "load",
                         "secure memory", "crossing"}};
  for (const Json& preset : presets) {
    const Json& phases = preset.at("phases");
    rows.push_back({preset.at("preset"), NumberText(preset.at("ratio"), 3), NumberText(P50(preset.at("burst")), 3),
                    NumberText(P50(preset.at("sustained")), 3), NumberText(preset.at("first_request_ms"), 3),
                    NumberText(phases.at("p1_trusted_ms"), 3), NumberText(phases.at("p2_accelerator_ms"), 3),
                    NumberText(phases.at("p3_switch_ms"), 3), NumberText(phases.at("p4_integrity_ms"), 3),
                    NumberText(preset.at("pad_ms"), 3), NumberText(preset.at("load_ms"), 1),
                    SizeText(preset.at("secure_memory_peak_bytes")), SizeText(preset.at("crossing_bytes"))});
  }
  return rows;
}

std::string PhasesChart(const Json& presets, double unit_ms, const std::string& unit) {
  std::vector<Series> series;
  for (const auto& [name, member] : {std::pair("P1 trusted half", "p1_trusted_ms"), std::pair("P2 accelerator", "p2_accelerator_ms"),
                                     std::pair("P3 switches", "p3_switch_ms"), std::pair("P4 integrity", "p4_integrity_ms")}) {
    series.push_back(SeriesOf(name, presets, [&](const Json& p) { return p.at("phases").at(member); }));
    for (double& value : series.back().values) value /= unit_ms;
  }
  return BarChart(NamesOf(presets), series, unit, /*stacked=*/true);
}

void BenchPresets(const PresetsRequest& request, const ScratchFolder& scratch, const Console& console) {
  const Contest contest =
      MeasureContenders(request.model, request.specs, request.settings, request.peers, scratch, console);
  const Json document{{"model", std::filesystem::path(request.model).filename().string()},
                      {"machine", MachineJson()},
                      {"threads", request.settings.session.threads},
                      {"carrier", request.settings.session.carrier},
                      {"peer", contest.peer},
                      {"presets", contest.presets}};
  std::string text = "milliseconds, medians; P1 trusted half, P2 accelerator, P3 switches, P4 integrity\n" +
                     Table(PresetRows(contest.presets));
  if (!contest.peer.is_null()) text += "unprotected float32 by " + contest.peer.at("name").get<std::string>() + ": " + NumberText(P50(contest.peer), 3) + " ms\n";
  if (!request.html.empty()) WriteText(request.html, Html(request, document));
  console.Result("bench", document, text);
}

}  // namespace penumbra::cli
