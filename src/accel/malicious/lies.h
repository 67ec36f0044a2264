// What can be done to a reply. Every function changes bytes in place and leaves the rest alone; all
// choices come from the generator, so that a seed repeats them.
#ifndef PENUMBRA_ACCEL_MALICIOUS_LIES_H_
#define PENUMBRA_ACCEL_MALICIOUS_LIES_H_

#include <cstdint>
#include <optional>
#include <random>
#include <span>

#include "boundary/segment.h"

namespace penumbra::malicious {

using Rng = std::mt19937_64;
// Uniform in [0, bound), bound > 0. Not a standard distribution: those differ between libraries.
uint64_t Draw(Rng* rng, uint64_t bound);

// One output of a job: kU8Residue [prime][batch][h][w][c], kU32Residue and kF32 [batch][h][w][c].
struct ReplyView {
  SegmentTensor shape;
  uint32_t batch = 1;
  std::span<uint8_t> bytes;
};

// Whether `told` differs from `honest`, of the same size, in what it means: some residue modulo its
// prime, or some bit of a float.
bool IsWrong(const ReplyView& told, std::span<const uint8_t> honest);

// For every residue the largest number that means the same and fits the element. Floats stay.
void UseOtherRepresentatives(const ReplyView& reply);
void FlipBit(const ReplyView& reply, Rng* rng);
// One element, of any plane or of one (counted modulo the planes there are): another residue, or a float moved by up to 1.
void ChangeElement(const ReplyView& reply, std::optional<uint32_t> plane, Rng* rng);
// A random run of rows, in every plane and sample: random bytes, or floats in [-4, 4).
void ReplaceTile(const ReplyView& reply, Rng* rng);
// Two channels change places everywhere. Replies of one channel stay.
void SwapChannels(const ReplyView& reply, Rng* rng);
// One nonzero constant per plane is added to every element.
void AddConstant(const ReplyView& reply, Rng* rng);
void Zero(const ReplyView& reply);
// Random bytes, or floats in [-4, 4).
void Randomize(const ReplyView& reply, Rng* rng);
// `other` from its start, again and again until the reply is full. An empty `other` changes
// nothing.
void ReplaceBy(std::span<const uint8_t> other, const ReplyView& reply);

}  // namespace penumbra::malicious

#endif  // PENUMBRA_ACCEL_MALICIOUS_LIES_H_
