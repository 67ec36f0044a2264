// Fingerprints (SOTER, USENIX ATC 2022, section 4.3): secret combinations of cornerstones that travel beside the request,
// and the comparison of their replies with the same combinations of the cornerstones' outputs. docs/integrity.md.
#include <cstring>

#include "crypto/wipe.h"
#include "trusted/base/result.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

// What a stretch of the keystream is for. The last four bytes of a counter block count its blocks.
enum class Draw : uint8_t { kSlot = 1, kChallenge = 2, kCoefficients = 3 };

Status DrawBytes(const Machine& machine, Draw what, uint32_t a, uint32_t b, std::span<uint8_t> out) {
  uint8_t block[16] = {static_cast<uint8_t>(what)};
  std::memcpy(block + 4, &a, 4);
  std::memcpy(block + 8, &b, 4);
  return machine.fingerprint_stream->Generate(block, out);
}

// Coefficients of one fingerprint of a segment: sum c = 1, so that what an affine operator adds cancels, and sum c^2 = 1, so
// that a combination of independent cornerstones has their mean and their variance. With one cornerstone c = 1.
Status DrawCoefficients(const Machine& machine, uint32_t segment, uint32_t fingerprint, std::span<float> out_c) {
  uint8_t bytes[kMaxCornerstones * 4];
  const crypto::ScopedWipe wipe(bytes);
  PENUMBRA_TRY(DrawBytes(machine, Draw::kCoefficients, segment, fingerprint, std::span(bytes).first(out_c.size() * 4)));
  const auto count = static_cast<float>(out_c.size());
  float sum = 0, square = 0;
  for (size_t i = 0; i < out_c.size(); ++i) {
    int32_t bits;
    std::memcpy(&bits, bytes + i * 4, 4);
    out_c[i] = static_cast<float>(bits) * 0x1p-31f;
    sum += out_c[i];
  }
  for (float& c : out_c) {
    c -= sum / count;
    square += c * c;
  }
  const float scale = square > 0 ? __builtin_sqrtf((1 - 1 / count) / square) : 0;
  for (float& c : out_c) c = c * scale + 1 / count;
  return Status::kOk;
}

struct PortOfRun {
  uint32_t index;
  const CheckedPortRec& checked;
};
PortOfRun CheckedPort(const Machine& machine, const Instruction& i) {
  const uint32_t index = machine.plan.float_segments[i[0]].first_port + i[1];
  return {index, machine.plan.checked_ports[index]};
}

void AddScaled(const float* x, uint64_t count, float factor, float* y) {
  for (uint64_t e = 0; e < count; ++e) y[e] += factor * x[e];
}

}  // namespace

Status RequestSlot(const Machine& machine, uint32_t segment, uint32_t* out_slot) {
  *out_slot = 0;
  const uint32_t slots = SlotCount(machine.plan.header);
  if (slots == 1) return Status::kOk;
  uint8_t bytes[64];
  const crypto::ScopedWipe wipe(bytes);
  PENUMBRA_TRY(DrawBytes(machine, Draw::kSlot, segment, 0, bytes));
  for (const uint8_t byte : bytes) {
    if (byte >= 256 / slots * slots) continue;
    *out_slot = byte % slots;
    return Status::kOk;
  }
  return Status::kInternal;  // 64 times at most 4 of 256 values: less than once in 2^384
}

Status IsChallenged(const Machine& machine, uint32_t float_port, uint32_t tile, bool* out_challenged) {
  uint8_t bytes[2];
  PENUMBRA_TRY(DrawBytes(machine, Draw::kChallenge, float_port, tile, bytes));
  *out_challenged = (uint32_t{bytes[0]} << 8 | bytes[1]) < machine.plan.fingerprint.challenge_rate;
  return Status::kOk;
}

Status RunCombine(Machine* machine, const Instruction& i) {
  const Plan& plan = machine->plan;
  const auto [port, checked] = CheckedPort(*machine, i);
  const bool is_output = checked.replies != kNoTensor;
  if (is_output && checked.cornerstones == machine->unchallenged) return Status::kOk;
  const uint32_t tile = i[2], groups = GroupCount(plan, port), k = plan.fingerprint.cornerstone_count;
  const uint32_t begin = i[3] * GroupSize(k, groups);
  const uint32_t end = begin + GroupSize(k, groups) < k ? begin + GroupSize(k, groups) : k;
  const uint64_t count = TileSize(plan, plan.float_ports[port].tensor, tile) / 4;
  const auto* x = reinterpret_cast<const float*>(machine->Tile(checked.cornerstones, tile * groups + i[3]));
  auto* y = reinterpret_cast<float*>(machine->Tile(checked.fingerprints, tile));
  if (i[3] == 0) std::memset(y, 0, TileSize(plan, checked.fingerprints, tile));
  float coefficients[kMaxCornerstones];
  const crypto::ScopedWipe wipe({reinterpret_cast<uint8_t*>(coefficients), sizeof(coefficients)});
  for (uint32_t f = 0; f < plan.header.fingerprint_count; ++f) {
    PENUMBRA_TRY(DrawCoefficients(*machine, i[0], f, std::span(coefficients).first(k)));
    for (uint32_t c = begin; c < end; ++c) AddScaled(x + (c - begin) * count, count, coefficients[c], y + f * count);
  }
  return Status::kOk;
}

Status RunCompare(Machine* machine, const Instruction& i) {
  const Plan& plan = machine->plan;
  const auto [port, checked] = CheckedPort(*machine, i);
  if (checked.cornerstones == machine->unchallenged) return Status::kOk;
  const auto* expected = reinterpret_cast<const float*>(machine->Tile(checked.fingerprints, i[2]));
  const auto* reply = reinterpret_cast<const float*>(machine->Tile(checked.replies, i[2]));
  const uint64_t count = TileSize(plan, checked.replies, i[2]) / 4;
  // A NaN on either side is no more than the tolerance of anything.
  bool within = true;
  for (uint64_t e = 0; e < count; ++e) within &= __builtin_fabsf(reply[e] - expected[e]) <= checked.tolerance;
  if (within) return Status::kOk;
  machine->refused = {i[0], 0, i[2] * plan.tensors[checked.replies].tile_rows};
  return Status::kIntegrity;
}

}  // namespace penumbra::trusted
