"""Timers: in order, once or at intervals, gone with their actor, and out of the heap when cancelled."""

from __future__ import annotations

import pytest

from cameron.otp import send_after, send_interval
from cameron.otp.mailbox import Mailbox
from cameron.otp.probe import Probe, end_of
from cameron.otp.timers import Timers

A_WEEK_S = 7 * 86_400.0


def test_timers_fire_in_the_order_they_are_due(probe: Probe) -> None:
    send_after(0.05, probe.ref, "second")
    send_after(0.0, probe.ref, "first")
    assert [probe.next(), probe.next()] == ["first", "second"]


def test_timers_of_one_delay_fire_in_the_order_they_were_set(probe: Probe) -> None:
    for number in range(100):
        send_after(0.01, probe.ref, number)
    assert [probe.next() for _ in range(100)] == list(range(100))


def test_an_actor_sends_itself_messages_later(probe: Probe) -> None:
    probe.do(lambda me: me.send_after(0.01, "later"))
    assert probe.next() == "later"


def test_an_interval_goes_on_until_it_is_cancelled(probe: Probe) -> None:
    timer = send_interval(0.005, probe.ref, "tick")
    assert [probe.next() for _ in range(3)] == ["tick"] * 3
    assert timer.cancel()
    probe.rest()
    send_after(0.05, probe.ref, "quiet")
    assert probe.next() == "quiet"


def test_a_cancelled_timer_does_not_fire(probe: Probe) -> None:
    timer = send_after(0.02, probe.ref, "never")
    assert timer.cancel()
    assert not timer.cancel()
    send_after(0.05, probe.ref, "after")
    assert probe.next() == "after"


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_a_cancelled_timer_leaves_the_actors_others_alone(probe: Probe, cancelled: int) -> None:
    others = Probe()
    pending = [send_after(A_WEEK_S, others.ref, number) for number in range(3)]
    assert pending[cancelled].cancel()
    others.stop()
    end_of(others.ref)
    assert not any(timer.cancel() for timer in pending)
    assert others.ref.actor_inbox.timer is None
    soon = [send_after(0.02, probe.ref, number) for number in range(3)]
    assert soon.pop(cancelled).cancel()
    assert [probe.next(), probe.next()] == [number for number in range(3) if number != cancelled]


def test_a_timer_that_has_fired_can_no_longer_be_cancelled(probe: Probe) -> None:
    timer = send_after(0.0, probe.ref, "fired")
    assert probe.next() == "fired"
    assert not timer.cancel()


def test_a_hundred_thousand_cancelled_long_timers_do_not_pile_up() -> None:
    timers = Timers()
    mailbox = Mailbox()
    longest = 0
    for _ in range(100_000):
        timers.start(mailbox, A_WEEK_S, "deadline").cancel()
        longest = max(longest, len(timers))
    assert longest <= 64


def test_at_least_half_of_the_heap_is_always_wanted() -> None:
    timers = Timers()
    mailbox = Mailbox()
    pending = [timers.start(mailbox, A_WEEK_S, "deadline") for _ in range(1_000)]
    for timer in pending[:-10]:
        timer.cancel()
    assert len(timers) <= 64


def test_the_timers_of_an_actor_go_with_it(probe: Probe) -> None:
    other = Probe()
    timer = send_after(A_WEEK_S, other.ref, "never")
    other.stop()
    end_of(other.ref)
    assert not timer.cancel()


def test_a_timer_for_a_dead_actor_is_none() -> None:
    other = Probe()
    other.stop()
    end_of(other.ref)
    assert not send_after(A_WEEK_S, other.ref, "never").cancel()


@pytest.mark.parametrize(("delay_s", "period_s"), [(-1.0, None), (0.0, 0.0), (1.0, -1.0)])
def test_times_that_make_no_sense_are_refused(delay_s: float, period_s: float | None) -> None:
    with pytest.raises(ValueError, match="a timer needs a delay of 0 s or more"):
        Timers().start(Mailbox(), delay_s, "never", period_s)
