#!/usr/bin/env python3
"""Runs the penumbra command with the placements that look at more than the model."""

from pathlib import Path

from cli_case import CliCase, main


class CliPlacement(CliCase):
    def protect(self, *arguments: object) -> dict[str, object]:
        return self.succeed_json("protect", self.model, "--preprocess", "cifar10", *arguments)

    def refuse(self, code: str, exit_code: int, text: str, *arguments: object) -> None:
        bundle = self.scratch / "never.penumbra"
        self.refused(code, exit_code, text, "protect", self.model, "-o", bundle, *arguments)
        self.assertFalse(bundle.exists())

    def changed_model(self, name: str, tensor: bytes) -> Path:
        """The model with one byte of a weight changed: another network of the same shapes."""
        data = bytearray(self.model.read_bytes())
        data[data.index(b"B" + bytes([len(tensor)]) + tensor + b"J") + len(tensor) + 10] ^= 1
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def test_all_but_a_retrained_tail_is_public(self) -> None:
        backbone, bundle = self.changed_model("backbone.onnx", b"fc.weight"), self.scratch / "ennclave.penumbra"
        document = self.protect("-o", bundle, "--preset", "ennclave", "--public-backbone", backbone)
        trusted = [layer["name"] for layer in document["layers"] if layer["placement"] == "trusted"]
        self.assertEqual(trusted, ["/fc/Gemm"])
        compared = self.succeed_json("compare", self.model, bundle, "--data", self.data / "cifar10", "--limit", 20)
        self.assertEqual(compared["top1_agreement"], 1)
        self.assertLess(compared["max_abs_error"], 1e-4 * compared["max_abs_value"])

    def test_backbones_that_are_none(self) -> None:
        ennclave = ["--preset", "ennclave"]
        self.refuse("P101", 2, "--public-backbone", *ennclave)
        self.refuse("P107", 2, "placement public-backbone", "--preset", "plain", "--public-backbone", self.model)
        self.refuse("P205", 1, "gone.onnx", *ennclave, "--public-backbone", "gone.onnx")
        stranger = self.scratch / "stranger.onnx"
        data = self.model.read_bytes()
        stranger.write_bytes(data[: len(data) // 2])
        self.refuse("P302", 1, "stranger.onnx", *ennclave, "--public-backbone", stranger)
        stranger.write_bytes(data.replace(b"Relu", b"Rolu"))
        self.refuse("P106", 5, "Rolu", *ennclave, "--public-backbone", stranger)


if __name__ == "__main__":
    main()
