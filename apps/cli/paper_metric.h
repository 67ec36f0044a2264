// ShadowNet's feasible set under the name "paper metric": how many keys could have led to the published filters, and beside it
// how many filters the known attack recovers from them (docs/schemes.md, "The paper metric").
#ifndef PENUMBRA_CLI_PAPER_METRIC_H_
#define PENUMBRA_CLI_PAPER_METRIC_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "console.h"
#include "measurement.h"
#include "penumbra/audit.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

// Protects the model by `options` into the scratch folder, counts keys over ratios and attacks. docs/json_schema.md describes the
// object under "bench". Throws Error.
Json PaperMetricJson(const std::filesystem::path& model, ProtectOptions options, const ScratchFolder& scratch,
                     const Console& console);

// Of all cells that have one; the first row is the head. One row for each network, and one for each layer.
std::vector<Row> PaperMetricRows(const Json& results);
std::vector<Row> PaperMetricLayerRows(const Json& results);
// Bits over the ratio, one line for each network; SVG, empty without one.
std::string PaperMetricChart(const Json& results);
extern const char* const kPaperMetricSays;

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PAPER_METRIC_H_
