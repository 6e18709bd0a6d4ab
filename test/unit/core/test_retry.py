"""How long is waited before another attempt, and whether there is one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cameron.core.process import RetryPolicy
from cameron.core.retry import delay_s, may_retry

POLICY = RetryPolicy(attempts=3, delay_s=0.5, factor=2.0, cap_s=30.0)


@pytest.mark.parametrize(("attempt", "bound"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (64, 30.0), (1000, 30.0)])
def test_the_bound_doubles_up_to_its_cap_and_chance_picks_a_point_below_it(attempt: int, bound: float) -> None:
    assert [delay_s(POLICY, attempt, chance) for chance in (0.0, 0.5)] == [0.0, bound / 2]


@pytest.mark.parametrize(("asked", "expected"), [(None, 0.25), (0.0, 0.25), (10.0, 10.25), (100.0, 100.25), (-5.0, 0.25)])
def test_a_service_is_never_asked_again_sooner_than_it_said(asked: float | None, expected: float) -> None:
    assert delay_s(POLICY, 1, 0.5, asked) == expected


@given(st.integers(1, 100), st.floats(0, 1e6), st.floats(0, 1e9), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
@example(attempt=63, first_s=1.0, factor=1e6, cap_s=30.0, chance=0.5)
def test_a_wait_is_between_nothing_and_the_cap_whatever_the_policy(
    attempt: int, first_s: float, factor: float, cap_s: float, chance: float
) -> None:
    assert 0 <= delay_s(RetryPolicy(3, first_s, factor, cap_s), attempt, chance) <= cap_s


@pytest.mark.parametrize(
    ("attempt", "kind", "again"),
    [(1, "refused", True), (2, "http_503", True), (3, "refused", False), (4, "refused", False), (1, "timeout", False), (1, "", False)],
)
def test_another_attempt_needs_one_left_and_a_kind_of_failure_that_the_policy_names(attempt: int, kind: str, again: bool) -> None:
    assert may_retry(POLICY, attempt, kind) is again


@pytest.mark.parametrize("kind", ["template", "not_allowed", "cannot_run", "invalid_url", "limit"])
def test_what_another_attempt_cannot_change_is_not_tried_again_by_a_policy_for_all(kind: str) -> None:
    assert not may_retry(RetryPolicy(on=frozenset({"*"})), 1, kind)
    assert may_retry(RetryPolicy(on=frozenset({"*"})), 1, "exit_1")


def test_a_policy_without_jitter_waits_as_long_as_it_says() -> None:
    assert [delay_s(RetryPolicy(delay_s=2, factor=3, jitter=False), attempt, 0.1) for attempt in (1, 2, 3)] == [2, 6, 18]
