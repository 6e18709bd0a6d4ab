"""What a port is told, and what it tells its owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cameron.otp.port_output import StreamName
from cameron.otp.ref import Ref


@dataclass(frozen=True, slots=True)
class PortInput:
    """To a port: write this to the process' stdin. An ask is answered when it is written: True, or False where the process has closed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PortInputEnd:
    """To a port: close the process' stdin, behind what is still to be written."""


@dataclass(frozen=True, slots=True)
class PortOutput:
    """To the owner: the process wrote this; with `lines`, one line with its newline (the last may lack it, a very long one is split)."""

    port: Ref[Any]
    stream: StreamName
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PortOutputCut:
    """To the owner: the process wrote more than `max_output_bytes`; from here on it is read and thrown away."""

    port: Ref[Any]
    stream: StreamName
    max_output_bytes: int

    def __str__(self) -> str:
        return f"{self.stream} was cut after {self.max_output_bytes:,} bytes: raise max_output_bytes to see more"


@dataclass(frozen=True, slots=True)
class PortExit:
    """To the owner, after all output: the process has ended with this status; minus the signal's number where a signal ended it."""

    port: Ref[Any]
    status: int
