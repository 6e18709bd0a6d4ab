"""Each signal is heeded once, and kept until it has been."""

from cameron.scheduling.signals import REMEMBERED, Signals
from cameron.store.inbox import Signal


def signal(number: int) -> Signal:
    return Signal(f"{number}-0", {"signal": "drain"})


def test_one_that_is_read_twice_is_new_once() -> None:
    signals = Signals()
    assert signals.new([signal(1), signal(2)]) == [signal(1), signal(2)]
    assert signals.new([signal(2), signal(3), signal(1)]) == [signal(3)]


def test_what_is_remembered_is_bounded() -> None:
    signals = Signals()
    signals.new(signal(number) for number in range(REMEMBERED + 1))
    assert signals.new([signal(0), signal(2)]) == [signal(0)]


def test_what_a_job_is_to_be_told_is_kept_until_somebody_takes_it() -> None:
    signals = Signals()
    signals.keep("a", signal(1))
    signals.keep("a", signal(2))
    assert signals.heeded == []
    assert [signals.take("a"), signals.take("a"), signals.take("b")] == [[signal(1), signal(2)], [], []]
    assert signals.heeded == ["1-0", "2-0"]
