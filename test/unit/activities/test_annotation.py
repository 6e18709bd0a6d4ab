"""What values become by annotations, on their way in and out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import pytest

from cameron.activities.annotation import NOTHING_SAID, WrongValue, annotations_of, as_json, made, refused
from cameron.core.strict_json import DEPTH_MAX


class Colour(Enum):
    RED = "red"


@dataclass
class Item:
    name: str
    count: int = 1


@dataclass
class Order:
    items: list[Item]
    parent: "Order | None" = None


class Point(NamedTuple):
    x: int
    y: float


class Address(TypedDict):
    street: str
    town: NotRequired[str]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_annotations_of_data_and_result_are_read_and_others_left_alone() -> None:
    def one(data: "list[Item]", context: "NotThere") -> "Item": ...  # type: ignore[name-defined,empty-body] # noqa: F821
    def two(data, context): ...  # type: ignore[no-untyped-def]
    def three(data: object) -> Any: ...

    assert annotations_of(one) == (list[Item], Item)
    assert annotations_of(two) == annotations_of(three) == (NOTHING_SAID, NOTHING_SAID)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (NOTHING_SAID, {"a": [1]}, {"a": [1]}),
        (int, 5, 5),
        (float, 5, 5.0),
        (int | None, None, None),
        (int | str, "5", "5"),
        (None, None, None),
        (Item, {"name": "a"}, Item("a")),
        (Order, {"items": [{"name": "a", "count": 2}], "parent": {"items": []}}, Order([Item("a", 2)], Order([]))),
        (Point, [1, 2], Point(1, 2.0)),
        (Address, {"street": "s"}, {"street": "s"}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (Colour, "red", Colour.RED),
        (Literal["a", "b"], "a", "a"),
        (datetime, "2026-11-20T22:38:00Z", datetime(2026, 11, 20, 22, 38, tzinfo=UTC)),
    ],
)
def test_a_value_becomes_what_the_annotation_says(annotation: Any, value: Any, expected: Any) -> None:
    assert refused(annotation) == ""
    assert made(value, annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (int, "5", "Expected `int`, got `str`"),
        (Item, {}, "Object missing required field `name`"),
        (Order, {"items": [{"name": 5}]}, r"Expected `str`, got `int` - at `\$.items\[0\].name`"),
        (Address, [], "Expected `object`, got `array`"),
        (Colour, "blue", "Invalid enum value 'blue'"),
        (None, 1, "Expected `null`, got `int`"),
    ],
)
def test_a_value_that_is_not_what_the_annotation_says_is_refused_with_where(annotation: Any, value: Any, text: str) -> None:
    with pytest.raises(WrongValue, match=text):
        made(value, annotation)


@pytest.mark.parametrize("annotation", [complex, Item | Order, dict[str, complex], list[tuple[int, complex]], 5])
def test_an_annotation_that_json_knows_nothing_of_is_refused(annotation: Any) -> None:
    assert "write another one, or none" in refused(annotation) or "JSON has no complex: write a dataclass" in refused(annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ({"b": 1, "a": "ü"}, NOTHING_SAID, '{"b":1,"a":"ü"}'),
        (None, NOTHING_SAID, "null"),
        (None, None, "null"),
        (Item("a"), NOTHING_SAID, '{"name":"a","count":1}'),
        ([Item("a"), Colour.RED], NOTHING_SAID, '[{"name":"a","count":1},"red"]'),
        (Order([Item("a")]), Order, '{"items":[{"name":"a","count":1}],"parent":null}'),
        ({"name": "a"}, Item, '{"name":"a"}'),
        (Point(1, 2.5), Point, "[1,2.5]"),
        (Point(1, 2.5), NOTHING_SAID, "[1,2.5]"),
        ({1: Item("a")}, NOTHING_SAID, '{"1":{"name":"a","count":1}}'),
        (Decimal("1.50"), NOTHING_SAID, '"1.50"'),
        (datetime(2026, 11, 20, tzinfo=UTC), datetime, '"2026-11-20T00:00:00Z"'),
    ],
)
def test_what_is_returned_becomes_json(value: Any, annotation: Any, expected: str) -> None:
    assert as_json(value, annotation).decode() == expected


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "annotation", "text"),
    [
        (float("nan"), NOTHING_SAID, "a number too large for JSON"),
        ([float("inf")], list[float], "a number too large for JSON"),
        ({"a": "\ud800"}, NOTHING_SAID, "a lone surrogate"),
        (Item("\ud800"), Item, "surrogate"),
        ([10**5000], NOTHING_SAID, "a number too large for JSON"),
        (nested(DEPTH_MAX + 1), NOTHING_SAID, "nested too deeply"),
        (nested(100_000), NOTHING_SAID, "nested too deeply"),
        (CIRCLE, NOTHING_SAID, "nested too deeply"),
        (object(), NOTHING_SAID, "object is unsupported"),
        ({"a": open}, NOTHING_SAID, "unsupported"),
        ({(1, 2): 3}, NOTHING_SAID, "."),
        (None, int, "Expected `int`, got `null`"),
        ({"name": 5}, Item, r"Expected `str`, got `int` - at `\$.name`"),
    ],
)
def test_what_is_no_json_is_refused(value: Any, annotation: Any, text: str) -> None:
    with pytest.raises(WrongValue, match=text):
        as_json(value, annotation)


def test_what_is_nested_as_deep_as_may_be_is_taken() -> None:
    assert as_json(nested(DEPTH_MAX), NOTHING_SAID) == b"[" * DEPTH_MAX + b"1" + b"]" * DEPTH_MAX
