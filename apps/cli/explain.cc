#include "explain.h"

#include <algorithm>
#include <map>

namespace penumbra::cli {
namespace {

constexpr size_t kShownOperators = 2;  // in the name of a segment
constexpr size_t kShownEstimates = 3;

std::string PublicName(const BundleInfo& info, size_t segment) {
  const std::vector<std::string>& operators = info.segments[segment].operators;
  std::string text = "segment " + std::to_string(segment);
  for (size_t i = 0; i < std::min(kShownOperators, operators.size()); ++i) {
    text.append(i == 0 ? ": " : ", ").append(operators[i]);
  }
  return operators.size() > kShownOperators ? text + ", ..." : text;
}

std::string MegaCycles(double cycles) { return Fixed(cycles / 1e6, 2); }

// The chosen method's estimate, and the others from the cheapest on.
std::string EstimateText(const PublicMethod& method) {
  std::string text;
  for (const PublicMethod::Estimate& estimate : method.estimates) {
    if (estimate.method == method.method) text = MegaCycles(estimate.cycles);
  }
  return text;
}

std::string AlternativesText(const PublicMethod& method) {
  std::vector<PublicMethod::Estimate> others;
  for (const PublicMethod::Estimate& estimate : method.estimates) {
    if (estimate.method != method.method) others.push_back(estimate);
  }
  std::ranges::sort(others, {}, &PublicMethod::Estimate::cycles);
  std::string text;
  for (size_t i = 0; i < std::min(kShownEstimates, others.size()); ++i) {
    text.append(i == 0 ? "" : "; ").append(others[i].method + " " + MegaCycles(others[i].cycles));
  }
  return text;
}

}  // namespace

std::vector<std::string> SegmentNames(const BundleInfo& info, const ProtectReport* report) {
  std::vector<std::string> names;
  for (size_t i = 0; i < info.segments.size(); ++i) names.push_back(PublicName(info, i));
  if (report == nullptr) return names;
  std::map<uint32_t, uint32_t> layer_count;
  for (const ProtectedLayer& layer : report->layers) {
    if (!layer.segment || *layer.segment >= names.size()) continue;
    if (++layer_count[*layer.segment] == 1) names[*layer.segment] = layer.name;
  }
  for (const auto& [segment, count] : layer_count) {
    if (count > 1) names[segment] += " and " + std::to_string(count - 1) + " more";
  }
  return names;
}

Json MethodsJson(const std::vector<PublicMethod>& methods, const std::vector<std::string>& segments) {
  Json list = Json::array();
  for (const PublicMethod& method : methods) {
    Json estimates = Json::array();
    for (const auto& [name, cycles] : method.estimates) estimates.push_back({{"method", name}, {"cycles", cycles}});
    list.push_back({{"segment", method.segment},
                    {"name", segments.at(method.segment)},
                    {"operator", method.op},
                    {"method", method.method},
                    {"kernels", method.kernels},
                    {"reason", method.reason},
                    {"estimates", estimates}});
  }
  return list;
}

std::string MethodsTable(const std::vector<PublicMethod>& methods, const std::vector<std::string>& segments) {
  std::vector<Row> rows{{"public layer", "operator", "method", "kernels", "Mcycles", "others, Mcycles", "why"}};
  for (const PublicMethod& method : methods) {
    rows.push_back({segments.at(method.segment), method.op, method.method, method.kernels, EstimateText(method),
                    AlternativesText(method), method.reason});
  }
  return Table(rows);
}

}  // namespace penumbra::cli
