"""The node's clock: Redis's time, kept monotonic in between.

Times that outlive a node (deadlines, delays) are epoch milliseconds by Redis's clock, so that a machine whose own clock is set back or
forth neither loses a timer nor fires it early. The scheduler measures Redis's clock at each renewal of the lease and calls `set`.
"""

import time
from typing import NamedTuple

_STAMP_FORMAT = "%m-%d-%Y %H:%M:%S"


class Moment(NamedTuple):
    """One reading of the clock."""

    ms: int  # epoch milliseconds
    stamp: str  # the same as `MM-DD-YYYY hh:mm:ss`, local time


class Clock:
    """Epoch milliseconds for the engine, and local time as text for the record. Safe to read from any thread."""

    def __init__(self) -> None:
        self._offset_ms = time.time() * 1000 - time.monotonic() * 1000
        self._stamp = (-1, "")  # the second that was last asked for, and its text: many ask within one second

    def set(self, now_ms: float) -> None:
        """Take over a time measured elsewhere (Redis's TIME), in epoch milliseconds."""
        self._offset_ms = now_ms - time.monotonic() * 1000

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(time.monotonic() * 1000 + self._offset_ms)

    def now(self) -> Moment:
        """Now, both ways."""
        now_ms = self.now_ms()
        return Moment(now_ms, self._text(now_ms // 1000))

    def stamp(self) -> str:
        """Now as `MM-DD-YYYY hh:mm:ss`, local time."""
        return self._text(self.now_ms() // 1000)

    def _text(self, second: int) -> str:
        known, text = self._stamp
        if known != second:
            text = time.strftime(_STAMP_FORMAT, time.localtime(second))
            self._stamp = (second, text)
        return text


def read_stamp(stamp: str) -> int:
    """The epoch milliseconds of a `MM-DD-YYYY hh:mm:ss`, local time; 0 where it is none."""
    try:
        return int(time.mktime(time.strptime(stamp, _STAMP_FORMAT)) * 1000)
    except (ValueError, OverflowError):
        return 0
