"""The checkout's .venv, where numpy and ONNX Runtime are."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def enter_venv() -> None:
    """Goes on in it, with the same arguments; makes it when it is missing."""
    if Path(sys.prefix) != ROOT / ".venv":
        subprocess.run([ROOT / "tools/venv.sh"], check=True)
        python = str(ROOT / ".venv/bin/python")
        os.execv(python, [python, *sys.argv])
