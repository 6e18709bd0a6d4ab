"""What a node is among the others, and what outlives its scheduler's crashes."""

import os
import secrets
import socket

from cameron.scheduling.load import Load
from cameron.scheduling.suspects import Suspects


class ThisNode:
    """Written by the node's scheduler alone; the rest of the program reads `name`, `state` and `load`, from any thread."""

    def __init__(self, configured: str = "") -> None:
        self._configured = configured
        self.name = self._make()
        self.state = "running"  # running | draining | drained
        self.is_draining = False  # somebody has told the node to drain, and nobody to resume
        self.since_ms = 0  # epoch milliseconds by Redis's clock; 0: it has not been reached yet
        self.suspects = Suspects()  # a restarted scheduler must give the place to nobody while somebody has it
        self.load = Load()

    def rename(self) -> None:
        """Take another name: somebody else has this one."""
        self.name = self._make()

    def _make(self) -> str:
        """The host (or the configured name), the program and a word of chance: no two lives of a node bear the same name."""
        return f"{self._configured or socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
