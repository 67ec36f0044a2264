// fingerprint_run [--trials N] [--seed N] [--distances FILE.json MODEL.onnx]
//
// Tables of docs/integrity.md: how often fingerprints catch accelerators that lie about a slot drawn at random, beside the
// predicted probability, and what accelerators that look get away with. With --distances instead: the Euclidean distances
// between fingerprints and ordinary queries of one segment, for oblivious and for fixed fingerprints, for
// tools/analysis/fingerprint_distances.py.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "fingerprint_trials.h"

namespace penumbra::malice {
namespace {

using malicious::Strategy;
using Vector = std::vector<float>;

struct Options {
  uint32_t trials = 2000;
  uint64_t seed = 1;
  std::string distances, model;
};

Options ParseOptions(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto next = [&] {
      if (++i == count) throw std::invalid_argument(word);
      return std::string(words[i]);
    };
    if (word == "--trials") {
      options.trials = static_cast<uint32_t>(std::stoul(next()));
    } else if (word == "--seed") {
      options.seed = std::stoull(next());
    } else if (word == "--distances") {
      options.distances = next();
      options.model = next();
    } else {
      throw std::invalid_argument(word);
    }
  }
  if (options.trials == 0) throw std::invalid_argument("--trials");
  return options;
}

bool PrintOdds(const OddsCount& count, uint32_t fingerprints, double rate, const std::string& lies) {
  const double measured = static_cast<double>(count.refused) / count.trials;
  const double deviation = std::sqrt(count.predicted * (1 - count.predicted) / count.trials);
  std::printf("| %u | %.2f | %s | %u of %u | %.4f | %.4f |\n", fingerprints, rate, lies.c_str(), count.refused,
              count.trials, measured, count.predicted);
  return std::fabs(measured - count.predicted) <= 5 * deviation;
}

bool PrintOddsTable(const Options& options) {
  std::printf("| fingerprints a job | challenge rate | lies, each about one slot | refused | measured | predicted |\n"
              "|---|---|---|---|---|---|\n");
  bool passed = true;
  for (const auto& [fingerprints, rate] :
       std::initializer_list<std::pair<uint32_t, double>>{{1, 1}, {1, 0.5}, {1, 0.1}, {3, 1}, {7, 1}}) {
    FingerprintVictim victim({.count = fingerprints, .challenge_rate = rate});
    for (const uint32_t lies : {1u, 2u, 5u, 10u}) {
      passed &= PrintOdds(CountRefusals(&victim, options.trials, lies, options.seed), fingerprints, rate, std::to_string(lies));
    }
    constexpr uint32_t kOneIn = 10, kJobs = 30;
    passed &= PrintOdds(CountRefusalsNowAndThen(&victim, options.trials / 4, kOneIn, kJobs, options.seed), fingerprints,
                        rate, "one in 10 of 30 jobs");
  }
  return passed;
}

void PrintStrategy(const char* fingerprints, const std::string& who, const StrategyCount& count) {
  std::printf("| %s | %s | %llu | %u | %u | %u |\n", fingerprints, who.c_str(),
              static_cast<unsigned long long>(count.lies), count.refused, count.wrong, count.right);
}

void PrintStrategies(const Options& options) {
  std::printf("\n| fingerprints | lies about | lies | refused | wrong results | right results |\n|---|---|---|---|---|---|\n");
  const uint32_t inferences = std::max(1u, options.trials / 4);
  for (const bool fixed : {false, true}) {
    const char* const name = fixed ? "fixed" : "oblivious";
    FingerprintVictim victim({.fixed = fixed});
    for (const Strategy strategy : {Strategy::kEverySlot, Strategy::kOneSlot, Strategy::kUnseen, Strategy::kZeros,
                                    Strategy::kContinuity}) {
      PrintStrategy(name, std::string(malicious::StrategyName(strategy)),
                    CountStrategy(&victim, strategy, inferences, options.seed));
    }
  }
  FingerprintVictim victim({});
  uint32_t seen = 0;
  for (const uint32_t more : {15u, 1u}) {
    Learn(&victim, more);
    seen += more;
    PrintStrategy("oblivious", "what lies outside the span of " + std::to_string(seen) + " fingerprints",
                  CountStrategy(&victim, Strategy::kOutsideSpan, inferences, options.seed));
  }
  victim.Refresh();
  PrintStrategy("oblivious, other cornerstones", "what lies outside the span of 16 fingerprints",
                CountStrategy(&victim, Strategy::kOutsideSpan, inferences, options.seed));
}

double Distance(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return std::sqrt(sum);
}

struct Seen {
  std::vector<Vector> queries, fingerprints;
};

// Each input runs twice: what comes again is the request. The first slots of segment `segment` only.
Seen Watch(const Options& options, bool fixed, uint32_t segment, uint32_t inputs) {
  FingerprintVictim victim(options.model, {.fixed = fixed});
  if (segment >= victim.segment_count()) throw std::invalid_argument("the model has too few segments");
  std::vector<std::vector<Vector>> jobs;
  victim.device().Observe([&](uint32_t index, const std::vector<Vector>& slots) {
    if (index == segment) jobs.push_back(slots);
  });
  for (uint32_t i = 0; i < inputs; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      if (victim.Run(i) != Answer::kRight) throw std::logic_error("an honest run went wrong");
    }
  }
  std::map<Vector, uint32_t> count;
  for (const auto& slots : jobs) {
    for (const Vector& slot : slots) ++count[slot];
  }
  Seen seen;
  for (const auto& [slot, times] : count) {
    if (times == 2) seen.queries.push_back(slot);
  }
  for (const auto& slots : jobs) {
    for (const Vector& slot : slots) {
      if (count[slot] != 2) seen.fingerprints.push_back(slot);
    }
  }
  return seen;
}

nlohmann::json Distances(const std::vector<Vector>& a, const std::vector<Vector>& b) {
  nlohmann::json list = nlohmann::json::array();
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = &a == &b ? i + 1 : 0; j < b.size(); ++j) list.push_back(Distance(a[i], b[j]));
  }
  return list;
}

void WriteDistances(const Options& options) {
  constexpr uint32_t kSegment = 6, kInputs = 24;
  nlohmann::json document = {{"segment", kSegment}, {"inputs", kInputs}};
  for (const bool fixed : {false, true}) {
    const Seen seen = Watch(options, fixed, kSegment, kInputs);
    document[fixed ? "fixed" : "oblivious"] = {
        {"query_query", Distances(seen.queries, seen.queries)},
        {"fingerprint_fingerprint", Distances(seen.fingerprints, seen.fingerprints)},
        {"fingerprint_query", Distances(seen.fingerprints, seen.queries)}};
  }
  std::ofstream file(options.distances);
  file << document.dump(1) << "\n";
  if (!file.flush()) throw std::runtime_error("cannot write " + options.distances);
}

}  // namespace
}  // namespace penumbra::malice

int main(int argument_count, char** arguments) {
  penumbra::malice::Options options;
  try {
    options = penumbra::malice::ParseOptions(argument_count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "fingerprint_run: %s; usage: fingerprint_run [--trials N] [--seed N] [--distances FILE.json MODEL.onnx]\n",
                 error.what());
    return 2;
  }
  try {
    if (!options.distances.empty()) {
      penumbra::malice::WriteDistances(options);
      return 0;
    }
    const bool passed = penumbra::malice::PrintOddsTable(options);
    penumbra::malice::PrintStrategies(options);
    if (!passed) std::fprintf(stderr, "fingerprint_run: a measured probability is not the predicted one\n");
    return passed ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fingerprint_run: %s\n", error.what());
    return 1;
  }
}
