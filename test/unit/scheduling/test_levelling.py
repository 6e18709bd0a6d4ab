"""How many of their waiting runs nodes give away to those that are idle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.scheduling.levelling import AT_ONCE, gifts

Nodes = dict[str, tuple[int, int, int]]


def work(running: int, waiting: int, places: int) -> tuple[int, int, int]:
    return running, waiting, places


@pytest.mark.parametrize(
    ("nodes", "given"),
    [
        ({}, {}),
        ({"a": work(2, 78, 2)}, {}),  # there is nobody else
        ({"a": work(2, 78, 2), "b": work(0, 0, 2)}, {"ab": 40}),  # each its half
        ({"a": work(2, 78, 2), "b": work(0, 0, 6)}, {"ab": 60}),  # to each by its places
        ({"a": work(2, 1, 2), "b": work(1, 0, 2)}, {"ab": 1}),
        ({"a": work(2, 1, 2), "b": work(2, 0, 2)}, {}),  # it has no free place
        ({"a": work(2, 78, 2), "b": work(1, 1, 2)}, {}),  # it is about to start one, and has its own
        ({"a": work(1, 1, 2), "b": work(0, 0, 2)}, {}),  # the one that waits is about to start
        ({"a": work(2, 30, 2), "b": work(2, 10, 2), "c": work(0, 0, 2)}, {"ac": 16}),  # the fullest gives first
        ({"a": work(2, 18, 2), "b": work(2, 18, 2), "c": work(0, 0, 2)}, {"ac": 7, "bc": 6}),
        ({"a": work(2, 1, 2), "b": work(2, 1, 2), "c": work(0, 0, 1)}, {"ac": 1}),  # one free place is filled once
        ({"a": work(2, 8, 2), "b": work(0, 0, 1), "c": work(0, 0, 1)}, {"ab": 2, "ac": 2}),
        ({"a": work(0, 5, 0), "b": work(0, 0, 2)}, {}),
        ({"a": work(2, 78, 2), "b": work(0, 0, 0)}, {}),
        ({"a": work(5, 3, 2), "b": work(0, 0, 2)}, {"ab": 3}),  # those that have begun stay
        ({"a": work(1, 1_000_000, 1), "b": work(0, 0, 1)}, {"ab": AT_ONCE}),
    ],
)
def test_runs_go_from_the_fullest_to_those_that_are_idle(nodes: Nodes, given: dict[str, int]) -> None:
    assert gifts(nodes) == {tuple(names): count for names, count in given.items()}


works = st.builds(lambda places, load: work(min(places, load), max(0, load - places), places), st.integers(1, 8), st.integers(0, 60))
fleets = st.dictionaries(st.sampled_from("abcdefgh"), works)


def idle(nodes: Nodes) -> list[str]:
    return [name for name, (running, waiting, places) in nodes.items() if not waiting and running < places]


def loads_after(nodes: Nodes) -> dict[str, int]:
    """How many runs each node has when all have given."""
    loads = {name: running + waiting for name, (running, waiting, _) in nodes.items()}
    for (giver, taker), count in gifts(nodes).items():
        loads[giver] -= count
        loads[taker] += count
    return loads


@given(fleets)
def test_nobody_gives_what_it_could_run_itself_nor_what_has_begun(nodes: Nodes) -> None:
    givers = {giver for giver, _ in gifts(nodes)}
    after = loads_after(nodes)
    for name in givers:
        running, waiting, places = nodes[name]
        assert max(running, places) <= after[name] < running + waiting


@given(fleets)
def test_only_who_was_idle_is_given_anything_and_gets_no_fuller_than_who_gave_it_was(nodes: Nodes) -> None:
    after = loads_after(nodes)
    for giver, taker in gifts(nodes):
        assert taker in idle(nodes)
        assert after[taker] / nodes[taker][2] < (after[giver] + 1) / nodes[giver][2]


@given(fleets)
def test_when_all_have_given_nobody_gives_anything_more(nodes: Nodes) -> None:
    after = {
        name: work(min(load, nodes[name][2]), max(0, load - nodes[name][2]), nodes[name][2]) for name, load in loads_after(nodes).items()
    }
    assert gifts(after) == {}


@given(fleets)
def test_no_place_stays_free_while_somewhere_a_run_waits_for_one(nodes: Nodes) -> None:
    free = sum(nodes[name][2] - nodes[name][0] for name in idle(nodes))
    assert gifts(nodes).total() >= min(free, sum(waiting for _, waiting, _ in nodes.values()))
