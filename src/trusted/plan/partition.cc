#include "trusted/plan/partition.h"

#include <cstring>

#include "crypto/wipe.h"
#include "trusted/base/result.h"
#include "trusted/plan/instruction.h"

namespace penumbra::trusted {
namespace {

constexpr uint32_t kOctaves = 16;
static_assert(kMaxDrawnScaleRange <= 0x1p8f);  // half of them on either side of 1
// Each fits with probability above 1/12: the tries run out less than once in 2^128.
constexpr uint32_t kMostTries = 1024;
constexpr float kUnit = 0x1p-24f;      // 24 bits fill a float's significand

class LotDrawer {
 public:
  LotDrawer(crypto::Keystream* stream, const PlanHeader& header) : stream_(*stream), header_(header) {}

  Status Draw(const FloatSegmentRec& segment, SegmentLot* out_lot) {
    *out_lot = {};
    float lot = 0;
    uint32_t unused = 0;
    PENUMBRA_TRY(Next(&lot, &unused));
    if (lot >= header_.theta) return Status::kOk;
    PENUMBRA_TRY(DrawScale(1, &out_lot->output_scale));
    out_lot->input_scale = out_lot->output_scale;
    if ((segment.flags & kSegmentKeepsScale) != 0) return Status::kOk;
    // Equal scales would publish constants as they are.
    return DrawScale(out_lot->output_scale, &out_lot->input_scale);
  }

 private:
  // Uniform: a multiple of kUnit in [0, 1), and 32 bits.
  Status Next(float* out_fraction, uint32_t* out_bits) {
    uint8_t counter[crypto::kKeystreamBlockSize] = {}, block[crypto::kKeystreamBlockSize];
    const crypto::ScopedWipe wipe(block);
    std::memcpy(counter, &next_block_, sizeof(next_block_));
    ++next_block_;
    PENUMBRA_TRY(stream_.Generate(counter, block));
    uint32_t fraction = 0;
    std::memcpy(&fraction, block, sizeof(fraction));
    std::memcpy(out_bits, block + sizeof(fraction), sizeof(*out_bits));
    *out_fraction = static_cast<float>(fraction >> 8) * kUnit;
    return Status::kOk;
  }

  // Log-uniform in [1 / r, r], neither 1 nor `other`, without a logarithm: an octave, uniform among those that cover the
  // range, and in it a significand of density 1/m, which is one uniform in [1, 2) that is kept with probability 1/m.
  Status DrawScale(float other, float* out_scale) {
    uint32_t octaves = 1;  // on either side of 1
    while (static_cast<float>(1u << octaves) < header_.scale_range) ++octaves;
    for (uint32_t i = 0; i < kMostTries; ++i) {
      float fraction = 0, keep = 0;
      uint32_t bits = 0, unused = 0;
      PENUMBRA_TRY(Next(&fraction, &bits));
      PENUMBRA_TRY(Next(&keep, &unused));
      const uint32_t octave = bits % kOctaves;
      if (octave >= 2 * octaves || keep * (1 + fraction) >= 1) continue;
      const float scale = (1 + fraction) * static_cast<float>(1u << octave) / static_cast<float>(1u << octaves);
      if (scale > header_.scale_range || scale * header_.scale_range < 1 || scale == 1 || scale == other) continue;
      *out_scale = scale;
      return Status::kOk;
    }
    return Status::kInternal;
  }

  crypto::Keystream& stream_;
  const PlanHeader& header_;
  uint64_t next_block_ = 0;
};

// Moves what stays to the front. A way that was chosen stands where it is; one that was not is skipped with its words.
Status KeepWays(std::span<const SegmentLot> lots, std::span<uint32_t>* program) {
  uint64_t kept = 0, next = 0;
  Instruction i{};
  for (uint64_t at = 0; at < program->size(); at = next) {
    PENUMBRA_REQUIRE(DecodeAt(*program, at, &i), Status::kPlanRejected);
    next = at + 1 + i.operands.size();
    if (i.opcode != Opcode::kWay) {
      std::memmove(program->data() + kept, program->data() + at, (next - at) * sizeof(uint32_t));
      kept += next - at;
      continue;
    }
    PENUMBRA_REQUIRE(i.operands.size() == 3 && i[0] < lots.size() && i[1] <= 1 && i[2] <= program->size() - next,
                     Status::kPlanRejected);
    if ((i[1] == 1) != lots[i[0]].is_public()) next += i[2];
  }
  *program = program->first(kept);
  return Status::kOk;
}

}  // namespace

Status DrawPartition(crypto::Keystream* stream, Plan* plan) {
  if (plan->lots.empty()) return Status::kOk;
  LotDrawer drawer(stream, plan->header);
  for (size_t s = 0; s < plan->lots.size(); ++s) {
    PENUMBRA_TRY(drawer.Draw(plan->float_segments[s], &plan->lots[s]));
  }
  PENUMBRA_TRY(KeepWays(plan->lots, &plan->infer_program));
  return KeepWays(plan->lots, &plan->prepare_program);
}

}  // namespace penumbra::trusted
