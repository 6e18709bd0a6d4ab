"""The node's clock: Redis's time, kept monotonic in between.

Times that outlive a node (deadlines, delays) are epoch milliseconds by Redis's clock, so that a machine whose own clock is set back or
forth neither loses a timer nor fires it early. The scheduler measures Redis's clock at each renewal of the lease and calls `set`.
"""

import time

_STAMP_FORMAT = "%m-%d-%Y %H:%M:%S"


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

    def stamp(self) -> str:
        """Now as `MM-DD-YYYY hh:mm:ss`, local time."""
        second = self.now_ms() // 1000
        known, text = self._stamp
        if known != second:
            text = time.strftime(_STAMP_FORMAT, time.localtime(second))
            self._stamp = (second, text)
        return text
