"""What the adversary does with files that outlive a host, and with a second host on its pads."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from failure import Failure

if TYPE_CHECKING:
    from lane import Lane


class Mischief:
    """What the adversary does to the files the trusted half leaves behind, between two lives of a host.

    Today these are version counters, which protect against old models, not old pads; anything else that is kept in the
    same folder gets the same treatment.
    """

    def __init__(self, state: Path) -> None:
        self.state, self.old, self.lock = state, state.with_name("state-old"), threading.Lock()

    def between_lives(self, rng: random.Random) -> bool:
        """Keeps a copy of every file, or puts an old one back; True in the second case."""
        with self.lock:
            names = [path.name for path in self.state.iterdir() if path.is_file()]
            restore = self.old.exists() and rng.random() < 0.5
            source, target = (self.old, self.state) if restore else (self.state, self.old)
            target.mkdir(exist_ok=True)
            for name in names:
                if (source / name).exists():
                    shutil.copy2(source / name, target / f"{name}.new")
                    (target / f"{name}.new").rename(target / name)
            return restore


class BankMischief:
    """What the adversary does to a durable bank between two lives of its host. The counter is elsewhere."""

    def __init__(self, lane: Path) -> None:
        self.bank, self.old = lane / "bank", lane / "bank-old"

    def between_lives(self, rng: random.Random) -> bool:
        choice = rng.random()
        if choice < 0.25 and self.old.exists():
            copy_folder(self.old, self.bank)
            return True
        if choice < 0.6 and self.bank.exists():
            copy_folder(self.bank, self.old)
        return False


def copy_folder(source: Path, target: Path) -> None:
    """`source` may be in use: files that go meanwhile are left out."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in list(source.iterdir()):
        try:
            shutil.copy2(path, target / path.name)
        except FileNotFoundError:
            continue


class Second:
    """Another host on the bank of a lane, with a copy of its folder and the same counter."""

    def __init__(self, lane: Lane) -> None:
        self.path = lane.path.with_name(lane.path.name + "-second")
        self.output = self.path / "output"
        if not self.path.exists():
            self.path.mkdir()
            shutil.copy2(lane.key, self.path / "device.key")
            (self.path / "state").symlink_to(lane.path / "state")
        bank = self.path / "bank"
        if bank.is_symlink():
            bank.unlink()
        if (lane.path / "bank").exists():
            copy_folder(lane.path / "bank", bank)
        command = [lane.program, "run", lane.folder, self.path, str(lane.rng.getrandbits(63)), "durable"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output)

    def end(self) -> None:
        self.process.kill()
        code = self.process.wait()
        if code != -signal.SIGKILL:
            raise Failure(f"the second host ended by itself, exit code {code}")
        for line in self.output.read_text().splitlines():
            if line.startswith("over ") and line not in ("over clean", "over P305 replayed"):
                raise Failure(f"a session of the second host ended by itself: {line}")
