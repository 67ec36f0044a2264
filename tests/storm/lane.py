"""A host process with its enclave, and how either is killed."""

import os
import random
import select
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from adversary import BankMischief, Mischief, Second
from failure import PATIENCE, Failure

LONGEST_START = 0.1  # seconds in which start and load usually happen
SHORTEST_START = 0.01
LIVES = (LONGEST_START, 0.03, 0.03, 0.03, 0.4)  # seconds; each is equally likely to be the limit of a wait


class Enclave:
    """A process of ours, held so that its number cannot come to mean another one."""

    def __init__(self, pid: int, key: Path) -> None:
        self.fd = -1
        try:
            self.fd = os.pidfd_open(pid)
            if os.fsencode(key) not in Path(f"/proc/{pid}/cmdline").read_bytes():
                self.close()  # it ended, and the number is somebody else's already
        except (ProcessLookupError, FileNotFoundError):
            self.close()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def kill(self) -> bool:
        """False: it has ended by itself."""
        if self.fd < 0 or self.ended(0):
            return False
        signal.pidfd_send_signal(self.fd, signal.SIGKILL)
        return True

    def ended(self, patience: float) -> bool:
        return self.fd < 0 or bool(select.select([self.fd], [], [], patience)[0])


class Lane:
    """One host, again and again."""

    def __init__(self, program: Path, folder: Path, index: int, seed: int, mischief: Mischief | None) -> None:
        """Without a mischief of all lanes: durable pads, and a mischief of this lane's own."""
        self.program, self.folder = program, folder
        self.path = folder / f"lane-{index}"
        self.path.mkdir()
        self.durable = mischief is None
        self.mischief = BankMischief(self.path) if mischief is None else mischief
        if self.durable:
            (self.path / "state").mkdir()
        self.second: Second | None = None
        self.key = self.path / "device.key"
        shutil.copy2(folder / "device.key", self.key)
        self.rng = random.Random(seed)
        self.process: subprocess.Popen[bytes] | None = None
        self.pending = b""
        self.unanswered = 0  # kills whose P403 is still to come
        self.counts: Counter[str] = Counter()

    # --- the host process ---

    def start(self) -> None:
        self.counts["old files restored"] += self.mischief.between_lives(self.rng)
        command = [self.program, "run", self.folder, self.path, str(self.rng.getrandbits(63))]
        command += ["durable"] if self.durable else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        self.pending, self.unanswered = b"", 0
        self.counts["host lives"] += 1
        if self.durable and self.rng.random() < 0.3:
            self.second = Second(self)
            self.counts["second hosts on a copy"] += 1

    def line(self) -> list[str]:
        """The next line of the host, in words."""
        assert self.process is not None and self.process.stdout is not None
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failure("the host says nothing: a hang")
            data = os.read(self.process.stdout.fileno(), 4096)
            if not data:
                raise Failure(f"the host ended by itself, exit code {self.process.wait()}")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        words = line.decode().split()
        if self.durable and words[0] == "loaded" and words[1] != "0":
            self.counts["loads that found pads"] += 1
        return words

    def await_enclave(self, loaded: bool = False) -> Enclave:
        """The enclave of the host's current life, or of one that has loaded; sessions that ended by themselves are passed
        over."""
        enclave: Enclave | None = None
        while True:
            words = self.line()
            if words[0] == "enclave":
                enclave = Enclave(int(words[1]), self.key)
            if enclave is not None and words[0] == ("loaded" if loaded else "enclave"):
                return enclave
            if words[0] == "over":
                if enclave is not None:
                    enclave.close()
                enclave = None
                if not self.is_busy(words):
                    self.pass_over(words)

    def await_life(self) -> Enclave:
        """Of durable pads most lives are worth a look only once they have some."""
        return self.await_enclave(loaded=self.durable and self.rng.random() < 0.75)

    def is_busy(self, words: list[str]) -> bool:
        """Somebody else had the folder of the bank for a moment: the session was refused and is tried again."""
        return self.durable and words[1:] == ["P401"]

    def catch_starting_enclave(self) -> Enclave:
        """The first enclave process that can be seen, however far its start is."""
        end = time.monotonic() + PATIENCE
        while not (found := self.enclaves()):
            if time.monotonic() > end:
                raise Failure("the host starts no enclave")
        return Enclave(found[0], self.key)

    def pass_over(self, words: list[str]) -> None:
        if words[1] == "P403" and self.unanswered:
            self.unanswered -= 1
            self.counts["enclaves killed"] += 1
        elif words[1:] == ["P305", "replayed"]:
            self.counts["old pads refused"] += 1
        elif words[1:] == ["clean"] and self.durable:
            self.counts["clean ends"] += 1
        else:
            raise Failure(f"a session ended by itself: {' '.join(words)}")

    def end_host(self) -> None:
        """Kills it, and looks at what it still said."""
        assert self.process is not None and self.process.stdout is not None
        self.process.kill()
        rest = self.pending + self.process.stdout.read()
        self.process.stdout.close()
        code, self.process = self.process.wait(), None
        if self.second is not None:
            second, self.second = self.second, None
            second.end()
        if code != -signal.SIGKILL:
            raise Failure(f"the host ended by itself, exit code {code}")
        for line in rest.decode().splitlines():
            if line.startswith("over ") and not self.is_busy(line.split()):
                self.pass_over(line.split())

    # --- kills ---

    def kill_once(self) -> None:
        if self.process is None:
            self.start()
        if self.durable and self.rng.random() < 0.2:
            self.try_locked_folder()
        if self.rng.random() < 0.5:
            self.kill_host()
        else:
            while not self.kill_enclave():
                self.counts["too late"] += 1

    def wait_a_while(self) -> None:
        """Into the load, the pads or the inferences of a life that has begun."""
        time.sleep(self.rng.random() * self.rng.choice(LIVES))

    def try_locked_folder(self) -> None:
        """A host on the very folder of the bank: while a session has it, another one must not."""
        lane = self.path.with_name(self.path.name + "-intruder")
        if not lane.exists():
            lane.mkdir()
            shutil.copy2(self.key, lane / "device.key")
            for name in ("state", "bank"):
                (lane / name).symlink_to(self.path / name)
        command = [self.program, "run", self.folder, lane, "1", "durable"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        words = process.stdout.readline().decode().split()
        process.kill()
        process.stdout.close()
        process.wait()
        if words == ["over", "P401"]:
            self.counts["second hosts refused"] += 1
        elif words[:1] != ["enclave"]:  # it came between two sessions and was the only one
            raise Failure(f"a host on a bank in use says {' '.join(words)}")

    def kill_enclave(self) -> bool:
        """False: it had ended by itself."""
        if self.rng.random() < 0.2:
            enclave = self.catch_starting_enclave()
            time.sleep(self.rng.random() * SHORTEST_START)
        else:
            enclave = self.await_life()
            self.wait_a_while()
        killed = enclave.kill()
        enclave.close()
        if not killed:
            return False
        self.unanswered += 1
        words = self.line()
        while words[0] != "over" or self.is_busy(words):
            words = self.line()
        # P305 instead: the session was ending because of an old pad and there will be no P403, or it was the session
        # before and there will.
        self.pass_over(words)
        return True

    def kill_host(self) -> None:
        enclave = self.await_life() if self.rng.random() < 0.75 else None
        self.wait_a_while()
        self.end_host()
        self.counts["hosts killed"] += 1
        if enclave is not None and not enclave.ended(PATIENCE):
            raise Failure("an enclave outlives its host")
        if enclave is not None:
            enclave.close()
        self.expect_no_enclaves()

    def expect_no_enclaves(self) -> None:
        end = time.monotonic() + PATIENCE
        while self.enclaves():
            if time.monotonic() > end:
                raise Failure(f"enclaves outlive their host: {self.enclaves()}")
            time.sleep(0.002)

    def enclaves(self) -> list[int]:
        mark, found = os.fsencode(self.key), []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if mark in Path(f"/proc/{entry}/cmdline").read_bytes():
                    found.append(int(entry))
            except OSError:
                continue  # it ended meanwhile
        return found

    def finish(self) -> None:
        if self.process is not None:
            self.end_host()
        self.expect_no_enclaves()

    def fill(self) -> None:
        """Leaves some durable pads, as a session does that ends."""
        command = [self.program, "fill", self.folder, self.path, "8"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def logs(self) -> list[Path]:
        return [self.path.with_name(self.path.name + whose) / "log" for whose in ("", "-second", "-intruder")]
