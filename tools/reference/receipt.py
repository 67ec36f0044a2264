"""An independent reader of receipts, written from docs/receipt.md: cbor2 for the encoding, cryptography for the rest.

usage: receipt.py RECEIPT DEVICE_PUB [INPUT.npy ...]   prints the fields of a receipt whose signature is good
"""

import hashlib
import struct
import sys
from pathlib import Path

import cbor2
import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FIELDS = (
    "version manifest_hash model_version vendor_key device_id carrier software_tee nonce input_hash output_hash "
    "checks soundness_bits clamped_count"
).split()
END = b"-----END PUBLIC KEY-----\n"


def read_device(path: Path) -> tuple[X25519PublicKey, Ed25519PublicKey]:
    blocks = [block + END for block in path.read_bytes().split(END)[:-1]]
    agreement, signing = (load_pem_public_key(block) for block in blocks)
    assert isinstance(agreement, X25519PublicKey) and isinstance(signing, Ed25519PublicKey)
    return agreement, signing


def verify(message: bytes, device: Path) -> dict[str, object]:
    """The fields by name. Raises InvalidSignature or ValueError."""
    agreement, signing = read_device(device)
    try:
        tagged = cbor2.loads(message)
        protected, unprotected, payload, signature = tagged.value
        fields = cbor2.loads(payload)
    except Exception as error:
        raise ValueError("no COSE_Sign1 message") from error
    if tagged.tag != 18 or protected != b"\xa1\x01\x27" or unprotected != {}:
        raise ValueError("not EdDSA in the one encoding")
    if cbor2.dumps(tagged, canonical=True) != message or cbor2.dumps(fields, canonical=True) != payload:
        raise ValueError("not in deterministic encoding")
    if list(fields) != list(range(1, 14)) or fields[1] != 1:
        raise ValueError("other fields")
    signing.verify(signature, cbor2.dumps(["Signature1", protected, b"penumbra receipt 1", payload]))
    named = dict(zip(FIELDS, fields.values(), strict=True))
    if named["device_id"] != hashlib.sha256(agreement.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest():
        raise ValueError("another device")
    return named


def hash_ports(context: str, ports: list[np.ndarray]) -> bytes:
    """`ports`: float32 arrays in the physical axis order, as the bundle orders them."""
    everything = hashlib.sha256(context.encode().ljust(16, b"\0") + struct.pack("<I", len(ports)))
    for port in ports:
        elements = np.ascontiguousarray(port, dtype="<f4")
        everything.update(struct.pack("<Q", elements.size) + hashlib.sha256(elements.tobytes()).digest())
    return everything.digest()


def read_manifest(bundle: Path) -> bytes:
    """The bytes whose SHA-256 is the manifest hash."""
    data = bundle.read_bytes()
    (size,) = struct.unpack_from("<I", data, 12)
    return data[48 : 48 + size]


def main() -> int:
    try:
        fields = verify(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]))
    except (InvalidSignature, ValueError) as error:
        print(f"refused: {error or 'wrong signature'}")
        return 3
    for name, value in fields.items():
        print(f"{name:15} {value.hex() if isinstance(value, bytes) else value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
