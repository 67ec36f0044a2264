// Weight tiles of trusted convolutions: how output channels are cut into runs, and the bytes of a
// run (kernels/conv_layout.h).
#ifndef PENUMBRA_PROTECT_SCHEDULE_CONV_WEIGHTS_H_
#define PENUMBRA_PROTECT_SCHEDULE_CONV_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "protect/schedule/linear_plan.h"

namespace penumbra::protect {

struct ChannelRun {
  uint32_t begin, end;  // output channels
};

// Bytes one run of weights should take: long enough that opening a sealed chunk does not count,
// short enough to stay in the second-level cache beside the data.
inline constexpr uint64_t kWeightTileTarget = 512 * 1024;
// Channels of one run: keeps the sums of a block of pixels small.
inline constexpr uint32_t kMaxRunChannels = 256;

// Runs of channels that keep to the rules of the trusted runtime: all channels of a depthwise
// layer, whole groups, or a part of one group. row_size: bytes of one filter as stored.
std::vector<ChannelRun> CutChannels(const ConvGeometry& geometry, uint64_t row_size);
// The same for the parts of one group, in multiples of what the widest tile of a product takes, where so many fill about one
// weight tile.
std::vector<ChannelRun> CutChannelsWide(const ConvGeometry& geometry, uint64_t row_size);

// How the weights of a trusted layer are stored. Finding out reads every weight once.
struct ConvForm {
  ConvMode mode;
  uint32_t piece_count;  // 1 unless mode is kS16
};
ConvForm FormOf(const LinearPlan& plan);

// Bytes of the weight tile of a run; `form`: FormOf(plan).
uint32_t ConvTileSize(const LinearPlan& plan, ConvForm form, ChannelRun run);
std::vector<uint8_t> MakeConvTile(const LinearPlan& plan, ConvForm form, ChannelRun run);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_CONV_WEIGHTS_H_
