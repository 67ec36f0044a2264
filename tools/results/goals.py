#!/usr/bin/env python3
"""Measures what docs/performance.md, "Goals", compares with its goals, and keeps it for tables.py.

    goals.py --build DIR [--avx2-build DIR] [--models DIR] [--only PATTERN] [--iterations N] [--out FILE.json]

Every cell is one run of a program of the build, kept with its command. Cells that the file has already are left alone, so that
a run can be continued; those that --only names ('*' and '?' match) are measured again. Networks are made with tools/zoo where
the folder of --models lacks them. Without --avx2-build, a build with -DPENUMBRA_MAX_ISA=kAvx2, the cells without AVX-512 are
left out. Peers that this build or processor lacks are left out as well.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from checkout_venv import enter_venv  # noqa: E402

CHECKED = ("--integrity", "freivalds")
LARGE = ("resnet50", "vgg16", "mobilenet-v1", "densenet121", "mobilenet-v2")
FLOAT_PEERS = ("plain", "onnxruntime", "openvino")
WITH_WINOGRAD = ("resnet50", "vgg16")  # oneDNN's Winograd takes none of the other networks' layers
DROPPED = ("schema", "verb", "notice", "pad_bank", "profile")


@dataclass
class Cell:
    """One run of `penumbra bench`."""

    network: str
    name: str
    arguments: tuple[str, ...]
    peers: tuple[str, ...] = ("plain",)
    carrier: str = "direct"
    avx2: bool = False
    iterations: float = 1  # times the usual
    extra: dict[str, str] = field(default_factory=dict)  # environment

    @property
    def key(self) -> str:
        return f"{self.network}/{self.name}"


def cells() -> Iterator[Cell]:
    for network in LARGE:
        winograd = ("onednn-winograd",) if network in WITH_WINOGRAD else ()
        yield Cell(network, "shadownet", ("--preset", "shadownet", *CHECKED), FLOAT_PEERS + winograd)
        yield Cell(network, "ratio 1", ("--preset", "shadownet", "--ratio", "1", *CHECKED), FLOAT_PEERS)
        yield Cell(network, "slalom", ("--preset", "slalom", *CHECKED), FLOAT_PEERS)
        yield Cell(network, "enclave", ("--preset", "enclave"), FLOAT_PEERS)
        yield Cell(network, "unchecked", ("--preset", "shadownet"), FLOAT_PEERS)
    for network in ("resnet50", "vgg16"):
        yield Cell(network, "oracle", ("--preset", "shadownet", "--accelerator", "oracle"), FLOAT_PEERS)
        inside = ("--preset", "enclave", "--secure-memory", "512MiB")
        yield Cell(network, "enclave, weights inside", inside, ("onednn-int8", "openvino-int8"))
        in_flight = ("--preset", "shadownet", "--in-flight", "2", "--enclave-memory", "64MiB")
        yield Cell(network, "two in flight", in_flight, (), carrier="process")
    for network in ("resnet44-cifar", "resnet404-cifar"):
        yield Cell(network, "shadownet", ("--preset", "shadownet"), (), iterations=3)
    # The float32 peer without AVX-512, too; the ciphers' library still chooses for itself.
    for network in ("resnet50", "vgg16", "mobilenet-v1"):
        yield Cell(network, "avx2", ("--preset", "shadownet", *CHECKED), avx2=True, extra={"ONEDNN_MAX_CPU_ISA": "AVX2"})


def usable_peers(build: Path, peers: tuple[str, ...]) -> tuple[str, ...]:
    cache = (build / "CMakeCache.txt").read_text()
    has_openvino = "PENUMBRA_OPENVINO:BOOL=ON" in cache
    return tuple(peer for peer in peers if has_openvino or not peer.startswith("openvino"))


def make_network(name: str, models: Path) -> None:
    if (models / f"{name}.onnx").exists():
        return
    models.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "zoo", name, "-o", str(models / f"{name}.onnx")]
    subprocess.run(command, cwd=ROOT / "tools", check=True)


def bench_command(cell: Cell, build: Path, models: Path, iterations: int) -> list[str]:
    peers = usable_peers(build, cell.peers)
    command = [str(build / "bin" / "penumbra"), "bench", str(models / f"{cell.network}.onnx"), *cell.arguments]
    command += ["--carrier", cell.carrier, "--iterations", str(round(iterations * cell.iterations))]
    command += ["--peer", ",".join(peers) or "none"]
    if "onnxruntime" in peers:
        command += ["--peer-command", f"{sys.executable} {ROOT / 'tools' / 'reference' / 'ort_bench.py'}"]
    return [*command, "--json"]


def shown(command: list[str], *folders: Path) -> str:
    """The command as a reader of the documentation would type it: relative to the folders."""
    text = " ".join(f'"{part}"' if " " in part else part for part in command)
    for folder in (*folders, ROOT):
        text = text.replace(f"{folder}/", "")
    return text


def run_bench(cell: Cell, build: Path, models: Path, iterations: int) -> dict[str, object]:
    make_network(cell.network, models)
    command = bench_command(cell, build, models, iterations)
    text = shown(command, build / "bin", models)
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | cell.extra)
    if done.returncode != 0:
        sys.exit(f"error: {text}: {done.stdout}{done.stderr}")
    document = json.loads(done.stdout)
    for member in DROPPED:
        document.pop(member, None)
    document["carrier"] = cell.carrier
    settings = "".join(f"{name}={value} " for name, value in cell.extra.items())
    return {"command": settings + text} | document


def run_convolutions(build: Path) -> dict[str, object]:
    """VGG16's convolutions of three primes and of unprotected int8, milliseconds of processor time."""
    command = [str(build / "src" / "accel" / "accel_network_bench"),
               "--benchmark_filter=(Int8|Residues/native)/vgg16_convolutions/1/", "--benchmark_repetitions=5",
               "--benchmark_enable_random_interleaving=true", "--benchmark_format=json"]  # fmt: skip
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    times = {
        row["run_name"].split("/")[0]: row["cpu_time"] / (1 if row["time_unit"] == "ms" else 1e6)
        for row in report["benchmarks"]
        if row.get("aggregate_name") == "median"
    }
    return {"command": shown(command)} | times


def wanted(key: str, only: str | None, known: dict[str, object]) -> bool:
    return key not in known if only is None else fnmatch.fnmatch(key, only)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--avx2-build", type=Path)
    parser.add_argument("--models", type=Path, default=ROOT / "out" / "goals")
    parser.add_argument("--only")
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "goals.json")
    arguments = parser.parse_args()
    document = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"cells": {}}

    def keep(key: str, figures: dict[str, object]) -> None:
        document["cells"][key] = figures
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")
        print(f"{key}: {figures.get('ratio', '')}", flush=True)

    for cell in cells():
        build = arguments.avx2_build if cell.avx2 else arguments.build
        if build is not None and wanted(cell.key, arguments.only, document["cells"]):
            keep(cell.key, run_bench(cell, build.resolve(), arguments.models.resolve(), arguments.iterations))
    if wanted("vgg16/convolutions", arguments.only, document["cells"]):
        keep("vgg16/convolutions", run_convolutions(arguments.build.resolve()))
    return 0


if __name__ == "__main__":
    enter_venv()
    sys.exit(main())
