#!/usr/bin/env python3
"""Kills either half of a running model at random moments and shows that no pad was used twice.

storm.py --host STORM_HOST [--kills N] [--durable-kills N] [--lanes N] [--seed N] [--work DIR]

Each lane is one host process (storm_host.cc) with its own enclave process; all lanes share the bundle and the folder
in which the trusted half keeps what outlives it. A kill is SIGKILL, to the enclave or to the host, while they start,
load, make pads or infer. What must hold:

  - a killed enclave ends in P403: no result, no other error, no hang; the host loads the model again and goes on;
  - of a killed host no enclave process remains;
  - an old sealed pad that the host hands out is refused (P305), and every result is right, bit for bit (storm_host
    checks both);
  - no two masked tensors share a pad, over all lives of all lanes.

A second storm does the same to durable pads. Now sessions also end cleanly, so that the next one finds pads; between two
lives the folder of the bank is kept, or replaced by an old one, but not the counter; and beside a host a second one is
started, on the same folder (which it must be refused, P401) or on a copy of it (which nothing but the counter notices).
Its control is the adversary whom a counter in a file does not stop: it restores the counter as well, and the log must
show that pads are used twice.

The last is decided by the host's log of masked tensors (recorder.h says what a record holds and why it is enough). A
control without pads must fail it.
"""

import argparse
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

PATIENCE = 60.0  # seconds until something that must happen counts as a hang
RECORD = struct.Struct("<QII32s32s32s")
LONGEST_START = 0.1  # seconds in which start and load usually happen
SHORTEST_START = 0.01
LIVES = (LONGEST_START, 0.03, 0.03, 0.03, 0.4)  # seconds; each is equally likely to be the limit of a wait


class Failure(Exception):
    """Something that must hold does not."""


class Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.lock = total, 0, threading.Lock()

    def advance(self) -> None:
        with self.lock:
            self.done += 1
            if sys.stderr.isatty():
                bar = "#" * (self.done * 40 // self.total)
                end = "\n" if self.done == self.total else ""
                print(f"\r[{bar:40}] {self.done}/{self.total} kills", end=end, file=sys.stderr, flush=True)


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

    def __init__(self, lane: "Lane") -> None:
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


# --- the log ---


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


# --- storms ---


def run_lane(lane: Lane, kills: int, progress: Progress, stop: threading.Event, failures: list[str]) -> None:
    try:
        for _ in range(kills):
            if stop.is_set():
                break
            lane.kill_once()
            progress.advance()
        lane.finish()
    except Exception as error:  # noqa: BLE001  # a lane's failure is the storm's
        failures.append(f"{lane.path.name}: {type(error).__name__}: {error}")
        stop.set()
        if lane.process is not None:
            lane.process.kill()


def storm(program: Path, work: Path, kills: int, lane_count: int, seed: int, durable: bool) -> None:
    folder = work / ("storm-durable" if durable else "storm")
    (folder / "state").mkdir(parents=True)
    subprocess.run([program, "make", folder], check=True)
    mischief = None if durable else Mischief(folder / "state")
    lanes = [Lane(program, folder, i, seed * 1000 + i, mischief) for i in range(lane_count)]
    for lane in lanes if durable else []:
        lane.fill()
    progress, stop, failures = Progress(kills), threading.Event(), []
    threads = []
    for i, lane in enumerate(lanes):
        share = kills // lane_count + (i < kills % lane_count)
        threads.append(threading.Thread(target=run_lane, args=(lane, share, progress, stop, failures)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure("; ".join(failures))
    logs = [log for lane in lanes for log in lane.logs()]
    shared, total = shared_pads(logs)
    counts: Counter[str] = sum((lane.counts for lane in lanes), Counter())
    lives = {life for log in logs for life, *_ in records(log)}
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    print(f"{total} masked tensors of {len(lives)} loaded models, {shared} share a pad with another")
    if shared:
        raise Failure("a pad was used twice")
    if total < kills:
        raise Failure("too few masked tensors to say anything")
    if durable and not counts["loads that found pads"]:
        raise Failure("no session found pads of an earlier one")


def control(program: Path, work: Path, seed: int) -> None:
    """Without pads every masked tensor shares its "pad", zero, with every other."""
    folder = work / "control"
    (folder / "state").mkdir(parents=True)
    subprocess.run([program, "make", folder, "unmasked"], check=True)
    lane = Lane(program, folder, 0, seed, Mischief(folder / "state"))
    lane.start()
    lane.await_enclave()
    end = time.monotonic() + PATIENCE
    while len(records(lane.path / "log")) < 100:
        if time.monotonic() > end:
            raise Failure("the control does not run")
        time.sleep(0.01)
    lane.finish()
    shared, total = shared_pads([lane.path / "log"])
    print(f"control without pads: {shared} of {total} masked tensors share a pad with another")
    if shared < total // 2:
        raise Failure("the log does not show a pad that is used twice")


def use_pads(lane: Lane, count: int) -> None:
    """One life, until the log has `count` records more."""
    log = lane.path / "log"
    wanted = len(records(log)) + count
    command = [lane.program, "run", lane.folder, lane.path, "7", "durable"]
    lane.process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    end = time.monotonic() + PATIENCE
    while len(records(log)) < wanted:
        if time.monotonic() > end:
            raise Failure("the control does not run")
        time.sleep(0.002)
    lane.finish()


def durable_control(program: Path, work: Path, seed: int) -> None:
    """An old bank comes back: without its counter no pad is used twice, with it some are."""
    folder = work / "control-durable"
    folder.mkdir()
    subprocess.run([program, "make", folder], check=True)
    for index, names in enumerate((("bank",), ("bank", "state"))):
        lane = Lane(program, folder, index, seed, None)
        lane.fill()
        for name in names:
            copy_folder(lane.path / name, lane.path / f"{name}-old")
        use_pads(lane, 40)
        for name in names:
            copy_folder(lane.path / f"{name}-old", lane.path / name)
        use_pads(lane, 40)
        shared, total = shared_pads(lane.logs())
        print(f"control, old {' and '.join(names)} restored: {shared} of {total} masked tensors share a pad with another")
        if bool(shared) != ("state" in names):
            raise Failure("a pad was used twice" if shared else "the log does not show a pad that is used twice")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--durable-kills", type=int, default=100, help="of the storm over durable pads")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--work", type=Path, help="keeps the folders and logs there")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    work = options.work or Path(tempfile.mkdtemp(prefix="penumbra-storm-"))
    try:
        control(options.host, work, options.seed)
        storm(options.host, work, options.kills, options.lanes, options.seed, durable=False)
        durable_control(options.host, work, options.seed)
        storm(options.host, work, options.durable_kills, options.lanes, options.seed, durable=True)
    except Failure as failure:
        print(f"storm: {failure}", file=sys.stderr)
        return 1
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
