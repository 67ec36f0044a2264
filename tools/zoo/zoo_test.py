"""python -m unittest discover -s tools/zoo -t tools -p '*_test.py'"""

import hashlib
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, load_model_from_string

from zoo import exact
from zoo.catalogue import CATALOGUE, build
from zoo.draw import BELL_SIGMA, Draw, FloatArray
from zoo.network import Options

# Changes only when the network, the drawing or the calibration changes: on purpose.
RESNET44_SEED1_SHA256 = "9173f96d2860ac1d82171188fb6f1ea1700294e9afc9c31fdc0a391441b45b96"
SEQUENCE_SHA256 = {
    "transformer-small": "dec88d668f886d3eade4b0862cb2de64e920db74384670f34f345d341dc2a79d",
    "transformer-d128": "c10a8440d243e46ac093a3d5cfdf535475016e4be8d3745793de8af3e69748a3",
    "lstm": "3140e5dbfbb2b9d01fa860e1a8d37f58f0258dbf0293119a007801531d9646a8",
}


def _bytes(name: str, options: Options) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        build(name, options).save(path)
        return path.read_bytes()


def _logits(model: bytes, inputs: FloatArray) -> FloatArray:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"input": inputs.astype(np.float32)})
    return np.asarray(result, dtype=np.float64)


class Determinism(unittest.TestCase):
    def test_same_bytes_as_on_every_other_machine(self) -> None:
        digest = hashlib.sha256(_bytes("resnet44-cifar", Options(seed=1))).hexdigest()
        self.assertEqual(digest, RESNET44_SEED1_SHA256)

    def test_seed_matters(self) -> None:
        digest = hashlib.sha256(_bytes("resnet44-cifar", Options(seed=2))).hexdigest()
        self.assertNotEqual(digest, RESNET44_SEED1_SHA256)

    def test_bell_is_centred_and_stays_in_17_bits(self) -> None:
        values = Draw(1, "test").bell((100, 1000)).astype(np.float64)
        self.assertLess(abs(values.mean()), 500.0)
        self.assertAlmostEqual(values.std() / 37837.2, 1.0, places=2)
        self.assertLess(np.abs(values).max(), 1 << 17)


class Sequences(unittest.TestCase):
    def test_same_bytes_as_on_every_other_machine(self) -> None:
        for name, expected in SEQUENCE_SHA256.items():
            with self.subTest(name):
                digest = hashlib.sha256(_bytes(name, Options(seed=1))).hexdigest()
                self.assertEqual(digest, expected)

    def test_outputs_depend_on_every_input(self) -> None:
        for name in SEQUENCE_SHA256:
            session = ort.InferenceSession(_bytes(name, Options()))
            draw = Draw(1, "inputs")
            feeds = {
                value.name: (draw.bell(tuple(value.shape)) / BELL_SIGMA).astype(np.float32)
                for value in session.get_inputs()
            }
            (before,) = session.run(None, feeds)
            self.assertTrue(np.isfinite(before).all())
            for key, values in feeds.items():
                with self.subTest(f"{name} {key}"):
                    (after,) = session.run(None, feeds | {key: -values})
                    self.assertGreater(np.abs(after - before).max(), 0.1)

    def test_a_decoder_does_not_look_ahead(self) -> None:
        session = ort.InferenceSession(_bytes("transformer-small", Options()))
        draw = Draw(1, "inputs")
        feeds = {
            value.name: (draw.bell(tuple(value.shape)) / BELL_SIGMA).astype(np.float32)
            for value in session.get_inputs()
        }
        (before,) = session.run(None, feeds)
        feeds["target"][:, 12:] *= -1
        (after,) = session.run(None, feeds)
        np.testing.assert_allclose(after[:, :12], before[:, :12], atol=1e-4)
        self.assertGreater(np.abs(after[:, 12:] - before[:, 12:]).max(), 0.1)


class Backbones(unittest.TestCase):
    def test_convolutions_are_shared_and_the_tail_is_not(self) -> None:
        def weights(options: Options) -> dict[str, bytes]:
            graph = load_model_from_string(_bytes("minivgg", options)).graph
            return {tensor.name: tensor.raw_data for tensor in graph.initializer}

        private, public = weights(Options()), weights(Options(tail_seed=2))
        self.assertEqual(private.keys(), public.keys())
        different = {name for name in private if private[name] != public[name]}
        tail = {name for name in private if name.startswith(("dense", "classifier"))}
        self.assertEqual(different, tail)
        self.assertTrue(tail)


class ExactKernels(unittest.TestCase):
    def _compare(self, channels: int, outputs: int, stride: int, pad: int, groups: int) -> None:
        draw = Draw(1, f"{channels} {outputs} {stride} {pad} {groups}")
        x = exact.to_grid(draw.uniform(2 * channels * 81, -2.0, 2.0).reshape(2, channels, 9, 9))
        weight = draw.bell((outputs, channels // groups, 3, 3))
        node = helper.make_node(
            "Conv", ["x", "w"], ["y"], strides=[stride] * 2, pads=[pad] * 4, group=groups
        )
        infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "xwy"]
        graph = helper.make_graph([node], "conv", infos[:2], infos[2:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
        session = ort.InferenceSession(model.SerializeToString())
        feeds = {"x": x.astype(np.float32), "w": weight.astype(np.float32)}
        (expected,) = session.run(None, feeds)
        y = exact.conv(x, weight, stride, pad, groups)
        self.assertEqual(y.shape, expected.shape)
        self.assertLess(np.abs(y - expected).max(), 1e-5 * np.abs(expected).max())

    def test_convolutions_match_onnx_runtime(self) -> None:
        self._compare(6, 8, stride=1, pad=1, groups=1)
        self._compare(6, 8, stride=2, pad=1, groups=2)
        self._compare(6, 6, stride=1, pad=0, groups=6)
        self._compare(6, 6, stride=2, pad=2, groups=6)

    def test_refuses_what_float64_cannot_sum_exactly(self) -> None:
        with self.assertRaises(OverflowError):
            exact.dense(np.full((1, 25088), 1e4), Draw(1, "w").bell((1, 25088)))


class Networks(unittest.TestCase):
    def test_folding_changes_rounding_only(self) -> None:
        inputs = Draw(1, "inputs").uniform(3 * 32 * 32, -2.0, 2.0).reshape(1, 3, 32, 32)
        plain = _logits(_bytes("minivgg", Options()), inputs)
        folded = _logits(_bytes("minivgg", Options(folded=True)), inputs)
        self.assertLess(np.abs(plain - folded).max(), 1e-3)

    def test_published_parameter_counts(self) -> None:
        for name in ("mobilenet-v1", "mobilenet-v2", "resnet50", "yolov4-tiny"):
            with self.subTest(name):
                published = CATALOGUE[name].published_millions
                millions = build(name, Options()).parameter_count / 1e6
                assert published is not None
                self.assertLess(abs(millions / published - 1.0), 0.01)


if __name__ == "__main__":
    unittest.main()
