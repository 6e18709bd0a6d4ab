"""Headers as other clients than pika write them: values that Python, or pika, has none for.

pika reads headers while it takes a frame off the connection, and there an error is the end of the connection. The broker would give the
message again to the next one, and the next: one message would stop all that come after it, on every node. So what pika fails at is read
here: a timestamp in milliseconds as its number, a float that is no number by its name, headers that make no sense as none at all.
"""

import struct
from typing import Any

from pika import data  # type: ignore[attr-defined]  # its stubs leave it out

UNREADABLE = "x-cameron-headers-unreadable"
_ODD = {b"T": ">Q", b"f": ">f", b"d": ">d"}  # by kind: what may be a number that Python or pika cannot take
_NESTED = b"A", b"F"

_decode_value, _decode_table = data.decode_value, data.decode_table


def tolerate_odd_values() -> None:
    """From now on, for the whole program; only what would have raised is read otherwise."""
    data.decode_value, data.decode_table = _value, _table


def _value(encoded: bytes, offset: int) -> tuple[Any, int]:
    """The value there and where the next begins, as `pika.data.decode_value` has it, which calls this for values within values."""
    try:
        value, reached = _decode_value(encoded, offset)
        return value, reached
    except (ValueError, OverflowError, OSError, RecursionError):
        kind, offset = encoded[offset : offset + 1], offset + 1
        if kind in _NESTED:  # too deeply: what is in it is passed over
            return None, _end(encoded, offset)
        if kind not in _ODD:
            raise
        (number,) = struct.unpack_from(_ODD[kind], encoded, offset)
        return number if kind == b"T" else str(number), offset + struct.calcsize(_ODD[kind])


def _table(encoded: bytes, offset: int) -> tuple[dict[Any, Any], int]:
    """The same for `pika.data.decode_table`: what comes after the table can be read whatever is in it."""
    end = _end(encoded, offset)
    try:
        values, reached = _decode_table(encoded, offset)
        if reached == end:
            return values, end
    except Exception:  # kinds that pika does not know, values that are cut off, ...: it fails in many ways
        pass
    return {UNREADABLE: True}, end


def _end(encoded: bytes, offset: int) -> int:
    """Where a table or an array ends, which tells its own length first."""
    return offset + 4 + int(struct.unpack_from(">I", encoded, offset)[0])
