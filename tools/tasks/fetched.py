"""Files of tools/fetch."""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / "fetch"))
from sources import SOURCES  # noqa: E402  (a script folder, not a package)


def fetched(name: str, folder: Path) -> Path:
    """The file of that name; kept in `folder`, so that only a first call needs a network."""
    command = [sys.executable, str(TOOLS / "fetch/models.py"), name, "--out", str(folder)]
    subprocess.run(command, check=True)
    return folder / SOURCES[name].file
