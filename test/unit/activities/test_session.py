"""The session in memory."""

from typing import Any

import pytest

from cameron.activities.session import MemorySession
from cameron.core.session_text import KEYS_MAX


def test_what_is_set_is_there_for_who_asks() -> None:
    session = MemorySession({"a": "1"})
    session.set("b", "2")
    session.set("a", "3")
    assert (session.get("a"), session.get("b"), session.get("c")) == ("3", "2", None)
    assert session.values == {"a": "3", "b": "2"}


def test_nobody_changes_it_from_outside() -> None:
    given = {"a": "1"}
    session = MemorySession(given)
    given["a"] = session.values["a"] = "2"
    assert session.get("a") == "1"


@pytest.mark.parametrize(("key", "value"), [("a", 1), (1, "a"), ("a", None)])
def test_it_keeps_strings_alone(key: Any, value: Any) -> None:
    session = MemorySession()
    with pytest.raises(TypeError, match="is a string, not"):
        session.set(key, value)
    assert session.values == {}
    with pytest.raises(TypeError, match="is a string, not"):
        session.get(5)  # type: ignore[arg-type]


def test_it_has_a_bound_of_keys_and_those_it_has_may_still_be_set() -> None:
    session = MemorySession({str(number): "" for number in range(KEYS_MAX)})
    session.set("0", "changed")
    with pytest.raises(ValueError, match="the session has 10,000 keys, and takes no more"):
        session.set("another", "")
    assert (session.get("0"), session.get("another")) == ("changed", None)
