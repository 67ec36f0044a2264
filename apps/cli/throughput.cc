#include "throughput.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "measurement.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kRounds = 5;
constexpr uint32_t kRequestsPerThread = 4;  // at least, so that beginning and end of a round weigh little

// Seconds that `requests` inferences take on `in_flight` threads.
double TimeRound(Session* session, const TensorMap& feeds, uint32_t in_flight, uint32_t requests) {
  std::atomic<uint32_t> next{0};
  std::vector<std::exception_ptr> failures(in_flight);
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (std::exception_ptr& failure : failures) {
    threads.emplace_back([&] {
      try {
        while (next++ < requests) session->Run(feeds);
      } catch (...) {
        failure = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  for (const std::exception_ptr& failure : failures) {
    if (failure != nullptr) std::rethrow_exception(failure);
  }
  return elapsed.count();
}

}  // namespace

std::vector<Throughput> MeasureThroughput(Session* session, const TensorMap& feeds, bool pads,
                                          const std::vector<uint32_t>& in_flight,
                                          uint32_t iterations, const Console& console) {
  std::vector<uint32_t> counts{1};
  for (const uint32_t count : in_flight) {
    if (std::ranges::find(counts, count) == counts.end()) counts.push_back(count);
  }
  const uint32_t requests = std::max(iterations / kRounds, kRequestsPerThread * std::ranges::max(counts));
  std::vector<std::vector<double>> rates(counts.size()), ratios(counts.size());
  for (uint32_t round = 0; round <= kRounds; ++round) {  // the first one warms up
    for (size_t i = 0; i < counts.size(); ++i) {
      console.Progress("in flight", (round + static_cast<double>(i) / counts.size()) / (kRounds + 1));
      if (pads) session->MakePads(requests);
      const double rate = requests / TimeRound(session, feeds, counts[i], requests);
      if (round == 0) continue;
      rates[i].push_back(rate);
      ratios[i].push_back(rate / rates[0].back());
    }
  }
  std::vector<Throughput> rows;
  for (size_t i = 0; i < counts.size(); ++i) {
    rows.push_back({counts[i], Median(rates[i]), Median(ratios[i])});
  }
  return rows;
}

Json ThroughputJson(const std::vector<Throughput>& rows) {
  Json list = Json::array();
  for (const Throughput& row : rows) {
    list.push_back({{"in_flight", row.in_flight},
                    {"inferences_per_second", row.per_second},
                    {"ratio", row.ratio}});
  }
  return list;
}

std::vector<Row> ThroughputTable(const std::vector<Throughput>& rows) {
  std::vector<Row> table{{"in flight", "inferences/s", "to one"}};
  for (const Throughput& row : rows) {
    table.push_back({std::to_string(row.in_flight), Fixed(row.per_second, 2), Fixed(row.ratio, 3)});
  }
  return table;
}

}  // namespace penumbra::cli
