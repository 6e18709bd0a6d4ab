"""What becomes of a message whose start failed."""

import pytest

from cameron.errors import Backlogged, Draining, IdempotencyKeyReused, InvalidRequest, ProcessNotFound, StoreUnavailable
from cameron.rabbitmq.held import Wait
from cameron.rabbitmq.verdict import UNSURE_TRIES, Dead, Later, verdict


def names() -> list[str]:
    return ["space:a"]


@pytest.mark.parametrize("tries", [1, 1000])
@pytest.mark.parametrize(
    ("error", "wait"), [(Backlogged("a", 3), Wait.PROCESS), (StoreUnavailable("it is away"), Wait.NODE), (Draining("n"), Wait.NODE)]
)
def test_what_passes_is_waited_for_however_long(error: Exception, wait: Wait, tries: int) -> None:
    assert verdict(error, tries, names) == Later(wait)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ProcessNotFound("a"), "(did you mean space:a?)"), (ZeroDivisionError("of ours"), "an unexpected error (ZeroDivisionError)")],
)
def test_what_may_pass_is_tried_so_often(error: Exception, reason: str) -> None:
    verdicts = [verdict(error, tries, names) for tries in range(1, UNSURE_TRIES + 1)]
    assert verdicts[:-1] == [Later(None)] * (UNSURE_TRIES - 1)
    assert isinstance(verdicts[-1], Dead)
    assert reason in verdicts[-1].reason


def test_what_cannot_pass_is_dead_at_once() -> None:
    assert verdict(InvalidRequest("body_invalid", "no"), 1, names) == Dead("no")
    reused = "the message_id 'm' was used for another start before: give each message one of its own"
    assert verdict(IdempotencyKeyReused("m"), 1, names) == Dead(reused)
