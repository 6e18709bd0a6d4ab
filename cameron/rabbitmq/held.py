"""The messages that are held: given by the broker, and not acknowledged yet."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from cameron.rabbitmq.subscription import Delivery, Subscription


@dataclass(slots=True, eq=False)
class Held:
    """One of them; `source` is who gave it."""

    source: Subscription
    delivery: Delivery
    fresh_id: str  # stands in for a message_id
    tries: int = 0


class Wait(Enum):
    """What a message waits for."""

    NODE = "nothing can be started now"
    PROCESS = "its process takes no more jobs now, and another's may be started"
    LETTER = "it is to be a dead letter"


class Waiting:
    """Which of them have to wait, and for what."""

    def __init__(self) -> None:
        self._waits: dict[Held, Wait] = {}
        self._counts: Counter[Wait] = Counter()

    def put(self, held: Held, wait: Wait) -> None:
        """It waits for that, and for nothing else."""
        self.drop(held)
        self._waits[held] = wait
        self._counts[wait] += 1

    def drop(self, held: Held) -> None:
        """It waits no more, if it did."""
        if (wait := self._waits.pop(held, None)) is not None:
            self._counts[wait] -= 1

    def clear(self) -> None:
        """None of them is held any more."""
        self._waits.clear()
        self._counts.clear()

    @property
    def put_off(self) -> int:
        """How many are to start their jobs later."""
        return self._counts[Wait.NODE] + self._counts[Wait.PROCESS]

    @property
    def letters(self) -> int:
        """How many are to be dead letters."""
        return self._counts[Wait.LETTER]

    @property
    def in_the_way(self) -> int:
        """How many are in the way of messages that could be started."""
        return self._counts[Wait.PROCESS] + self._counts[Wait.LETTER]

    def __contains__(self, held: Held) -> bool:
        return held in self._waits
