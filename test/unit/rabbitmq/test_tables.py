"""What senders may put into headers that Python, or pika, has no value for."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from pika import BasicProperties

from cameron.rabbitmq.tables import UNREADABLE, tolerate_odd_values

from ...acceptance.support.raw_properties import RawProperties, array, double, nested, single, text, timestamp

MS = 1_763_740_000_123
DEEP = 20_000


@pytest.fixture(autouse=True)
def tolerant() -> None:
    tolerate_odd_values()


def read(**headers: bytes) -> dict[Any, Any]:
    """The headers as they come; what comes after them has to be readable, too."""
    properties = BasicProperties()
    properties.decode(b"".join(RawProperties("m", headers).encode()))
    assert (properties.delivery_mode, properties.message_id) == (2, "m")
    return dict(properties.headers or {})


def test_what_python_has_a_value_for_is_read_as_ever() -> None:
    tolerate_odd_values()  # a second time is one time
    headers = read(a=timestamp(0), b=array(text("x")), c=nested({"d": text("y")}), e=double(2.0))
    assert headers.pop("a").replace(tzinfo=UTC) == datetime(1970, 1, 1, tzinfo=UTC)
    assert headers == {"b": ["x"], "c": {"d": "y"}, "e": 2}


@pytest.mark.parametrize("value", [MS, 1 << 62, (1 << 64) - 1])
def test_a_timestamp_beyond_pythons_years_is_its_number(value: int) -> None:
    assert read(a=timestamp(value), b=text("x")) == {"a": value, "b": "x"}
    assert read(a=array(timestamp(value), text("x")), b=nested({"c": timestamp(value)})) == {"a": [value, "x"], "b": {"c": value}}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_its_name(value: float) -> None:
    assert read(a=double(value), b=single(value), c=text("x")) == {"a": str(value), "b": str(value), "c": "x"}


def test_headers_that_cannot_be_read_at_all_do_not_hide_the_message() -> None:
    assert read(a=text("x"), b=b"?1") == {UNREADABLE: True}
    assert read(a=text("x"), b=b"S\xff\xff\xff\xff") == {UNREADABLE: True}
    assert read(a=text("x"), b=nested({"c": b"?1"})) == {"a": "x", "b": {UNREADABLE: True}}


def test_headers_nested_too_deeply_do_not_hide_the_message() -> None:
    value = b"V"
    for _ in range(DEEP):
        value = b"A" + len(value).to_bytes(4, "big") + value
    assert read(a=value, b=text("x")).keys() <= {"a", "b", UNREADABLE}
