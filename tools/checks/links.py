#!/usr/bin/env python3
"""Checks that every relative link in README.md and docs/ leads to a file or folder of this project."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def main() -> int:
    broken, count = [], 0
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in LINK.findall(page.read_text()):
            if re.match(r"^[a-z]+:", target):
                continue
            count += 1
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    print("\n".join(broken) if broken else f"{count} links lead somewhere")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
