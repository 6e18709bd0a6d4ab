"""What a message asks for, and what none can be made of."""

import json
from typing import Any

import pytest

from cameron.rabbitmq.message import Unreadable, read

MAX_BYTES = 10_000
FRESH = "0123456789abcdef0123456789abcdef"


def request(message: Any, message_id: Any = None) -> tuple[str, str, Any]:
    """The process, the idempotency key and what is given of a message that can be read."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    process, idempotency_key, given = read(body, message_id, FRESH, MAX_BYTES)
    assert given.spare_key == FRESH
    return process, idempotency_key, given.members


def test_the_documents_message_is_a_start_with_its_input_data() -> None:
    assert request(b'{"name": "DummyWorkflow", "input_data": {}}') == ("DummyWorkflow", FRESH, {"data": {}})


def test_a_message_id_is_the_idempotency_key_and_the_jobs_key() -> None:
    assert request({"name": "a", "input_data": [1, None]}, "m-1") == ("a", "m-1", {"key": "m-1", "data": [1, None]})


def test_a_message_may_name_the_jobs_key_and_its_requestor() -> None:
    start = {"key": "k", "requestor": "r"}
    assert request({"name": "a", "key": "k", "requestor": "r"}, "m-1") == ("a", "m-1", start)
    assert request({"name": "a", "key": "k", "requestor": "r"}) == ("a", FRESH, start)


def test_what_the_message_does_not_say_is_left_to_the_dialect() -> None:
    assert request({"name": "a"}) == ("a", FRESH, {})
    assert request({"name": "a", "input_data": None, "key": None}, "") == ("a", FRESH, {"key": None, "data": None})


def test_people_are_told_the_message_id_or_that_there_is_none() -> None:
    assert read(b'{"name": "a"}', "m-1", FRESH, MAX_BYTES).message == "message 'm-1'"
    assert read(b'{"name": "a"}', None, FRESH, MAX_BYTES).message == "a message without message_id"


def test_two_readings_of_a_message_make_one_start() -> None:
    body = '{"input_data": {"b": 1, "a": "ä"}, "name": "a"}'.encode()
    first, second = (read(body, "m", fresh_id, MAX_BYTES) for fresh_id in (FRESH, "another"))
    assert (first.idempotency_key, list(first.given.members.items())) == (second.idempotency_key, list(second.given.members.items()))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the message cannot be read: it is no JSON (line 1, column 1); it must be an object like"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'{"name": "a", "input_data": NaN}', "NaN is not JSON"),
        (b"[" * 300 + b"]" * 300, "nested too deeply"),
        (b'"a"', 'the message must be an object like {"name": "DummyWorkflow", "input_data": {}}'),
        (b"{}", "the message lacks a name: that of the workflow or process to start"),
        (b'{"name": ""}', "name must be text"),
        (b'{"name": ["a"]}', "name must be text"),
        (b'{"name": "a", "inputdata": 1}', "an unknown member 'inputdata': it may have name, input_data, key, requestor"),
        (b" " * (MAX_BYTES + 1), "the message has 10,001 bytes, and no more than 10,000 are taken"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, told: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(body, None, FRESH, MAX_BYTES)
    assert told in str(raised.value)


@pytest.mark.parametrize("message_id", ["ä", "a\nb", b"\xff", "x" * 256])
def test_a_message_id_that_cannot_be_an_idempotency_key_is_refused(message_id: Any) -> None:
    with pytest.raises(Unreadable, match="message_id must be 1 to 255 printable ASCII characters"):
        read(b'{"name": "a"}', message_id, FRESH, MAX_BYTES)
