"""Which call goes next: a queue for each host, served in turn, so that a busy or dead host holds up nobody else.

Pure: no sockets, no clock. A host is in the turn exactly while it has calls waiting and may run one more.
"""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class CallQueue(Generic[T]):
    """Hands out waiting items, at most `max_calls` at once and `max_calls_per_host` a host.

    An eighth of all slots is never one host's alone: a host whose calls all hang cannot stop the calls to the others.
    """

    def __init__(self, max_calls: int, max_calls_per_host: int) -> None:
        self.max_calls = max_calls
        self.max_calls_per_host = min(max_calls_per_host, max_calls - max_calls // 8)
        self.running = 0
        self._running: dict[str, int] = {}  # by host; absent where none
        self._waiting: dict[str, deque[T]] = {}  # by host; absent where none
        self._turn: deque[str] = deque()

    def put(self, host: str, item: T) -> None:
        """Let the item wait for its turn."""
        waiting = self._waiting.get(host)
        if waiting is not None:
            waiting.append(item)
            return
        self._waiting[host] = deque((item,))
        if self._running.get(host, 0) < self.max_calls_per_host:
            self._turn.append(host)

    def take(self) -> T | None:
        """The next item that may run now, which counts as running until `done`; None where none may."""
        if not self._turn or self.running >= self.max_calls:
            return None
        host = self._turn.popleft()
        waiting = self._waiting[host]
        item = waiting.popleft()
        count = self._running.get(host, 0) + 1
        self._running[host] = count
        self.running += 1
        if not waiting:
            del self._waiting[host]
        elif count < self.max_calls_per_host:
            self._turn.append(host)
        return item

    def waiting(self) -> dict[str, tuple[int, int]]:
        """The hosts that have items waiting: how many of theirs are running, and how many wait."""
        return {host: (self._running.get(host, 0), len(waiting)) for host, waiting in self._waiting.items()}

    def done(self, host: str) -> None:
        """An item of this host has ended: its slot is free."""
        count = self._running[host] - 1
        self.running -= 1
        if count:
            self._running[host] = count
        else:
            del self._running[host]
        if host in self._waiting and count == self.max_calls_per_host - 1:  # it was full, so it was not in the turn
            self._turn.append(host)
