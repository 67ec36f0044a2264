#include "penumbra/audit.h"

#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "accel/validate.h"
#include "api/translate.h"
#include "host/bundle_file.h"
#include "protect/audit/recover_filters.h"

namespace penumbra {
namespace {

// Of one segment; `published.rows` empty: it is no residue layer.
protect::PublishedRows RowsOf(const host::BundleFile& file, const SegmentView& segment) {
  if (segment.nodes.size() != 1 || segment.nodes.front().op != SegmentOp::kConvResidue) return {};
  std::string why;
  const Capabilities residues{.ops = CapabilityBit(SegmentOp::kConvResidue), .max_primes = kMaxPrimes, .exact_residues = true};
  const Status status = CheckSegment(segment, file, {}, residues, &why);
  if (!IsOk(status)) api::Throw(status, why);
  const SegmentNode& node = segment.nodes.front();
  const auto blob = file.Blob(node.weight_blob);
  return {node.geometry, segment.tensors[segment.inputs.front()].prime_count,
          {reinterpret_cast<const int8_t*>(blob.data()), blob.size()}};
}

double ScalarBits(uint32_t prime_count) {
  double bits = 0;
  for (uint32_t k = 0; k < prime_count; ++k) bits += std::log2(kPrimes[k] - 1);
  return bits;
}

HiddenFilters Attack(uint32_t segment, const protect::PublishedRows& published) {
  const ConvGeometry& g = published.geometry;
  HiddenFilters result{.segment = segment,
                       .published = g.out_c,
                       .groups = g.groups,
                       .scalar_bits = ScalarBits(published.prime_count),
                       .channelwise = OutChannelsPerGroup(g) == 1,
                       .attempted = protect::CanTellFilters(published)};
  const auto start = std::chrono::steady_clock::now();
  protect::RecoverFilters(published, [&](const protect::RecoveredFilter&) { ++result.recovered; });
  result.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

std::vector<HiddenFilters> RecoverHiddenFilters(const std::filesystem::path& bundle) {
  return api::Translated([&] {
    const auto file = host::BundleFile::Open(bundle, std::nullopt);
    std::vector<HiddenFilters> layers;
    for (uint32_t i = 0; i < file->segment_count(); ++i) {
      const protect::PublishedRows published = RowsOf(*file, file->Segment(i));
      if (!published.rows.empty()) layers.push_back(Attack(i, published));
    }
    return layers;
  });
}

}  // namespace penumbra
