"""How much of a process' output is told, and in what pieces. Pure."""

from __future__ import annotations

from typing import Literal

MAX_LINE_BYTES = 65_536

StreamName = Literal["stdout", "stderr"]


class OutputStream:
    """One of its two outputs: cut into lines where that is wanted, and off at `max_bytes` (None: never)."""

    def __init__(self, name: StreamName, *, by_lines: bool, max_bytes: int | None) -> None:
        self.name = name
        self.is_cut = False
        """Whether anything has been left out."""

        self._by_lines = by_lines
        self._left = max_bytes
        self._line = b""  # what came after the last newline

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces to be told, now that this has been read. Lines keep their newline; one above `MAX_LINE_BYTES` comes in pieces."""
        wanted = data if self._left is None else data[: self._left]
        pieces = self._lines(wanted) if self._by_lines else [wanted] if wanted else []
        if self._left is not None:
            self._left -= len(wanted)
        if len(wanted) < len(data) and not self.is_cut:
            self.is_cut = True
            pieces += self.end()
        return pieces

    def end(self) -> list[bytes]:
        """What is left to be told at the end: a last line without its newline."""
        line, self._line = self._line, b""
        return [line] if line else []

    def _lines(self, data: bytes) -> list[bytes]:
        *lines, self._line = (self._line + data).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line + b"\n")]
        if len(self._line) >= MAX_LINE_BYTES:
            *full, self._line = _pieces(self._line)
            pieces += full
        return pieces


def _pieces(line: bytes) -> list[bytes]:
    return [line[at : at + MAX_LINE_BYTES] for at in range(0, len(line), MAX_LINE_BYTES)]
