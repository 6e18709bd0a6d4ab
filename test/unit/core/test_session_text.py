"""What a session keeps, and what it refuses."""

from typing import Any

import pytest

from cameron.core.session_text import KEY_MAX, VALUE_MAX_BYTES, checked_key, checked_value


class Word(str):
    """A string of a class of its own."""

    __slots__ = ()


@pytest.mark.parametrize("text", ["", "ü\n\0", "x" * VALUE_MAX_BYTES])
def test_any_text_may_be_a_value(text: str) -> None:
    assert checked_value(text) == text


@pytest.mark.parametrize("text", ["k", "a key with: everything\n", "ü" * KEY_MAX])
def test_any_short_text_may_be_a_key(text: str) -> None:
    assert checked_key(text) == text


def test_a_string_of_another_class_becomes_a_plain_one() -> None:
    assert type(checked_value(Word("a"))) is str


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["a"], {"a": 1}])
def test_what_is_no_string_is_refused_with_what_to_do(value: Any) -> None:
    with pytest.raises(TypeError, match=rf"a session's value is a string, not {type(value).__name__}: convert it, with json.dumps"):
        checked_value(value)
    with pytest.raises(TypeError, match="a session's key is a string"):
        checked_key(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("\ud800", "has a lone surrogate"),
        ("x" * (VALUE_MAX_BYTES + 1), "may have 1,048,576 bytes"),
        ("ü" * (VALUE_MAX_BYTES // 2 + 1), "1,048,576"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused(value: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        checked_value(value)


@pytest.mark.parametrize(
    ("key", "text"), [("", "1 to 256 characters, not 0"), ("k" * 257, "not 257"), ("\udfff", "a session's key has a lone")]
)
def test_a_key_that_cannot_be_one_is_refused(key: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        checked_key(key)
