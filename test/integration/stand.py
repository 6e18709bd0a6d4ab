"""An actor that stands for another one."""

from queue import SimpleQueue
from typing import Any

from cameron.otp import Actor


class Stand(Actor):
    """Stands for another actor: keeps what it is told."""

    def __init__(self, told: "SimpleQueue[Any]") -> None:
        super().__init__()
        self._told = told

    def on_receive(self, message: Any) -> None:
        """Keep it."""
        self._told.put(message)
