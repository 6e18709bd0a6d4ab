"""Properties of a message with headers as other clients than pika write them: all that AMQP has, byte by byte."""

import struct
from collections.abc import Mapping
from typing import Any

from pika import BasicProperties

HEADERS, DELIVERY_MODE, MESSAGE_ID = 1 << 13, 1 << 12, 1 << 7  # in the order in which they are written
PERSISTENT = b"\x02"


def timestamp(value: int) -> bytes:
    """Seconds, where the sender keeps to the standard."""
    return b"T" + struct.pack(">Q", value)


def double(value: float) -> bytes:
    return b"d" + struct.pack(">d", value)


def single(value: float) -> bytes:
    return b"f" + struct.pack(">f", value)


def text(value: str) -> bytes:
    return b"S" + struct.pack(">I", len(value.encode())) + value.encode()


def array(*values: bytes) -> bytes:
    return b"A" + _long(b"".join(values))


def nested(values: Mapping[str, bytes]) -> bytes:
    return b"F" + table(values)


def table(values: Mapping[str, bytes]) -> bytes:
    """The headers themselves, or those in a header."""
    return _long(b"".join(_short(name) + value for name, value in values.items()))


class RawProperties(BasicProperties):
    """A persistent message with such headers."""

    def __init__(self, message_id: str, headers: Mapping[str, bytes]) -> None:
        super().__init__(message_id=message_id)
        self._raw = table(headers)

    def encode(self) -> Any:
        """What pika sends, in pieces."""
        assert self.message_id is not None
        return [struct.pack(">H", HEADERS | DELIVERY_MODE | MESSAGE_ID), self._raw, PERSISTENT, _short(self.message_id)]


def _short(value: str) -> bytes:
    return bytes([len(value.encode())]) + value.encode()


def _long(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
