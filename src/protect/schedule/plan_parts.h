// The pieces a plan is made of while it is being compiled, and the finished plan before it is
// sealed.
#ifndef PENUMBRA_PROTECT_SCHEDULE_PLAN_PARTS_H_
#define PENUMBRA_PROTECT_SCHEDULE_PLAN_PARTS_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "boundary/plan.h"
#include "boundary/segment.h"

namespace penumbra::protect {

struct TileRef {
  uint32_t tensor, tile;
  friend bool operator==(const TileRef&, const TileRef&) = default;
};

struct TileWrite {
  TileRef tile;
  bool completes;  // false: more instructions must follow before the tile may be read or sealed
};

// One instruction and the tiles that must be resident while it runs. Residency (kAlloc, kFree,
// kEvict, kFetch) is added later by residency.h.
struct Step {
  std::vector<uint32_t> words;
  std::vector<TileRef> reads;
  std::vector<TileWrite> writes;
  uint32_t op = kNoTensor;        // index into LoweredGraph::ops, for messages
  std::vector<uint32_t> masks;    // layers whose x area it writes
  uint32_t restores = kNoTensor;  // layer whose y area it reads
  uint32_t job = kNoTensor;       // layer it hands to the accelerator
  uint32_t float_x = kNoTensor, float_y = kNoTensor;  // float segments whose ports it touches
  // Of a partition drawn inside: the step belongs to one way of this float segment. Those of both ways stand together, inside first.
  uint32_t way_of = kNoTensor;
  bool is_outside = false;
};

// Word encoding of boundary/plan.h. Append: a record of 32-bit fields, or single words.
template <typename T>
void AppendWords(const T& record, std::vector<uint32_t>* out_words) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);
  const size_t at = out_words->size();
  out_words->resize(at + sizeof(T) / 4);
  std::memcpy(out_words->data() + at, &record, sizeof(T));
}
inline std::vector<uint32_t> Instruction(Opcode opcode, std::vector<uint32_t> operands) {
  const auto head = static_cast<uint32_t>(opcode) | static_cast<uint32_t>(operands.size()) << 16;
  operands.insert(operands.begin(), head);
  return operands;
}
template <typename T>
std::vector<uint32_t> RecordInstruction(Opcode opcode, const T& record) {
  std::vector<uint32_t> operands;
  AppendWords(record, &operands);
  return Instruction(opcode, std::move(operands));
}

// One sealed constant. `make` may be called once per emission; it keeps big layers out of memory
// until they are written. It borrows from the lowered graph and the quantised layers.
struct ConstantTile {
  uint32_t size;
  std::function<std::vector<uint8_t>()> make;
};

// Written by programs and never read from the bundle: its tiles are ready when something has made them.
constexpr bool IsComputed(TensorKind kind) {
  return kind == TensorKind::kActivation || kind == TensorKind::kMasked || kind == TensorKind::kExpected ||
         kind == TensorKind::kFingerprint || kind == TensorKind::kReply;
}
// Made by a program of its own, stored outside, and only read by the inference program.
constexpr bool IsStored(TensorKind kind) {
  return kind == TensorKind::kPad || kind == TensorKind::kDerived;
}

// A run of bytes of a public blob that the pad maker and the prepare program rely on.
struct PublicSlice {
  uint32_t blob;
  uint64_t offset;  // within the blob
  uint32_t size;
};

// A blob of the public half, written in `part_count` parts in order.
struct PublicBlob {
  uint64_t size;
  uint32_t part_count;
  std::function<std::vector<uint8_t>(uint32_t part)> make;
  std::string content;  // names what is in it: blobs of one name are stored once; empty: no other is the same
};

struct PublicSegment {
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  std::vector<uint32_t> inputs, outputs;
};

// A plan whose constants and public bytes are still functions. In `tensors`, `source` of a constant
// counts from the first constant (the emitter adds the number of plan chunks).
struct CompiledPlan {
  std::vector<TensorRec> tensors;
  std::vector<ConstantTile> constants;
  std::vector<PublicSlice> slices;
  std::vector<PublicBlob> blobs;
  std::vector<PublicSegment> segments;
  std::vector<LayerRec> layers;
  std::vector<PortRec> inputs, outputs;
  std::vector<FloatSegmentRec> float_segments;
  std::vector<PortRec> float_ports;
  uint32_t fingerprint_count = 0;  // in every job of a float segment; 0: their replies are not checked
  FingerprintRec fingerprint{};
  std::vector<CheckedPortRec> checked_ports;  // with fingerprints one per float port
  std::vector<uint32_t> infer_program, pad_program, prepare_program, batch_program;
  uint32_t pad_batch = 0;  // pads the batch program makes; 0: there is none
  uint64_t arena_size = 0, scratch_size = 0;
  uint64_t exchange_size = 0, window_offset = 0, window_size = 0;
  uint32_t weights_axis = 0;
  uint32_t soundness_bits = 0;  // claimed; 0: replies are not checked
  float theta = 0, scale_range = 0;  // of a partition drawn inside; 0: it is not
};

constexpr uint32_t ElementSize(PlanType type) {
  return type == PlanType::kF32 ? 4 : type == PlanType::kS16 ? 2 : 1;
}
constexpr uint32_t TileCount(const TensorRec& t) {
  return (t.rows + t.tile_rows - 1) / t.tile_rows;
}
constexpr uint32_t RowsOfTile(const TensorRec& t, uint32_t tile) {
  const uint32_t rest = t.rows - tile * t.tile_rows;
  return rest < t.tile_rows ? rest : t.tile_rows;
}
uint64_t TileSize(const CompiledPlan& plan, TileRef ref);

// Samples of a job of a float segment.
inline uint32_t SlotCount(const CompiledPlan& plan) { return 1 + plan.fingerprint_count; }
// Cornerstones of a port come in so many groups a tile.
uint32_t GroupCount(const CompiledPlan& plan, uint32_t float_port);

// Sealed chunks a bundle may have behind those its plan uses: the vendor's report.
inline constexpr uint32_t kMaxReportChunks = 8;

// Bytes of the sealed plan: header, records and programs.
uint64_t PlanSize(const CompiledPlan& plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PLAN_PARTS_H_
