"""Where in people's code something is, as they are told it: "activities/orders.py:12"."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType

OURS = "cameron"


def source_of(module: str, file: str, line: int) -> str:
    """A line of a module."""
    path = Path(file)
    count = len(module.split(".")) + (path.name == "__init__.py")
    return f"{'/'.join(path.parts[-count:])}:{line}"


def raised_at(module: str, traceback: TracebackType | None) -> str:
    """The last place that a traceback shows in the package to which a module belongs; "" where there is none."""
    places = list(_within(module, walk_tb(traceback)))
    return places[-1] if places else ""


def own_part(traceback: TracebackType | None) -> TracebackType | None:
    """The same from where Cameron has called people's code; the whole of it where that was not reached."""
    step = traceback
    while step is not None and str(step.tb_frame.f_globals.get("__name__")).partition(".")[0] == OURS:
        step = step.tb_next
    return step or traceback


def standing_at(module: str, thread_id: int) -> str:
    """The line of that package at which a thread is just now; "" where it is at none, or has ended."""
    frame = sys._current_frames().get(thread_id)
    return next(_within(module, walk_stack(frame)), "") if frame else ""


def _within(module: str, steps: Iterable[tuple[FrameType, int]]) -> Iterator[str]:
    package = module.partition(".")[0]
    for frame, line in steps:
        name = frame.f_globals.get("__name__")
        if isinstance(name, str) and name.partition(".")[0] == package:
            yield source_of(name, frame.f_code.co_filename, line)
