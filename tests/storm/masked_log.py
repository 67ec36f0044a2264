"""The host's log of masked tensors (recorder.h) and the pads it shows."""

import struct
from pathlib import Path

from failure import Failure

RECORD = struct.Struct("<QII32s32s32s")


def records(log: Path) -> list[tuple[int, int, tuple[bytes, ...]]]:
    """(life, segment, fingerprints) of every masked tensor."""
    data = log.read_bytes() if log.exists() else b""
    if len(data) % RECORD.size:
        raise Failure(f"{log} ends within a record")
    return [(life, segment, prints[:count]) for life, segment, count, *prints in RECORD.iter_unpack(data)]


def shared_pads(logs: list[Path]) -> tuple[int, int]:
    """Masked tensors that share a pad with an earlier one, and all masked tensors."""
    seen: set[tuple[int, bytes]] = set()
    shared = total = 0
    for log in logs:
        for _, segment, prints in records(log):
            total += 1
            keys = {(segment, fingerprint) for fingerprint in prints}
            shared += not seen.isdisjoint(keys)
            seen |= keys
    return shared, total
