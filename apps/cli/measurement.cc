#include "measurement.h"

#include <stdlib.h>

#include <algorithm>
#include <random>

#include "error_codes.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kNoiseSamples = 4;

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "penumbra-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw Error(kIo, "cannot make a scratch folder [" + pattern + "]");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TensorMap Noise(const std::vector<TensorInfo>& inputs, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  TensorMap feeds;
  for (const TensorInfo& input : inputs) {
    size_t count = 1;
    for (const int64_t extent : input.shape) count *= static_cast<size_t>(extent);
    Tensor& tensor = feeds[input.name] = {input.shape, std::vector<float>(count)};
    for (float& value : tensor.values) value = normal(generator);
  }
  return feeds;
}

void WriteNoiseSamples(const std::filesystem::path& model_file, const ImportSettings& import,
                       const std::filesystem::path& folder) {
  const FloatModel model(model_file, import);
  std::filesystem::create_directory(folder);
  for (uint32_t i = 0; i < kNoiseSamples; ++i) {
    WriteNpz(folder / (std::to_string(i) + ".npz"), Noise(model.inputs(), i + 1));
  }
}

bool IsTflite(const std::string& path) { return path.ends_with(".tflite"); }
bool IsModelFile(const std::string& path) { return path.ends_with(".onnx") || IsTflite(path); }

double Milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

Summary Summarise(std::vector<double> times) {
  if (times.empty()) return {};
  std::ranges::sort(times);
  const auto rank = [&](double share) {
    return times[std::min(times.size() - 1,
                          static_cast<size_t>(share * static_cast<double>(times.size())))];
  };
  Summary summary{0, rank(.5), rank(.9), rank(.95), rank(.99)};
  for (const double time : times) summary.mean += time / static_cast<double>(times.size());
  return summary;
}

double Median(const std::vector<double>& values) { return Summarise(values).p50; }

Json SummaryJson(const Summary& s) {
  return {{"mean_ms", s.mean},
          {"p50_ms", s.p50},
          {"p90_ms", s.p90},
          {"p95_ms", s.p95},
          {"p99_ms", s.p99}};
}

Row SummaryRow(const std::string& name, const Summary& s) {
  return {name,           Fixed(s.mean, 3), Fixed(s.p50, 3), Fixed(s.p90, 3), Fixed(s.p95, 3),
          Fixed(s.p99, 3)};
}

Json MachineJson() {
  const Machine machine = DescribeMachine();
  return {{"processor", machine.processor},
          {"instruction_set", machine.instruction_set},
          {"cores", machine.cores},
          {"penumbra", machine.version}};
}

}  // namespace penumbra::cli
