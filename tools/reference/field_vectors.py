#!/usr/bin/env python3
"""Golden vectors of the arithmetic modulo the papers' prime, from Python's integers alone.

Usage: field_vectors.py > src/kernels/field_golden_test_support.h

Inputs are not stored: test and script draw them from one written generator.
"""

P = 2**23 + 2**21 + 7
HALF = (P - 1) // 2
NO_PARTNER = 0xFFFF


class Draws:
    """A linear congruential generator modulo 2^64; the upper 32 bits are the draw."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def word(self) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 32

    def words(self, count: int) -> list[int]:
        return [self.word() for _ in range(count)]

    def residues(self, count: int) -> list[int]:
        return [self.word() % P for _ in range(count)]


def centred(value: int) -> int:
    return (value + HALF) % P - HALF


def products(seed: int, rows: int, filters: int, length: int) -> list[int]:
    """Sums of `rows` windows with `filters` filters: any words times centred weights."""
    draws = Draws(seed)
    x = draws.words(rows * length)
    w = [centred(r) for r in draws.residues(filters * length)]
    return [
        sum(a * b for a, b in zip(x[r * length : (r + 1) * length], w[f * length : (f + 1) * length], strict=True)) % P
        for r in range(rows)
        for f in range(filters)
    ]


def wide_sums(seed: int, count: int) -> list[int]:
    """Residues of signed 63-bit numbers made of two draws."""
    draws = Draws(seed)
    result = []
    for _ in range(count):
        high, low = draws.word(), draws.word()
        value = ((high << 32 | low) >> 2) - 2**61
        result.append(value % P)
    return result


def accepted(seed: int, draw_count: int, count: int) -> list[int]:
    candidates = [word % 2**24 for word in Draws(seed).words(draw_count)]
    return [c for c in candidates if c < P][:count]


def masked(seed: int, count: int) -> list[int]:
    draws = Draws(seed)
    levels = [word % (2**23 - 1) - (2**22 - 1) for word in draws.words(count)]
    return [(k + r) % P for k, r in zip(levels, draws.residues(count), strict=True)]


def unmixed(seed: int, pixels: int, m: int, wide: int) -> list[int]:
    draws = Draws(seed)
    x = draws.words(pixels * wide)
    a = [word % wide for word in draws.words(m)]
    b = [NO_PARTNER if word % 5 == 0 else word % wide for word in draws.words(m)]
    scalars = draws.residues(m)
    pads = [centred(r) for r in draws.residues(pixels * m)]
    result = []
    for p in range(pixels):
        row = x[p * wide : (p + 1) * wide]
        for i in range(m):
            right = 0 if b[i] == NO_PARTNER else row[b[i]]
            result.append(centred(scalars[i] * (row[a[i]] - right) - pads[p * m + i]))
    return result


def array(name: str, kind: str, values: list[int]) -> str:
    lines = [f"inline constexpr {kind} {name}[{len(values)}] = {{"]
    for at in range(0, len(values), 10):
        lines.append("    " + " ".join(f"{v}," for v in values[at : at + 10]))
    return "\n".join([*lines, "};"])


def main() -> None:
    parts = [
        "// Made by tools/reference/field_vectors.py from Python's integers. Do not edit.",
        "#ifndef PENUMBRA_KERNELS_FIELD_GOLDEN_TEST_SUPPORT_H_\n#define PENUMBRA_KERNELS_FIELD_GOLDEN_TEST_SUPPORT_H_\n",
        "#include <cstdint>\n\nnamespace penumbra::field_golden {\n",
        array("kProducts", "uint32_t", products(1, 7, 11, 613)),
        array("kWideSums", "uint32_t", wide_sums(2, 120)),
        array("kAccepted", "uint32_t", accepted(3, 400, 150)),
        array("kMasked", "uint32_t", masked(4, 120)),
        array("kUnmixed", "int32_t", unmixed(5, 3, 37, 45)),
        "\n}  // namespace penumbra::field_golden\n\n#endif  // PENUMBRA_KERNELS_FIELD_GOLDEN_TEST_SUPPORT_H_",
    ]
    print("\n".join(parts))


if __name__ == "__main__":
    main()
