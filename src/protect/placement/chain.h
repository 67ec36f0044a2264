// A network as a chain of stages, each of which runs wholly on one side: what the policies that weigh
// times decide on. A stage is a linear layer with everything up to the next one.
#ifndef PENUMBRA_PROTECT_PLACEMENT_CHAIN_H_
#define PENUMBRA_PROTECT_PLACEMENT_CHAIN_H_

#include <cstddef>
#include <vector>

namespace penumbra::protect {

// Seconds of one inference, above or equal to 0; infinite where a stage cannot be on that side.
struct Chain {
  std::vector<double> trusted, published;  // of each stage
  // Of changing sides before stage i; the last entry is behind the last stage. A network begins and
  // ends in the trusted half.
  std::vector<double> switching;
  std::vector<double> damage;  // of publishing the stage; empty: none
  double fixed = 0;            // of everything that takes its time whatever is public
  size_t size() const { return trusted.size(); }
};

struct ChainChoice {
  std::vector<bool> is_public;  // of each stage
  double seconds = 0;
  double damage = 0;
};

// What a choice costs.
ChainChoice Evaluate(const Chain& chain, std::vector<bool> is_public);

// The choice of the least time; of equally fast ones that which publishes less at its end.
ChainChoice FastestChoice(const Chain& chain);

// The choice of the least damage among those within `deadline` seconds, and of these the fastest
// (AegisDNN, RTSS 2021): a dynamic programme over stages x time. Time is counted in ticks of 1/20000 of what
// the slower sides and all switches take together, every part rounded up, so that a choice keeps its
// deadline. Throws model::ModelError(kInvalidArgument) naming the smallest feasible deadline.
ChainChoice LeastDamageChoice(const Chain& chain, double deadline);

// Throws as LeastDamageChoice().
void RequireFeasible(const Chain& chain, double deadline);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_CHAIN_H_
