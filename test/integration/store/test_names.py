"""The sets of names that nodes share, and what becomes of something else in their place."""

from typing import Any

from cameron.store import keys
from cameron.store.names import names_in


def test_a_set_is_read(client: Any) -> None:
    assert names_in(client, keys.NODES) == set()
    client.sadd(keys.NODES, "a", "b")
    assert names_in(client, keys.NODES) == {"a", "b"}


def test_what_is_no_set_is_moved_aside(client: Any) -> None:
    client.set(keys.NODES, "a slip")
    assert names_in(client, keys.NODES) == set()
    client.sadd(keys.NODES, "a")
    assert names_in(client, keys.NODES) == {"a"}
    assert client.get(keys.misplaced(keys.NODES)) == "a slip"


def test_what_was_moved_aside_first_stays(client: Any) -> None:
    for slip in ("first", "second"):
        client.set(keys.NODES, slip)
        assert names_in(client, keys.NODES) == set()
    assert client.get(keys.misplaced(keys.NODES)) == "first"
    assert client.get(keys.NODES) == "second"
