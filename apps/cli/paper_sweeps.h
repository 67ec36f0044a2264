// The sweeps of 'bench --paper' for people: over theta, the Transformer's width and ShadowNet's ratio.
#ifndef PENUMBRA_CLI_PAPER_SWEEPS_H_
#define PENUMBRA_CLI_PAPER_SWEEPS_H_

#include <string>
#include <vector>

#include "console.h"

namespace penumbra::cli {

// Cells of one kind in the order in which they were measured.
std::vector<Json> CellsOf(const Json& results, const std::string& kind);

double BurstOf(const Json& preset);                         // milliseconds
std::string Printed(double value, int digits);              // of a paper; "-" for kNotPrinted
std::string MegabytesText(const Json& bytes);               // "-" for null

// The first row is the head. Without any other there is nothing to show.
std::vector<Row> ThetaRows(const Json& results);
std::vector<Row> WidthRows(const Json& results);
std::vector<Row> RatioRows(const Json& results);

// SVG; empty when there are fewer than two points.
std::string ThetaChart(const Json& results);
std::string WidthChart(const Json& results);
std::string RatioChart(const Json& results);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PAPER_SWEEPS_H_
