"""The tree as data: bounded where there may be very many."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.otp import Actor, ChildSpec, DynamicSupervisor, Supervisor, start_child, tree_of


@pytest.fixture
def top() -> Iterator[Any]:
    """A supervisor of two actors, and of a dynamic supervisor of five."""

    def crowd() -> Any:
        supervisor = DynamicSupervisor.start(lambda n: Actor.start(name=f"tree child {n}"), name="tree_crowd")
        for number in range(5):
            start_child(supervisor, number)
        return supervisor

    root = Supervisor.start([ChildSpec("a", Actor.start), ChildSpec("b", Actor.start), ChildSpec("crowd", crowd, type="supervisor")])
    yield root
    root.stop()


def test_without_a_limit_the_tree_has_everybody(top: Any) -> None:
    crowd = tree_of(top).children[-1]
    assert ([child.name for child in crowd.children], crowd.more) == ([f"tree child {n}" for n in range(5)], 0)


def test_a_limit_leaves_the_youngest_children_of_a_dynamic_supervisor_out_and_counts_them(top: Any) -> None:
    crowd = tree_of(top, 2).children[-1]
    assert ([child.name for child in crowd.children], crowd.more) == (["tree child 0", "tree child 1"], 3)


def test_a_limit_does_not_concern_the_children_that_are_written_down(top: Any) -> None:
    tree = tree_of(top, 0)
    assert ([child.name for child in tree.children], tree.more) == (["a", "b", "tree_crowd"], 0)
