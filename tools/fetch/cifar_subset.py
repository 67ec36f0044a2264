#!/usr/bin/env python3
"""Takes a fixed, seeded, balanced subset of a CIFAR-10 archive of JPEGs.

The archive holds <part>/<class>/<number>.jpg with part `test` or `train`; the paths are kept. Files
are ranked by a digest of seed and path, so the choice depends on nothing else.
"""

import argparse
import hashlib
import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

MEMBER = re.compile(r"(?:test|train)/([a-z]+)/\d+\.jpg")


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def select(names: list[str], per_class: int, seed: int) -> list[str]:
    by_class: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if match := MEMBER.fullmatch(name):
            by_class[match.group(1)].append(name)
    chosen: list[str] = []
    for label, members in sorted(by_class.items()):
        if len(members) < per_class:
            raise ValueError(f"class {label} has {len(members)} images, {per_class} wanted")
        members.sort(key=lambda name: _rank(seed, name))
        chosen += sorted(members[:per_class])
    if not chosen:
        raise ValueError("no <part>/<class>/<number>.jpg in the archive")
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-class", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    try:
        with zipfile.ZipFile(arguments.zip) as archive:
            for name in select(archive.namelist(), arguments.per_class, arguments.seed):
                target = arguments.out / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"cifar_subset.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
