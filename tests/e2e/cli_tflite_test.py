#!/usr/bin/env python3
"""TFLite models on the command line.

usage: cli_tflite_test.py BIN_FOLDER DATA_FOLDER
"""

import math
import random
import struct
import unittest
from pathlib import Path

from cli_case import CliCase, main, write_npy

SHAPE = (1, 8, 8, 3)  # of the input of two-heads.tflite
# Largest error of an output, relative to its largest value.
PRESETS = {"mlcapsule": 1e-5, "soter": 1e-4, "enclave": 0.1, "shadownet": 0.05}
CHANGES = {"soter": ("--integrity", "none")}


def read_npy(path: Path) -> list[float]:
    content = path.read_bytes()
    (header,) = struct.unpack_from("<H", content, 8)
    elements = content[10 + header :]
    return list(struct.unpack(f"<{len(elements) // 4}f", elements))


class CliTfliteTest(CliCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heads = cls.data / "tflite/two-heads.tflite"
        cls.samples = cls.scratch / "samples"
        cls.samples.mkdir()
        draw = random.Random(1)
        for i in range(20):
            values = [draw.uniform(-2, 2) for _ in range(math.prod(SHAPE))]
            write_npy(cls.samples / f"{i}.npy", SHAPE, values)
        # Among the samples, so that no level range is too narrow for it.
        cls.values = read_npy(cls.heads.with_suffix(".npy"))
        cls.input = cls.samples / "input.npy"
        write_npy(cls.input, SHAPE, cls.values[: math.prod(SHAPE)])

    def protect(self, preset: str) -> Path:
        bundle = self.scratch / f"{preset}.penumbra"
        arguments = ["--preset", preset, "--calibration", self.samples, *CHANGES.get(preset, ())]
        self.succeed("protect", self.heads, "-o", bundle, *arguments)
        return bundle

    def test_presets_compute_what_the_tflite_runtime_computes(self) -> None:
        outputs = self.values[math.prod(SHAPE) :]
        expected = {"boxes": outputs[:160], "scores": outputs[160:]}
        for preset, tolerance in PRESETS.items():
            with self.subTest(preset):
                document = self.succeed_json("run", self.protect(preset), "--input", self.input)
                found = {output["name"]: output for output in document["outputs"]}
                self.assertEqual(list(found), ["boxes", "scores"])
                self.assertEqual(found["boxes"]["shape"], [1, 40, 4])
                for name, theirs in expected.items():
                    ours = found[name]["values"]
                    self.assertEqual(len(ours), len(theirs))
                    error = max(abs(a - b) for a, b in zip(ours, theirs))
                    self.assertLess(error, tolerance * max(map(abs, theirs)), name)

    def test_compare_and_bench_read_the_model(self) -> None:
        bundle = self.protect("mlcapsule")
        document = self.succeed_json("compare", self.heads, bundle, "--data", self.samples)
        self.assertEqual(document["samples"], 21)
        self.assertLess(document["max_abs_error"], 1e-4)
        document = self.succeed_json("bench", self.heads, "--iterations", "2", "--peer", "none")
        self.assertEqual(document["iterations"], 2)

    def test_onnx_runtime_is_no_peer(self) -> None:
        done = self.run_cli("bench", self.heads, "--peer", "onnxruntime")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--peer plain", done.stderr)

    def test_unsupported_operators_are_named_before_anything_is_written(self) -> None:
        bundle = self.scratch / "refused.penumbra"
        for name, text in {"unknown-operators": "CUMSUM (node 't2')", "quantised": "int8"}.items():
            model = self.data / f"tflite/bad/{name}.tflite"
            self.refused("P106", 5, text, "protect", model, "-o", bundle)
            self.assertFalse(bundle.exists())

    def test_damaged_files_are_named(self) -> None:
        cut = self.scratch / "cut.tflite"
        cut.write_bytes(self.heads.read_bytes()[:3000])
        self.refused("P301", 1, "cut off or damaged", "protect", cut, "-o", self.scratch / "cut")
        cycle = self.data / "tflite/bad/cycle.tflite"
        self.refused("P301", 1, "operator ADD", "protect", cycle, "-o", self.scratch / "cycle")

    def test_ops_lists_tflite_operators(self) -> None:
        document = self.succeed_json("ops")
        names = [op["name"] for op in document["tflite_operators"]]
        self.assertIn("DEPTHWISE_CONV_2D", names)
        self.assertEqual(names, sorted(names))


if __name__ == "__main__":
    main()
