// The matrices of an interpolation. With finite points a_i, L(x) = prod (x - a_i) and L_i(x) = L(x) / (x - a_i):
//   row i of B^T: the coefficients of L_i; of infinity: those of L
//   row i of G:   1, a_i, a_i^2, over L_i(a_i);  of infinity: 0, 0, 1
//   column i of A^T: 1, a_i, a_i^2, ..;          of infinity: 0, .., 0, 1
#include "kernels/winograd.h"
#include "ring/modulus.h"

namespace penumbra {

namespace {

constexpr uint32_t kMaxPoints = kWinogradMaxIn - 1;  // finite ones

// Points come in pairs +a, -a, so that every other coefficient of L_i vanishes or is shared.
struct Points {
  uint32_t value[kMaxPoints];  // residues
  uint32_t count;
};

Points ChoosePoints(uint32_t count, uint32_t prime) {
  Points points{};
  points.count = count;
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    points.value[i] = i / 2 + 1;
    points.value[i + 1] = prime - (i / 2 + 1);
  }
  return points;  // with an odd count the last one is 0
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

// Slots of an input line: even ones by four and odd ones by four, what is left over in the last group.
void OrderByParity(WinogradTransform* t) {
  for (uint8_t& line : t->line) line = kNoLine;
  uint32_t even = 0, odd = 4, rest = 8;
  // The middle is what the rows of finite points read: with the zero point they have no constant term.
  const uint32_t first = t->in % 2 == 0 && t->in > 8 ? 1 : 0;
  for (uint32_t i = 0; i < t->in; ++i) {
    uint32_t* slot = i % 2 == 0 ? &even : &odd;
    const uint32_t end = i % 2 == 0 ? 4 : 8;
    if (i < first || *slot == end) slot = &rest;
    t->line[(*slot)++] = static_cast<uint8_t>(i);
  }
}

void OrderInTurn(WinogradTransform* t) {
  for (uint32_t slot = 0; slot < kWinogradSlots; ++slot) {
    t->line[slot] = slot < t->in ? static_cast<uint8_t>(slot) : kNoLine;
  }
}

void Set(WinogradTransform* t, uint32_t row, uint32_t line, uint32_t value, uint32_t prime) {
  for (uint32_t slot = 0; slot < kWinogradSlots; ++slot) {
    if (t->line[slot] == line) t->rows[row][slot] = static_cast<int8_t>(CentredResidue(value, prime));
  }
}

void Negate(WinogradTransform* t, uint32_t row) {
  for (int8_t& coefficient : t->rows[row]) coefficient = static_cast<int8_t>(-coefficient);
}

}  // namespace

WinogradPlan MakeWinogradPlan(uint32_t out, uint16_t prime) {
  WinogradPlan plan{};
  plan.out = out;
  plan.in = WinogradIn(out);
  plan.prime = prime;
  plan.input.in = plan.input.out = plan.filter.out = plan.output.in = plan.in;
  plan.filter.in = kWinogradTaps;
  plan.output.out = out;
  OrderByParity(&plan.input);
  OrderInTurn(&plan.filter);
  OrderInTurn(&plan.output);
  const Points points = ChoosePoints(plan.in - 1, prime);
  uint32_t coefficients[kWinogradMaxIn];
  for (uint32_t i = 0; i < plan.in; ++i) {
    Expand(points, i, prime, coefficients);
    for (uint32_t j = 0; j < plan.in; ++j) Set(&plan.input, i, j, coefficients[j], prime);
    if (i == points.count) break;
    const uint32_t a = points.value[i];
    uint32_t power = ModularInverse(Evaluate(coefficients, a, prime), prime);
    for (uint32_t t = 0; t < kWinogradTaps; ++t, power = power * a % prime) Set(&plan.filter, i, t, power, prime);
    // Where 0 is no point, L of -a has the odd coefficients of L of a, and the even ones negated.
    if (i % 2 == 1 && points.count % 2 == 0) {
      Negate(&plan.input, i);
      Negate(&plan.filter, i);
    }
    power = 1;
    for (uint32_t k = 0; k < out; ++k, power = power * a % prime) Set(&plan.output, k, i, power, prime);
  }
  Set(&plan.filter, points.count, kWinogradTaps - 1, 1, prime);
  Set(&plan.output, out - 1, points.count, 1, prime);
  return plan;
}

}  // namespace penumbra
