"""What `@activity` takes, and what it refuses with what to do."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.activity import Context, Declaration, activity, declaration
from cameron.activities.session import MemorySession


def test_a_function_stays_what_it_is() -> None:
    @activity
    def double(data: int) -> int:
        return 2 * data

    assert (double(2), double.__name__) == (4, "double")
    assert declaration(double) == Declaration("double", 0.0, "", False)


def test_it_may_have_another_name_a_timeout_and_an_isolation_and_take_the_context() -> None:
    @activity(name="charge-card", timeout_s=5, isolation="process")
    def charge(data: Any, context: Context) -> None: ...

    assert declaration(charge) == Declaration("charge-card", 5.0, "process", True)


def test_what_is_not_declared_is_no_activity() -> None:
    assert [declaration(value) for value in (len, None, 5, Declaration)] == [None] * 4


def test_a_context_knows_its_idempotency_key_and_its_session() -> None:
    context = Context("foo", "123", "k", "charge", 2, {}, MemorySession({"a": "1"}))
    context.session_set("b", "2")
    assert (context.idempotency_key, context.session_get("a"), context.session_get("b")) == ("123/charge", "1", "2")
    with pytest.raises(AttributeError):
        context.attempt = 3  # type: ignore[misc]


async def awaited(data: Any) -> None: ...
async def flows(data: Any) -> AsyncIterator[int]:
    yield 1


def yields(data: Any) -> Iterator[int]:
    yield 1


def nothing() -> None: ...
def three(data: Any, context: Any, more: Any) -> None: ...
def named(data: Any, *, more: int = 1) -> None: ...
def any_number(*data: Any) -> None: ...
def limited(data: Any, limit: int = 5) -> None: ...
def path(data: Path) -> None: ...
def opened(data: Any) -> Callable[[], None]: ...
def inner(data: list[dict[str, Path]]) -> None: ...
def unread(data: "list[") -> None: ...  # type: ignore[valid-type] # noqa: F722


class Owner:
    def method(self, data: Any) -> None: ...
    def odd(this, data: Any) -> None: ...  # noqa: N805
    @staticmethod
    def still(data: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (awaited, "awaited: it is `async`, and nobody would await it: write a plain `def`"),
        (flows, "flows: it is `async`"),
        (yields, "yields: it is a generator: return a list"),
        (nothing, "nothing: it is called with the data, or with data and context: write `def name"),
        (three, "three: it is called with"),
        (named, "named: it is called with"),
        (any_number, "any_number: it is called with"),
        (limited, "its second parameter, 'limit', is given the context"),
        (Owner.method, "Owner.method: it is a method"),
        (Owner().method, "Owner.method: it is no function"),
        (Owner.odd, "Owner.odd: it is a method"),
        (Owner.still, "Owner.still: it is a method"),
        (Owner, "Owner: it is a class: derive it from BaseActivity"),
        (len, "len: it is no function"),
        (5, "5: it is no function"),
        ("pay", "'pay': it is a text: write `@activity(name=...)`"),
        (path, "path: the annotation of data is of no use: JSON has no Path: write a dataclass"),
        (opened, "opened: the annotation of what it returns is of no use: JSON has no Callable"),
        (inner, "inner: the annotation of data is of no use: JSON has no Path"),
        (unread, "unread: an annotation cannot be read"),
    ],
)
def test_what_cannot_be_an_activity_is_refused_with_what_to_do(function: Any, text: str) -> None:
    with pytest.raises(TypeError) as refused:
        activity(function)
    assert str(refused.value).startswith("@activity cannot take ")
    assert text in str(refused.value)
    assert declaration(function) is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"isolation": "proces"}, "isolation is 'thread' or 'process', not 'proces'"),
        ({"timeout_s": -1}, "timeout_s is a number of seconds, 0 for the node's own, not -1"),
        ({"timeout_s": float("nan")}, "timeout_s is a number"),
        ({"timeout_s": float("inf")}, "timeout_s is a number"),
        ({"timeout_s": "5"}, "timeout_s is a number"),
        ({"timeout_s": True}, "timeout_s is a number"),
        ({"name": "a,b"}, "has a comma"),
        ({"name": "x" * 129}, "128 is the most"),
    ],
)
def test_what_it_cannot_say_is_refused_with_what_it_can(options: dict[str, Any], text: str) -> None:
    def one(data: Any) -> None: ...

    with pytest.raises(TypeError, match=rf"@activity of .*one: .*{text}"):
        activity(**options)(one)


def test_an_annotation_of_what_is_defined_further_down_is_looked_at_later() -> None:
    def one(data: "DefinedLater") -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert declaration(activity(one)) == Declaration("one", 0.0, "", False)


def test_a_context_that_only_a_type_checker_has_imported_is_none_of_its_business() -> None:
    def one(data: int, context: "OnlyForTypes") -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert declaration(activity(one)) == Declaration("one", 0.0, "", True)
