#!/usr/bin/env python3
"""Checks the include directions of docs/architecture.md: deny by default.

Each room lists the rooms it may include besides itself. Trusted rooms also have a list of standard headers; within
src/trusted a sub-room may only include sub-rooms listed before it.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

TRUSTED_ORDER = ["base", "port", "bundle", "plan", "steps", "session", "entry"]
ALLOWED = {
    "boundary": [],
    "ring": ["boundary"],
    "crypto": ["boundary"],
    "kernels": ["ring", "boundary"],
    "trusted": ["boundary", "ring", "kernels", "crypto"],
    "accel": ["boundary", "ring", "kernels"],
    "model": ["boundary"],
    "protect": ["model", "ring", "kernels", "crypto", "boundary"],
    "media": ["boundary"],
    "attest": ["boundary", "crypto"],
    "host": ["boundary", "crypto", "accel", "attest"],
    "api": ["host", "attest", "protect", "model", "media", "tee", "accel", "boundary"],
}
# tee/<carrier>/trusted and tee/software (the port the software carriers share) stand on the trusted side.
TEE_TRUSTED = ["trusted/base", "trusted/port", "trusted/entry", "boundary", "crypto", "tee/software"]
TEE_UNTRUSTED = ["host", "boundary", "crypto"]
STANDARD = {
    "boundary": {"cstdint", "cstddef"},
    "ring": {"cstdint", "cstddef"},
    "kernels": {"cstdint", "cstddef", "cstring", "immintrin.h", "arm_neon.h", "cpuid.h", "sys/syscall.h", "unistd.h",
                "sys/auxv.h", "asm/hwcap.h"},
    "trusted": {"cstdint", "cstddef", "cstring", "span", "type_traits", "new"},
}
# The malicious accelerator: nothing that ships may know it.
ADVERSARY = "accel/malicious/"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
TEST_SUFFIXES = ("_test.cc", "_fuzz.cc", "_bench.cc", "test_support.h", "test_support.cc")


def problems_of(path: Path) -> list[str]:
    rel = path.relative_to(SRC)
    room = rel.parts[0]
    is_test = rel.name.endswith(TEST_SUFFIXES) or "testing" in rel.parts
    found = []
    for bracket, name in INCLUDE.findall(path.read_text()):
        target = name.split("/")[0]
        if bracket == "<":
            if room in STANDARD and not is_test and name not in STANDARD[room]:
                found.append(f"{rel}: <{name}> is not on the list of {room}")
            continue
        if not (SRC / target).is_dir() or is_test:
            continue
        if name.startswith(ADVERSARY) and not str(rel).startswith(ADVERSARY):
            found.append(f"{rel}: only tests may include {name}")
        if room == "tee":
            own = "/".join(rel.parts[:2])
            is_trusted = "trusted" in rel.parts or own == "tee/software"
            allowed = TEE_TRUSTED if is_trusted else TEE_UNTRUSTED
            # A carrier may name its own two sides: `direct` is one process.
            if not name.startswith(own) and not any(name.startswith(a + "/") for a in allowed):
                found.append(f"{rel}: may not include {name}")
        elif target != room and target not in ALLOWED.get(room, []):
            found.append(f"{rel}: {room} may not include {name}")
        elif room == "trusted" and target == "trusted":
            inner, mine = name.split("/")[1], rel.parts[1]
            if TRUSTED_ORDER.index(inner) > TRUSTED_ORDER.index(mine):
                found.append(f"{rel}: trusted/{mine} may not include trusted/{inner}")
    return found


def main() -> int:
    files = sorted(p for p in SRC.rglob("*") if p.suffix in (".h", ".cc"))
    problems = [line for path in files for line in problems_of(path)]
    print("\n".join(problems) if problems else f"include directions hold in {len(files)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
