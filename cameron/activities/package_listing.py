"""`python -m cameron.activities.package_listing`: import a package of activities in a process that may die of it. See `package_survey`.

Writes to a descriptor of its own a line for each module before that is imported, and at last the package as JSON; what the package prints
goes where it wants. What it has left running ends with the process.
"""

import faulthandler
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cameron.activities.python_activity import PythonActivity
from cameron.activities.python_package import PythonPackage, discover
from cameron.activities.source_place import standing_at

MODULE = "cameron.activities.package_listing"  # what Python is started with: `python -m`
HANGS = "hangs at "  # begins the last line where the time was over; where it stood then follows, if that is known


def as_text(package: PythonPackage) -> str:
    """A line of JSON."""
    return json.dumps(package._asdict() | {"path": None, "activities": dict(package.activities), "hints": dict(package.hints)})


def from_text(text: str, path: Path | None) -> PythonPackage:
    """The package again. Raises ValueError for what is none."""
    try:
        said: dict[str, Any] = json.loads(text)
        activities = MappingProxyType({name: PythonActivity(*one) for name, one in said["activities"].items()})
        problems, hints = tuple(said["problems"]), MappingProxyType(said["hints"])
        return PythonPackage(**said | {"path": path, "activities": activities, "problems": problems, "hints": hints})
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"no package: {error}") from None


def main(package: str, path: str, is_optional: bool, descriptor: int, deadline_s: float) -> None:
    """Ends the process."""
    ours = os.getpid()

    def tell(line: str) -> None:
        os.write(descriptor, line.encode("utf-8", "backslashreplace") + b"\n")

    faulthandler.enable()  # a segmentation fault says where
    _watch(package, deadline_s, tell)
    found = discover(package, Path(path) if path else None, is_optional, tell)
    if os.getpid() == ours:  # else a module has forked, and this is the child
        tell(as_text(found))
    os._exit(0)


def _watch(package: str, deadline_s: float, tell: Callable[[str], None]) -> None:
    """End the process when its time is over, and say where in the package it stood."""
    waiting = threading.main_thread().ident or 0

    def give_up() -> None:
        tell(HANGS + standing_at(package, waiting))
        os._exit(1)

    timer = threading.Timer(deadline_s, give_up)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    name, folder, optional, written_to, within_s = sys.argv[1:]
    main(name, folder, optional == "optional", int(written_to), float(within_s))
