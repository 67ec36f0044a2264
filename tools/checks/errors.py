#!/usr/bin/env python3
"""Checks that docs/errors.md lists every status code with the words of src/host/error.cc."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    codes = re.findall(r"(k\w+) = (\d+),", (ROOT / "src/boundary/status.h").read_text())
    source = (ROOT / "src/host/error.cc").read_text()
    words = {name: (meaning, advice) for name, meaning, advice in
             re.findall(r'\{Status::(k\w+), "([^"]*)",\s*"([^"]*)"\}', source)}
    page = (ROOT / "docs/errors.md").read_text()
    wrong = [f"P{number}" for name, number in codes
             if number != "0" and f"| P{number} | {words[name][0]} | {words[name][1]} |" not in page]
    print(f"docs/errors.md differs from the code: {', '.join(wrong)}" if wrong else f"{len(codes) - 1} error codes documented")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
