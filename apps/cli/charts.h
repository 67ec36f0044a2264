// Charts as SVG and pages that hold them, complete in one file: nothing is fetched when a page is read.
#ifndef PENUMBRA_CLI_CHARTS_H_
#define PENUMBRA_CLI_CHARTS_H_

#include <string>
#include <vector>

#include "console.h"

namespace penumbra::cli {

struct Series {
  std::string name;
  std::vector<double> values;  // one for each category or x; NaN: there is none
};

// Horizontal bars with their values. Stacked: one bar for each category, of all series; else one for each of both.
std::string BarChart(const std::vector<std::string>& categories, const std::vector<Series>& series, const std::string& unit,
                     bool stacked);

// One line for each series over `x`, which ascends; both axes begin at zero unless x does not.
std::string LineChart(const std::vector<double>& x, const std::vector<Series>& series, const std::string& x_unit,
                      const std::string& unit);

// A page that grows from top to bottom.
class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}
  void Heading(const std::string& text);
  void Paragraph(const std::string& text);
  void Chart(const std::string& svg) { body_ += "<figure>" + svg + "</figure>\n"; }
  void Table(const std::vector<Row>& rows);  // the first is the head
  std::string Html() const;

 private:
  std::string title_, body_;
};

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_CHARTS_H_
