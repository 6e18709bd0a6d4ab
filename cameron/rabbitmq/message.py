"""What a message asks for: `{"name": "DummyWorkflow", "input_data": {}}`, with a `key` and a `requestor` where they matter."""

import re
from typing import Any, NamedTuple

from cameron.core.strict_json import NotJson, parse
from cameron.definitions import Given

EXAMPLE = '{"name": "DummyWorkflow", "input_data": {}}'
MEMBERS = ("name", "input_data", "key", "requestor")
_MESSAGE_ID = re.compile(r"[\x20-\x7e]{1,255}")  # as the header Idempotency-Key has to be
LONGEST_SHOWN = 100  # characters of a message's own text that are repeated


class Unreadable(Exception):
    """Nothing can be started from the message; the text says why, and what a message looks like."""


class StartRequest(NamedTuple):
    """A start of a process of whatever dialect."""

    process: str
    idempotency_key: str  # the message_id; where there is none, one that holds as long as this node holds the message
    given: Given

    @property
    def message(self) -> str:
        """Which message it is, for people's eyes."""
        has_id = self.idempotency_key != self.given.spare_key
        return f"message {self.idempotency_key!r}" if has_id else "a message without message_id"


def read(body: bytes, message_id: Any, fresh_id: str, max_bytes: int) -> StartRequest:
    """The start that the message asks for; its `fresh_id` stands in where it bears no message_id. Raises Unreadable."""
    if len(body) > max_bytes:
        raise Unreadable(f"the message has {len(body):,} bytes, and no more than {max_bytes:,} are taken (max_body_bytes under [web])")
    if message_id and not (isinstance(message_id, str) and _MESSAGE_ID.fullmatch(message_id)):
        raise Unreadable("the property message_id must be 1 to 255 printable ASCII characters: a UUID does well")
    members = _members(body)
    given = {"key": members.get("key", message_id)} if "key" in members or message_id else {}
    given |= {name: members[member] for name, member in (("data", "input_data"), ("requestor", "requestor")) if member in members}
    return StartRequest(members["name"], message_id or fresh_id, Given(given, fresh_id))


def _members(body: bytes) -> dict[str, Any]:
    form = f"an object like {EXAMPLE}"
    try:
        members = parse(body)
    except NotJson as error:
        raise Unreadable(f"the message cannot be read: {error}; it must be {form}") from None
    if not isinstance(members, dict):
        raise Unreadable(f"the message must be {form}")
    if not isinstance(members.get("name"), str) or not members["name"]:
        lead = "name must be text" if "name" in members else "the message lacks a name"
        raise Unreadable(f"{lead}: that of the workflow or process to start, as in {EXAMPLE}")
    for unknown in sorted(members.keys() - set(MEMBERS)):
        raise Unreadable(f"the message has an unknown member {unknown[:LONGEST_SHOWN]!r}: it may have {', '.join(MEMBERS)}")
    return members
