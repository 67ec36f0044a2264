#!/usr/bin/env python3
"""What an inference, a pad and loading cost in instructions, against what they did when the numbers were recorded.

  instructions.py PENUMBRA TESTDATA            fails when one takes 5% more than instructions.json says
  instructions.py PENUMBRA TESTDATA --update   records what it counts

Counted by valgrind's callgrind over the whole command on the `direct` carrier and the `native` accelerator, on the trained
ResNet-44: whatever else the machine does, the same binary takes the same instructions but for the few numbers a keystream
rejects. Valgrind knows no AVX-512, so that the paths counted are those of AVX2, everything above the kernels is what it is.
"""
import argparse
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

TOLERANCE = 0.05
RECORD = pathlib.Path(__file__).with_name("instructions.json")
SCHEMES = {
    "enclave": ["--preset", "enclave"],
    "shadownet, freivalds": ["--preset", "shadownet", "--integrity", "freivalds"],
}
PADDED = {"shadownet, freivalds"}
MORE = 2  # inferences, or pads, that tell what one of them costs


def write_samples(path: pathlib.Path, count: int) -> None:
    """A .npy of `count` CIFAR-sized pictures, the same float32 numbers on every machine."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 3, 32, 32), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    picture = struct.pack("<3072f", *((i * 37 % 101 - 50) / 40 for i in range(3072)))
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + picture * count)


class Counter:
    def __init__(self, program: pathlib.Path, data: pathlib.Path, work: pathlib.Path):
        self.program, self.data, self.work = program, data, work
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(work)}
        for count in (1, 1 + MORE):
            write_samples(work / f"{count}.npy", count)

    def protect(self, options: list[str]) -> pathlib.Path:
        bundle = self.work / "model.penumbra"
        subprocess.run([self.program, "protect", self.data / "resnet44-cifar10.onnx", "-o", bundle, "--calibration",
                        self.data / "cifar10-calibration", "--preprocess", "cifar10", *options],
                       env=self.environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return bundle

    def count(self, bundle: pathlib.Path, inferences: int, pads: int) -> int:
        run = [self.program, "run", bundle, "--input", self.work / f"{inferences}.npy", "--carrier", "direct",
               "--accelerator", "native", "--pad-bank-size", "0", "--pads", str(pads)]
        result = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.work / 'callgrind'}", *run],
                                env=self.environment, capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", result.stderr)
        if result.returncode != 0 or found is None:
            sys.exit(f"callgrind did not count: {result.stderr[-2000:]}")
        return int(found[1])

    def costs(self, scheme: str) -> dict[str, int]:
        """Instructions of one inference with a pad ready, of making a pad, and of all else (start and load)."""
        bundle = self.protect(SCHEMES[scheme])
        once, pads = self.count(bundle, 1, int(scheme in PADDED)), 0
        ahead = once
        if scheme in PADDED:
            ahead = self.count(bundle, 1, 1 + MORE)
            pads = (ahead - once) // MORE
        inference = (self.count(bundle, 1 + MORE, (1 + MORE) * int(scheme in PADDED)) - ahead) // MORE
        costs = {"inference": inference, "load": once - inference - pads}
        return costs | ({"pad": pads} if pads else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    counted, worse = {}, []
    with tempfile.TemporaryDirectory() as work:
        counter = Counter(arguments.program, arguments.data, pathlib.Path(work))
        for scheme in SCHEMES:
            counted[scheme] = counter.costs(scheme)
            for part, instructions in counted[scheme].items():
                before = recorded.get(scheme, {}).get(part)
                ratio = instructions / before if before else float("inf")
                print(f"{scheme}: {part}: {instructions / 1e6:.1f} million instructions, {ratio:.3f} of what is recorded", flush=True)
                if ratio > 1 + TOLERANCE:
                    worse.append(f"{scheme}: {part}")
    if arguments.update:
        RECORD.write_text(json.dumps(counted, indent=2) + "\n")
    elif worse:
        sys.exit(f"more than {TOLERANCE:.0%} over {RECORD.name}: {', '.join(worse)}. If that is meant, run with --update and say why in the commit.")


if __name__ == "__main__":
    main()
