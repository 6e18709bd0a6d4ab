"""How a process has ended, and the last it wrote, for people."""

import os
import re
import sys
import sysconfig
from pathlib import Path

from cameron.core.exit_status import end_of, ended_by

QUOTED_MAX = 1000  # characters of what a process wrote that an error has
OURS = str(Path(__file__).parent.parent)
_DUMP = re.compile(r"^Fatal Python error: ", re.MULTILINE)  # with it, faulthandler's begins
_STEP = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)


def ending(status: int) -> str:
    """Of an exit status; a negative one is that of a signal."""
    return ended_by(-status) if status < 0 else f"ended by itself, with status {status}"


def last_words(output: str) -> str:
    """The end of what it wrote; of a dump of its threads, where in its own code it stood."""
    dump = _DUMP.search(output)
    if dump is None:
        return end_of(output, QUOTED_MAX)
    said = end_of(output[: dump.start()], QUOTED_MAX)
    place = next((f"{file}:{line}" for file, line in _STEP.findall(output[dump.start() :]) if not _is_foreign(file)), "")
    return "; ".join(part for part in (said, f"it stood at {place}" if place else "") if part)


def is_standard(place: str) -> bool:
    """Whether any Python of this installation looks there anyway."""
    standard = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    is_archive = os.path.basename(place) == f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return is_archive or any(place == one or place.startswith(one + os.sep) for one in standard)


def _is_foreign(file: str) -> bool:
    return file.startswith(("<", OURS + os.sep)) or is_standard(file)
