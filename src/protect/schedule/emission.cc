#include "protect/schedule/emission.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/nodes.h"
#include "protect/schedule/public_half.h"

namespace penumbra::protect {
namespace {

struct Piece {
  ConstantTile tile;
  EmitScale scale;
  uint64_t offset;  // in the segment's public half
};

// Tiles are made in order; the blob is held from the first to the last.
void CutBlob(const PublicBlob& blob, EmitScale scale, uint64_t offset, std::vector<Piece>* out_pieces) {
  const auto whole = std::make_shared<std::vector<uint8_t>>();
  for (uint64_t begin = 0; begin < blob.size; begin += kMaxChunkSize) {
    const uint64_t end = std::min(blob.size, begin + kMaxChunkSize);
    const auto make = [whole, make_blob = blob.make, begin, end, size = blob.size] {
      if (begin == 0) *whole = make_blob(0);
      const auto first = whole->begin() + static_cast<std::ptrdiff_t>(begin);
      std::vector<uint8_t> bytes(first, first + static_cast<std::ptrdiff_t>(end - begin));
      if (end == size) whole->clear();
      return bytes;
    };
    out_pieces->push_back({{static_cast<uint32_t>(end - begin), make}, scale, offset + begin});
  }
}

std::vector<Piece> PiecesOf(const FloatSegment& segment) {
  CompiledPlan own;  // with this one segment
  own.segments = {segment.graph};
  own.blobs = segment.blobs;
  PublicLayout layout = LayOutPublicHalf(own);
  std::vector<EmitScale> scales(segment.blobs.size(), EmitScale::kNone);
  for (const SegmentNode& node : segment.graph.nodes) {
    if (node.weight_blob != kNoBlob) scales[node.weight_blob] = EmitScale::kQuotient;
    if (node.bias_blob != kNoBlob) scales[node.bias_blob] = EmitScale::kOutput;
  }
  std::vector<Piece> pieces;
  const uint64_t tables_size = layout.tables.size();
  CutBlob({tables_size, 1, [tables = std::move(layout.tables)](uint32_t) { return tables; }, {}}, EmitScale::kNone, 0, &pieces);
  for (size_t b = 0; b < segment.blobs.size(); ++b) CutBlob(segment.blobs[b], scales[b], layout.blobs[b].offset, &pieces);
  return pieces;
}

}  // namespace

std::vector<Step> BuildEmission(const LoweredGraph& lowered, const FloatPlan& floats, CompiledPlan* plan) {
  std::vector<Step> steps;
  for (uint32_t s = 0; s < floats.segments.size() && floats.is_drawn; ++s) {
    const auto op = static_cast<uint32_t>(std::ranges::find(floats.segment_of, s) - floats.segment_of.begin());
    const auto tensor = static_cast<uint32_t>(plan->tensors.size());
    const auto first = static_cast<uint32_t>(plan->constants.size());
    uint32_t count = 0, largest = 0;
    for (Piece& piece : PiecesOf(floats.segments[s])) {
      if (piece.offset > std::numeric_limits<uint32_t>::max()) {
        throw model::ModelError(Status::kUnsupported, OpText(lowered, op) + " is too large to be emitted", {},
                                "keep it inside (--layers)");
      }
      Step step;
      step.words = Instruction(Opcode::kEmit, {s, static_cast<uint32_t>(piece.scale), tensor, count,
                                               static_cast<uint32_t>(piece.offset)});
      step.reads.push_back({tensor, count++});
      step.op = op;
      step.way_of = s;
      step.is_outside = true;
      steps.push_back(std::move(step));
      largest = std::max(largest, piece.tile.size);
      plan->constants.push_back(std::move(piece.tile));
    }
    plan->tensors.push_back({PlanType::kRaw, TensorKind::kConstant, count, largest, 1, first});
  }
  return steps;
}

}  // namespace penumbra::protect
