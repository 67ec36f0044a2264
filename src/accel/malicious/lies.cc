#include "accel/malicious/lies.h"

#include <algorithm>
#include <cstring>

#include "accel/validate.h"
#include "boundary/geometry.h"

namespace penumbra::malicious {
namespace {

bool IsResidue(const ReplyView& reply) { return reply.shape.type != ElementType::kF32; }
bool IsByte(const ReplyView& reply) { return reply.shape.type == ElementType::kU8Residue; }

size_t ElementSize(const ReplyView& reply) { return penumbra::ElementSize(reply.shape.type); }
size_t PlaneCount(const ReplyView& reply) { return penumbra::PlaneCount(reply.shape); }
size_t RowSize(const ReplyView& reply) {
  return size_t{reply.shape.w} * reply.shape.c * ElementSize(reply);
}
size_t PlaneSize(const ReplyView& reply) { return reply.bytes.size() / PlaneCount(reply); }
uint32_t PrimeAt(const ReplyView& reply, size_t byte) {
  return IsByte(reply) ? kPrimes[byte / PlaneSize(reply)] : kFieldPrime;
}

// The residue that starts at `byte`, in whatever representative.
uint32_t ResidueIn(const ReplyView& reply, std::span<const uint8_t> bytes, size_t byte) {
  if (IsByte(reply)) return bytes[byte];
  uint32_t value;
  std::memcpy(&value, bytes.data() + byte, sizeof(value));
  return value;
}
void SetResidue(const ReplyView& reply, size_t byte, uint32_t value) {
  std::memcpy(reply.bytes.data() + byte, &value, ElementSize(reply));
}
// Another residue: `shift` more, modulo the prime.
void AddTo(const ReplyView& reply, size_t byte, uint64_t shift) {
  const uint64_t sum = ResidueIn(reply, reply.bytes, byte) + shift;
  SetResidue(reply, byte, static_cast<uint32_t>(sum % PrimeAt(reply, byte)));
}

float FloatAt(const ReplyView& reply, size_t byte) {
  float value;
  std::memcpy(&value, reply.bytes.data() + byte, sizeof(value));
  return value;
}
void SetFloat(const ReplyView& reply, size_t byte, float value) {
  std::memcpy(reply.bytes.data() + byte, &value, sizeof(value));
}

// Uniform in [-limit, limit).
float DrawFloat(Rng* rng, float limit) {
  return (static_cast<float>(Draw(rng, 1 << 24)) * 0x1p-23f - 1) * limit;
}

void RandomizeRange(const ReplyView& reply, size_t begin, size_t end, Rng* rng) {
  if (IsResidue(reply)) {
    for (size_t i = begin; i < end; ++i) reply.bytes[i] = static_cast<uint8_t>(Draw(rng, 256));
  } else {
    for (size_t i = begin; i < end; i += sizeof(float)) SetFloat(reply, i, DrawFloat(rng, 4));
  }
}

}  // namespace

uint64_t Draw(Rng* rng, uint64_t bound) {
  // Values above the last multiple of `bound` would favour small results.
  const uint64_t limit = Rng::max() - Rng::max() % bound;
  uint64_t value;
  do {
    value = (*rng)();
  } while (value >= limit);
  return value % bound;
}

bool IsWrong(const ReplyView& told, std::span<const uint8_t> honest) {
  if (!IsResidue(told)) return !std::ranges::equal(told.bytes, honest);
  for (size_t i = 0; i < honest.size(); i += ElementSize(told)) {
    const uint32_t prime = PrimeAt(told, i);
    if (ResidueIn(told, told.bytes, i) % prime != ResidueIn(told, honest, i) % prime) return true;
  }
  return false;
}

void UseOtherRepresentatives(const ReplyView& reply) {
  if (!IsResidue(reply)) return;
  const uint32_t largest = IsByte(reply) ? 0xff : 0xffffffff;
  for (size_t i = 0; i < reply.bytes.size(); i += ElementSize(reply)) {
    const uint32_t value = ResidueIn(reply, reply.bytes, i), prime = PrimeAt(reply, i);
    SetResidue(reply, i, value + (largest - value) / prime * prime);
  }
}

void FlipBit(const ReplyView& reply, Rng* rng) {
  const uint64_t bit = Draw(rng, reply.bytes.size() * 8);
  reply.bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
}

void ChangeElement(const ReplyView& reply, std::optional<uint32_t> plane, Rng* rng) {
  const size_t begin = plane ? *plane % PlaneCount(reply) * PlaneSize(reply) : 0;
  const size_t size = plane ? PlaneSize(reply) : reply.bytes.size();
  const size_t at = begin + Draw(rng, size / ElementSize(reply)) * ElementSize(reply);
  if (!IsResidue(reply)) return SetFloat(reply, at, FloatAt(reply, at) + DrawFloat(rng, 1));
  AddTo(reply, at, 1 + Draw(rng, PrimeAt(reply, at) - 1u));
}

void ReplaceTile(const ReplyView& reply, Rng* rng) {
  const uint32_t h = reply.shape.h;
  const size_t begin = Draw(rng, h);
  const size_t end = begin + 1 + Draw(rng, h - begin);
  const size_t sample = h * RowSize(reply);
  for (size_t at = 0; at < reply.bytes.size(); at += sample) {
    RandomizeRange(reply, at + begin * RowSize(reply), at + end * RowSize(reply), rng);
  }
}

void SwapChannels(const ReplyView& reply, Rng* rng) {
  const uint32_t channels = reply.shape.c;
  if (channels < 2) return;
  const size_t size = ElementSize(reply);
  const size_t a = Draw(rng, channels);
  const size_t b = (a + 1 + Draw(rng, channels - 1)) % channels;
  for (size_t at = 0; at < reply.bytes.size(); at += channels * size) {
    const auto pixel = reply.bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto first = pixel + static_cast<std::ptrdiff_t>(a * size);
    std::swap_ranges(first, first + static_cast<std::ptrdiff_t>(size),
                     pixel + static_cast<std::ptrdiff_t>(b * size));
  }
}

void AddConstant(const ReplyView& reply, Rng* rng) {
  if (!IsResidue(reply)) {
    const float constant = 0.5f + DrawFloat(rng, 0.25f);
    for (size_t i = 0; i < reply.bytes.size(); i += sizeof(float)) {
      SetFloat(reply, i, FloatAt(reply, i) + constant);
    }
    return;
  }
  for (size_t plane = 0; plane < PlaneCount(reply); ++plane) {
    const size_t begin = plane * PlaneSize(reply);
    const uint64_t constant = 1 + Draw(rng, PrimeAt(reply, begin) - 1u);
    for (size_t i = 0; i < PlaneSize(reply); i += ElementSize(reply)) {
      AddTo(reply, begin + i, constant);
    }
  }
}

void Zero(const ReplyView& reply) { std::ranges::fill(reply.bytes, uint8_t{0}); }

void Randomize(const ReplyView& reply, Rng* rng) {
  RandomizeRange(reply, 0, reply.bytes.size(), rng);
}

void ReplaceBy(std::span<const uint8_t> other, const ReplyView& reply) {
  if (other.empty()) return;
  for (size_t i = 0; i < reply.bytes.size(); ++i) reply.bytes[i] = other[i % other.size()];
}

}  // namespace penumbra::malicious
