"""A node on a machine whose clock is set while it runs: `python shifted_node.py FILE serve --env test` is `cameron serve --env test`.

FILE holds one double, the seconds by which the wall clock is off; it is read at each look at the clock, so a jump takes place at once.
"""

import mmap
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def shift_the_clock(file: Path) -> None:
    """Patch all of `time` that tells the wall clock; to be called before anything else is imported."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), 8, access=mmap.ACCESS_READ)
    real_s, real_clock_s, strftime = time.time, time.clock_gettime, time.strftime

    def now_s() -> float:
        return real_s() + float(struct.unpack("d", shared[:8])[0])

    def broken_down(convert: Callable[[float], Any]) -> Callable[..., Any]:
        return lambda secs=None: convert(now_s() if secs is None else secs)

    shifted: dict[str, Callable[..., Any]] = {
        "time": now_s,
        "time_ns": lambda: int(now_s() * 1e9),
        "clock_gettime": lambda clock: now_s() if clock == time.CLOCK_REALTIME else real_clock_s(clock),
        "localtime": broken_down(time.localtime),
        "gmtime": broken_down(time.gmtime),
        "ctime": broken_down(time.ctime),
        "strftime": lambda form, moment=None: strftime(form, time.localtime() if moment is None else moment),
    }
    for name, function in shifted.items():
        setattr(time, name, function)


def main() -> None:
    shift_the_clock(Path(sys.argv.pop(1)))
    from cameron.cli import main as cameron

    cameron()


if __name__ == "__main__":
    main()
