"""JSON as it is taken in and written out: nothing passes that cannot go out again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.strict_json import NotJson, compact, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert parse(compact(value).encode()) == value


@given(st.binary() | TEXT.map(str.encode) | st.text(st.sampled_from('{}[]",:\\u0dD8eE+-.1nultrafse \n')).map(str.encode))
def test_whatever_comes_in_is_refused_or_can_be_written_out(raw: bytes) -> None:
    try:
        written = compact(parse(raw))
    except NotJson:
        return
    assert compact(parse(written.encode())) == written


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "^it is no JSON .line 1, column 1.$"),
        (b"{", "line 1, column 2"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"1 2", "line 1, column 3"),
        (b"NaN", "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "-Infinity is not JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b'"a\x00b"', "line 1, column 3"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 5_000, "too many digits"),
    ],
)
def test_what_is_no_json_is_refused_with_a_reason(raw: bytes, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [(b"1e999", "a number too large"), (rb'"\ud800"', "a lone surrogate"), (rb'{"\udfff": 1}', "a lone surrogate")],
)
def test_what_json_allows_and_cannot_be_written_out_is_refused_then(raw: bytes, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        compact(parse(raw))


def test_compact_text_has_no_spaces_and_no_escapes_that_are_not_needed() -> None:
    assert compact({"a": [1, 2.5, None, True], "ä": "\n€"}) == '{"a":[1,2.5,null,true],"ä":"\\n€"}'


@pytest.mark.parametrize(("depth", "taken"), [(200, True), (201, False), (900, False), (100_000, False)])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":[', b"]}")])
def test_how_deep_json_may_be_nested_does_not_hang_on_the_callers_stack(depth: int, taken: bool, opening: bytes, closing: bytes) -> None:
    times = depth if len(opening) == 1 else depth // 2
    raw = opening * times + (b"[]" if times * len(closing) < depth else b"") + closing * times

    def from_a_deep_stack(frames: int) -> Any:
        return from_a_deep_stack(frames - 1) if frames else parse(raw)

    for frames in (0, 300):
        if taken:
            assert from_a_deep_stack(frames) == parse(raw)
        else:
            with pytest.raises(NotJson, match="nested too deeply"):
                from_a_deep_stack(frames)
