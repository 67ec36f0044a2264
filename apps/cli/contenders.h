// Several ways to run one network, timed in turn on the same cores so that all meet the same weather.
#ifndef PENUMBRA_CLI_CONTENDERS_H_
#define PENUMBRA_CLI_CONTENDERS_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "console.h"
#include "measurement.h"
#include "model_options.h"
#include "peer_group.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

struct ContenderSpec {
  std::string name;
  ProtectOptions protect;        // without calibration: noise
  std::filesystem::path bundle;  // not empty: this one, and nothing is protected
};

struct ContenderSettings {
  SessionArguments session;
  uint32_t warmup = 3, iterations = 20;
  // Whether checked contenders are also run without their checks, which tells what these cost.
  bool without_checks = true;
  Json device_profile = nullptr;  // of 'penumbra profile'; null: no rooflines
  // A contender that cannot be protected or loaded stands among the errors, and the others run.
  bool keep_errors = false;
};

// One object for each of `specs`, whose members docs/json_schema.md describes under "bench", and of the peer, which may be null,
// its summary. What is known to break a scheme is logged. Throws Error.
struct Contest {
  Json presets = Json::array();
  Json peer = nullptr;
  Json errors = Json::array();  // of "preset", "code", "message"
};
Contest MeasureContenders(const std::filesystem::path& model, const std::vector<ContenderSpec>& specs,
                          const ContenderSettings& settings, PeerGroup* peers, const ScratchFolder& scratch, const Console& console);

// Milliseconds that `segment` takes at least by the rates of a device profile: its multiplications or its bytes.
double Roofline(const PublicSegment& segment, const Json& device_profile);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_CONTENDERS_H_
