"""One name lookup a host at a time: the calls that need the same name wait for the first of them.

libcurl looks a name up once for each call that starts, on some 20 threads. Ten calls to a host whose name server does not answer
would take them all, and every other host's calls would time out behind them. Pure: no sockets, the time is passed in.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

KNOWN_S = 55.0  # libcurl keeps an address for 60 s
MOST_KNOWN = 10_000  # hosts remembered


class Parked(NamedTuple, Generic[T]):
    """An item that waits for another one's lookup."""

    item: T
    since_s: float


class Lookups(Generic[T]):
    """Says which item may start: any where the host's address is known, else one, the scout; the others are parked."""

    def __init__(self) -> None:
        self._known_until_s: dict[str, float] = {}
        self._scouts: dict[str, T] = {}
        self._parked: dict[str, list[Parked[T]]] = {}

    def may_start(self, host: str, item: T, now_s: float) -> bool:
        """Whether the item may start, as the scout where the address is not known; else it is parked."""
        if self._known_until_s.get(host, 0.0) > now_s:
            return True
        if host not in self._scouts:
            self._scouts[host] = item
            return True
        self._parked.setdefault(host, []).append(Parked(item, now_s))
        return False

    def scouts(self) -> Iterable[tuple[str, T]]:
        """The items whose lookups are under way, by host."""
        return list(self._scouts.items()) if self._scouts else ()

    def is_scout(self, host: str, item: T) -> bool:
        """Whether the others wait for this item's lookup."""
        return self._scouts.get(host) is item

    def found(self, host: str, now_s: float) -> list[Parked[T]]:
        """The scout has the address: the parked items, which may start."""
        if len(self._known_until_s) >= MOST_KNOWN:
            self._known_until_s.clear()
        self._known_until_s[host] = now_s + KNOWN_S
        return self.gave_up(host)

    def gave_up(self, host: str) -> list[Parked[T]]:
        """The scout ended without the address: the parked items, each to fail like it or to ask `may_start` again."""
        self._scouts.pop(host, None)
        return self._parked.pop(host, [])
