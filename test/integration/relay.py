"""A stretch of network between a client and Redis that a test can cut, at the worst moment if need be."""

import socket
import threading
import time
from contextlib import suppress

from ..acceptance.support.waiting import eventually


class Relay:
    """Listens on a free port and passes everything on. Its threads end with it."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._open: list[socket.socket] = []
        self._lose_answer = threading.Event()
        self._listener: socket.socket | None = None
        self.attempts_s: list[float] = []  # when somebody connected
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        """For Redis clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def open(self) -> None:
        """Listen (again), on the same port as before."""
        self._listener = listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Cut all connections; new ones are taken."""
        while self._open:
            self._close(self._open.pop())

    def close(self) -> None:
        """Cut all connections and refuse new ones."""
        if self._listener is not None:
            self._close(self._listener)
            self._listener = None
        self.cut()

    def lose_next_answer(self) -> None:
        """Cut all connections once Redis has carried out what it is told next: its answer is lost."""
        self._lose_answer.set()

    def await_loss(self) -> None:
        """Return when that has happened."""
        eventually(lambda: not self._lose_answer.is_set(), "an answer to be lost")

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.attempts_s.append(time.monotonic())
                try:
                    server = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:
                    client.close()  # a relay to nowhere takes connections and drops them
                    continue
                self._open += [client, server]
                for pump in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=pump, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if answers and self._lose_answer.is_set():
                    self._lose_answer.clear()
                    self.cut()
                    break
                sink.sendall(data)
        self._close(source)
        self._close(sink)

    def _close(self, end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
