"""Until when a node is sure of what it holds, and when it leaves others alone."""

from cameron.scheduling.lease import Lease


def lease(*kept_s: float) -> Lease:
    """A lease of 10 s, renewed at those times."""
    made = Lease(10.0)
    for at_s in kept_s:
        made.kept(at_s)
    return made


def test_it_lasts_from_before_its_renewal_was_sent() -> None:
    held = lease(100.0)
    assert [held.is_held(at_s) for at_s in (100.0, 109.9, 110.0)] == [True, True, False]


def test_before_it_is_given_nothing_is_held_or_kept_from_anybody() -> None:
    assert (lease().is_held(0.0), lease().grace_s(0.0)) == (False, 0.0)


def test_one_that_is_kept_in_time_takes_over_from_others_at_once() -> None:
    assert lease(100.0, 102.0).grace_s(102.0) == 0.0


def test_after_an_outage_of_redis_others_have_a_lease_to_come_back() -> None:
    held = lease(100.0)
    held.failed(102.0)
    held.failed(104.0)
    held.kept(108.0)
    assert [held.grace_s(at_s) for at_s in (108.0, 117.0, 118.0)] == [10.0, 1.0, 0.0]


def test_a_moment_without_redis_is_no_outage() -> None:
    held = lease(100.0)
    held.failed(102.0)
    held.kept(107.0)
    assert held.grace_s(107.0) == 0.0


def test_each_outage_counts_for_itself() -> None:
    held = lease(100.0)
    for at_s in range(102, 122, 4):
        held.failed(float(at_s))
        held.kept(at_s + 2.0)
    assert held.grace_s(122.0) == 0.0


def test_a_node_that_starts_amid_an_outage_leaves_others_alone_too() -> None:
    held = lease()
    held.failed(100.0)
    held.kept(106.0)
    assert held.grace_s(106.0) == 10.0


def test_one_that_was_slept_away_has_cost_only_the_sleeper() -> None:
    held = lease(100.0)
    held.lost(130.0)
    assert not held.is_held(130.0)
    held.kept(130.0)
    assert (held.is_held(130.0), held.grace_s(130.0)) == (True, 0.0)


def test_one_that_went_before_its_time_was_not_the_only_one() -> None:
    held = lease(100.0)
    held.lost(102.0)
    assert not held.is_held(102.0)
    held.kept(102.0)
    assert (held.is_held(102.0), held.grace_s(102.0)) == (True, 10.0)
