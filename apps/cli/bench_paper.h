// bench --paper: the papers' experiments by one command.
#ifndef PENUMBRA_CLI_BENCH_PAPER_H_
#define PENUMBRA_CLI_BENCH_PAPER_H_

#include <string>

#include "console.h"
#include "paper_plan.h"

namespace penumbra::cli {

struct PaperRequest {
  PaperSettings settings;
  std::string results;  // JSON file that is written after each cell and continued when it is there; empty: none
  std::string html;     // empty: none
};

// Prints the result. Throws Error; P107 for results of other settings or of another machine.
void BenchPaper(const PaperRequest& request, const Console& console);

// The tables and charts of the results, beside the paper's numbers.
std::string PaperText(const Json& results);
std::string PaperHtml(const Json& results);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_BENCH_PAPER_H_
