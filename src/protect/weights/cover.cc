#include "protect/weights/cover.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

constexpr uint64_t kComparedWeights = 256;

void ScaleRow(CoverMatrix* m, uint32_t row, uint32_t factor, uint32_t p) {
  for (uint32_t c = 0; c < kCoverSize; ++c) {
    m->At(row, c) = static_cast<uint32_t>(uint64_t{m->At(row, c)} * factor % p);
  }
}

void SubtractRow(CoverMatrix* m, uint32_t from, uint32_t row, uint32_t factor, uint32_t p) {
  for (uint32_t c = 0; c < kCoverSize; ++c) {
    const uint64_t part = uint64_t{m->At(row, c)} * factor % p;
    m->At(from, c) = static_cast<uint32_t>((m->At(from, c) + p - part) % p);
  }
}

void SwapRows(CoverMatrix* m, uint32_t a, uint32_t b) {
  for (uint32_t c = 0; c < kCoverSize; ++c) std::swap(m->At(a, c), m->At(b, c));
}

// Filters as the comparison sees them: [filter][width] weights, and the lengths of these vectors.
struct Sketch {
  uint64_t width;
  std::vector<int32_t> weights;
  std::vector<double> norms;

  // Exact integers up to the division, so that the order is the same on every machine.
  int64_t Dot(uint32_t a, uint32_t b) const {
    const int32_t* x = weights.data() + a * width;
    const int32_t* y = weights.data() + b * width;
    int64_t sum = 0;
    for (uint64_t j = 0; j < width; ++j) sum += int64_t{x[j]} * y[j];
    return sum;
  }
  // A filter of zeros is like no other.
  double Cosine(uint32_t a, uint32_t b) const {
    const double norm = norms[a] * norms[b];
    return norm == 0 ? 0 : static_cast<double>(Dot(a, b)) / norm;
  }
};

Sketch MakeSketch(std::span<const int32_t> q, uint64_t length, uint32_t begin, uint32_t end) {
  Sketch sketch{std::min(length, kComparedWeights), {}, {}};
  for (uint32_t i = begin; i < end; ++i) {
    for (uint64_t j = 0; j < sketch.width; ++j) {
      sketch.weights.push_back(q[i * length + j * length / sketch.width]);
    }
  }
  for (uint32_t i = 0; i < end - begin; ++i) {
    sketch.norms.push_back(std::sqrt(static_cast<double>(sketch.Dot(i, i))));
  }
  return sketch;
}

}  // namespace

std::optional<CoverMatrix> InverseModulo(CoverMatrix matrix, uint32_t size, uint32_t p) {
  CoverMatrix inverse;
  for (uint32_t i = 0; i < size; ++i) inverse.At(i, i) = 1;
  for (uint32_t column = 0; column < size; ++column) {
    uint32_t pivot = column;
    while (pivot < size && matrix.At(pivot, column) == 0) ++pivot;
    if (pivot == size) return std::nullopt;
    for (CoverMatrix* m : {&matrix, &inverse}) SwapRows(m, column, pivot);
    const uint32_t factor = ModularInverse(matrix.At(column, column), p);
    for (CoverMatrix* m : {&matrix, &inverse}) ScaleRow(m, column, factor, p);
    for (uint32_t row = 0; row < size; ++row) {
      if (row == column) continue;
      const uint32_t excess = matrix.At(row, column);
      for (CoverMatrix* m : {&matrix, &inverse}) SubtractRow(m, row, column, excess, p);
    }
  }
  return inverse;
}

CoverPair DrawCover(SecretStream* stream, uint32_t size, uint32_t p) {
  for (;;) {
    CoverPair pair;
    for (uint32_t r = 0; r < size; ++r) {
      for (uint32_t c = 0; c < size; ++c) pair.matrix.At(r, c) = stream->Below(p);
    }
    if (const auto inverse = InverseModulo(pair.matrix, size, p)) {
      pair.inverse = *inverse;
      return pair;
    }
  }
}

std::vector<uint16_t> DissimilarOrder(std::span<const int32_t> q, uint64_t length, uint32_t begin,
                                      uint32_t end, SecretStream* stream) {
  const Sketch sketch = MakeSketch(q, length, begin, end);
  std::vector<uint16_t> left = stream->Permutation(end - begin);
  std::vector<uint16_t> order;
  while (!left.empty()) {
    std::vector<double> likeness(left.size());  // of each filter that is left, to the cover so far
    for (uint32_t i = 0; i < kCoverSize && !left.empty(); ++i) {
      const auto next = std::ranges::min_element(likeness) - likeness.begin();
      const uint16_t chosen = left[static_cast<size_t>(next)];
      order.push_back(static_cast<uint16_t>(begin + chosen));
      left.erase(left.begin() + next);
      likeness.erase(likeness.begin() + next);
      if (i + 1 == kCoverSize) break;
      for (size_t f = 0; f < left.size(); ++f) likeness[f] += sketch.Cosine(chosen, left[f]);
    }
  }
  return order;
}

}  // namespace penumbra::protect
