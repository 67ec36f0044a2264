// bench with several presets side by side.
#ifndef PENUMBRA_CLI_BENCH_PRESETS_H_
#define PENUMBRA_CLI_BENCH_PRESETS_H_

#include <string>
#include <vector>

#include "charts.h"
#include "contenders.h"

namespace penumbra::cli {

struct PresetsRequest {
  std::string model;
  std::vector<ContenderSpec> specs;
  ContenderSettings settings;
  PeerGroup* peers = nullptr;  // may be null
  std::string html;            // file; empty: none
};

// Prints the result. Throws Error.
void BenchPresets(const PresetsRequest& request, const ScratchFolder& scratch, const Console& console);

// The text and the page of the documents that hold "presets" and "peer".
std::vector<Row> PresetRows(const Json& presets);
// P1 to P4 of each preset, divided by `unit_ms` (1: in milliseconds).
std::string PhasesChart(const Json& presets, double unit_ms, const std::string& unit);
std::string MachineText(const Json& machine);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_BENCH_PRESETS_H_
