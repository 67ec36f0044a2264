#!/usr/bin/env python3
"""Checks and prints the size of the trusted code base.

  - files of at most 400 lines, functions of at most 60;
  - the linked archives of the trusted rooms refer to nothing outside the allow-list below.

Usage: trusted.py BUILD_DIRECTORY
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["boundary", "ring", "kernels", "crypto", "trusted"]
MAX_FILE, MAX_FUNCTION = 400, 60
TEST = re.compile(r"(_test|_fuzz|_bench|test_support|test_.*)\.(cc|h)$")

# What trusted code may take from the C library and the compiler's runtime. The crypto backend's libcrypto,
# libsodium and multi-buffer symbols are allowed in the crypto archive only.
LIBC = {
    "memcpy", "memset", "memmove", "memcmp", "strlen", "__stack_chk_fail", "__stack_chk_guard", "fmaf", "sqrtf",
    "__memcpy_chk", "__memset_chk", "explicit_bzero", "abort", "fma", "floorf", "ceilf", "rintf", "nearbyintf",
}
# kernels ask the operating system once for permission to use AMX tiles, or for the processor's features.
KERNEL_LIBC = {"syscall", "getauxval"}
RUNTIME = re.compile(r"^(_GLOBAL_OFFSET_TABLE_|__tls_get_addr|_Unwind_.*|__gxx_personality_v0|__cpu_model"
                     r"|__asan_.*|__ubsan_.*|__tsan_.*)$")


def source_files():
    for room in ROOMS:
        for path in sorted((ROOT / "src" / room).rglob("*")):
            if path.suffix in (".h", ".cc") and not TEST.search(path.name) and "testing" not in path.parts:
                yield room, path


def long_functions(path: Path):
    """Functions are found by layout: a brace at depth of the namespace opens one, its closing line ends it."""
    start = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if start is None and re.match(r"^(  )?[A-Za-z_].*\) (const )?\{$", line) and "namespace" not in line:
            start, indent = number, len(line) - len(line.lstrip())
        elif start is None and re.match(r"^ {4,}.*\) (const )?\{$", line):
            continue
        elif start is not None and line.startswith(" " * indent + "}") and not line[indent + 1:].strip(" ;"):
            if number - start + 1 > MAX_FUNCTION:
                yield start, number - start + 1
            start = None


def symbols(archive: Path):
    defined, undefined = set(), set()
    for line in subprocess.run(["nm", archive], capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[-2] in "Uw":
            undefined.add(parts[-1])
        elif len(parts) == 3:
            defined.add(parts[-1])
    return defined, undefined


def check_symbols(build: Path) -> list[str]:
    tables = {}
    for room in ROOMS:
        archive = build / "src" / room / f"libpenumbra_{room}.a"
        if archive.exists():
            tables[room] = symbols(archive)
    everything = set().union(*(defined for defined, _ in tables.values())) if tables else set()
    problems = []
    for room, (_, undefined) in tables.items():
        for name in sorted(undefined - everything - LIBC):
            if RUNTIME.match(name) or (room == "kernels" and name in KERNEL_LIBC):
                continue
            if room == "crypto" and re.match(r"^(EVP_|OPENSSL_|CRYPTO_|RAND_|SHA256_|OSSL_|ERR_|HMAC|imb_|init_mb_mgr_|crypto_sign_ed25519_)", name):
                continue
            problems.append(f"{room}: refers to {name}, which is not on the allow-list")
    return problems


def main() -> int:
    build = Path(sys.argv[1])
    problems, lines = [], dict.fromkeys(ROOMS, 0)
    for room, path in source_files():
        text = path.read_text().splitlines()
        code = sum(1 for line in text if line.strip() and not line.strip().startswith("//"))
        lines[room] += code
        rel = path.relative_to(ROOT)
        if len(text) > MAX_FILE:
            problems.append(f"{rel}: {len(text)} lines, at most {MAX_FILE}")
        problems += [f"{rel}:{at}: a function of {n} lines, at most {MAX_FUNCTION}" for at, n in long_functions(path)]
    problems += check_symbols(build)
    print("trusted code base, lines of code: " + ", ".join(f"{r} {n}" for r, n in lines.items()) +
          f", together {sum(lines.values())}")
    print("\n".join(problems) if problems else "trusted rules hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
