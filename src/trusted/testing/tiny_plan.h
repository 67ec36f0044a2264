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
  FingerprintRec fingerprint{};  // with header.fingerprint_count
  std::vector<CheckedPortRec> checked_ports;
  std::vector<uint32_t> infer, pad, prepare, batch;
  std::vector<uint32_t> chunk_sizes;  // chunk 0 is the plan itself
  std::vector<std::vector<uint8_t>> chunks;  // plaintext from chunk 1 on; empty: MakeTinyBundle() knows it
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

// The same with kFingerprints fingerprints of kCornerstones cornerstones, in tiny_fingerprints.cc. Of float port p the
// cornerstones, the fingerprints and, of an output, the replies are three tensors in a row.
inline constexpr uint32_t kFingerprints = 2, kCornerstones = 4, kGroups = 2, kSlots = kFingerprints + 1;
inline constexpr uint64_t kPortSize = uint64_t{kRows} * kColumns * 4 * kSlots;  // in the exchange region
inline constexpr uint64_t kReplyOffset = 4096;  // of both replies, one after the other
constexpr uint32_t CornerstonesOf(uint32_t port) { return port < 2 ? 3 + 2 * port : 1 + 3 * port; }
constexpr uint32_t FingerprintsOf(uint32_t port) { return CornerstonesOf(port) + 1; }
constexpr uint32_t RepliesOf(uint32_t port) { return CornerstonesOf(port) + 2; }
TinyPlan MakeTinyFingerprintPlan();

// input -> kFactor x + kSummand -> relu -> output, each operator in both ways, in tiny_partition.cc. Emitted of the first
// operator: kEmittedBlob bytes that are neither, so many of factors, so many of summands; of the second: the first of these.
inline constexpr float kFactor = 3, kSummand = 0.5f, kTheta = 0.8f, kScaleRange = 8;
inline constexpr uint32_t kEmittedBlob = kColumns * 4;
TinyPlan MakeTinyPartitionPlan();

// Appends an instruction to a program.
void Emit(std::vector<uint32_t>* words, Opcode opcode, const std::vector<uint32_t>& operands);
void EmitPass(std::vector<uint32_t>* program, const PassHead& head, const std::vector<PassOp>& ops,
              const std::vector<PassSink>& sinks);
// Everything but the programs' lengths; after the records are there.
void MakeHeader(TinyPlan* p);

// Start words of the instructions of a program.
std::vector<size_t> InstructionStarts(const std::vector<uint32_t>& words);

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_TINY_PLAN_H_
