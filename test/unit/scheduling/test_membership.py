"""What a renewal means, with a stand-in for Redis that answers as it is told."""

from collections import deque
from typing import Any

import pytest

from cameron.clock import Clock
from cameron.scheduling.membership import Kept, Membership
from cameron.scheduling.this_node import ThisNode
from cameron.store.leases import Renewal
from cameron.store.redis import StoreAway

HELD, GONE = Renewal(1_000_000.0, True), Renewal(1_000_000.0, False)


class Answers:
    """Stands for the leases: answers what is next, or raises it."""

    def __init__(self, *answers: Any) -> None:
        self._answers = deque(answers)
        self.asked: list[str] = []

    def renew(self, node: str, *_: Any) -> Any:
        self.asked.append(f"renew {node}")
        return self._next()

    def register(self, node: str, *_: Any) -> Any:
        self.asked.append(f"register {node}")
        return self._next()

    def _next(self) -> Any:
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer


def membership(*answers: Any) -> tuple[Membership, ThisNode]:
    node = ThisNode("here")
    return Membership(node, Answers(*answers), 10.0, Clock()), node  # type: ignore[arg-type]  # a stand-in


def kept(member: Membership, times: int) -> list[Kept | None]:
    """What so many renewals mean; None where Redis was away."""
    found: list[Kept | None] = []
    for _ in range(times):
        try:
            found.append(member.keep(0))
        except StoreAway:
            found.append(None)
    return found


def test_a_node_registers_once_and_renews_from_then_on() -> None:
    member, node = membership(GONE, True, HELD, HELD)
    assert not member.is_sure
    assert kept(member, 3) == [Kept.ALL] * 3
    assert member.is_sure
    assert member.takes_over
    assert node.since_ms == 1_000_000


def test_a_registration_whose_answer_was_lost_is_found_by_the_next_renewal() -> None:
    member, _ = membership(GONE, OSError(), HELD)
    assert kept(member, 2) == [None, Kept.ALL]
    assert member.is_sure


def test_a_lease_that_was_gone_leaves_a_doubt() -> None:
    member, node = membership(GONE, True, GONE, True, HELD)
    name = node.name
    assert kept(member, 3) == [Kept.ALL, Kept.IN_DOUBT, Kept.ALL]
    assert node.name == name


@pytest.mark.parametrize("answers", [(OSError(), HELD), (OSError(), GONE, True)])
def test_the_doubt_remains_though_it_takes_more_than_one_attempt(answers: tuple[Any, ...]) -> None:
    member, _ = membership(GONE, True, GONE, *answers)
    assert kept(member, 2) == [Kept.ALL, None]
    assert not member.is_sure
    assert kept(member, 1) == [Kept.IN_DOUBT]


def test_a_name_that_somebody_else_has_is_given_up_and_with_it_all_that_was_held() -> None:
    member, node = membership(GONE, True, GONE, False, GONE, True)
    name = node.name
    assert kept(member, 2) == [Kept.ALL, Kept.NOTHING]
    assert not member.is_sure
    assert node.name != name
    assert kept(member, 1) == [Kept.ALL]
