#include "protect/schedule/public_slices.h"

#include <algorithm>
#include <string>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

PublicSlices SlicesOf(const LoweredGraph& lowered, const LinearPlan& linear, CompiledPlan* plan) {
  const LayerRec& layer = plan->layers[linear.layer];
  const ConvGeometry& published = linear.published->geometry();
  const uint64_t n = FilterLength(published) * ResidueSize(layer);
  const uint32_t blob = plan->segments[layer.segment].nodes[0].weight_blob;
  PublicSlices out{static_cast<uint32_t>(plan->tensors.size()), CutChannelsWide(published, n)};
  const auto first = static_cast<uint32_t>(plan->slices.size());
  uint32_t largest = 0;
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    for (const ChannelRun run : out.runs) {
      const uint64_t size = (run.end - run.begin) * n;
      RequirePiece(lowered, linear, size, "to read its published weights");
      largest = std::max(largest, static_cast<uint32_t>(size));
      const uint64_t offset = (uint64_t{k} * published.out_c + run.begin) * n;
      plan->slices.push_back({blob, offset, static_cast<uint32_t>(size)});
    }
  }
  const auto count = static_cast<uint32_t>(plan->slices.size()) - first;
  plan->tensors.push_back({PlanType::kRaw, TensorKind::kPublic, count, largest, 1, first});
  return out;
}

}  // namespace

void RequirePiece(const LoweredGraph& lowered, const LinearPlan& linear, uint64_t size,
                  const char* purpose) {
  if (size <= kMaxChunkSize) return;
  throw model::ModelError(Status::kSecureMemoryExceeded,
                          OpText(lowered, linear.op) + " needs " + std::to_string(size) +
                              " bytes in one piece " + purpose +
                              ", and a piece of secure memory has at most " +
                              std::to_string(kMaxChunkSize),
                          {}, "keep this layer trusted (--layers)");
}

std::vector<PublicSlices> AddPublicSlices(const LoweredGraph& lowered,
                                          const std::vector<LinearPlan>& linears,
                                          CompiledPlan* plan) {
  std::vector<PublicSlices> slices(linears.size());
  for (size_t l = 0; l < linears.size(); ++l) {
    const LinearPlan& linear = linears[l];
    const bool needed = linear.is_public() && (linear.masked || linear.projection_count != 0);
    if (!needed) continue;
    const bool made = linear.same_as != kNoTensor && !slices[linear.same_as].runs.empty();
    slices[l] = made ? slices[linear.same_as] : SlicesOf(lowered, linear, plan);
  }
  return slices;
}

}  // namespace penumbra::protect
