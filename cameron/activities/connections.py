"""Which calls need not look for a connection that another one has left open, as there is none.

libcurl looks through all of a host's connections for one that is free. With 10,000 calls at once to one host that was most of what they
cost: 270 us of CPU each, where it is now 110 (`test/benchmark/http_calls.py --calls 10000 --at-once 10000 --delay-s 2`). Pure.
"""

MOST_KNOWN = 10_000  # hosts remembered


class Connections:
    """Counts those that are left open, by host. Servers close some of them unseen, so there may be fewer; then a call looks in vain."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}  # absent where none

    def left(self, host: str) -> None:
        """A call has ended well, and has left its connection open."""
        if len(self._open) >= MOST_KNOWN:
            self._open.clear()
        self._open[host] = self._open.get(host, 0) + 1

    def may_have(self, host: str) -> bool:
        """Whether there may be one for a call that starts now."""
        return host in self._open

    def taken(self, host: str) -> None:
        """A call that may have one has started."""
        count = self._open.get(host, 0)
        if count > 1:
            self._open[host] = count - 1
        else:
            self._open.pop(host, None)
