"""Running a command: as a process of its own where exit status, streams and signals matter."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def command(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start a command, without CAMERON_* variables of the tester's own environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CAMERON_")}
    return subprocess.Popen(
        [sys.executable, "-m", "cameron", *arguments],
        cwd=ROOT,
        env=inherited | {"NO_COLOR": "1"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def cameron(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    with command(*arguments, **environ) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err
