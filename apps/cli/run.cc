// run: inputs from files through a protected model to files, labels or numbers.
#include <filesystem>
#include <memory>

#include "arguments.h"
#include "chrome_trace.h"
#include "error_codes.h"
#include "model_options.h"
#include "sample_files.h"
#include "scores.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

constexpr size_t kMaxPrintedValues = 4096;

struct Options {
  std::string bundle;
  std::vector<std::string> inputs, outputs;
  SessionArguments session;
  std::string receipt, nonce, vendor_log, profile;
  uint32_t pads = 0, top = 0;
};

size_t SampleCount(const std::map<std::string, std::vector<Tensor>>& inputs) {
  const size_t count = inputs.empty() ? 0 : inputs.begin()->second.size();
  for (const auto& [name, samples] : inputs) {
    if (samples.size() != count) {
      throw Error(kWrongShape, "inputs '" + inputs.begin()->first + "' and '" + name + "' have " +
                                   std::to_string(count) + " and " +
                                   std::to_string(samples.size()) + " samples");
    }
  }
  return count;
}

// Samples one after the other along the first axis, which is added where it is not a batch of 1.
Tensor Join(const std::vector<TensorMap>& results, const TensorInfo& port) {
  Tensor joined{port.shape, {}, port.type};
  if (results.size() != 1) {
    if (joined.shape.empty() || joined.shape.front() != 1)
      joined.shape.insert(joined.shape.begin(), 1);
    joined.shape.front() = static_cast<int64_t>(results.size());
  }
  for (const TensorMap& result : results) {
    const std::vector<float>& values = result.at(port.name).values;
    joined.values.insert(joined.values.end(), values.begin(), values.end());
  }
  return joined;
}

// Output name to file.
std::map<std::string, std::string> OutputFiles(const Options& options, const Session& session) {
  std::map<std::string, std::string> files;
  for (const std::string& text : options.outputs) {
    const NamedPath named = ParseNamedPath(text, session.outputs());
    if (!named.name.empty()) {
      files[named.name] = named.path;
    } else if (IsArchive(named)) {
      for (const TensorInfo& port : session.outputs()) files[port.name] = named.path;
    } else if (std::filesystem::is_directory(named.path)) {
      for (const TensorInfo& port : session.outputs()) {
        std::string stem = port.name;
        std::ranges::replace(stem, '/', '_');
        files[port.name] = named.path + "/" + stem + ".npy";
      }
    } else if (session.outputs().size() == 1) {
      files[session.outputs().front().name] = named.path;
    } else {
      throw Error(kWrongName, "the model has " + std::to_string(session.outputs().size()) +
                                  " outputs; write --output NAME=FILE, FILE.npz or an existing folder [" +
                                  text + "]");
    }
  }
  return files;
}

struct Shown {
  Json document = Json::array();
  std::vector<Row> rows;
};

Shown ShowTop(const std::vector<TensorMap>& results, const Session& session, uint32_t top) {
  Shown shown;
  shown.rows.push_back({"sample", "rank", "label", "score"});
  for (size_t i = 0; i < results.size(); ++i) {
    Json scores = Json::array();
    for (const Score& score :
         TopScores(results[i].at(session.outputs().front().name), top)) {
      const std::string label = LabelOf(session.labels(), score.index);
      shown.rows.push_back(
          {std::to_string(i), std::to_string(scores.size() + 1), label, Fixed(score.value, 4)});
      scores.push_back({{"index", score.index}, {"label", label}, {"score", score.value}});
    }
    shown.document.push_back(scores);
  }
  return shown;
}

Shown ShowOutputs(const std::vector<TensorMap>& results, const Session& session,
                  const std::map<std::string, std::string>& files) {
  Shown shown;
  std::map<std::string, TensorMap> archives;
  for (const TensorInfo& port : session.outputs()) {
    Tensor joined = Join(results, port);
    Json entry{{"name", port.name},
               {"type", TensorTypeName(port.type)},
               {"shape", joined.shape}};
    const auto file = files.find(port.name);
    if (file != files.end()) {
      entry["file"] = file->second;
      shown.rows.push_back({port.name, ShapeText(joined.shape), file->second});
      if (IsArchive({{}, file->second})) {
        archives[file->second][port.name] = std::move(joined);
      } else {
        WriteNpy(file->second, joined);
      }
    } else {
      if (joined.values.size() <= kMaxPrintedValues) entry["values"] = joined.values;
      std::string values;
      for (size_t i = 0; i < std::min<size_t>(joined.values.size(), 8); ++i) {
        values += Fixed(joined.values[i], IsFloat(port.type) ? 4 : 0) + " ";
      }
      shown.rows.push_back(
          {port.name, ShapeText(joined.shape), values + (joined.values.size() > 8 ? "..." : "")});
    }
    shown.document.push_back(entry);
  }
  for (const auto& [path, tensors] : archives) WriteNpz(path, tensors);
  return shown;
}

void Add(const RunStats& stats, RunStats* out) {
  out->total_ns += stats.total_ns;
  out->inside_ns += stats.inside_ns;
  out->outside_ns += stats.outside_ns;
  out->switches += stats.switches;
  out->crossing_bytes += stats.crossing_bytes;
  out->clamped_count += stats.clamped_count;
}

Json StatsJson(const RunStats& stats, const SessionInfo& info) {
  return {{"total_ns", stats.total_ns},
          {"inside_ns", stats.inside_ns},
          {"outside_ns", stats.outside_ns},
          {"switches", stats.switches},
          {"crossing_bytes", stats.crossing_bytes},
          {"clamped_levels", stats.clamped_count},
          {"secure_memory_peak_bytes", info.secure_memory_peak}};
}

TensorMap RunSample(const Options& options, const TensorMap& feeds, Session* session,
                    std::vector<uint8_t>* out_receipt, RunStats* out_stats) {
  if (options.receipt.empty()) return session->Run(feeds, out_stats);
  return session->RunWithReceipt(feeds, ParseNonce(options.nonce), out_receipt, out_stats);
}

// Of a refused reply stays what the vendor may know, if that is wanted, and nothing else.
[[noreturn]] void RethrowWithLog(const Options& options, const Error& error, Session* session) {
  const std::vector<uint8_t> log =
      options.vendor_log.empty() ? std::vector<uint8_t>() : session->FailureLog();
  if (!log.empty()) WriteFailureLogFile(options.vendor_log, log);
  throw error;
}

void CheckReceiptOptions(const Options& options) {
  if (options.receipt.empty() != options.nonce.empty()) {
    ThrowUsage("--receipt FILE and --nonce HEX belong together: whoever will believe the receipt chooses the nonce");
  }
  if (!options.nonce.empty()) ParseNonce(options.nonce);
}

void Run(const Options& options, const Console& console) {
  CheckReceiptOptions(options);
  Session session(console.env(), options.bundle, ToSessionOptions(options.session));
  const SessionInfo info = session.Info();
  if (!info.notice.empty()) console.Log(LogLevel::kWarning, info.notice);
  if (!info.pad_bank.empty()) {
    console.Log(LogLevel::kInfo, "pad bank: " + info.pad_bank + "; " + std::to_string(info.pads_ready) + " pads in it");
  }
  const auto inputs = ReadSampleFiles(options.inputs, session.inputs(), session.preprocess(), "--input");
  const auto files = OutputFiles(options, session);
  if (!options.profile.empty()) session.StartProfile();
  if (options.pads != 0) session.MakePads(options.pads);
  const size_t count = SampleCount(inputs);
  if (!options.receipt.empty() && count > 1) {
    ThrowUsage("a receipt is for one inference, and the input holds " + std::to_string(count) + " samples");
  }
  std::vector<TensorMap> results;
  std::vector<uint8_t> receipt;
  RunStats total;
  for (size_t i = 0; i < std::max<size_t>(count, inputs.empty() ? 1 : 0); ++i) {
    if (count > 1) console.Progress("run", static_cast<double>(i) / static_cast<double>(count));
    TensorMap feeds;
    for (const auto& [name, samples] : inputs) feeds[name] = samples[i];
    RunStats stats;
    try {
      results.push_back(RunSample(options, feeds, &session, &receipt, &stats));
    } catch (const Error& error) {
      RethrowWithLog(options, error, &session);
    }
    Add(stats, &total);
  }
  if (!options.profile.empty()) {
    const auto names = SegmentNames(console.env(), Inspect(options.bundle), options.bundle, options.session);
    WriteChromeTrace(options.profile, session.TakeProfile(), names, info);
  }
  const uint32_t top = options.top != 0 ? options.top : session.labels().empty() ? 0 : 5;
  const Shown outputs = ShowOutputs(results, session, files);
  Json document{{"model", session.model_name()},   {"samples", results.size()},
                {"notice", info.notice},           {"carrier", info.carrier},
                {"accelerator", info.accelerator}, {"pad_bank", info.pad_bank},
                {"outputs", outputs.document},
                {"stats", StatsJson(total, info)}};
  std::vector<Row> rows = outputs.rows;
  if (!options.profile.empty()) document["profile"] = options.profile;
  if (!options.receipt.empty()) {
    WriteReceiptFile(options.receipt, receipt);
    document["receipt"] = options.receipt;
  }
  if (top != 0) {
    Shown scores = ShowTop(results, session, top);
    document["top"] = std::move(scores.document);
    if (files.empty()) rows.clear();
    rows.insert(rows.end(), scores.rows.begin(), scores.rows.end());
  }
  console.Result("run", document, Table(rows) + (info.notice.empty() ? "" : info.notice + "\n"));
}

}  // namespace

Verb AddRun(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("run", "run a bundle");
  command->add_option("bundle", options->bundle, "bundle file")->required();
  command->add_option(
      "-i,--input", options->inputs,
      "[NAME=]FILE: .npy, or a picture when the bundle stores its preprocessing; or one .npz with all inputs; "
      "samples one after the other along a first axis are run one by one");
  command->add_option("-o,--output", options->outputs,
                      "[NAME=]FILE.npy; FILE.npz or a folder for all outputs");
  command->add_option("--receipt", options->receipt,
                      "file for a receipt the trusted half signs; check it with 'penumbra verify'");
  command->add_option("--nonce", options->nonce,
                      "64 hexadecimal digits the receipt will repeat, chosen by whoever will believe it");
  command->add_option("--vendor-log", options->vendor_log,
                      "file for what the vendor alone may read about a wrong result of the accelerator (P601); "
                      "written only then");
  command->add_option("--pads", options->pads, "one-time pads to make before the first inference");
  command->add_option("--top", options->top,
                      "print the K largest scores; default: 5 when there are labels");
  command->add_option("--profile", options->profile,
                      "file for a trace of what each half did when (Chrome's trace format; opens in Perfetto)");
  AddSessionArguments(command, &options->session);
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
