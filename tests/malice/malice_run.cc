// malice_run [--replies N] [--samples N] [--threads N] [--seed N]
//
// Tells every lie to every scheme and prints what came of it. Schemes without a check get `samples`
// lies of each kind. Those that check get `replies` wrong replies altogether, over all kinds whose
// bytes stand still once the reply is given, and `samples` of the others; the program fails when
// one is accepted. A check with one projection, which errs often, shows that the predicted error is
// the real one. Every lie has a seed of its own, which the message of a failure names.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tally.h"
#include "victim.h"

namespace penumbra::malice {
namespace {

using malicious::Lie;

struct Options {
  uint64_t replies = 1'000'000;
  uint64_t samples = 200;
  uint64_t threads = 2;
  uint64_t seed = 1;
};

Options ParseOptions(int count, char** words) {
  Options options;
  const std::pair<const char*, uint64_t*> known[] = {{"--replies", &options.replies},
                                                     {"--samples", &options.samples},
                                                     {"--threads", &options.threads},
                                                     {"--seed", &options.seed}};
  for (int i = 1; i < count; i += 2) {
    const auto found = std::ranges::find_if(
        known, [&](const auto& option) { return std::strcmp(option.first, words[i]) == 0; });
    if (found == std::end(known) || i + 1 == count) throw std::invalid_argument(words[i]);
    const char* const end = words[i + 1] + std::strlen(words[i + 1]);
    const auto [at, error] = std::from_chars(words[i + 1], end, *found->second);
    if (error != std::errc() || at != end || *found->second == 0) {
      throw std::invalid_argument(words[i + 1]);
    }
  }
  return options;
}

// Late and hanging replies cost their time, concurrent ones cannot be called wrong or right.
bool IsCounted(Lie lie) {
  return lie != Lie::kHonest && lie != Lie::kOtherRepresentative && lie != Lie::kLate &&
         lie != Lie::kNever && !malicious::IsConcurrent(lie);
}
uint64_t CountedKinds() {
  return static_cast<uint64_t>(std::ranges::count_if(malicious::Lies(), IsCounted));
}
uint64_t CheckedSchemes() {
  return static_cast<uint64_t>(std::ranges::count_if(SchemeCases(), &SchemeCase::is_checked));
}

class ProgressBar {
 public:
  explicit ProgressBar(uint64_t total) : total_(total), shown_(isatty(STDERR_FILENO) != 0) {}
  ~ProgressBar() {
    if (shown_) std::fprintf(stderr, "\r%60s\r", "");
  }
  void Advance() {
    const uint64_t done = ++done_;
    if (!shown_ || done % 64 != 0) return;
    const uint64_t percent = std::min<uint64_t>(100, done * 100 / total_);
    std::fprintf(stderr, "\r[%-40s] %3llu%%", std::string(percent * 2 / 5, '#').c_str(),
                 static_cast<unsigned long long>(percent));
  }

 private:
  const uint64_t total_;
  const bool shown_;
  std::atomic<uint64_t> done_{0};
};

// One scheme: a tally for every kind of lie.
class SchemeRun {
 public:
  SchemeRun(const SchemeCase& scheme, const Options& options, ProgressBar* progress)
      : scheme_(scheme),
        options_(options),
        progress_(progress),
        tallies_(malicious::Lies().size()) {
    if (scheme_.is_checked) {
      const uint64_t parts = CheckedSchemes() * CountedKinds();
      wrong_quota_ = (options_.replies + parts - 1) / parts;
    }
  }

  void Run() {
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < options_.threads; ++t) threads.emplace_back([this, t] { Work(t); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

  const std::vector<Tally>& tallies() const { return tallies_; }
  double predicted_error() const { return predicted_error_; }

 private:
  void Work(uint64_t thread) try {
    Victim victim(scheme_, {});
    if (thread == 0) predicted_error_ = PredictedError(victim.model());
    for (const Lie lie : malicious::Lies()) Tell(&victim, lie, thread);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }

  // This thread's share of one kind.
  void Tell(Victim* victim, Lie lie, uint64_t thread) {
    const uint64_t quota = scheme_.is_checked && IsCounted(lie) ? wrong_quota_ : 0;
    Tally tally;
    const auto share = [&](uint64_t whole) {
      return (whole + options_.threads - 1 - thread) / options_.threads;
    };
    // A lie may happen to be none; a kind that is one only now and then is given up.
    const uint64_t limit = std::max(share(options_.samples), 2 * share(quota));
    for (uint64_t i = 0; i < limit; ++i) {
      if (i >= share(options_.samples) && tally.wrong_count >= share(quota)) break;
      const uint64_t seed = (options_.seed << 40) + i * options_.threads + thread;
      tally.Add(victim->Try(lie, seed), lie, scheme_.is_checked, seed);
      progress_->Advance();
    }
    const std::lock_guard lock(mutex_);
    tallies_[static_cast<size_t>(lie)].Add(tally);
  }

  const SchemeCase scheme_;
  const Options options_;
  ProgressBar* const progress_;
  uint64_t wrong_quota_ = 0;
  double predicted_error_ = 1;
  std::mutex mutex_;
  std::vector<Tally> tallies_;
  std::exception_ptr failure_;
};

std::string Cell(const Tally& tally) {
  const std::pair<Effect, const char*> words[] = {
      {Effect::kGotThrough, "wrong result"}, {Effect::kNoEffect, "no effect"},
      {Effect::kRefused, "refused"},         {Effect::kAccepted, "right"},
      {Effect::kUntold, "untold"},           {Effect::kBroken, "BROKEN"}};
  std::string cell;
  const auto add = [&cell](uint64_t count, const std::string& word) {
    if (count == 0) return;
    cell.append(cell.empty() ? "" : ", ").append(std::to_string(count)).append(" ").append(word);
  };
  for (const auto& [effect, word] : words) add(tally.count(effect), word);
  for (const auto& [status, count] : tally.errors) {
    if (status != Status::kIntegrity) add(count, "P" + std::to_string(static_cast<int>(status)));
  }
  return cell;
}

struct SchemeResult {
  const SchemeCase* scheme;
  std::vector<Tally> tallies;  // by kind
  double predicted_error;
};

// Kinds down, schemes across.
void PrintTable(const std::vector<SchemeResult>& results) {
  std::string header = "| lie |", rule = "|---|";
  for (const SchemeResult& result : results) {
    header.append(" ").append(result.scheme->name).append(" |");
    rule.append("---|");
  }
  std::printf("%s\n%s\n", header.c_str(), rule.c_str());
  for (const Lie lie : malicious::Lies()) {
    std::string line = "| " + std::string(malicious::LieName(lie)) + " |";
    for (const SchemeResult& result : results) {
      line.append(" ").append(Cell(result.tallies[static_cast<size_t>(lie)])).append(" |");
    }
    std::printf("%s\n", line.c_str());
  }
}

// False when a wrong reply was accepted.
bool PrintBound(const SchemeResult& result) {
  Tally all;
  for (const Tally& tally : result.tallies) all.Add(tally);
  std::printf("%s: %llu wrong replies, %llu accepted", result.scheme->name.c_str(),
              static_cast<unsigned long long>(all.wrong_count),
              static_cast<unsigned long long>(all.accepted_wrong_count));
  if (all.accepted_wrong_count == 0 && all.wrong_count > 0) {
    std::printf("; error below %.3g with confidence 95%%, predicted %.3g",
                UpperBoundOfNone(all.wrong_count, 0.95), result.predicted_error);
  }
  std::printf("\n");
  return all.accepted_wrong_count == 0;
}

// False when the measured error of one projection is not the predicted one.
bool PrintWeakCheck(const Options& options) {
  constexpr uint64_t kTrialsPerSample = 100;
  Victim victim(WeakScheme(), {});
  Tally tally;
  for (uint64_t i = 0; i < kTrialsPerSample * options.samples; ++i) {
    const uint64_t seed = (options.seed << 40) + i;
    tally.Add(victim.Try(Lie::kChangeElement, seed), Lie::kChangeElement, false, seed);
  }
  const double trials = static_cast<double>(tally.wrong_count);
  const double expected = trials * PredictedWeakError(victim.model());
  const double accepted = static_cast<double>(tally.accepted_wrong_count);
  std::printf("%s: %.0f changed residues, %.0f accepted, predicted %.1f\n",
              WeakScheme().name.c_str(), trials, accepted, expected);
  return tally.first_problem.empty() && std::abs(accepted - expected) < 6 * std::sqrt(expected);
}

int Main(const Options& options) {
  ProgressBar progress(options.samples * malicious::Lies().size() * SchemeCases().size() +
                       (CheckedSchemes() > 0 ? options.replies : 0));
  std::vector<SchemeResult> results;
  for (const SchemeCase& scheme : SchemeCases()) {
    SchemeRun run(scheme, options, &progress);
    run.Run();
    results.push_back({&scheme, run.tallies(), run.predicted_error()});
  }
  PrintTable(results);
  bool passed = true;
  for (const SchemeResult& result : results) {
    if (result.scheme->is_checked) passed = PrintBound(result) && passed;
    for (const Tally& tally : result.tallies) {
      if (tally.first_problem.empty()) continue;
      passed = false;
      std::fprintf(stderr, "%s: %s\n", result.scheme->name.c_str(), tally.first_problem.c_str());
    }
  }
  passed = PrintWeakCheck(options) && passed;
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace penumbra::malice

int main(int argument_count, char** arguments) {
  penumbra::malice::Options options;
  try {
    options = penumbra::malice::ParseOptions(argument_count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "malice_run: %s; usage: malice_run [--replies N] [--samples N] "
                 "[--threads N] [--seed N]\n",
                 error.what());
    return 2;
  }
  try {
    return penumbra::malice::Main(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "malice_run: %s\n", error.what());
    return 1;
  }
}
