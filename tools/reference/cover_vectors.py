#!/usr/bin/env python3
"""Golden vectors of GroupCover's covers, from Python's integers alone.

Usage: cover_vectors.py > src/kernels/cover_golden_test_support.h

Inverses come from determinants of minors, not from elimination. Inputs of the other vectors are not stored: test and
script draw them from one written generator.
"""

from itertools import permutations

from field_vectors import Draws, P, array, centred

PRIMES = (251, 241, 239, 233, 229, 227)
COVER = 4


def determinant(rows: list[list[int]]) -> int:
    """Leibniz: the signed products over all permutations."""
    total = 0
    for order in permutations(range(len(rows))):
        inversions = sum(order[i] > order[j] for j in range(len(order)) for i in range(j))
        product = -1 if inversions % 2 else 1
        for row, column in enumerate(order):
            product *= rows[row][column]
        total += product
    return total


def inverse(rows: list[list[int]], p: int) -> list[list[int]] | None:
    """The adjugate divided by the determinant."""
    size = len(rows)
    d = determinant(rows) % p
    if d == 0:
        return None

    def minor(row: int, column: int) -> int:
        kept = [[v for c, v in enumerate(line) if c != column] for r, line in enumerate(rows) if r != row]
        return (-1) ** (row + column) * determinant(kept)

    return [[minor(c, r) * pow(d, -1, p) % p for c in range(size)] for r in range(size)]


def flat(rows: list[list[int]]) -> str:
    padded = [[*row, *[0] * (COVER - len(row))] for row in rows]
    padded += [[0] * COVER] * (COVER - len(rows))
    return "{" + ", ".join(str(v) for row in padded for v in row) + "}"


def inverses(seed: int) -> str:
    draws = Draws(seed)
    lines = []
    for p in (251, 227, P):
        for size in (1, 2, 3, 4, 4):
            rows = [[draws.word() % p for _ in range(size)] for _ in range(size)]
            if size == COVER and len(lines) % 5 == 4:
                rows[3] = [(3 * a + 5 * b) % p for a, b in zip(rows[0], rows[2], strict=True)]  # singular
            if size == 3:
                rows[0][0] = 0  # rows must be exchanged
            found = inverse(rows, p)
            known = "true" if found else "false"
            lines.append(f"    {{{p}, {size}, {known}, {flat(rows)}, {flat(found or [])}}},")
    return "\n".join(["inline constexpr Inverse kInverses[] = {", *lines, "};"])


class Layer:
    """Covers of `m` channels in groups of `group_rows`: a, and factors [prime][m][4] that are 0 beyond a cover."""

    def __init__(self, draws: Draws, m: int, group_rows: int, primes: tuple[int, ...]) -> None:
        self.m = m
        self.a = list(range(m))
        for i in range(m - 1, 0, -1):
            j = draws.word() % (i + 1)
            self.a[i], self.a[j] = self.a[j], self.a[i]
        self.begin = [row - row % group_rows % COVER for row in self.a]
        self.size = [min(COVER, group_rows - b % group_rows) for b in self.begin]
        self.factors = [
            [[draws.word() % p if t < size else 0 for t in range(COVER)] for size in self.size] for p in primes
        ]

    def mixed(self, k: int, row: list[int], i: int) -> int:
        return sum(self.factors[k][i][t] * row[self.begin[i] + t] for t in range(self.size[i]))


def unmixed(seed: int, pixels: int, m: int, group_rows: int, p: int) -> list[int]:
    draws = Draws(seed)
    layer = Layer(draws, m, group_rows, (p,))
    x = [draws.word() % p for _ in range(pixels * m)]
    return [layer.mixed(0, x[q * m : (q + 1) * m], i) % p for q in range(pixels) for i in range(m)]


def field_unmixed(seed: int, pixels: int, m: int, group_rows: int) -> list[int]:
    draws = Draws(seed)
    layer = Layer(draws, m, group_rows, (P,))
    x = draws.words(pixels * m)
    pads = [centred(r) for r in draws.residues(pixels * m)]
    return [
        centred(layer.mixed(0, x[q * m : (q + 1) * m], i) - pads[q * m + i]) for q in range(pixels) for i in range(m)
    ]


def restored(seed: int, pixels: int, m: int, group_rows: int, prime_count: int) -> list[int]:
    """Integers in the windows [begin, begin + M) of the channels."""
    draws = Draws(seed)
    primes = PRIMES[:prime_count]
    modulus = 1
    for p in primes:
        modulus *= p
    layer = Layer(draws, m, group_rows, primes)
    begin = [draws.word() % 2**31 - 2**30 for _ in range(m)]
    reply = [[draws.word() % 256 for _ in range(pixels * m)] for _ in primes]
    pads = [[draws.word() % p for _ in range(pixels * m)] for p in primes]
    result = []
    for q in range(pixels):
        for i in range(m):
            total = 0
            for k, p in enumerate(primes):
                v = layer.mixed(k, reply[k][q * m : (q + 1) * m], i) - pads[k][q * m + i]
                total += v * (modulus // p)
            result.append(begin[i] + (total - begin[i]) % modulus)
    return result


def main() -> None:
    parts = [
        "// Made by tools/reference/cover_vectors.py from Python's integers. Do not edit.",
        "#ifndef PENUMBRA_KERNELS_COVER_GOLDEN_TEST_SUPPORT_H_\n#define PENUMBRA_KERNELS_COVER_GOLDEN_TEST_SUPPORT_H_\n",
        "#include <cstdint>\n\nnamespace penumbra::cover_golden {\n",
        "struct Inverse {\n  uint32_t prime, size;\n  bool invertible;\n  uint32_t matrix[16], inverse[16];\n};",
        inverses(1),
        array("kUnmixedFull", "uint8_t", unmixed(2, 2, 24, 12, 251)),
        array("kUnmixedShort", "uint8_t", unmixed(3, 2, 22, 11, 227)),
        array("kFieldUnmixed", "int32_t", field_unmixed(4, 2, 22, 11)),
        array("kRestoredFull", "int64_t", restored(5, 2, 24, 12, 3)),
        array("kRestoredShort", "int64_t", restored(6, 2, 22, 11, 2)),
        array("kRestoredSixPrimes", "int64_t", restored(7, 2, 22, 22, 6)),
        "\n}  // namespace penumbra::cover_golden\n\n#endif  // PENUMBRA_KERNELS_COVER_GOLDEN_TEST_SUPPORT_H_",
    ]
    print("\n".join(parts))


if __name__ == "__main__":
    main()
