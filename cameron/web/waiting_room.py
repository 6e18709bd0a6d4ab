"""Where requests wait for their jobs to end: so many at once, each so long, and none of them when the server stops."""

from collections.abc import Callable
from threading import BoundedSemaphore, Event
from time import monotonic

from cameron.errors import CameronError

FIRST_PAUSE_S = 0.002
GROWTH = 1.5
LONGEST_PAUSE_S = 0.1


class WaitingRoom:
    """For any thread: one that waits has a seat; who finds none free is not kept."""

    def __init__(self, seats: int) -> None:
        self._seats, self._closed = BoundedSemaphore(seats), Event()

    def close(self) -> None:
        """Let all who wait go, now and from now on."""
        self._closed.set()

    def watch(self, look: Callable[[], bytes | None], for_s: float) -> bytes | None:
        """The first that `look` finds, called every few ms; None where that takes longer, or there is no waiting now."""
        if for_s <= 0 or not self._seats.acquire(blocking=False):
            return None
        try:
            return self._watch(look, monotonic() + for_s)
        except CameronError:  # the job is accepted, whether it can be looked at or not
            return None
        finally:
            self._seats.release()

    def _watch(self, look: Callable[[], bytes | None], deadline_s: float) -> bytes | None:
        pause_s = FIRST_PAUSE_S
        while (left_s := deadline_s - monotonic()) > 0 and not self._closed.wait(min(pause_s, left_s)):
            if (found := look()) is not None:
                return found
            pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)
        return None
