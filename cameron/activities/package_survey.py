"""What a package of activities has, found without importing it here: that is done in a process of its own, within a bound."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

from cameron.activities.package_listing import HANGS, MODULE, from_text
from cameron.activities.package_loader import LOAD_S
from cameron.activities.process_end import ending, last_words
from cameron.activities.python_package import PythonPackage
from cameron.activities.python_processes import node_environment

GRACE_S = 10.0  # for its start and end, and to a package that lets no other thread run


class Survey(NamedTuple):
    """What was found."""

    package: PythonPackage
    fault: str = ""  # why nothing is known of it, for a person


def survey(package: str, path: Path | None, is_optional: bool = False, deadline_s: float = LOAD_S) -> Survey:
    """As `discover`; whatever the package does, it is back within `deadline_s` + GRACE_S."""
    nothing = PythonPackage(package, path)
    if not package:
        return Survey(nothing)
    with TemporaryFile() as listing, TemporaryFile() as output:
        about = (package, str(path or ""), "optional" if is_optional else "", str(listing.fileno()), str(deadline_s))
        status = _status((sys.executable, "-P", "-m", MODULE, *about), listing, output, deadline_s + GRACE_S)
        *before, last = _read(listing).splitlines() or [package]
        if status == 0:
            with suppress(ValueError):
                return Survey(from_text(last, path))
        why = _why(status, before[-1] if before and last.startswith(HANGS) else last, last, deadline_s, _read(output))
        return Survey(nothing, f"the package {package!r} could not be looked through: {why}")


def _why(status: int | None, module: str, last: str, deadline_s: float, output: str) -> str:
    """Nothing is known of it; `module` is the one that was imported when its process ended."""
    if status is None or last.startswith(HANGS):
        where = last.removeprefix(HANGS) if last.startswith(HANGS) else ""
        stood = f"it stood at {where}" if where else f"while {module} was imported"
        return f"its import was not done within {deadline_s:g} s ({stood}): what takes long, or waits for others, belongs in its functions"
    words = last_words(output)
    return f"its process {ending(status)}, while {module} was imported" + (f"; the last it wrote: {words}" if words else "")


def _status(command: tuple[str, ...], listing: BinaryIO, output: BinaryIO, timeout_s: float) -> int | None:
    """As Popen has it; None where it has not ended in time. Nothing of it is left, unless it has hidden."""
    environment = dict(node_environment())
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        pass_fds=(listing.fileno(),),
        start_new_session=True,
    ) as child:
        try:
            return child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
