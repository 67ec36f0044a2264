// bench: how much slower is the protected model than the unprotected one?
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>

#include "arguments.h"
#include "bench_paper.h"
#include "bench_presets.h"
#include "chrome_trace.h"
#include "error_codes.h"
#include "measurement.h"
#include "model_options.h"
#include "peer_group.h"
#include "throughput.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

// Computes truthfully, and the time it takes is not counted: what is left is the floor of a split.
constexpr const char* kOracle = "oracle";

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, float_model;
  PeerRequest peers;
  ProtectArguments protect;
  SessionArguments session;
  std::string profile, html;  // files
  std::string paper, models, data, results;
  bool quick = false;
  uint32_t warmup = 3, iterations = 20;
  double duration = 0;  // seconds; 0: count iterations
  std::vector<uint32_t> in_flight;
  bool oracle = false;  // session.accelerator is then the one that computes
};

// Protects options.model into the scratch folder when it is a model file.
std::filesystem::path PrepareBundle(const Options& options, const Console& console, const ScratchFolder& scratch) {
  if (!IsModelFile(options.model)) return options.model;
  ProtectOptions protect = ToProtectOptions(options.protect);
  if (protect.preset.empty()) protect.preset = "enclave";
  if (protect.calibration.empty()) {
    console.Log(LogLevel::kInfo, "no --calibration: noise is used, good for timing only");
    WriteNoiseSamples(options.model, protect.import, scratch.path() / "noise");
    protect.calibration = scratch.path() / "noise";
  }
  protect.progress = [&](const std::string& stage, double done) { console.Progress(stage, done); };
  const std::filesystem::path bundle = scratch.path() / "protected.penumbra";
  for (const std::string& warning : Protect(console.env(), options.model, bundle, protect).warnings) {
    console.Log(LogLevel::kWarning, warning);
  }
  return bundle;
}

std::unique_ptr<PeerGroup> MakePeers(const Options& options, const Console& console, const ScratchFolder& scratch,
                                     const TensorMap& feeds) {
  PeerRequest request = options.peers;
  if (PeerNames(request.names).empty()) return nullptr;
  request.model = IsModelFile(options.model) ? options.model : options.float_model;
  if (request.model.empty()) {
    console.Log(LogLevel::kWarning, "no ratio: name the float model with --float to compare with it");
    return nullptr;
  }
  request.import = options.protect.import;
  request.session = options.session;
  request.scratch = scratch.path();
  return std::make_unique<PeerGroup>(request, console, feeds);
}

// Makes the first pad; false for a model that needs none.
bool MakesPads(Session* session) {
  session->MakePads(1);
  return session->Info().pads_ready != 0;
}

struct Times {
  std::vector<double> burst, sustained, pad;  // milliseconds
  std::vector<PeerTimes> peers;
  std::vector<double> background;  // sustained with pads made in the background
  std::vector<double> single_pad, batch_pad;  // a pad made alone, a pad of those made together
  double load = 0;  // milliseconds
  RunStats last;
};

// With the clock stopped while an oracle computes.
RunStats Counted(RunStats stats, bool oracle) {
  if (!oracle) return stats;
  stats.total_ns -= stats.accelerator_ns;
  stats.outside_ns -= stats.accelerator_ns;
  return stats;
}

Times Measure(const Options& options, const Console& console, Session* session, bool pads, PeerGroup* peers,
              const TensorMap& feeds) {
  Times times;
  Clock::time_point start;
  for (uint32_t i = 0;; ++i) {
    if (i == options.warmup) start = Clock::now();
    if (i > options.warmup) {
      const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
      const double done = options.duration > 0
                              ? elapsed / options.duration
                              : static_cast<double>(i - options.warmup) / options.iterations;
      if (done >= 1) break;
      console.Progress("bench", done);
    }
    // One of each in turn, so that both meet the same weather.
    const RunStats pad_stats = pads ? session->MakePads(1) : RunStats{};
    session->Run(feeds, &times.last);
    times.last = Counted(times.last, options.oracle);
    if (peers != nullptr) peers->RunOnce();
    if (i < options.warmup) continue;
    times.burst.push_back(Milliseconds(times.last.total_ns));
    times.sustained.push_back(Milliseconds(times.last.total_ns + pad_stats.total_ns));
    if (pads) times.pad.push_back(Milliseconds(pad_stats.total_ns));
  }
  if (peers != nullptr) times.peers = peers->Times(times.burst.size());
  return times;
}

// Request after request while the bank fills itself beside them. The pads of the warm-up are spent before the
// measurement begins.
std::vector<double> MeasureBackground(const Options& options, const Console& console, Session* session,
                                      const TensorMap& feeds) {
  const uint32_t warmup = options.warmup + static_cast<uint32_t>(session->Info().pads_ready);
  std::vector<double> times;
  for (uint32_t i = 0; i < warmup + options.iterations; ++i) {
    console.Progress("bench, pads in the background", static_cast<double>(i) / (warmup + options.iterations));
    RunStats stats;
    session->Run(feeds, &stats);
    if (i >= warmup) times.push_back(Milliseconds(stats.total_ns));
  }
  return times;
}

// Pads made alone and together, in turn; inferences use them up in between.
void MeasurePads(const Options& options, const Console& console, Session* session,
                 const TensorMap& feeds, Times* times) {
  constexpr uint32_t kRounds = 5;
  const uint32_t batch = session->Info().pad_batch;
  const uint32_t rounds = std::min(options.iterations, kRounds);
  for (uint32_t i = 0; i < rounds && batch > 1; ++i) {
    console.Progress("bench, pads", static_cast<double>(i) / rounds);
    times->single_pad.push_back(Milliseconds(session->MakePads(1).total_ns));
    times->batch_pad.push_back(Milliseconds(session->MakePads(batch).total_ns) / batch);
    for (uint32_t pad = 0; pad < batch + 1; ++pad) session->Run(feeds);
  }
}

double PerSecond(const std::vector<double>& times) { return 1000 / Summarise(times).p50; }

Json PadRates(const Times& times, const SessionInfo& info) {
  const bool both = !times.batch_pad.empty();
  return {{"alone", PerSecond(both ? times.single_pad : times.pad)},
          {"together", both ? Json(PerSecond(times.batch_pad)) : Json(nullptr)},
          {"batch", info.pad_batch}};
}

std::string PadText(const Times& times, const SessionInfo& info) {
  const std::string alone = Fixed(Summarise(times.pad).p50, 3) + " ms, ";
  if (times.batch_pad.empty()) return alone + Fixed(PerSecond(times.pad), 2) + " pads a second";
  return alone + Fixed(PerSecond(times.single_pad), 2) + " pads a second alone, " +
         Fixed(PerSecond(times.batch_pad), 2) + " when " + std::to_string(info.pad_batch) +
         " share a pass";
}

// What a reader must know about a clock that was stopped.
void TellOracle(const Times& times, const SessionInfo& info, Json* document, std::vector<Row>* facts) {
  const double stopped = Milliseconds(times.last.accelerator_ns);
  (*document)["accelerator"] = kOracle;
  (*document)["oracle"] = {{"computed_by", info.accelerator}, {"not_counted_ms", stopped}};
  facts->push_back({"accelerator", std::string("oracle: no such device exists. ") + info.accelerator +
                                       " computed, and its time is in none of the figures above"});
  facts->push_back({"not counted", Fixed(stopped, 3) + " ms"});
}

void Report(const Options& options, const Times& times, const std::vector<Throughput>& throughput,
            const SessionInfo& info, bool pads, const Console& console) {
  const Summary burst = Summarise(times.burst), sustained = Summarise(times.sustained);
  std::optional<Summary> background;
  if (!times.background.empty()) background = Summarise(times.background);
  Json document{{"machine", MachineJson()},
                {"iterations", times.burst.size()},
                {"carrier", info.carrier},
                {"accelerator", info.accelerator},
                {"notice", info.notice},
                {"profile", options.profile.empty() ? Json(nullptr) : Json(options.profile)},
                {"pad_bank", info.pad_bank},
                {"pads_inside", info.pads_inside},
                {"burst", SummaryJson(burst)},
                {"sustained", pads ? SummaryJson(sustained) : Json(nullptr)},
                {"sustained_background", background ? SummaryJson(*background) : Json(nullptr)},
                {"pad_ms", pads ? Json(Summarise(times.pad).p50) : Json(nullptr)},
                {"pads_per_second", pads ? PadRates(times, info) : Json(nullptr)},
                {"load_ms", times.load},
                {"inside_ms", Milliseconds(times.last.inside_ns)},
                {"outside_ms", Milliseconds(times.last.outside_ns)},
                {"switches", times.last.switches},
                {"crossing_bytes", times.last.crossing_bytes},
                {"secure_memory_peak_bytes", info.secure_memory_peak}};
  std::vector<Row> rows{{"milliseconds", "mean", "p50", "p90", "p95", "p99"}};
  rows.push_back(SummaryRow(pads ? "protected, pads ready" : "protected", burst));
  if (pads) rows.push_back(SummaryRow("protected, pads made as used", sustained));
  if (background) rows.push_back(SummaryRow("protected, pads made beside", *background));
  std::vector<Row> facts;
  if (!times.peers.empty()) ReportPeers(times.peers, burst.p50, &document, &rows, &facts);
  facts.push_back({"load", Fixed(times.load, 1) + " ms"});
  if (pads) facts.push_back({"one pad", PadText(times, info)});
  if (options.oracle) TellOracle(times, info, &document, &facts);
  facts.push_back({"inside", Fixed(Milliseconds(times.last.inside_ns), 3) + " ms"});
  facts.push_back({"outside", Fixed(Milliseconds(times.last.outside_ns), 3) + " ms"});
  facts.push_back({"switches", std::to_string(times.last.switches)});
  facts.push_back({"crossing", SizeText(times.last.crossing_bytes)});
  if (!info.pad_bank.empty()) facts.push_back({"pad bank", info.pad_bank});
  if (info.pads_inside != 0) facts.push_back({"pads inside", "up to " + std::to_string(info.pads_inside)});
  facts.push_back({"peak secure memory", SizeText(info.secure_memory_peak)});
  std::string text = Table(rows) + "\n" + Table(facts);
  if (!throughput.empty()) {
    document["in_flight"] = ThroughputJson(throughput);
    text += "\n" + Table(ThroughputTable(throughput));
  }
  console.Result("bench", document, text);
}

// Further requests, so that no figure contains the time of noting them.
void WriteProfile(const Options& options, const Console& console, const std::filesystem::path& bundle, bool pads,
                  const TensorMap& feeds, Session* session) {
  constexpr uint32_t kRequests = 3;
  session->StartProfile();
  for (uint32_t i = 0; i < kRequests; ++i) {
    if (pads) session->MakePads(1);
    session->Run(feeds);
  }
  const auto names = SegmentNames(console.env(), Inspect(bundle), bundle, options.session);
  WriteChromeTrace(options.profile, session->TakeProfile(), names, session->Info());
}

std::vector<std::string> PresetsOf(const Options& options) {
  std::vector<std::string> names;
  std::istringstream stream(options.protect.preset);
  for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
  if (names.empty()) names.emplace_back("enclave");
  return names;
}

// Several presets, or a page about one.
void RunPresets(const Options& options, const Console& console) {
  if (!options.in_flight.empty() || options.oracle || !options.profile.empty() || options.duration > 0) {
    throw Error(kIllegalCombination,
                "several presets, and --html, go with --iterations only: leave --in-flight, --duration, --profile and the oracle away");
  }
  PresetsRequest request;
  request.model = options.model;
  request.html = options.html;
  request.settings = {.session = options.session, .warmup = options.warmup, .iterations = options.iterations};
  ProtectOptions protect = ToProtectOptions(options.protect);
  // Rooflines use it for every preset; only some placements take it.
  const std::string profile = protect.device_profile;
  const bool weighs_times = options.protect.placement == "auto" || options.protect.placement == "critical";
  if (!profile.empty()) request.settings.device_profile = Json::parse(profile);
  if (!IsModelFile(options.model)) {
    request.specs.push_back({options.model, {}, options.model});
  } else {
    for (const std::string& preset : PresetsOf(options)) {
      protect.preset = preset;
      protect.device_profile = weighs_times || preset == "aegisdnn" ? profile : "";
      request.specs.push_back({preset, protect, {}});
    }
  }
  const ScratchFolder scratch;
  const std::string float_model = IsModelFile(options.model) ? options.model : options.float_model;
  TensorMap feeds;
  if (!float_model.empty()) feeds = Noise(FloatModel(float_model, ToImportSettings(options.protect.import)).inputs(), 1);
  const auto peers = MakePeers(options, console, scratch, feeds);
  request.peers = peers.get();
  BenchPresets(request, scratch, console);
}

constexpr uint32_t kQuickIterations = 3;

void RunPaper(const Options& options, const Console& console) {
  if (options.models.empty()) {
    ThrowUsage("--paper needs --models DIR, a folder with networks by the names of tools/zoo: python -m zoo --all DIR");
  }
  if (!options.model.empty()) ThrowUsage("--paper takes its networks from --models; name no model");
  PaperRequest request;
  request.results = options.results;
  request.html = options.html;
  request.settings = {.paper = options.paper == "soter" ? Paper::kSoter : Paper::kShadowNet,
                      .models = options.models,
                      .data = options.data,
                      .quick = options.quick,
                      .session = options.session,
                      .protect = options.protect,
                      .warmup = options.quick ? 1 : options.warmup,
                      .iterations = options.quick ? kQuickIterations : options.iterations};
  BenchPaper(request, console);
}

void Run(const Options& given, const Console& console) {
  if (!given.paper.empty()) return RunPaper(given, console);
  if (given.model.empty()) ThrowUsage("name a model, a bundle or --paper");
  if (given.quick || !given.models.empty() || !given.results.empty() || !given.data.empty()) {
    ThrowUsage("--quick, --models, --data and --results belong to --paper");
  }
  Options options = given;
  if (options.session.accelerator == kOracle) {
    options.oracle = true;
    options.session.accelerator.clear();
    if (!options.in_flight.empty()) {
      throw Error(kIllegalCombination, "an oracle's clock cannot stop for one of several requests: leave --in-flight away");
    }
  }
  PeerNames(options.peers.names);  // before anything is made for them
  if (options.protect.preset.find(',') != std::string::npos || !options.html.empty()) return RunPresets(options, console);
  const ScratchFolder scratch;
  SessionOptions session_options = ToSessionOptions(options.session);
  for (const uint32_t count : options.in_flight) {
    session_options.max_in_flight = std::max(session_options.max_in_flight, count);
  }
  const std::optional<uint64_t> bank_size = session_options.pad_bank_size;
  session_options.pad_bank_size = 0;  // only as many as are asked for
  const std::filesystem::path bundle = PrepareBundle(options, console, scratch);
  const Clock::time_point load_start = Clock::now();
  std::optional<Session> session(std::in_place, console.env(), bundle, session_options);
  const double load = std::chrono::duration<double, std::milli>(Clock::now() - load_start).count();
  const TensorMap feeds = Noise(session->inputs(), 1);
  const auto peers = MakePeers(options, console, scratch, feeds);
  const bool pads = MakesPads(&*session);
  Times times = Measure(options, console, &*session, pads, peers.get(), feeds);
  times.load = load;
  if (pads) MeasurePads(options, console, &*session, feeds, &times);
  std::vector<Throughput> throughput;
  if (!options.in_flight.empty()) {
    throughput =
        MeasureThroughput(&*session, feeds, pads, options.in_flight, options.iterations, console);
  }
  if (!options.profile.empty()) WriteProfile(options, console, bundle, pads, feeds, &*session);
  const SessionInfo info = session->Info();
  session.reset();  // durable pads serve one session at a time
  // While an oracle computes, pads would be made in time that is not counted.
  if (pads && bank_size != 0 && !options.oracle) {
    session_options.pad_bank_size = bank_size;
    session_options.max_in_flight = std::min(2u, info.in_flight_capacity);
    Session background(console.env(), bundle, session_options);
    times.background = MeasureBackground(options, console, &background, feeds);
  }
  Report(options, times, throughput, info, pads, console);
}

}  // namespace

Verb AddBench(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("bench", "time a model against its unprotected self");
  command->add_option("model", options->model, "ONNX or TFLite file (protected first), or bundle");
  command->add_option("--float", options->float_model, "ONNX or TFLite file of a bundle, to compare with");
  command->add_option("--peer", options->peers.names, kPeerHelp)->capture_default_str();
  command->add_option("--peer-command", options->peers.command, "program of --peer onnxruntime")
      ->capture_default_str();
  command->add_option("--warmup", options->warmup, "inferences before the measurement")
      ->capture_default_str();
  command->add_option("--iterations", options->iterations, "inferences to measure")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--paper", options->paper,
                      "run a paper's experiments on the networks of --models and print them beside its numbers")
      ->check(CLI::IsMember({"soter", "shadownet"}));
  command->add_option("--models", options->models, "of --paper: folder of ONNX files named as tools/zoo names them");
  command->add_option("--data", options->data,
                      "of --paper: folder of samples (as for --calibration), one subfolder per class, on which results are compared with "
                      "float32; default: noise");
  command->add_option("--results", options->results,
                      "of --paper: JSON file written after each measurement; one that is there is continued");
  command->add_flag("--quick", options->quick, "of --paper: three rounds and fewer steps, for a look or for CI");
  command->add_option("--html", options->html,
                      "file for a page with charts and tables; also with several presets: --preset enclave,shadownet");
  command->add_option("--profile", options->profile,
                      "file for a trace of three further requests (Chrome's trace format; opens in Perfetto)");
  command->add_option("--duration", options->duration, "seconds to measure instead");
  command
      ->add_option("--in-flight", options->in_flight,
                   "throughput with so many requests in flight, too: 2 or 2,4; each needs secure "
                   "memory, see --enclave-memory")
      ->delimiter(',')
      ->check(CLI::Range(1, 16));
  // --device names the session's key here; bundles made for the measurement use the default keys.
  AddProtectArguments(command, &options->protect);
  std::vector<std::string> accelerators = AcceleratorChoices();
  accelerators.emplace_back(kOracle);
  AddSessionArguments(command, &options->session, accelerators);
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
