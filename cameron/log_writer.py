"""Writes log lines in a thread of its own, many at a time.

Each write lets another thread have the interpreter, and has to wait to get it back; with a line a request and a line a job, that cost a
third of the node's throughput (`make bench`, with the level `warning` against `info`). Here a line costs whoever logs it an append.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from select import PIPE_BUF
from typing import Protocol

GATHER_S = 0.02  # how long lines may gather before they are written together


class Target(Protocol):
    """Where lines go."""

    def write_all(self, records: Sequence[logging.LogRecord]) -> None:
        """Format and write these, in this order."""

    def close(self) -> None:
        """Nothing comes after this."""


class Lines(logging.StreamHandler):  # type: ignore[type-arg]  # of text
    """A stream that gets all lines of a batch in one write."""

    def write_all(self, records: Sequence[logging.LogRecord]) -> None:
        """What cannot be formatted is told as logging does, and costs no other line."""
        lines: list[str] = []
        for record in records:
            try:
                lines.append(self.format(record) + self.terminator)
            except Exception:
                self.handleError(record)
        try:
            for piece in pieces(lines):
                self.stream.write(piece)
                self.flush()
        except Exception:
            self.handleError(records[-1])


def pieces(lines: Sequence[str]) -> Iterator[str]:
    """The lines, as many together as a pipe takes in one: what several nodes write to one is not mixed then. A longer line stands alone."""
    piece, size = "", 0
    for line in lines:
        length = len(line.encode(errors="replace"))
        if piece and size + length > PIPE_BUF:
            yield piece
            piece, size = "", 0
        piece, size = piece + line, size + length
    if piece:
        yield piece


class LogWriter(logging.Handler):
    """The one handler of the root logger. Any thread may log; `flush` returns when all lines before it are written."""

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        self._targets = tuple(targets)
        self._records: deque[logging.LogRecord] = deque()
        self._some = threading.Event()
        self._writing = threading.Lock()
        self._closed = False
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep the record; its text is made now, as its arguments may change later."""
        if isinstance(record.msg, str):
            record.msg, record.args = record.getMessage(), None
        self._records.append(record)
        if not self._some.is_set():
            self._some.set()
        return True

    def flush(self) -> None:
        """Write what has gathered, in the calling thread; the interpreter's exit does it too."""
        with self._writing:
            count = len(self._records)
            if count:
                batch = [self._records.popleft() for _ in range(count)]
                for target in self._targets:
                    target.write_all(batch)

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._closed = True
        self._some.set()
        self.flush()
        for target in self._targets:
            target.close()
        super().close()

    def _run(self) -> None:
        while not self._closed:
            self._some.wait()
            time.sleep(GATHER_S)
            self._some.clear()
            self.flush()
