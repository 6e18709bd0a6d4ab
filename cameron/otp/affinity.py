"""The cores that the program's threads are kept to, and how what is not to be kept there is let go.

A Python program's threads share one interpreter, so one of them runs at a time, and waking one on the same core is cheaper than on another.
What runs beside the interpreter (other programs, code that lets go of it) is better off with all cores.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

AT_FIRST = frozenset(os.sched_getaffinity(0))
"""The cores that the program began with, as no thread has been kept to fewer when this module is imported."""

_kept_to: Collection[int] = AT_FIRST


def keep_to(cores: Collection[int]) -> None:
    """Keep the calling thread, and those that it starts from now on, to these cores: to be called before there are others."""
    global _kept_to
    _kept_to = cores
    os.sched_setaffinity(0, cores)


def move_threads(first: int, second: int) -> None:
    """Keep those of the program's threads to the second core that are kept to the first one; others stay as they are. Any thread."""
    global _kept_to
    _kept_to = (second,)
    moved = first != second
    while moved:  # one that is moved may just have started another
        moved = False
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):  # it has ended
                if os.sched_getaffinity(thread) == {first}:
                    os.sched_setaffinity(thread, {second})
                    moved = True


def unbind() -> None:
    """Let the calling thread, and what it starts from now on, run on all cores that the program began with, if those are still there."""
    with suppress(OSError):  # a container's cores may change at any time
        os.sched_setaffinity(0, AT_FIRST)


@contextmanager
def unbound() -> Iterator[None]:
    """Let what the calling thread starts inside run on all cores that the program began with; afterwards it is kept as the program is."""
    if os.sched_getaffinity(0) == AT_FIRST:
        yield
        return
    unbind()
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, _kept_to)  # where the others have been moved to meanwhile, too
