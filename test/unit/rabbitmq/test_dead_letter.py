"""What a message looks like where it is put aside."""

from typing import Any

import pytest
from pika import BasicProperties

from cameron.rabbitmq.dead_letter import dead_properties

TIME = "2026-11-21T00:47:00.123Z"


def headers_of(properties: BasicProperties) -> dict[Any, Any]:
    return dict(dead_properties(properties, "why", TIME).headers or {})


def test_a_dead_letter_has_the_originals_properties_and_the_reason() -> None:
    original = BasicProperties(content_type="text/plain", message_id="m", headers={"a": [1, None]}, delivery_mode=1, timestamp=7)
    dead = dead_properties(original, "why", TIME)
    assert (dead.content_type, dead.message_id, dead.timestamp) == ("text/plain", "m", 7)
    assert dead.headers == {"a": [1, None], "x-cameron-reason": "why", "x-cameron-time": TIME}
    assert dead.delivery_mode == 2, "it is there after the broker's restart, too"
    assert (original.headers, original.delivery_mode) == ({"a": [1, None]}, 1)


def test_properties_that_the_broker_would_act_on_become_headers() -> None:
    original = BasicProperties(expiration="5000", user_id="bob", headers={"CC": ["a"], "BCC": ["b"]})
    dead = dead_properties(original, "why", TIME)
    assert (dead.expiration, dead.user_id) == (None, None)
    kept = {"x-cameron-expiration": "5000", "x-cameron-user-id": "bob", "x-cameron-cc": ["a"], "x-cameron-bcc": ["b"]}
    assert headers_of(original) == {**kept, "x-cameron-reason": "why", "x-cameron-time": TIME}


def test_a_letter_that_dies_again_has_the_last_reason() -> None:
    again = BasicProperties(headers={"x-cameron-reason": "before", "x-cameron-time": "then"})
    assert headers_of(again) == {"x-cameron-reason": "why", "x-cameron-time": TIME}


@pytest.mark.parametrize("header", [{"a": "x" * 70_000}, {"a": 1 << 70}, {"x" * 300: 1}, {"a": object()}])
def test_headers_that_cannot_be_sent_again_are_given_up(header: dict[str, Any]) -> None:
    original = BasicProperties(message_id="m", headers=header)
    assert headers_of(original) == {"x-cameron-headers-lost": True, "x-cameron-reason": "why", "x-cameron-time": TIME}
    assert dead_properties(original, "why", TIME).message_id == "m"


def test_headers_that_can_be_sent_again_are_kept_beside_those_that_cannot() -> None:
    original = BasicProperties(headers={"a": 1, "b": 1 << 70, "c": [1 << 70], "d": "x"})
    assert headers_of(original) == {"a": 1, "d": "x", "x-cameron-headers-lost": True, "x-cameron-reason": "why", "x-cameron-time": TIME}


def test_a_long_reason_is_cut() -> None:
    assert dead_properties(BasicProperties(), "x" * 5000, TIME).headers == {"x-cameron-reason": "x" * 1000, "x-cameron-time": TIME}
