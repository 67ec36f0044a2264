#include "protect/lower/reshape_order.h"

#include <algorithm>

namespace penumbra::protect {
namespace {

// Index of the group an input axis belongs to.
size_t GroupOf(const std::vector<ReshapeGroup>& groups, uint32_t in_axis) {
  const auto holds = [in_axis](const ReshapeGroup& g) {
    return std::ranges::count(g.in_axes, in_axis) > 0;
  };
  return static_cast<size_t>(std::ranges::find_if(groups, holds) - groups.begin());
}

Perm WithoutOnes(const Perm& perm, const Dims& logical) {
  Perm kept;
  std::ranges::copy_if(perm, std::back_inserter(kept),
                       [&](uint32_t axis) { return logical[axis] != 1; });
  return kept;
}

// Puts the axes of extent 1 back: where the usual orders have them, else in front.
Perm WithOnes(const Perm& kept, const Dims& logical) {
  const size_t rank = logical.size();
  const auto usual = rank == 4 ? std::vector<Perm>{ChannelLastPerm(rank), IdentityPerm(rank)}
                               : std::vector<Perm>{IdentityPerm(rank), ChannelLastPerm(rank)};
  for (const Perm& perm : usual) {
    if (WithoutOnes(perm, logical) == kept) return perm;
  }
  Perm perm;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    if (logical[axis] == 1) perm.push_back(axis);
  }
  perm.insert(perm.end(), kept.begin(), kept.end());
  return perm;
}

}  // namespace

std::vector<ReshapeGroup> GroupAxes(const Dims& in, const Dims& out) {
  std::vector<ReshapeGroup> groups;
  ReshapeGroup group;
  uint64_t in_product = 1;
  uint64_t out_product = 1;
  size_t i = 0;
  size_t o = 0;
  while (i < in.size() || o < out.size()) {
    const bool take_in = i < in.size() && (in_product <= out_product || o == out.size());
    if (take_in) {
      in_product *= in[i];
      if (in[i] != 1) group.in_axes.push_back(static_cast<uint32_t>(i));
      ++i;
    } else {
      out_product *= out[o];
      if (out[o] != 1) group.out_axes.push_back(static_cast<uint32_t>(o));
      ++o;
    }
    if (in_product != out_product || in_product == 1) continue;
    groups.push_back(group);
    group = {};
    in_product = out_product = 1;
  }
  return groups;
}

std::optional<Perm> FreeReshape(const Dims& in, const Perm& perm, const Dims& out) {
  const std::vector<ReshapeGroup> groups = GroupAxes(in, out);
  const Perm stored = WithoutOnes(perm, in);
  Perm result;
  for (size_t at = 0; at < stored.size();) {
    const ReshapeGroup& group = groups.at(GroupOf(groups, stored[at]));
    if (stored.size() - at < group.in_axes.size()) return std::nullopt;
    if (!std::ranges::equal(group.in_axes, std::span(stored).subspan(at, group.in_axes.size()))) {
      return std::nullopt;
    }
    result.insert(result.end(), group.out_axes.begin(), group.out_axes.end());
    at += group.in_axes.size();
  }
  return WithOnes(result, out);
}

Perm OrderBeforeReshape(const Dims& in, const Perm& perm, const Dims& out) {
  const std::vector<ReshapeGroup> groups = GroupAxes(in, out);
  // What is not in the model's order belongs to images: an image should come out channel-last.
  const bool image = out.size() == 4 && !SameOrder(in, perm, IdentityPerm(in.size()));
  const Perm wanted = image ? ChannelLastPerm(out.size()) : IdentityPerm(out.size());
  Perm order;
  for (uint32_t axis = 0; axis < in.size(); ++axis) {
    if (in[axis] == 1) order.push_back(axis);
  }
  std::vector<bool> taken(groups.size(), false);
  for (uint32_t out_axis : wanted) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (taken[g] || std::ranges::count(groups[g].out_axes, out_axis) == 0) continue;
      order.insert(order.end(), groups[g].in_axes.begin(), groups[g].in_axes.end());
      taken[g] = true;
    }
  }
  return order;
}

}  // namespace penumbra::protect
