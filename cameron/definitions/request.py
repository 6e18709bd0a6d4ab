"""The body of a start, where a dialect's clients send a JSON object that names a key: what is taken, and what is answered."""

from collections.abc import Mapping
from typing import Any

from cameron.core.process import CONTROL_CHARACTER
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Given
from cameron.definitions.manner import Answer
from cameron.errors import InvalidRequest

KEY_MAX = 256
TOO_LARGE = "body_too_large"  # the code of a body over the limit


def request_object(body: bytes, example: str) -> dict[str, Any]:
    """The members of the body; `example` is an object as the dialect takes it. Raises InvalidRequest."""
    form = f"an object like {example}"
    if not body.strip():
        raise InvalidRequest("body_empty", f"the body is empty; it must be {form}")
    try:
        fields = parse(body)
    except NotJson as error:
        raise InvalidRequest("body_not_json", f"the body cannot be read: {error}; it must be {form}") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("body_not_object", f"the body must be {form}")
    return fields


def body_of(members: Mapping[str, Any]) -> bytes:
    """The body that `request_object` reads these out of. Raises InvalidRequest."""
    try:
        return compact(members).encode()
    except NotJson as error:
        raise InvalidRequest("body_invalid", f"the data hold what JSON in UTF-8 cannot: {error}") from None


def keyed_body(given: Given) -> bytes:
    """The body of a start that has to name a key. Raises InvalidRequest."""
    return body_of({"key": given.spare_key, **given.members})


def requested_key(fields: Mapping[str, Any]) -> str:
    """The key that the members name. Raises InvalidRequest."""
    if "key" not in fields:
        raise InvalidRequest("key_missing", f"the body must name a key: a string of 1 to {KEY_MAX} characters", "key")
    key = fields["key"]
    if not isinstance(key, str):
        raise InvalidRequest("key_invalid", "the key must be a string", "key")
    if fault := _key_fault(key):
        raise InvalidRequest("key_invalid", fault, "key")
    return key


def named_requestor(fields: Mapping[str, Any]) -> str:
    """In whose name the job is started, "" where nobody says. Raises InvalidRequest."""
    requestor = fields.get("requestor", "")
    if not isinstance(requestor, str):
        raise InvalidRequest("requestor_invalid", "the requestor must be a string", "requestor")
    return requestor


def echo(status: int, payload: str, ended: bytes | None = None) -> Answer:
    """The answer to a start that repeats its body, with the `job` where the client waited for its end."""
    body = b'{"payload": ' + compact(payload).encode()
    body += b', "job": ' + ended if ended else b""
    return Answer(status, body + b"}")


def _key_fault(key: str) -> str | None:
    if not key or len(key) > KEY_MAX:
        return f"the key must have 1 to {KEY_MAX} characters, not {len(key)}"
    if CONTROL_CHARACTER.search(key):
        return "the key must not hold control characters"
    if key in (".", ".."):
        return "the key must not be '.' or '..', which mean something else in a URL"
    return None
