"""The signals that a node was sent: each is heeded once, and kept until it has been."""

from collections import OrderedDict
from collections.abc import Iterable

from cameron.store.inbox import Signal

REMEMBERED = 10_000  # ids: a signal comes twice where it is read from the inbox while its first reading is on its way


class Signals:
    """Pure. `heeded`: ids that may be taken out of the inbox."""

    def __init__(self) -> None:
        self.heeded: list[str] = []
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._cancelled: dict[str, list[str]] = {}  # jobs that have no runner yet -> the signals' ids

    def new(self, signals: Iterable[Signal]) -> list[Signal]:
        """Those that have not come before."""
        found = [signal for signal in signals if signal.id not in self._seen]
        for signal in found:
            self._seen[signal.id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found

    def keep(self, uuid: str, signal: Signal) -> None:
        """The job is to be cancelled as soon as it has a runner."""
        self._cancelled.setdefault(uuid, []).append(signal.id)

    def take(self, uuid: str) -> bool:
        """Whether the job is to be cancelled; whoever asks sees to it, or knows that it is somebody else's now."""
        ids = self._cancelled.pop(uuid, [])
        self.heeded += ids
        return bool(ids)
