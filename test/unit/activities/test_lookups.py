"""One name lookup a host at a time."""

from cameron.activities.lookups import KNOWN_S, Lookups, Parked


def test_the_first_goes_and_the_others_of_its_host_wait_for_its_lookup() -> None:
    lookups: Lookups[str] = Lookups()
    assert lookups.may_start("a", "a1", 0.0)
    assert not lookups.may_start("a", "a2", 1.0)
    assert not lookups.may_start("a", "a3", 2.0)
    assert lookups.may_start("b", "b1", 2.0)
    assert list(lookups.scouts()) == [("a", "a1"), ("b", "b1")]
    assert lookups.found("a", 3.0) == [Parked("a2", 1.0), Parked("a3", 2.0)]
    assert list(lookups.scouts()) == [("b", "b1")]


def test_a_known_host_needs_no_scout_until_its_address_is_old() -> None:
    lookups: Lookups[str] = Lookups()
    assert lookups.may_start("a", "a1", 0.0)
    assert lookups.found("a", 0.0) == []
    assert lookups.may_start("a", "a2", KNOWN_S - 1)
    assert lookups.may_start("a", "a3", KNOWN_S - 1)
    assert list(lookups.scouts()) == []
    assert lookups.may_start("a", "a4", KNOWN_S)
    assert lookups.is_scout("a", "a4")
    assert not lookups.may_start("a", "a5", KNOWN_S)


def test_after_a_scout_that_failed_the_next_one_is_the_scout() -> None:
    lookups: Lookups[str] = Lookups()
    lookups.may_start("a", "a1", 0.0)
    lookups.may_start("a", "a2", 0.0)
    assert lookups.gave_up("a") == [Parked("a2", 0.0)]
    assert lookups.may_start("a", "a2", 5.0)
    assert lookups.is_scout("a", "a2")
    assert not lookups.is_scout("a", "a1")


def test_giving_up_without_a_scout_changes_nothing() -> None:
    lookups: Lookups[str] = Lookups()
    assert lookups.gave_up("a") == []
