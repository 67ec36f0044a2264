#include "charts.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "markup.h"

namespace penumbra::cli {
namespace {

constexpr double kWidth = 900, kLabels = 260, kValues = 90, kBar = 16, kGap = 8, kLegend = 28;
constexpr double kPlotHeight = 260, kLeft = 70, kBottom = 46, kTop = 12;
constexpr size_t kMaxLabel = 40;  // characters
constexpr const char* kColours[] = {"#2f5f9e", "#c26d12", "#5b8c5a", "#a23b56", "#7a5ba6", "#8a7a35", "#3d8b9c", "#666666"};

const char* Colour(size_t index) { return kColours[index % std::size(kColours)]; }

std::string Number(double value) { return Fixed(value, 1); }

// Three significant digits or so.
std::string ValueText(double value) {
  const double size = std::abs(value);
  return Fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

std::string Text(double x, double y, const std::string& text, const char* anchor = "start") {
  return "<text x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" text-anchor=\"" + anchor + "\">" + Escaped(text) +
         "</text>\n";
}

// Its title is what a reader sees who points at it.
std::string Box(double x, double y, double width, double height, const char* colour, const std::string& title) {
  return "<rect x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" width=\"" + Number(width) + "\" height=\"" +
         Number(height) + "\" fill=\"" + colour + "\"><title>" + Escaped(title) + "</title></rect>\n";
}

std::string Svg(double height, const std::string& content) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + Number(kWidth) + " " + Number(height) +
         "\" width=\"" + Number(kWidth) + "\" height=\"" + Number(height) + "\" role=\"img\">\n" + content + "</svg>";
}

std::string Legend(const std::vector<Series>& series, const std::string& unit) {
  std::string text = Text(kWidth, 14, unit, "end");
  double x = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    text += Box(x, 4, 12, 12, Colour(i), series[i].name) + Text(x + 17, 14, series[i].name);
    x += 34 + 7 * static_cast<double>(series[i].name.size());
  }
  return text;
}

std::string Shortened(const std::string& text) {
  return text.size() <= kMaxLabel ? text : "..." + text.substr(text.size() - kMaxLabel + 3);
}

double Known(double value) { return std::isfinite(value) ? value : 0; }

double Largest(const std::vector<Series>& series, size_t count, bool stacked) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (const Series& one : series) {
      const double value = Known(one.values[i]);
      sum += value;
      largest = std::max(largest, value);
    }
    if (stacked) largest = std::max(largest, sum);
  }
  return largest > 0 ? largest : 1;
}

std::string StackedBar(const std::vector<Series>& series, size_t category, double y, double scale) {
  std::string text;
  double x = kLabels, sum = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    const double value = Known(series[i].values[category]);
    text += Box(x, y, value * scale, kBar, Colour(i), series[i].name + " " + ValueText(value));
    x += value * scale;
    sum += value;
  }
  return text + Text(x + 5, y + kBar - 4, ValueText(sum));
}

// 1, 2 or 5 times a power of ten, so that there are about five steps up to `largest`.
double Step(double largest) {
  const double power = std::pow(10, std::floor(std::log10(largest / 5)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power * 6 >= largest) return factor * power;
  }
  return 10 * power;
}

bool StartsWithDigit(const std::string& text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0;
}

constexpr const char* kStyle =
    "body{font-family:sans-serif;font-size:14px;color:#222;max-width:1000px;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:3px 9px;border-bottom:1px solid #ddd;text-align:left}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1em 0;overflow-x:auto}"
    "svg text{font-family:sans-serif;font-size:12px;fill:#222}h1{font-size:22px}h2{font-size:17px;margin-top:2em}";

}  // namespace

std::string BarChart(const std::vector<std::string>& categories, const std::vector<Series>& series, const std::string& unit,
                     bool stacked) {
  const double scale = (kWidth - kLabels - kValues) / Largest(series, categories.size(), stacked);
  std::string text = Legend(series, unit);
  double y = kLegend;
  for (size_t category = 0; category < categories.size(); ++category) {
    const double rows = stacked ? 1 : static_cast<double>(series.size());
    text += Text(kLabels - 8, y + rows * kBar / 2 + 4, Shortened(categories[category]), "end");
    if (stacked) {
      text += StackedBar(series, category, y, scale);
    } else {
      for (size_t i = 0; i < series.size(); ++i) {
        const double value = series[i].values[category], top = y + static_cast<double>(i) * kBar;
        const double width = Known(value) * scale;
        text += Box(kLabels, top, width, kBar - 2, Colour(i), series[i].name);
        text += Text(kLabels + width + 5, top + kBar - 4, std::isfinite(value) ? ValueText(value) : "-");
      }
    }
    y += rows * kBar + kGap;
  }
  return Svg(y, text);
}

std::string LineChart(const std::vector<double>& x, const std::vector<Series>& series, const std::string& x_unit,
                      const std::string& unit) {
  const double largest = Largest(series, x.size(), false), left = std::min(0.0, x.front());
  const double first = x.front() > 0.5 * x.back() ? x.front() : left;
  const auto at_x = [&](double value) { return kLeft + (value - first) / (x.back() - first) * (kWidth - kLeft - kValues); };
  const auto at_y = [&](double value) { return kLegend + kTop + (1 - value / largest) * kPlotHeight; };
  std::string text = Legend(series, unit);
  for (double tick = 0; tick <= largest * 1.001; tick += Step(largest)) {
    text += "<line x1=\"" + Number(kLeft) + "\" x2=\"" + Number(kWidth - kValues) + "\" y1=\"" + Number(at_y(tick)) +
            "\" y2=\"" + Number(at_y(tick)) + "\" stroke=\"#ddd\"/>\n" +
            Text(kLeft - 8, at_y(tick) + 4, ValueText(tick), "end");
  }
  for (const double value : x) text += Text(at_x(value), at_y(0) + 18, ValueText(value), "middle");
  text += Text((kLeft + kWidth - kValues) / 2, at_y(0) + 36, x_unit, "middle");
  for (size_t i = 0; i < series.size(); ++i) {
    std::string points;
    for (size_t j = 0; j < x.size(); ++j) {
      const double value = series[i].values[j];
      if (!std::isfinite(value)) continue;
      points += Number(at_x(x[j])) + "," + Number(at_y(value)) + " ";
      text += "<circle cx=\"" + Number(at_x(x[j])) + "\" cy=\"" + Number(at_y(value)) + "\" r=\"3\" fill=\"" + Colour(i) +
              "\"><title>" + Escaped(series[i].name) + " " + ValueText(value) + "</title></circle>\n";
    }
    text += "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + Colour(i) + "\" stroke-width=\"2\"/>\n";
  }
  return Svg(kLegend + kTop + kPlotHeight + kBottom, text);
}

void Page::Heading(const std::string& text) { body_ += "<h2>" + Escaped(text) + "</h2>\n"; }
void Page::Paragraph(const std::string& text) { body_ += "<p>" + Escaped(text) + "</p>\n"; }

void Page::Table(const std::vector<Row>& rows) {
  body_ += "<table>\n";
  for (const Row& row : rows) {
    body_ += "<tr>";
    for (const std::string& cell : row) {
      const bool head = &row == &rows.front();
      body_ += head ? "<th>" : StartsWithDigit(cell) ? "<td class=\"n\">" : "<td>";
      body_ += Escaped(cell) + (head ? "</th>" : "</td>");
    }
    body_ += "</tr>\n";
  }
  body_ += "</table>\n";
}

std::string Page::Html() const {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + Escaped(title_) + "</title><style>" +
         kStyle + "</style></head><body>\n<h1>" + Escaped(title_) + "</h1>\n" + body_ + "</body></html>\n";
}

}  // namespace penumbra::cli
