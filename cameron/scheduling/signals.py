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
        self._kept: dict[str, list[Signal]] = {}  # for jobs that have no runner yet, by uuid

    def new(self, signals: Iterable[Signal]) -> list[Signal]:
        """Those that have not come before."""
        found = [signal for signal in signals if signal.id not in self._seen]
        for signal in found:
            self._seen[signal.id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found

    def keep(self, uuid: str, signal: Signal) -> None:
        """The job is to be told of it as soon as it has a runner."""
        self._kept.setdefault(uuid, []).append(signal)

    def take(self, uuid: str) -> list[Signal]:
        """What the job is to be told; whoever asks sees to it, or knows that it is somebody else's now."""
        signals = self._kept.pop(uuid, [])
        self.heeded += [signal.id for signal in signals]
        return signals
