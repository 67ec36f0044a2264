// What `make demo` shows: a trained network protected, run and compared on one screen.
//   penumbra-demo MODEL.onnx IMAGES CALIBRATION OUTPUT_FOLDER
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"
#include "picture.h"

namespace penumbra::demo {
namespace {

constexpr uint32_t kShownImages = 10, kComparedImages = 100, kTimedRuns = 30;
constexpr uint64_t kTraceSize = uint64_t{16} << 20;

struct Contestant {
  std::string preset;
  std::filesystem::path bundle;
  std::vector<std::string> warnings;
  std::unique_ptr<Session> session;
  bool has_pads = false;
  uint32_t agreements = 0;
  std::vector<double> times_ms;
};

size_t ArgMax(const Tensor& scores) {
  return static_cast<size_t>(std::max_element(scores.values.begin(), scores.values.end()) - scores.values.begin());
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Contestant Prepare(const Env& env, const std::string& preset, const std::filesystem::path& model,
                   const std::filesystem::path& calibration, const std::filesystem::path& folder) {
  Contestant out;
  out.preset = preset;
  out.bundle = folder / (preset + ".penumbra");
  ProtectOptions options;
  options.preset = preset;
  options.calibration = calibration;
  options.preprocess = "cifar10";
  const ProtectReport report = Protect(env, model, out.bundle, options);
  out.warnings = report.warnings;
  out.has_pads = report.pad_size != 0;
  SessionOptions session;
  session.pad_bank_size = 0;  // RunOnce makes pads itself; filling a bank meanwhile would disturb the times
  out.session = std::make_unique<Session>(env, out.bundle, session);
  return out;
}

// One inference with its pad made beforehand; the time is that of the inference alone.
Tensor RunOnce(Contestant* contestant, const TensorMap& feeds, double* out_ms) {
  if (contestant->has_pads) contestant->session->MakePads(1);
  RunStats stats;
  TensorMap outputs = contestant->session->Run(feeds, &stats);
  *out_ms = static_cast<double>(stats.total_ns) / 1e6;
  return outputs.begin()->second;
}

TensorMap Feeds(const Session& session, const std::filesystem::path& path) {
  const TensorInfo& input = session.inputs().front();
  return {{input.name, SplitSamples(input, ReadSample(path, session.preprocess())).front()}};
}

void ShowPredictions(const FloatModel& model, const Dataset& data, std::vector<Contestant>* contestants) {
  const auto label = [&](size_t index) { return data.classes[index].c_str(); };
  std::printf("\n%-24s %-11s %-11s", "picture", "true class", "unprotected");
  for (const Contestant& c : *contestants) std::printf(" %-11s", c.preset.c_str());
  std::printf("\n");
  const size_t count = std::min<size_t>(kComparedImages, data.samples.size());
  for (size_t i = 0; i < count; ++i) {
    const Sample& sample = data.samples[i];
    const TensorMap feeds = Feeds(*contestants->front().session, sample.path);
    const size_t expected = ArgMax(model.Run(feeds).begin()->second);
    const bool shown = i < kShownImages;
    if (shown) {
      const std::string name = label(static_cast<size_t>(sample.label)) + ("/" + sample.path.filename().string());
      std::printf("%-24s %-11s %-11s", name.c_str(), label(static_cast<size_t>(sample.label)), label(expected));
    }
    for (Contestant& c : *contestants) {
      double ms = 0;
      const size_t got = ArgMax(RunOnce(&c, feeds, &ms));
      c.agreements += got == expected ? 1 : 0;
      if (shown) std::printf(" %-11s", label(got));
    }
    if (shown) std::printf("\n");
  }
  std::printf("\nagreement with the unprotected model, %zu pictures:", count);
  for (const Contestant& c : *contestants) std::printf("  %s %u/%zu", c.preset.c_str(), c.agreements, count);
  std::printf("\n");
}

void ShowTimes(const TensorMap& feeds, Contestant* plain, std::vector<Contestant>* contestants) {
  for (uint32_t i = 0; i < kTimedRuns; ++i) {
    double ms = 0;
    RunOnce(plain, feeds, &ms);
    plain->times_ms.push_back(ms);
    for (Contestant& c : *contestants) {
      RunOnce(&c, feeds, &ms);
      c.times_ms.push_back(ms);
    }
  }
  const double base = Median(plain->times_ms);
  std::printf("\n%-26s %12s %8s %16s\n", "one thread, median", "ms", "ratio", "secure memory");
  std::printf("%-26s %12.2f %8.2f %16s\n", "unprotected float32", base, 1.0, "-");
  for (Contestant& c : *contestants) {
    const SessionInfo info = c.session->Info();
    std::printf("%-26s %12.2f %8.2f %12.0f KiB\n", (c.preset + (c.has_pads ? ", pads ready" : "")).c_str(),
                Median(c.times_ms), Median(c.times_ms) / base,
                static_cast<double>(info.secure_memory_peak) / 1024);
  }
}

void ShowMaskedActivation(const FloatModel& model, const TensorMap& feeds, const std::filesystem::path& path,
                          Contestant* contestant) {
  contestant->session->StartTrace(kTraceSize);
  double ms = 0;
  RunOnce(contestant, feeds, &ms);
  const std::vector<ExchangeRecord> records = contestant->session->TakeTrace();
  const ExchangeRecord& record = records.at(1);
  WriteComparison(path, FindActivation(model.Trace(feeds), record), record);
  std::printf("\nwhat the accelerator saw of the second layer's input (right), and what it is (left): %s\n",
              path.c_str());
}

int Main(const std::filesystem::path& onnx, const std::filesystem::path& images,
         const std::filesystem::path& calibration, const std::filesystem::path& folder) {
  const Env env;
  std::filesystem::create_directories(folder);
  const FloatModel model(onnx);
  const Dataset data = ListDataset(images);
  std::printf("protecting %s ...\n", onnx.filename().c_str());
  std::vector<Contestant> contestants;
  contestants.push_back(Prepare(env, "shadownet", onnx, calibration, folder));
  contestants.push_back(Prepare(env, "enclave", onnx, calibration, folder));
  Contestant plain = Prepare(env, "plain", onnx, calibration, folder);
  const SessionInfo info = contestants.front().session->Info();
  std::printf("trusted half: %s\naccelerator:  %s\n", info.carrier.c_str(), info.accelerator.c_str());
  ShowPredictions(model, data, &contestants);
  const TensorMap feeds = Feeds(*contestants.front().session, data.samples.front().path);
  ShowTimes(feeds, &plain, &contestants);
  ShowMaskedActivation(model, feeds, folder / "masked_activation.png", &contestants.front());
  std::printf("\n");
  for (const std::string& warning : contestants.front().warnings) std::printf("warning, shadownet: %s\n", warning.c_str());
  std::printf("%s\n", info.notice.c_str());
  return 0;
}

}  // namespace
}  // namespace penumbra::demo

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: penumbra-demo MODEL.onnx IMAGES CALIBRATION OUTPUT_FOLDER\n");
    return 2;
  }
  try {
    return penumbra::demo::Main(argv[1], argv[2], argv[3], argv[4]);
  } catch (const penumbra::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
