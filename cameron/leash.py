"""What ties a node to the program that started it: a socket, open as long as both of them live.

The node says on it that it has started. When the other end is closed, the program is gone, in whatever way: then the node stops in order,
and in any case within its bound. Nothing else is ever sent, and no signal is needed, which a killed program could not send.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

VARIABLE: Final = "CAMERON_LEASH"  # the descriptor's number, in the node's environment
_STARTED: Final = b"started"

log = logging.getLogger("cameron.nodes")


class Leash:
    """The node's end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> "Leash | None":
        """The leash that the environment names, which is taken out of it; None where this program is on none."""
        number = environ.pop(VARIABLE, "")
        if not number.isdigit():
            return None
        try:
            end = socket.socket(fileno=int(number))
        except OSError:  # somebody has passed on the variable without the socket
            return None
        end.set_inheritable(False)  # a program that the node starts must not hold it
        return cls(end)

    def say_started(self) -> None:
        """All that the node has to say. Any thread."""
        with suppress(OSError):  # nobody is there any more: `obey` sees to that
            self._end.sendall(_STARTED)

    def obey(self, stop_s: float) -> None:
        """From now on, end this program when the other one is gone: as by SIGTERM, and by SIGKILL where that takes more than `stop_s`."""
        threading.Thread(target=self._await_end, args=(stop_s,), name="leash", daemon=True).start()

    def _await_end(self, stop_s: float) -> None:
        self._end.recv(1)  # nothing is sent: it returns at the end
        log.warning("the program that started this node has ended: it stops too")
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(stop_s)  # the main thread ends this one with the program
        os.kill(os.getpid(), signal.SIGKILL)


def pair() -> tuple[socket.socket, socket.socket]:
    """A leash's two ends: the starting program's, and the one for the node to inherit."""
    return socket.socketpair()


def await_start(end: socket.socket) -> bool:
    """At the starting program's end: wait until the node says that it has started; False where it has ended before."""
    return end.recv(len(_STARTED)) != b""
