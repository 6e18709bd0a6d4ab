"""An array taken apart: each element as it stands there, and nothing of what is no array."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.json_array import elements
from cameron.core.strict_json import NotJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b"[]", []),
        (b" [ ] \n", []),
        (b"[{}]", [b"{}"]),
        (b'\n[ {"b": 1, "a" : 2}\t,\r\n[3] ]\n', [b'{"b": 1, "a" : 2}', b"[3]"]),
        (b'["]", "a,b", "\\"["]', [b'"]"', b'"a,b"', b'"\\"["']),
        (b'[1.0, 1e5, -0, null, "\xc3\xa9", "\\u00e9"]', [b"1.0", b"1e5", b"-0", b"null", b'"\xc3\xa9"', b'"\\u00e9"']),
        (b'[{"a": 1, "a": 2}]', [b'{"a": 1, "a": 2}']),
    ],
)
def test_each_element_is_the_text_that_stands_there(raw: bytes, texts: list[bytes]) -> None:
    assert list(elements(raw)) == texts


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_whatever_array_is_taken_apart_its_elements_are_its_own(values: list[Any], indent: int | None, ascii_only: bool) -> None:
    raw = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    assert [json.loads(text) for text in elements(raw)] == values


def test_what_is_wrong_within_an_element_is_left_to_whoever_reads_it() -> None:
    hostile = [b'{"a":NaN}', b"9" * 10_000, b"-Infinity", b'"\\ud800"', b"[" * 300 + b"]" * 300]
    assert list(elements(b"[" + b",".join(hostile) + b"]")) == hostile


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{}",
        b'"["',
        b"[",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,]",
        b"[1 2]",
        b"[1],",
        b"[1]]",
        b"[1}",
        b"[{]",
        b"[x]",
        b"\xef\xbb\xbf[]",
        b"[\xa0]",
    ],
)
def test_what_is_no_array_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        list(elements(raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'[1,\n "a" b]', "it is no JSON (line 2, column 6)"),
        (b"[1, x]", "it is no JSON (line 1, column 5)"),
        (b'["\xff"]', "not UTF-8 at byte 2"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_it_is_told_why_and_where(raw: bytes, why: str) -> None:
    with pytest.raises(NotJson) as refused:
        list(elements(raw))
    assert str(refused.value) == why


def test_what_comes_before_a_fault_is_given_before_it_is_met() -> None:
    found = elements(b"[1, 2, x")
    assert [next(found), next(found)] == [b"1", b"2"]
    with pytest.raises(NotJson):
        next(found)
