"""The node's one place for suspected jobs."""

from hypothesis import given
from hypothesis import strategies as st

from cameron.scheduling.suspects import Suspects


def test_the_first_gets_the_place_and_the_others_in_order() -> None:
    suspects = Suspects()
    assert [suspects.add(ref) for ref in "abc"] == [True, False, False]
    assert [suspects.remove(ref) for ref in "abc"] == ["b", "c", None]
    assert suspects.add("d")


def test_asking_again_changes_nothing() -> None:
    suspects = Suspects()
    assert [suspects.add(ref) for ref in "aabbc"] == [True, True, False, False, False]
    assert list(suspects) == ["a", "b", "c"]


def test_one_that_waits_may_leave() -> None:
    suspects = Suspects()
    for ref in "abc":
        suspects.add(ref)
    assert suspects.remove("b") is None
    assert suspects.remove("a") == "c"


def test_who_is_not_suspected_frees_nothing() -> None:
    suspects = Suspects()
    assert suspects.remove("x") is None
    suspects.add("a")
    assert suspects.remove("x") is None
    assert not suspects.add("b")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5))))
def test_one_has_the_place_at_a_time_and_nobody_is_forgotten(steps: list[tuple[bool, int]]) -> None:
    suspects, there, placed = Suspects(), list[int](), list[int]()
    for comes, ref in steps:
        if comes:
            if ref not in there:
                there.append(ref)
            if suspects.add(ref) and ref not in placed:
                placed.append(ref)
        else:
            following = suspects.remove(ref)
            there = [each for each in there if each != ref]
            placed = [each for each in placed if each != ref] + ([following] if following is not None else [])
        assert list(suspects) == there
        assert placed == there[:1]
