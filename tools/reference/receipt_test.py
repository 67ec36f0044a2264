"""The golden receipt of tests/golden under an implementation that shares nothing with ours."""

import hashlib
import json
import re
import unittest
from pathlib import Path

import cbor2
import numpy as np
import receipt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
DEVICE = GOLDEN / "device.pub"


def metadata() -> dict[str, object]:
    """The JSON object at the end of the manifest's payload."""
    payload = cbor2.loads(receipt.read_manifest(GOLDEN / "small.penumbra")).value[2]
    start = re.search(rb'\{"', payload)
    assert start
    return json.loads(payload[start.start() :])


def physical(port: dict[str, object], path: Path) -> np.ndarray:
    return np.load(path).reshape(port["shape"]).transpose(port["perm"])


class GoldenReceipt(unittest.TestCase):
    def setUp(self) -> None:
        self.message = (GOLDEN / "receipt.cbor").read_bytes()
        self.fields = receipt.verify(self.message, DEVICE)

    def test_fields_are_those_of_the_inference(self) -> None:
        manifest = receipt.read_manifest(GOLDEN / "small.penumbra")
        self.assertEqual(self.fields["manifest_hash"], hashlib.sha256(manifest).digest())
        self.assertEqual(self.fields["vendor_key"], (GOLDEN / "vendor.pub").read_bytes())
        self.assertEqual(self.fields["nonce"], bytes(range(32)))
        self.assertEqual((self.fields["carrier"], self.fields["software_tee"]), (1, True))
        self.assertEqual(self.fields["checks"], [1, 2, 3, 4, 5, 6])
        self.assertGreater(self.fields["soundness_bits"], 0)

    def test_hashes_of_input_and_output(self) -> None:
        ports = metadata()
        inputs = [physical(ports["inputs"][0], GOLDEN / "input.npy")]
        outputs = [physical(ports["outputs"][0], GOLDEN / "output.npy")]
        self.assertEqual(self.fields["input_hash"], receipt.hash_ports("penumbra input", inputs))
        self.assertEqual(self.fields["output_hash"], receipt.hash_ports("penumbra output", outputs))
        inputs[0] = inputs[0].copy()
        inputs[0].flat[-1] += 1
        self.assertNotEqual(self.fields["input_hash"], receipt.hash_ports("penumbra input", inputs))

    def test_the_receipt_key_follows_from_the_device_key(self) -> None:
        private = (GOLDEN / "device.key").read_bytes()
        seed = HKDF(SHA256(), 32, None, b"penumbra receipt key 1").derive(private)
        derived = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        _, signing = receipt.read_device(DEVICE)
        self.assertEqual(
            derived.public_bytes(Encoding.Raw, PublicFormat.Raw), signing.public_bytes(Encoding.Raw, PublicFormat.Raw)
        )

    def test_no_altered_byte_is_accepted(self) -> None:
        for at in range(len(self.message)):
            altered = bytearray(self.message)
            altered[at] ^= 1
            with self.assertRaises((InvalidSignature, ValueError), msg=f"byte {at}"):
                receipt.verify(bytes(altered), DEVICE)


if __name__ == "__main__":
    unittest.main()
