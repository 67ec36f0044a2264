#include "bench_paper.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <optional>

#include "arguments.h"
#include "error_codes.h"
#include "paper_metric.h"
#include "scores.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kComparedSamples = 20;  // of noise
constexpr uint32_t kMostSamples = 1000;    // of a folder
constexpr uint32_t kQuickShare = 4;        // a fourth of them
constexpr double kAnyDeadline = 86.4e6;  // milliseconds: a day, the longest there may be

const char* NameOf(Paper paper) { return paper == Paper::kSoter ? "soter" : "shadownet"; }

std::string DataName(const PaperSettings& settings) { return settings.data.empty() ? "noise" : settings.data.string(); }

Json SettingsJson(const PaperSettings& settings) {
  return {{"quick", settings.quick},
          {"warmup", settings.warmup},
          {"iterations", settings.iterations},
          {"threads", settings.session.threads},
          {"carrier", settings.session.carrier},
          {"accelerator", settings.session.accelerator},
          {"secure_memory", settings.protect.secure_memory},
          {"calibration", settings.protect.calibration.empty() ? "noise" : settings.protect.calibration},
          {"data", DataName(settings)}};
}

// Written whole or not at all: whoever is interrupted goes on from the last cell.
void WriteResults(const std::string& path, const Json& results) {
  if (path.empty()) return;
  WriteText(path + ".part", results.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  std::error_code failed;
  std::filesystem::rename(path + ".part", path, failed);
  if (failed) throw Error(kIo, "cannot write the results: " + failed.message() + " [" + path + "]");
}

Json ReadResults(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const Json results = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!results.is_object() || !results.contains("paper") || !results.contains("settings") ||
      !results.contains("machine") || !results.contains("cells") || !results["cells"].is_object() ||
      !results.contains("device_profile")) {
    throw Error(kMalformed, "the file holds no results of 'bench --paper'; name another one with --results [" + path + "]");
  }
  return results;
}

void RequireSame(const Json& results, const char* member, const Json& wanted, const std::string& path) {
  if (results.at(member) == wanted) return;
  throw Error(kIllegalCombination, std::string("the results to continue have another '") + member + "': " +
                                       results.at(member).dump() + ", now " + wanted.dump() +
                                       "; use another --results file [" + path + "]");
}

std::string DeviceProfileOf(const PaperSettings& settings, const Console& console) {
  if (!settings.protect.device_profile.empty()) return ReadDeviceProfile(settings.protect.device_profile);
  console.Log(LogLevel::kInfo, "measuring the device");
  const SessionArguments& session = settings.session;
  return MeasureDevice({.carrier = session.carrier == "direct" ? Carrier::kDirect : Carrier::kProcess,
                        .accelerator = session.accelerator,
                        .threads = session.threads,
                        .enclave_binary = session.enclave,
                        .progress = [&](double done) { console.Progress("profile", done); }});
}

Json OpenResults(const PaperRequest& request, const Console& console) {
  const Json settings = SettingsJson(request.settings), machine = MachineJson();
  if (!request.results.empty() && std::filesystem::exists(request.results)) {
    Json results = ReadResults(request.results);
    RequireSame(results, "paper", NameOf(request.settings.paper), request.results);
    RequireSame(results, "settings", settings, request.results);
    RequireSame(results, "machine", machine, request.results);
    return results;
  }
  const std::string profile = DeviceProfileOf(request.settings, console);
  return {{"paper", NameOf(request.settings.paper)},
          {"settings", settings},
          {"machine", machine},
          {"device_profile", Json::parse(profile)},
          {"cells", Json::object()}};
}

// Half way between the fastest placement and everything inside, so that there is something to choose.
void ChooseDeadline(const std::filesystem::path& model, ProtectOptions* options, const Console& console) {
  ProtectOptions trial = *options;
  trial.preset = "aegisdnn";
  trial.deadline = kAnyDeadline;
  trial.dry_run = true;
  const ProtectReport inside = Protect(console.env(), model, {}, trial);
  if (!inside.prediction) return;
  const double outside = inside.prediction->outside_ms;
  options->deadline = std::isfinite(inside.prediction->inside_ms) ? (inside.prediction->inside_ms + outside) / 2 : 2 * outside;
}

void SetBatch(const std::filesystem::path& model, uint32_t batch, ImportSettings* import) {
  if (batch == 1) return;
  const FloatModel single(model, *import);
  for (const TensorInfo& input : single.inputs()) {
    import->shapes[input.name] = input.shape;
    if (!input.shape.empty()) import->shapes[input.name].front() = batch;
  }
}

// What the protected network and its float model say, sample by sample.
struct Comparison {
  uint32_t samples = 0, same = 0, labelled = 0, float_right = 0, protected_right = 0;
  double error = 0, largest = 0;

  void Add(const Tensor& expected, const Tensor& actual, std::optional<uint32_t> truth) {
    const uint32_t wanted = TopScores(expected, 1)[0].index, got = TopScores(actual, 1)[0].index;
    ++samples;
    same += wanted == got ? 1 : 0;
    labelled += truth ? 1 : 0;
    float_right += truth == wanted ? 1 : 0;
    protected_right += truth == got ? 1 : 0;
    for (size_t k = 0; k < expected.values.size(); ++k) {
      error = std::max(error, std::abs(double{expected.values[k]} - actual.values[k]));
      largest = std::max(largest, std::abs(double{expected.values[k]}));
    }
  }
};

// Samples of the folder, or noise, through both.
Json CompareJson(const std::filesystem::path& model, const ContenderSpec& spec, const PaperSettings& settings,
                 const ScratchFolder& scratch, const Console& console) {
  const FloatModel plain(model, spec.protect.import);
  Session session(console.env(), scratch.path() / "0.penumbra", ToSessionOptions(settings.session));
  const std::string scores = session.outputs().front().name;
  Comparison all;
  const auto run = [&](const TensorMap& feeds, const std::function<std::optional<uint32_t>(size_t)>& truth) {
    const Tensor expected = plain.Run(feeds).at(scores);
    all.Add(expected, session.Run(feeds).at(scores), truth(expected.values.size()));
  };
  const uint32_t limit = settings.data.empty() ? kComparedSamples : kMostSamples;
  const uint32_t count = settings.quick ? limit / kQuickShare : limit;
  const Dataset dataset = settings.data.empty() ? Dataset{} : ListDataset(settings.data);
  for (const Sample& sample : dataset.samples) {
    for (const TensorMap& feeds : ReadSamples(sample.path, session.inputs(), session.preprocess())) {
      if (all.samples == count) break;
      run(feeds, [&](size_t classes) { return TrueClass(sample, dataset, session.labels(), classes); });
    }
  }
  for (uint32_t i = 0; settings.data.empty() && i < count; ++i) {
    run(Noise(session.inputs(), 1000 + i), [](size_t) { return std::nullopt; });
  }
  if (all.samples == 0) throw Error(kInvalidArgument, "no sample to compare [" + settings.data.string() + "]");
  return {{"samples", all.samples},       {"same_top1", all.same},
          {"labelled", all.labelled},     {"float_right", all.float_right},
          {"protected_right", all.protected_right},
          {"max_abs_error", all.error},   {"max_abs_value", all.largest}};
}

std::unique_ptr<PeerGroup> PeerOf(const std::filesystem::path& model, const PaperCell& cell, const ImportSettings& import,
                             const ScratchFolder& scratch, const Console& console) {
  try {
    const TensorMap feeds = Noise(FloatModel(model, import).inputs(), 1);
    const std::filesystem::path bundle = MakePlainBundle(console.env(), model, import, scratch.path());
    return std::make_unique<PeerGroup>(MakePlainPeer(console.env(), bundle, cell.settings.session, feeds));
  } catch (const Error& error) {
    if (error.number() != kUnsupported) throw;
    console.Log(LogLevel::kWarning, "no unprotected float32 to compare with: " + error.message());
    return nullptr;
  }
}

// Of which nothing was measured.
Json EmptyCell(const PaperCell& cell, const PaperSettings& settings) {
  return {{"kind", cell.kind},
          {"network", cell.network},
          {"setting", cell.setting},
          {"value", cell.value},
          {"batch", cell.batch},
          {"model_bytes", std::filesystem::file_size(settings.models / (cell.network + ".onnx"))},
          {"peer", nullptr},
          {"presets", Json::array()},
          {"errors", Json::array()}};
}

Json RunCell(const PaperCell& given, const PaperSettings& settings, const Console& console) {
  const std::filesystem::path model = settings.models / (given.network + ".onnx");
  const ScratchFolder scratch;
  PaperCell cell = given;
  if (cell.counted) {
    Json counted = EmptyCell(cell, settings);
    counted["paper_metric"] = PaperMetricJson(model, *cell.counted, scratch, console);
    return counted;
  }
  for (ContenderSpec& spec : cell.specs) {
    SetBatch(model, cell.batch, &spec.protect.import);
    if (spec.protect.preset != "aegisdnn") continue;
    spec.protect.calibration = scratch.path() / "noise";
    WriteNoiseSamples(model, spec.protect.import, spec.protect.calibration);
    ChooseDeadline(model, &spec.protect, console);
  }
  const auto peers = PeerOf(model, cell, cell.specs.front().protect.import, scratch, console);
  const Contest contest = MeasureContenders(model, cell.specs, cell.settings, peers.get(), scratch, console);
  Json result = EmptyCell(cell, settings);
  result["peer"] = contest.peer;
  result["presets"] = contest.presets;
  result["errors"] = contest.errors;
  if (cell.compares && !contest.presets.empty()) {
    result["compared"] = CompareJson(model, cell.specs.front(), settings, scratch, console);
  }
  return result;
}

// A network that cannot run at all leaves its reason.
Json RunCellCaught(const PaperCell& cell, const PaperSettings& settings, const Console& console) {
  try {
    return RunCell(cell, settings, console);
  } catch (const Error& error) {
    Json failed = EmptyCell(cell, settings);
    failed["errors"].push_back({{"preset", nullptr}, {"code", error.code()}, {"message", error.message()}});
    return failed;
  }
}

// Whether `preset` was measured or refused there.
bool Has(const Json& done, const std::string& preset) {
  const auto is = [&](const Json& entry) { return entry.at("preset").is_null() || entry.at("preset") == preset; };
  return std::ranges::any_of(done.at("presets"), is) || std::ranges::any_of(done.at("errors"), is);
}

bool IsDone(const Json& cells, const PaperCell& cell, const PaperSettings& settings) {
  const auto found = cells.find(cell.Key());
  return found != cells.end() &&
         found->at("model_bytes") == std::filesystem::file_size(settings.models / (cell.network + ".onnx")) &&
         std::ranges::all_of(cell.specs, [&](const ContenderSpec& spec) { return Has(*found, spec.name); });
}

}  // namespace

void BenchPaper(const PaperRequest& request, const Console& console) {
  const PaperSettings& settings = request.settings;
  NetworksIn(settings.models);  // before a device is measured for nothing
  if (!settings.data.empty() && ListDataset(settings.data).samples.empty()) {
    throw Error(kInvalidArgument, "no sample to compare [" + settings.data.string() + "]");
  }
  Json results = OpenResults(request, console);
  const PaperPlan plan = PlanPaper(settings, results.at("device_profile").dump());
  results["missing"] = plan.missing;
  for (size_t i = 0; i < plan.cells.size(); ++i) {
    const PaperCell& cell = plan.cells[i];
    const std::string label = std::to_string(i + 1) + " of " + std::to_string(plan.cells.size()) + ": " + cell.Key();
    if (IsDone(results["cells"], cell, settings)) {
      console.Log(LogLevel::kInfo, label + " (done before)");
      continue;
    }
    console.Log(LogLevel::kInfo, label);
    results["cells"][cell.Key()] = RunCellCaught(cell, settings, console);
    WriteResults(request.results, results);
  }
  if (!request.html.empty()) WriteText(request.html, PaperHtml(results));
  console.Result("bench", results, PaperText(results));
}

}  // namespace penumbra::cli
