"""What the storms must be able to notice: logs in which pads are used twice."""

import subprocess
import time
from pathlib import Path

from adversary import Mischief, copy_folder
from failure import PATIENCE, Failure
from lane import Lane
from masked_log import records, shared_pads


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
