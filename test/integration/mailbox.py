"""Stands for whoever is told things."""

from queue import SimpleQueue
from typing import Any

PATIENCE_S = 30.0


class Mailbox:
    """Stands for a runner: keeps what it is told."""

    def __init__(self) -> None:
        self._told: SimpleQueue[Any] = SimpleQueue()

    def tell(self, message: Any) -> None:
        """Keep it."""
        self._told.put(message)

    def take(self) -> Any:
        """The next message, waited for."""
        return self._told.get(timeout=PATIENCE_S)

    def empty(self) -> bool:
        """Whether nothing is waiting to be taken."""
        return self._told.empty()
