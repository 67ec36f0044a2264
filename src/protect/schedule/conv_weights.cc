#include "protect/schedule/conv_weights.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "kernels/conv_layout.h"
#include "kernels/depthwise.h"

namespace penumbra::protect {
namespace {

uint32_t LargestWeight(const QuantizedLinear& q) {
  int32_t largest = 0;
  for (const int32_t w : q.q) largest = std::max(largest, std::abs(w));
  return static_cast<uint32_t>(largest);
}

// Rows [begin, end) as OHWI elements of the mode; piece t of an s16 weight q is its digit in base
// 2^kS16PieceShift, the last piece takes the rest with its sign.
std::vector<uint8_t> RawRows(const LinearPlan& plan, ChannelRun run, ConvMode mode, uint32_t piece,
                             bool is_last_piece) {
  const uint64_t n = FilterLength(plan.linear->geometry);
  const uint64_t first = run.begin * n;
  const uint64_t count = (run.end - run.begin) * n;
  std::vector<uint8_t> raw(count * ConvElementSize(mode));
  if (mode == ConvMode::kF32) {
    std::memcpy(raw.data(), plan.linear->weights.data() + first, raw.size());
    return raw;
  }
  for (uint64_t j = 0; j < count; ++j) {
    const int32_t q = plan.quantized->q[first + j];
    if (mode == ConvMode::kU8) {
      raw[j] = static_cast<uint8_t>(static_cast<int8_t>(q));
      continue;
    }
    const int32_t high = q >> (kS16PieceShift * piece);
    const auto digit =
        static_cast<int16_t>(is_last_piece ? high : high & ((1 << kS16PieceShift) - 1));
    std::memcpy(raw.data() + j * 2, &digit, 2);
  }
  return raw;
}

void PackGroup(ConvMode mode, const uint8_t* rows, uint32_t row_count, uint32_t k, uint8_t* out) {
  switch (mode) {
    case ConvMode::kF32:
      PackF32(reinterpret_cast<const float*>(rows), row_count, k, reinterpret_cast<float*>(out));
      return;
    case ConvMode::kU8:
      PackU8S8(reinterpret_cast<const int8_t*>(rows), row_count, k, reinterpret_cast<int8_t*>(out));
      return;
    case ConvMode::kS16:
      PackS16(reinterpret_cast<const int16_t*>(rows), row_count, k,
              reinterpret_cast<int16_t*>(out));
      return;
  }
}

// klo * sum q of each row: turns sums over u8 levels (level - klo) into sums over levels.
std::vector<int32_t> LevelOffsets(const QuantizedLinear& quantized, ChannelRun run, uint64_t n) {
  std::vector<int32_t> offsets;
  for (uint32_t c = run.begin; c < run.end; ++c) {
    int64_t sum = 0;
    for (uint64_t j = 0; j < n; ++j) sum += quantized.q[c * n + j];
    offsets.push_back(static_cast<int32_t>(sum * quantized.klo));
  }
  return offsets;
}

template <typename T>
void Put(const T* values, size_t count, uint64_t at, std::vector<uint8_t>* out) {
  std::memcpy(out->data() + at, values, count * sizeof(T));
}

}  // namespace

ConvForm FormOf(const LinearPlan& plan) {
  if (plan.quantized == nullptr) return {ConvMode::kF32, 1};
  const QuantizedLinear& q = *plan.quantized;
  const uint32_t largest = LargestWeight(q);
  const bool small = q.prime_count == 0 && q.khi - q.klo <= 255 && largest <= 127 &&
                     FilterLength(plan.linear->geometry) * 255 * 128 < (uint64_t{1} << 31);
  if (small) return {ConvMode::kU8, 1};
  return {ConvMode::kS16, largest <= std::numeric_limits<int16_t>::max() ? 1u : 2u};
}

namespace {

uint32_t FittingChannels(uint64_t size, uint64_t row_size) {
  return static_cast<uint32_t>(std::min<uint64_t>(kMaxRunChannels, size / row_size));
}

// Runs of `length` channels of one group, or of the groups of `fit` channels.
std::vector<ChannelRun> CutRuns(const ConvGeometry& g, uint32_t fit, uint32_t length) {
  if (IsDepthwise(g)) return {{0, g.out_c}};
  const uint32_t per_group = OutChannelsPerGroup(g);
  std::vector<ChannelRun> runs;
  if (per_group <= length) {
    const uint32_t groups = std::max(1u, fit / std::max(per_group, kPanelWidth));
    for (uint32_t c = 0; c < g.out_c; c += groups * per_group) {
      runs.push_back({c, std::min(g.out_c, c + groups * per_group)});
    }
    return runs;
  }
  for (uint32_t group = 0; group < g.out_c; group += per_group) {
    for (uint32_t c = group; c < group + per_group; c += length) {
      runs.push_back({c, std::min(group + per_group, c + length)});
    }
  }
  return runs;
}

}  // namespace

std::vector<ChannelRun> CutChannels(const ConvGeometry& g, uint64_t row_size) {
  const uint32_t fit = FittingChannels(kWeightTileTarget, row_size);
  // Panels hold 16 channels and are padded to that: shorter runs would waste space.
  return CutRuns(g, fit, std::max(kPanelWidth, fit / kPanelWidth * kPanelWidth));
}

std::vector<ChannelRun> CutChannelsWide(const ConvGeometry& g, uint64_t row_size) {
  constexpr uint32_t kWidest = 4 * kPanelWidth;
  const uint32_t fit = FittingChannels(kWeightTileTarget * 5 / 4, row_size);
  return fit < kWidest ? CutChannels(g, row_size) : CutRuns(g, fit, fit / kWidest * kWidest);
}

uint32_t ConvTileSize(const LinearPlan& plan, ConvForm form, ChannelRun run) {
  const ConvTileLayout layout =
      LayoutConvTile(form.mode, plan.linear->geometry, run.begin, run.end, form.piece_count);
  return static_cast<uint32_t>(
      std::min<uint64_t>(layout.size, std::numeric_limits<uint32_t>::max()));
}

std::vector<uint8_t> MakeConvTile(const LinearPlan& plan, ConvForm form, ChannelRun run) {
  const ConvGeometry& g = plan.linear->geometry;
  const auto [mode, pieces] = form;
  const ConvTileLayout layout = LayoutConvTile(mode, g, run.begin, run.end, pieces);
  const uint64_t n = FilterLength(g);
  std::vector<uint8_t> tile(layout.size);
  for (uint32_t piece = 0; piece < pieces; ++piece) {
    const std::vector<uint8_t> raw = RawRows(plan, run, mode, piece, piece + 1 == pieces);
    uint8_t* const out = tile.data() + piece * layout.piece_size;
    if (IsDepthwise(g)) {
      PackDepthwise(raw.data(), g.out_c, static_cast<uint32_t>(n), ConvElementSize(mode), out);
      continue;
    }
    for (uint32_t group = 0; group < layout.group_count; ++group) {
      PackGroup(mode, raw.data() + group * layout.group_rows * n * ConvElementSize(mode),
                layout.group_rows, static_cast<uint32_t>(n), out + group * layout.group_size);
    }
  }
  const uint32_t count = run.end - run.begin;
  if (mode == ConvMode::kF32) {
    Put(plan.linear->bias.data() + run.begin, count, layout.bias_at, &tile);
    return tile;
  }
  const QuantizedLinear& q = *plan.quantized;
  if (mode == ConvMode::kU8) Put(LevelOffsets(q, run, n).data(), count, layout.offset_at, &tile);
  Put(q.scale.data() + run.begin, count, layout.scale_at, &tile);
  Put(q.bias.data() + run.begin, count, layout.bias_at, &tile);
  return tile;
}

}  // namespace penumbra::protect
