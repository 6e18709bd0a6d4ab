"""Ids of registered definitions: they follow from the name, so that every node gives the same, before and after an update."""

import hashlib

import pytest

from cameron.definitions.registrar import identity


def test_an_id_is_the_beginning_of_a_digest_of_kind_and_name() -> None:
    assert identity("service", "upper") == hashlib.sha256(b"service upper").hexdigest()[:32]


@pytest.mark.parametrize("other", [("workflow", "upper"), ("service", "Upper"), ("service", "upper2")])
def test_another_kind_or_name_is_another_id(other: tuple[str, str]) -> None:
    assert identity(*other) != identity("service", "upper")
