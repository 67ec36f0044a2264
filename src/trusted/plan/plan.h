// A parsed plan: views into secure memory, checked by ParsePlan() and proved by ProvePlan().
#ifndef PENUMBRA_TRUSTED_PLAN_PLAN_H_
#define PENUMBRA_TRUSTED_PLAN_PLAN_H_

#include <cstdint>
#include <span>

#include "boundary/plan.h"
#include "boundary/protocol.h"
#include "boundary/status.h"
#include "trusted/base/arena.h"

namespace penumbra::trusted {

// What was drawn for a float segment of a plan with PlanHeader::scale_range.
struct SegmentLot {
  float input_scale, output_scale;  // 0: the segment stays inside
  bool is_public() const { return output_scale != 0; }
};

struct Plan {
  PlanHeader header;
  std::span<const TensorRec> tensors;
  std::span<const PublicSliceRec> slices;
  std::span<const LayerRec> layers;
  std::span<const PortRec> inputs, outputs;
  std::span<const FloatSegmentRec> float_segments;
  std::span<const PortRec> float_ports;
  FingerprintRec fingerprint;
  std::span<const CheckedPortRec> checked_ports;  // with fingerprints one per float port, else none
  std::span<SegmentLot> lots;  // with PlanHeader::scale_range one per float segment, else none
  // With lots the first two have both ways of every segment until DrawPartition().
  std::span<uint32_t> infer_program, prepare_program;
  std::span<const uint32_t> pad_program, batch_program;
  std::span<const uint32_t> first_tile;  // [tensors + 1]: tiles of tensor t are [first_tile[t], first_tile[t+1])
  std::span<const uint32_t> chunk_sizes;  // plaintext bytes of every chunk of the bundle
};

constexpr uint32_t ElementSize(PlanType type) {
  return type == PlanType::kF32 ? 4 : type == PlanType::kS16 ? 2 : 1;
}
constexpr uint32_t TileCount(const TensorRec& t) { return (t.rows + t.tile_rows - 1) / t.tile_rows; }
constexpr uint32_t RowsOfTile(const TensorRec& t, uint32_t tile) {
  const uint32_t rest = t.rows - tile * t.tile_rows;
  return rest < t.tile_rows ? rest : t.tile_rows;
}
inline uint32_t TileIndex(const Plan& plan, uint32_t tensor, uint32_t tile) {
  return plan.first_tile[tensor] + tile;
}
inline std::span<const uint32_t> ProgramWords(const Plan& plan, ProgramId program) {
  switch (program) {
    case ProgramId::kInfer: return plan.infer_program;
    case ProgramId::kMakePad: return plan.pad_program;
    case ProgramId::kPrepare: return plan.prepare_program;
    case ProgramId::kMakePads: return plan.batch_program;
  }
  return {};
}
// Pads a program makes.
inline uint32_t PadsMade(const Plan& plan, ProgramId program) {
  return program == ProgramId::kMakePad ? 1 : program == ProgramId::kMakePads ? plan.header.pad_batch : 0;
}
// Both sides of a float segment, in the order of its record.
inline std::span<const PortRec> FloatInputs(const Plan& plan, const FloatSegmentRec& s) {
  return plan.float_ports.subspan(s.first_port, s.input_count);
}
inline std::span<const PortRec> FloatOutputs(const Plan& plan, const FloatSegmentRec& s) {
  return plan.float_ports.subspan(s.first_port + s.input_count, s.output_count);
}
// Cornerstones of a port come in so many groups a tile.
inline uint32_t GroupCount(const Plan& plan, uint32_t float_port) {
  return plan.tensors[plan.checked_ports[float_port].cornerstones].rows /
         TileCount(plan.tensors[plan.float_ports[float_port].tensor]);
}
// The accelerator may have a part in this float segment.
inline bool IsOutside(const Plan& plan, uint32_t float_segment) {
  return plan.lots.empty() || plan.lots[float_segment].is_public();
}
// Bytes of one tile; at most kMaxChunkSize after ParsePlan().
uint64_t TileSize(const Plan& plan, uint32_t tensor, uint32_t tile);

// Extents in range, groups divide the channels, every window starts inside the padded image.
bool GeometryFits(const ConvGeometry& g);

// Parses `bytes` (private memory) into tables carved from `arena`. Checks every record by itself: counts, ranges,
// geometry, sizes, offsets; that the records and programs fill `bytes` exactly.
// Errors: kPlanRejected, kUnsupportedVersion, kSecureMemoryExceeded.
Status ParsePlan(std::span<const uint8_t> bytes, std::span<const uint32_t> chunk_sizes,
                 uint32_t plan_chunk_count, uint64_t public_size, uint64_t exchange_size, Arena* arena,
                 Plan* out_plan);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_PLAN_H_
