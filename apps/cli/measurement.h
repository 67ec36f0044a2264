// What all measurements share: inputs of noise, summaries of times, a folder that goes again, the machine.
#ifndef PENUMBRA_CLI_MEASUREMENT_H_
#define PENUMBRA_CLI_MEASUREMENT_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "console.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

// Made in the temporary folder, removed with everything in it at destruction. Throws Error P203.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Standard normal values; the same seed gives the same.
TensorMap Noise(const std::vector<TensorInfo>& inputs, uint32_t seed);
// A calibration folder of such samples for the model, good for timing only. Throws Error.
void WriteNoiseSamples(const std::filesystem::path& model_file, const ImportSettings& import,
                       const std::filesystem::path& folder);

bool IsTflite(const std::string& path);
bool IsModelFile(const std::string& path);  // and no bundle

double Milliseconds(uint64_t ns);

struct Summary {
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;  // milliseconds
};
Summary Summarise(std::vector<double> times);  // all zero when there are none
double Median(const std::vector<double>& values);
Json SummaryJson(const Summary& summary);
Row SummaryRow(const std::string& name, const Summary& summary);

Json MachineJson();

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_MEASUREMENT_H_
