"""A message that starts nothing, as it is put aside: the original body and properties, and why in its headers.

Some properties would have the broker act on them once more, so they are kept under another name, as headers:
`expiration` would let the dead letter vanish, `user_id` has to be the publisher's own, `CC` and `BCC` send copies to more queues.
"""

import copy
from typing import Any

from pika import BasicProperties

REASON, TIME, LOST = "x-cameron-reason", "x-cameron-time", "x-cameron-headers-lost"
SENDERS_OWN = {"CC": "x-cameron-cc", "BCC": "x-cameron-bcc"}
LONGEST_REASON = 1000  # characters
LARGEST = 64 * 1024  # bytes: all properties have to fit one frame, which is of 128 KiB unless the broker says otherwise
PERSISTENT = 2


def dead_properties(original: BasicProperties, reason: str, time: str) -> BasicProperties:
    """The properties of the dead letter; `time` is RFC 3339."""
    properties = copy.copy(original)
    headers: dict[Any, Any] = {SENDERS_OWN.get(name, name): value for name, value in dict(original.headers or {}).items()}
    for name in ("expiration", "user_id"):
        if getattr(original, name) is not None:
            headers[f"x-cameron-{name.replace('_', '-')}"] = getattr(original, name)
            setattr(properties, name, None)
    properties.headers = _sendable(properties, headers) | {REASON: reason[:LONGEST_REASON], TIME: time}
    properties.delivery_mode = PERSISTENT
    return properties


def _sendable(properties: BasicProperties, headers: dict[Any, Any]) -> dict[Any, Any]:
    """What of them pika can write again, and a note where that is not all."""
    kept = {name: value for name, value in headers.items() if _can_be_sent(BasicProperties(headers={name: value}))}
    properties.headers = kept
    if not _can_be_sent(properties):
        kept = {}
    return kept if len(kept) == len(headers) else kept | {LOST: True}


def _can_be_sent(properties: BasicProperties) -> bool:
    """Whether pika can write what it has read, within a frame."""
    try:
        return sum(map(len, properties.encode())) <= LARGEST
    except Exception:  # names that are no UTF-8, numbers that are too large, ...: it fails in many ways
        return False
