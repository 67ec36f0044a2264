#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>

#include "model/error.h"
#include "protect/placement/chain.h"

namespace penumbra::protect {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr uint32_t kTickCount = 20000;
constexpr uint32_t kNoTicks = 0xffffffffu;  // cannot be
// Rounding of a quotient that is a whole number.
constexpr double kSlack = 1e-9;

// A chain in ticks.
struct Ticks {
  double tick = 0;  // seconds
  std::vector<std::array<uint32_t, 2>> stage;  // trusted, public
  std::vector<uint32_t> switching;
};

Ticks CountTicks(const Chain& chain) {
  double longest = 0;
  const auto add = [&longest](double a, double b) {
    longest += std::max(std::isfinite(a) ? a : 0, std::isfinite(b) ? b : 0);
  };
  for (size_t i = 0; i < chain.size(); ++i) add(chain.trusted[i], chain.published[i]);
  for (const double seconds : chain.switching) add(seconds, 0);
  Ticks ticks;
  ticks.tick = longest > 0 ? longest / kTickCount : 1;
  const auto count = [&ticks](double seconds) {
    return std::isfinite(seconds) ? static_cast<uint32_t>(std::ceil(seconds / ticks.tick - kSlack)) : kNoTicks;
  };
  for (size_t i = 0; i < chain.size(); ++i) {
    ticks.stage.push_back({count(chain.trusted[i]), count(chain.published[i])});
  }
  for (const double seconds : chain.switching) ticks.switching.push_back(count(seconds));
  return ticks;
}

// least[side][t]: the least damage of the stages so far when they take exactly t ticks and the last
// one is on `side`.
using Row = std::array<std::vector<double>, 2>;

class Table {
 public:
  Table(const Chain& chain, const Ticks& ticks, uint32_t limit)
      : chain_(chain), ticks_(ticks), limit_(limit) {
    row_.fill(std::vector<double>(limit + 1, kNever));
    row_[0][0] = 0;
    for (size_t stage = 0; stage < chain.size(); ++stage) Add(stage);
  }

  // Empty when nothing takes at most `limit` ticks.
  std::vector<bool> Best() const {
    double least = kNever;
    uint32_t when = 0;
    uint8_t side = 0;
    for (uint32_t t = 0; t <= limit_; ++t) {
      for (const uint8_t last : {uint8_t{0}, uint8_t{1}}) {
        const uint32_t back = last == 0 ? 0 : ticks_.switching.back();
        if (t < back || row_[last][t - back] >= least) continue;
        least = row_[last][t - back];
        when = t - back;
        side = last;
      }
    }
    if (least == kNever) return {};
    std::vector<bool> is_public(chain_.size());
    for (size_t stage = chain_.size(); stage-- > 0;) {
      is_public[stage] = side == 1;
      const uint8_t before = from_[stage][side][when];
      when -= Cost(stage, before, side);
      side = before;
    }
    return is_public;
  }

 private:
  uint32_t Cost(size_t stage, uint8_t before, uint8_t side) const {
    return ticks_.stage[stage][side] + (before == side ? 0 : ticks_.switching[stage]);
  }

  void Add(size_t stage) {
    Row next;
    next.fill(std::vector<double>(limit_ + 1, kNever));
    from_.emplace_back().fill(std::vector<uint8_t>(limit_ + 1));
    for (const uint8_t side : {uint8_t{0}, uint8_t{1}}) {
      if (ticks_.stage[stage][side] == kNoTicks) continue;
      const double damage = side == 1 ? chain_.damage[stage] : 0;
      for (const uint8_t before : {side, static_cast<uint8_t>(1 - side)}) {
        const uint32_t cost = Cost(stage, before, side);
        for (uint32_t t = cost; t <= limit_; ++t) {
          const double total = row_[before][t - cost] + damage;
          if (total >= next[side][t]) continue;
          next[side][t] = total;
          from_[stage][side][t] = before;
        }
      }
    }
    row_ = std::move(next);
  }

  const Chain& chain_;
  const Ticks& ticks_;
  const uint32_t limit_;
  Row row_;
  std::vector<std::array<std::vector<uint8_t>, 2>> from_;  // side before, of each stage, side and time
};

// The least number of ticks any choice takes.
uint32_t LeastTicks(const Ticks& ticks) {
  std::array<uint64_t, 2> least = {0, kNoTicks};
  for (size_t i = 0; i < ticks.stage.size(); ++i) {
    std::array<uint64_t, 2> next{};
    for (size_t side = 0; side < 2; ++side) {
      const uint64_t before = std::min(least[side], least[1 - side] + ticks.switching[i]);
      next[side] = std::min<uint64_t>(kNoTicks, before + ticks.stage[i][side]);
    }
    least = next;
  }
  return static_cast<uint32_t>(std::min<uint64_t>({least[0], least[1] + ticks.switching.back(), kNoTicks}));
}

// What a deadline leaves for the stages: at most what every stage on its slower side and every switch need: rounding adds less than one each.
uint32_t DeadlineTicks(const Chain& chain, const Ticks& ticks, double deadline) {
  const auto most = static_cast<double>(kTickCount + 2 * chain.size() + 1);
  const double left = std::max(deadline - chain.fixed, 0.0);
  return static_cast<uint32_t>(std::min(most, std::floor(left / ticks.tick + kSlack)));
}

[[noreturn]] void RefuseDeadline(double deadline, double feasible) {
  char text[160];
  // Rounded up, so that what is printed is feasible, too.
  std::snprintf(text, sizeof(text), "no split of the layers meets a deadline of %.3f ms; the smallest that one meets is %.3f ms",
                deadline * 1e3, std::ceil(feasible * 1e6 - kSlack) / 1e3);
  throw model::ModelError(Status::kInvalidArgument, text, {}, "give a longer --deadline, or the profile of a faster device");
}

}  // namespace

void RequireFeasible(const Chain& chain, double deadline) {
  const Ticks ticks = CountTicks(chain);
  const uint32_t least = LeastTicks(ticks);
  if (deadline < chain.fixed || DeadlineTicks(chain, ticks, deadline) < least) {
    RefuseDeadline(deadline, chain.fixed + least * ticks.tick);
  }
}

ChainChoice LeastDamageChoice(const Chain& chain, double deadline) {
  RequireFeasible(chain, deadline);
  const Ticks ticks = CountTicks(chain);
  return Evaluate(chain, Table(chain, ticks, DeadlineTicks(chain, ticks, deadline)).Best());
}

}  // namespace penumbra::protect
