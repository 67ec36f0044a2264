#include "contenders.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "chrome_trace.h"

namespace penumbra::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kHandOffCalls = 101;
constexpr uint32_t kProfiledRequests = 5;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One bundle with its session and what was measured of it.
struct Runner {
  std::filesystem::path bundle;
  std::optional<ProtectReport> report;
  std::optional<Session> session;
  TensorMap feeds;
  bool pads = false;
  double protect_s = 0, load_ms = 0, first_ms = 0, hand_off_ms = 0;
  std::vector<double> burst, sustained, pad, inside, accelerator;  // milliseconds
  RunStats last;
};

bool IsChecked(const Runner& runner) {
  return runner.report && (runner.report->soundness_bits != 0 || runner.report->fingerprints.count != 0);
}

void ProtectRunner(const std::filesystem::path& model, const ProtectOptions& options, const std::filesystem::path& bundle,
                   const Console& console, Runner* runner) {
  const Clock::time_point start = Clock::now();
  runner->report = Protect(console.env(), model, bundle, options);
  runner->protect_s = SecondsSince(start);
  runner->bundle = bundle;
}

// What one call into the trusted half costs at least that does nothing there: within a request both halves are awake, which
// only the quickest of these calls find.
double HandOff(Session* session) {
  std::vector<double> times;
  for (int i = 0; i < kHandOffCalls; ++i) {
    const Clock::time_point start = Clock::now();
    session->Info();
    times.push_back(1e3 * SecondsSince(start));
  }
  return std::ranges::min(times);
}

// The first request finds no pad and makes one.
void Load(const ContenderSettings& settings, const Console& console, Runner* runner) {
  SessionOptions options = ToSessionOptions(settings.session);
  options.pad_bank_size = 0;  // only as many as are asked for
  const Clock::time_point start = Clock::now();
  runner->session.emplace(console.env(), runner->bundle, options);
  runner->load_ms = 1e3 * SecondsSince(start);
  runner->feeds = Noise(runner->session->inputs(), 1);
  RunStats stats;
  runner->session->Run(runner->feeds, &stats);
  runner->first_ms = Milliseconds(stats.total_ns);
  runner->session->MakePads(1);
  runner->pads = runner->session->Info().pads_ready != 0;
  runner->session->Run(runner->feeds);
  runner->hand_off_ms = HandOff(&*runner->session);
}

void RunOnce(bool counts, Runner* runner) {
  const RunStats pad = runner->pads ? runner->session->MakePads(1) : RunStats{};
  RunStats stats;
  runner->session->Run(runner->feeds, &stats);
  if (!counts) return;
  runner->burst.push_back(Milliseconds(stats.total_ns));
  runner->sustained.push_back(Milliseconds(stats.total_ns + pad.total_ns));
  if (runner->pads) runner->pad.push_back(Milliseconds(pad.total_ns));
  runner->inside.push_back(Milliseconds(stats.inside_ns));
  runner->accelerator.push_back(Milliseconds(stats.accelerator_ns));
  runner->last = stats;
}

// SOTER's four: the TEE, the accelerator, switching between both, checking replies. Its medians, so that their sum is the
// median of the whole but for noise; a check's price is what the same bundle without checks takes less.
Json PhasesJson(const Runner& runner, const Runner* unchecked) {
  const Runner& bare = unchecked == nullptr ? runner : *unchecked;
  const double total = Median(bare.burst), inside = Median(bare.inside), accelerator = Median(bare.accelerator);
  const double hand_offs = std::min(inside, bare.hand_off_ms * static_cast<double>(bare.last.switches));
  const double checks = unchecked == nullptr ? 0 : std::max(0.0, Median(runner.burst) - total);
  const bool unknown = IsChecked(runner) && unchecked == nullptr;
  return {{"p1_trusted_ms", inside - hand_offs},
          {"p2_accelerator_ms", accelerator},
          {"p3_switch_ms", std::max(0.0, total - inside - accelerator) + hand_offs},
          {"p4_integrity_ms", unknown ? Json(nullptr) : Json(checks)}};
}

// Where the time of a request goes, layer by layer.
Json LayersJson(const ContenderSettings& settings, const BundleInfo& info, const Console& console, Runner* runner) {
  runner->session->StartProfile();
  for (uint32_t i = 0; i < kProfiledRequests; ++i) {
    if (runner->pads) runner->session->MakePads(1);
    runner->session->Run(runner->feeds);
  }
  std::map<uint32_t, std::vector<double>> outside, inside;
  const std::vector<ProfileSlice> slices = runner->session->TakeProfile();
  for (const ProfileSlice& slice : slices) {
    if (slice.kind == ProfileSlice::Kind::kAccelerator) outside[slice.segment].push_back(Milliseconds(slice.duration_ns));
  }
  for (const TrustedStep& step : TrustedSteps(slices)) {
    if (step.before >= 0) inside[static_cast<uint32_t>(step.before)].push_back(Milliseconds(step.inside_ns));
  }
  const auto names = SegmentNames(console.env(), info, runner->bundle.string(), settings.session);
  Json layers = Json::array();
  for (uint32_t i = 0; i < info.segments.size(); ++i) {
    const double accelerator = Median(outside[i]);
    Json layer{{"name", names[i]},
               {"segment", i},
               {"accelerator_ms", accelerator},
               {"trusted_before_ms", Median(inside[i])},
               {"crossing_bytes", info.segments[i].crossing_bytes},
               {"roofline_ms", nullptr},
               {"roofline_share", nullptr}};
    if (!settings.device_profile.is_null() && accelerator > 0) {
      const double bound = Roofline(info.segments[i], settings.device_profile);
      layer["roofline_ms"] = bound;
      layer["roofline_share"] = bound / accelerator;
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json ProtectionJson(const Runner& runner) {
  if (!runner.report) return nullptr;
  const ProtectReport& report = *runner.report;
  uint64_t published = 0, trusted = 0, public_layers = 0;
  for (const ProtectedLayer& layer : report.layers) {
    published += layer.public_macs;
    trusted += layer.trusted_macs;
    public_layers += layer.is_public ? 1 : 0;
  }
  return {{"scheme", report.scheme},
          {"layers", report.layers.size()},
          {"public_layers", public_layers},
          {"public_macs", published},
          {"trusted_macs", trusted},
          {"soundness_bits", report.soundness_bits},
          {"fingerprints", FingerprintsJson(report.fingerprints)},
          {"output_noise_db", report.output_noise_db ? Json(*report.output_noise_db) : Json(nullptr)},
          {"predicted_ms", report.prediction ? Json(report.prediction->chosen_ms) : Json(nullptr)},
          {"warnings", report.warnings}};
}

Json RunnerJson(const std::string& name, const ContenderSettings& settings, const Runner* unchecked, double peer_ms,
                const Console& console, Runner* runner) {
  const SessionInfo info = runner->session->Info();
  const BundleInfo bundle = Inspect(runner->bundle);
  Json json{{"preset", name},
            {"protection", ProtectionJson(*runner)},
            {"iterations", runner->burst.size()},
            {"burst", SummaryJson(Summarise(runner->burst))},
            {"sustained", runner->pads ? SummaryJson(Summarise(runner->sustained)) : Json(nullptr)},
            {"pad_ms", runner->pads ? Json(Median(runner->pad)) : Json(nullptr)},
            {"first_request_ms", runner->first_ms},
            {"load_ms", runner->load_ms},
            {"protect_s", runner->report ? Json(runner->protect_s) : Json(nullptr)},
            {"ratio", peer_ms > 0 ? Json(Median(runner->burst) / peer_ms) : Json(nullptr)},
            {"phases", PhasesJson(*runner, unchecked)},
            {"switches", runner->last.switches},
            {"hand_off_ms", runner->hand_off_ms},
            {"crossing_bytes", runner->last.crossing_bytes},
            {"secure_memory_peak_bytes", info.secure_memory_peak},
            {"bundle_bytes", bundle.file_size},
            {"public_bytes", bundle.public_size},
            {"sealed_bytes", bundle.sealed_size}};
  json["layers"] = LayersJson(settings, bundle, console, runner);
  return json;
}

struct Contender {
  std::string name;
  Runner runner;
  std::unique_ptr<Runner> unchecked;  // may be null
};

Contender Prepare(const std::filesystem::path& model, const ContenderSpec& spec, size_t index,
                  const ContenderSettings& settings, const ScratchFolder& scratch, const Console& console) {
  Contender contender{spec.name, {}, nullptr};
  if (!spec.bundle.empty()) {
    contender.runner.bundle = spec.bundle;
  } else {
    ProtectOptions options = spec.protect;
    if (options.calibration.empty()) {
      options.calibration = scratch.path() / "noise";
      if (!std::filesystem::exists(options.calibration)) WriteNoiseSamples(model, options.import, options.calibration);
    }
    const std::string stem = std::to_string(index);
    ProtectRunner(model, options, scratch.path() / (stem + ".penumbra"), console, &contender.runner);
    for (const std::string& warning : contender.runner.report->warnings) console.Log(LogLevel::kWarning, warning);
    if (settings.without_checks && IsChecked(contender.runner)) {
      options.axes["integrity"] = "none";
      options.soundness = options.cornerstones = options.fingerprints = std::nullopt;
      options.challenge_rate = std::nullopt;
      options.fixed_fingerprints = false;
      contender.unchecked = std::make_unique<Runner>();
      ProtectRunner(model, options, scratch.path() / (stem + "-unchecked.penumbra"), console, contender.unchecked.get());
    }
  }
  Load(settings, console, &contender.runner);
  if (contender.unchecked != nullptr) Load(settings, console, contender.unchecked.get());
  return contender;
}

}  // namespace

Contest MeasureContenders(const std::filesystem::path& model, const std::vector<ContenderSpec>& specs,
                          const ContenderSettings& settings, PeerGroup* peers, const ScratchFolder& scratch,
                          const Console& console) {
  Contest contest;
  std::vector<Contender> contenders;
  for (size_t i = 0; i < specs.size(); ++i) {
    console.Progress("protect " + specs[i].name, static_cast<double>(i) / static_cast<double>(specs.size()));
    try {
      contenders.push_back(Prepare(model, specs[i], i, settings, scratch, console));
    } catch (const Error& error) {
      if (!settings.keep_errors) throw;
      contest.errors.push_back({{"preset", specs[i].name}, {"code", error.code()}, {"message", error.message()}});
    }
  }
  const uint32_t rounds = settings.warmup + settings.iterations;
  for (uint32_t round = 0; round < rounds; ++round) {
    console.Progress("bench", static_cast<double>(round) / rounds);
    const bool counts = round >= settings.warmup;
    for (Contender& contender : contenders) {
      RunOnce(counts, &contender.runner);
      if (contender.unchecked != nullptr) RunOnce(counts, contender.unchecked.get());
    }
    if (peers != nullptr) peers->RunOnce();
  }
  const std::vector<PeerTimes> times = peers == nullptr ? std::vector<PeerTimes>{} : peers->Times(settings.iterations);
  const PeerTimes* best = BestFloatPeer(times);
  const double peer_ms = best == nullptr ? 0 : Median(best->milliseconds);
  if (best != nullptr) {
    contest.peer = SummaryJson(Summarise(best->milliseconds));
    contest.peer["name"] = best->info.name;
  }
  for (Contender& contender : contenders) {
    contest.presets.push_back(RunnerJson(contender.name, settings, contender.unchecked.get(), peer_ms, console,
                                         &contender.runner));
  }
  return contest;
}

}  // namespace penumbra::cli
