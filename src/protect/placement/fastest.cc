#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "protect/placement/chain.h"

namespace penumbra::protect {

ChainChoice Evaluate(const Chain& chain, std::vector<bool> is_public) {
  ChainChoice choice;
  choice.seconds = chain.fixed;
  bool outside = false;
  for (size_t i = 0; i < chain.size(); ++i) {
    if (is_public[i] != outside) choice.seconds += chain.switching[i];
    outside = is_public[i];
    choice.seconds += outside ? chain.published[i] : chain.trusted[i];
    if (outside && !chain.damage.empty()) choice.damage += chain.damage[i];
  }
  if (outside) choice.seconds += chain.switching[chain.size()];
  choice.is_public = std::move(is_public);
  return choice;
}

ChainChoice FastestChoice(const Chain& chain) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::array<double, 2> best = {0, kNever};  // by the side of the last stage
  std::vector<std::array<uint8_t, 2>> came_from(chain.size());
  for (size_t i = 0; i < chain.size(); ++i) {
    std::array<double, 2> next{};
    for (uint8_t side = 0; side < 2; ++side) {
      const double stay = best[side];
      const double change = best[1 - side] + chain.switching[i];
      came_from[i][side] = stay <= change ? side : 1 - side;
      next[side] = (stay <= change ? stay : change) + (side == 0 ? chain.trusted[i] : chain.published[i]);
    }
    best = next;
  }
  uint8_t side = best[1] + chain.switching[chain.size()] < best[0] ? 1 : 0;
  std::vector<bool> is_public(chain.size());
  for (size_t i = chain.size(); i-- > 0;) {
    is_public[i] = side == 1;
    side = came_from[i][side];
  }
  return Evaluate(chain, std::move(is_public));
}

}  // namespace penumbra::protect
