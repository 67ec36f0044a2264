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
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from adversary import Mischief
from controls import control, durable_control
from failure import Failure
from lane import Lane
from masked_log import records, shared_pads


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
