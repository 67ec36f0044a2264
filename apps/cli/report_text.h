// The vendor's per-layer report as JSON and as text, for protect and inspect alike.
#ifndef PENUMBRA_CLI_REPORT_TEXT_H_
#define PENUMBRA_CLI_REPORT_TEXT_H_

#include <string>
#include <vector>

#include "console.h"

namespace penumbra::cli {

Json ReportJson(const ProtectReport& report);

// Rows of totals for Table().
std::vector<Row> ReportTotals(const ProtectReport& report, bool partition_inside);

// One line per linear layer, with a head.
std::string LayerTable(const ProtectReport& report, bool partition_inside);

std::string ExtentText(const std::vector<uint32_t>& extents);  // "32x32x16"

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_REPORT_TEXT_H_
