#include "protect/audit/recover_filters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kMostPrimes = 4;    // M < 2^32: products of residues fit 64 bits
constexpr uint64_t kLeastLength = 9;   // weights of a filter
constexpr uint64_t kLookedAt = 24;     // weights that are compared before the whole filter is
// A sum never wraps: that of |w| times the levels of the input stays below M. Inputs have more levels than this.
constexpr int64_t kLeastLevels = 64;
constexpr uint64_t kMostFactor = 12;   // that three weights share and the others do not

using Vector = std::array<int64_t, 3>;

double Dot(const Vector& a, const Vector& b) {
  return static_cast<double>(a[0]) * static_cast<double>(b[0]) + static_cast<double>(a[1]) * static_cast<double>(b[1]) +
         static_cast<double>(a[2]) * static_cast<double>(b[2]);
}

// Pairwise reduction; by Semaev (2001) nearly the shortest vector in three dimensions.
Vector ShortVector(std::array<Vector, 3> basis) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) {
        if (i == j) continue;
        const double square = Dot(basis[j], basis[j]);
        const auto times = static_cast<int64_t>(std::nearbyint(Dot(basis[i], basis[j]) / square));
        if (times == 0) continue;
        Vector shorter = basis[i];
        for (size_t k = 0; k < 3; ++k) shorter[k] -= times * basis[j][k];
        if (Dot(shorter, shorter) >= Dot(basis[i], basis[i])) continue;
        basis[i] = shorter;
        changed = true;
      }
    }
  }
  return *std::ranges::min_element(basis, {}, [](const Vector& v) { return Dot(v, v); });
}

// a^-1 modulo m for coprime a and m, by Euclid.
uint64_t InverseModulo(uint64_t a, uint64_t m) {
  int64_t r0 = static_cast<int64_t>(m), r1 = static_cast<int64_t>(a), t0 = 0, t1 = 1;
  while (r1 != 0) {
    const int64_t quotient = r0 / r1;
    r0 -= quotient * r1;
    std::swap(r0, r1);
    t0 -= quotient * t1;
    std::swap(t0, t1);
  }
  return static_cast<uint64_t>(t0 < 0 ? t0 + static_cast<int64_t>(m) : t0);
}

class Attack {
 public:
  explicit Attack(const PublishedRows& published)
      : published_(published),
        length_(FilterLength(published.geometry)),
        crt_(MakeCrtConstants(std::min(published.prime_count, kMostPrimes))),
        looked_at_(std::min(length_, kLookedAt)) {
    for (uint64_t j = 0; j < looked_at_; ++j) columns_.push_back(j * length_ / looked_at_);
    for (uint32_t row = 0; row < published.geometry.out_c; ++row) {
      for (const uint64_t column : columns_) heads_.push_back(Element(row, column));
    }
  }

  void Run(const std::function<void(const RecoveredFilter&)>& found) {
    const ConvGeometry& g = published_.geometry;
    const uint32_t group_rows = OutChannelsPerGroup(g);
    // One row for a group: its own filter; more: pairs of the group.
    for (uint32_t a = 0; a < g.out_c; ++a) {
      const uint32_t end = a - a % group_rows + group_rows;
      if (group_rows == 1) Try(a, a, found);
      for (uint32_t b = a + 1; b < end; ++b) Try(a, b, found);
    }
  }

 private:
  uint64_t modulus() const { return crt_.modulus; }

  // Of a published row, modulo M.
  uint64_t Element(uint32_t row, uint64_t column) const {
    const uint64_t plane = published_.geometry.out_c * length_;
    uint64_t sum = 0;
    for (uint32_t k = 0; k < crt_.prime_count; ++k) {
      const uint64_t residue = Residue(published_.rows[k * plane + row * length_ + column], kPrimes[k]);
      sum += residue * crt_.cofactor_inverse[k] % kPrimes[k] * crt_.cofactor[k];
    }
    return sum % modulus();
  }

  uint64_t Difference(uint64_t x, uint64_t y) const { return x >= y ? x - y : x + modulus() - y; }

  int64_t Centred(uint64_t x) const {
    return x > modulus() / 2 ? static_cast<int64_t>(x) - static_cast<int64_t>(modulus()) : static_cast<int64_t>(x);
  }

  int64_t most_sum() const { return static_cast<int64_t>(modulus()) / kLeastLevels; }

  // Whether the elements times `scalar` could be weights.
  bool IsSmall(std::span<const uint64_t> elements, uint64_t scalar) const {
    int64_t sum = 0;
    return std::ranges::all_of(elements, [&](uint64_t element) {
      sum += std::abs(Centred(element * scalar % modulus()));
      return sum <= most_sum();
    });
  }

  bool IsUnit(uint64_t x) const {
    for (uint32_t k = 0; k < crt_.prime_count; ++k) {
      if (x % kPrimes[k] == 0) return false;
    }
    return true;
  }

  void Try(uint32_t a, uint32_t b, const std::function<void(const RecoveredFilter&)>& found) {
    std::array<uint64_t, kLookedAt> head;
    const std::span<uint64_t> difference(head.data(), looked_at_);
    for (uint64_t j = 0; j < looked_at_; ++j) {
      const uint64_t other = a == b ? 0 : heads_[b * looked_at_ + j];
      difference[j] = Difference(heads_[a * looked_at_ + j], other);
    }
    const std::optional<uint64_t> scalar = InverseScalar(difference);
    if (!scalar) return;
    RecoveredFilter filter{a, b, std::vector<int32_t>(length_)};
    int64_t sum = 0;
    for (uint64_t j = 0; j < length_; ++j) {
      const int64_t weight = Centred(Difference(Element(a, j), a == b ? 0 : Element(b, j)) * *scalar % modulus());
      sum += std::abs(weight);
      if (sum > most_sum()) return;
      filter.weights[j] = static_cast<int32_t>(weight);
    }
    found(filter);
  }

  // What makes every element of lambda w small; nothing for the difference of rows that share nothing.
  std::optional<uint64_t> InverseScalar(std::span<const uint64_t> difference) const {
    if (std::ranges::all_of(difference, [](uint64_t d) { return d == 0; })) return 1;  // a filter of zeros
    std::array<uint64_t, 3> chosen{};
    size_t count = 0;
    for (const uint64_t d : difference) {
      if (count == 3) break;
      if (count == 0 ? IsUnit(d) : d != 0) chosen[count++] = d;
    }
    if (count == 0) return std::nullopt;
    const uint64_t first_inverse = InverseModulo(chosen[0], modulus());
    const auto m = static_cast<int64_t>(modulus());
    std::array<Vector, 3> basis{Vector{1, 0, 0}, Vector{0, m, 0}, Vector{0, 0, m}};
    for (size_t k = 1; k < 3; ++k) basis[0][k] = static_cast<int64_t>(chosen[k] * first_inverse % modulus());
    const Vector weights = ShortVector(basis);
    const uint64_t multiplier = static_cast<uint64_t>(weights[0] < 0 ? weights[0] + m : weights[0]) * first_inverse % modulus();
    for (uint64_t factor = 1; factor <= kMostFactor; ++factor) {
      const uint64_t scalar = factor * multiplier % modulus();
      if (IsSmall(difference, scalar)) return scalar;
    }
    return std::nullopt;
  }

  const PublishedRows& published_;
  uint64_t length_;
  CrtConstants crt_;
  uint64_t looked_at_;
  std::vector<uint64_t> columns_;  // that are looked at first
  std::vector<uint64_t> heads_;    // [row][looked_at]
};

}  // namespace

bool CanTellFilters(const PublishedRows& published) {
  return published.prime_count >= 2 && FilterLength(published.geometry) >= kLeastLength;
}

void RecoverFilters(const PublishedRows& published, const std::function<void(const RecoveredFilter&)>& found) {
  if (CanTellFilters(published)) Attack(published).Run(found);
}

}  // namespace penumbra::protect
