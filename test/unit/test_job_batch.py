"""A batch's bodies, and what is wrong with a batch that has none, too many, or is no JSON."""

import pytest

from cameron.errors import InvalidRequest
from cameron.job_batch import MOST, bodies_of


def test_the_bodies_come_in_their_order_as_they_stand() -> None:
    assert bodies_of(b' [{"key": "k", "data": 1.0},\n7, {"key":"k"}] ') == [b'{"key": "k", "data": 1.0}', b"7", b'{"key":"k"}']


def test_as_many_as_may_be_are_taken() -> None:
    assert bodies_of(b"[" + b",".join([b"{}"] * MOST) + b"]") == [b"{}"] * MOST


@pytest.mark.parametrize(
    ("batch", "code", "says"),
    [
        (b"[]", "batch_empty", "a JSON array of 1 to 1,000 bodies of starts"),
        (b" [ \n ] ", "batch_empty", "is empty"),
        (b"[" + b",".join([b"{}"] * (MOST + 1)) + b"]", "batch_too_large", "more than 1,000 starts"),
        (b"[" + b"1," * 200_000, "batch_too_large", "send them in several"),
        (b'[{"key": "k"},]', "body_not_json", "column 15"),
        (b'[{"key": "k"}', "body_not_json", "a JSON array of 1 to 1,000 bodies of starts"),
        (b'[{"key": "\xff"}]', "body_not_json", "not UTF-8 at byte 10"),
    ],
)
def test_a_batch_that_cannot_be_taken_is_refused_with_what_it_must_be(batch: bytes, code: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies_of(batch)
    assert refused.value.code == code
    assert says in refused.value.message
