// A small plan for tests: input -> relu -> masked public dense layer -> output, with programs for one pad and for
// kPadBatch pads; checked or not.
#ifndef PENUMBRA_TRUSTED_TESTING_TINY_PLAN_H_
#define PENUMBRA_TRUSTED_TESTING_TINY_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "boundary/plan.h"

namespace penumbra::trusted::testing {

inline constexpr uint32_t kRows = 8, kColumns = 16, kTileRows = 4;
inline constexpr uint32_t kPublicColumns = 20, kPrimeCount = 2;
inline constexpr uint64_t kExchangeSize = uint64_t{4} << 20;

// Tensors of the plan.
enum : uint32_t { kIn = 0, kOut = 1, kParams = 2, kBounds = 3, kWeights = 4, kPad = 5, kR = 6, kLr = 7, kBatchR = 8, kBatchLr = 9 };
inline constexpr uint32_t kPadBatch = 3;
// Of the checked plan besides.
enum : uint32_t { kProjected = 10, kSent = 11, kDemanded = 12 };
inline constexpr uint32_t kProjections = 3, kPrimeProjections = 2, kSoundness = 23;

struct TinyPlan {
  std::vector<TensorRec> tensors;
  std::vector<PublicSliceRec> slices;
  std::vector<LayerRec> layers;
  std::vector<PortRec> inputs, outputs;
  std::vector<FloatSegmentRec> float_segments;
  std::vector<PortRec> float_ports;
  std::vector<uint32_t> infer, pad, prepare, batch;
  std::vector<uint32_t> chunk_sizes;  // chunk 0 is the plan itself
  PlanHeader header{};

  // The sealed encoding; the header's program lengths are those of the programs.
  std::vector<uint8_t> Bytes() const;
};

// prime: over the papers' one prime instead of kPrimeCount primes of the ring.
TinyPlan MakeTinyPlan(bool prime = false);
// The same with its replies checked.
TinyPlan MakeTinyCheckedPlan(bool prime = false);
constexpr uint32_t TinyPrimeCount(bool prime) { return prime ? 1 : kPrimeCount; }
constexpr uint32_t TinyResidueSize(bool prime) { return prime ? 4 : 1; }

// input -> float segment with two inputs (both the model's input) and two outputs -> the second one is the output.
inline constexpr uint32_t kFloatSegment = 1;  // in the public half
TinyPlan MakeTinyFloatPlan();

// Start words of the instructions of a program.
std::vector<size_t> InstructionStarts(const std::vector<uint32_t>& words);

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_TINY_PLAN_H_
