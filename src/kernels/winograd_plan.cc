// The matrices of an interpolation. With finite points a_i, L(x) = prod (x - a_i) and L_i(x) = L(x) / (x - a_i):
//   row i of B^T: the coefficients of L_i; of infinity: those of L
//   row i of G:   1, a_i, a_i^2, over L_i(a_i);  of infinity: 0, 0, 1
//   column i of A^T: 1, a_i, a_i^2, ..;          of infinity: 0, .., 0, 1
// and any of them multiplied by a number that another one makes up for.
#include "boundary/geometry.h"
#include "kernels/winograd.h"
#include "ring/modulus.h"

namespace penumbra {

namespace {

constexpr uint32_t kMaxPoints = kWinogradMaxIn - 1;  // finite ones

// Points come in pairs +a, -a, so that every other coefficient of L_i vanishes or is shared. Rows of B^T may be multiplied by
// any number, and columns of A^T, if G is divided by it: these points and scales of the columns, found by a search over all
// sets with the point 1, keep the sums within kWinogradRowSum.
struct Pairs {
  uint8_t point[4], output_scale[4];
};
constexpr Pairs kTwoPairs = {{1, 2}, {1, 1}};
constexpr Pairs kThreePairs[] = {{{1, 2, 6}, {1, 1, 1}},  {{1, 2, 4}, {1, 1, 3}},  {{1, 2, 4}, {1, 1, 59}},
                                 {{1, 2, 4}, {1, 1, 61}}, {{1, 2, 5}, {1, 1, 37}}, {{1, 2, 5}, {1, 1, 9}},
                                 {{1, 2, 5}, {1, 1, 214}}, {{1, 2, 3}, {1, 1, 205}}};
constexpr Pairs kFourPairs[] = {{{1, 3, 21, 50}, {1, 1, 205, 5}},    {{1, 4, 15, 16}, {1, 3, 15, 15}},
                                {{1, 4, 15, 16}, {1, 14, 206, 29}},  {{1, 17, 22, 89}, {1, 11, 169, 8}},
                                {{1, 94, 95, 107}, {1, 5, 5, 2}},    {{1, 22, 75, 108}, {1, 31, 218, 29}},
                                {{1, 41, 45, 87}, {1, 2, 35, 169}},  {{1, 14, 15, 60}, {1, 1, 14, 162}}};

const Pairs& PairsOf(uint32_t count, uint16_t prime) {
  uint32_t index = 0;
  while (kPrimes[index] != prime) ++index;
  return count == 2 ? kTwoPairs : count == 3 ? kThreePairs[index] : kFourPairs[index];
}

struct Points {
  uint32_t value[kMaxPoints], output_scale[kMaxPoints];  // residues
  uint32_t count;
};

Points ChoosePoints(uint32_t count, uint16_t prime) {
  const Pairs& pairs = PairsOf(count / 2, prime);
  Points points{};
  points.count = count;
  for (uint32_t i = 0; i < count; ++i) {
    if (i / 2 == count / 2) {  // the point 0 has no partner
      points.value[i] = 0;
      points.output_scale[i] = 1;
      continue;
    }
    const uint32_t a = pairs.point[i / 2];
    points.value[i] = i % 2 == 0 ? a : prime - a;
    points.output_scale[i] = pairs.output_scale[i / 2];
  }
  return points;
}

// Coefficients of the product of (x - a) over all points but number `without` (none left out when it is `count`).
void Expand(const Points& points, uint32_t without, uint32_t prime, uint32_t out[kWinogradMaxIn]) {
  for (uint32_t j = 0; j < kWinogradMaxIn; ++j) out[j] = j == 0 ? 1 : 0;
  for (uint32_t i = 0; i < points.count; ++i) {
    if (i == without) continue;
    const uint32_t minus = prime - points.value[i];
    for (uint32_t j = kWinogradMaxIn - 1; j > 0; --j) out[j] = (out[j - 1] + out[j] * minus) % prime;
    out[0] = out[0] * minus % prime;
  }
}

uint32_t Evaluate(const uint32_t coefficients[kWinogradMaxIn], uint32_t x, uint32_t prime) {
  uint32_t value = 0;
  for (uint32_t j = kWinogradMaxIn; j > 0; --j) value = (value * x + coefficients[j - 1]) % prime;
  return value;
}

// The larger of what positive and of what negative coefficients add up to, where odd ones may all change their sign.
int32_t LargestSum(const uint32_t coefficients[kWinogradMaxIn], uint32_t scale, uint32_t prime) {
  int32_t sums[2][2] = {};  // [parity][negative]
  for (uint32_t j = 0; j < kWinogradMaxIn; ++j) {
    const int32_t value = CentredResidue(coefficients[j] * scale % prime, prime);
    sums[j % 2][value < 0 ? 1 : 0] += value < 0 ? -value : value;
  }
  int32_t largest = 0;
  for (int i = 0; i < 4; ++i) {
    const int32_t sum = sums[0][i % 2] + sums[1][i / 2];
    if (sum > largest) largest = sum;
  }
  return largest;
}

// What a row is best multiplied with.
uint32_t ChooseScale(const uint32_t coefficients[kWinogradMaxIn], uint32_t prime) {
  uint32_t best = 1;
  int32_t best_sum = LargestSum(coefficients, 1, prime);
  for (uint32_t scale = 2; scale <= prime / 2; ++scale) {
    const int32_t sum = LargestSum(coefficients, scale, prime);
    if (sum >= best_sum) continue;
    best = scale;
    best_sum = sum;
  }
  return best;
}

int8_t Centred(uint32_t value, uint32_t prime) { return static_cast<int8_t>(CentredResidue(value % prime, prime)); }

}  // namespace

WinogradPlan MakeWinogradPlan(uint32_t out, uint16_t prime) {
  WinogradPlan plan{};
  plan.out = out;
  plan.in = WinogradIn(out);
  plan.prime = prime;
  plan.input.in = plan.input.out = plan.filter.out = plan.output.in = plan.in;
  plan.filter.in = kWinogradTaps;
  plan.output.out = out;
  const Points points = ChoosePoints(plan.in - 1, prime);
  uint32_t coefficients[kWinogradMaxIn];
  for (uint32_t i = 0; i < plan.in; ++i) {
    Expand(points, i, prime, coefficients);
    // Small tiles have small rows as they are, which their kernels know.
    uint32_t scale = out == kWinogradMinOut ? 1 : ChooseScale(coefficients, prime);
    const bool infinity = i == points.count;
    const uint32_t a = infinity ? 0 : points.value[i], factor = infinity ? 1 : points.output_scale[i];
    // The filter's row makes up for both scales, and for L_i(a_i).
    uint32_t power = ModularInverse(scale * factor % prime * (infinity ? 1 : Evaluate(coefficients, a, prime)) % prime, prime);
    // Where 0 is no point, L of -a has the odd coefficients of L of a, and the even ones negated.
    const bool negate = !infinity && i % 2 == 1 && points.count % 2 == 0;
    if (negate) scale = prime - scale;
    if (negate) power = prime - power;
    for (uint32_t j = 0; j < plan.in; ++j) plan.input.rows[i][j] = Centred(coefficients[j] * scale, prime);
    if (infinity) {
      plan.filter.rows[i][kWinogradTaps - 1] = Centred(power, prime);
      plan.output.rows[out - 1][i] = 1;
      break;
    }
    for (uint32_t t = 0; t < kWinogradTaps; ++t, power = power * a % prime) plan.filter.rows[i][t] = Centred(power, prime);
    power = factor;
    for (uint32_t k = 0; k < out; ++k, power = power * a % prime) plan.output.rows[k][i] = Centred(power, prime);
  }
  return plan;
}

}  // namespace penumbra
