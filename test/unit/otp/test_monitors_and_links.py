"""Rule 13: monitors and links. Rule 14: names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Address,
    AlreadyStarted,
    Crash,
    Down,
    Exit,
    ExitSignal,
    Killed,
    NoProc,
    Normal,
    Ref,
    Restarting,
    Shutdown,
    StartFailed,
    whereis,
)
from cameron.otp import names as registry
from cameron.otp.probe import Probe, end_of


class Does(Actor):
    """Does what it is told: a function is called with the actor."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@pytest.fixture
def ref() -> Iterator[Ref[Any]]:
    ref = Does.start(name="does")
    yield ref
    ref.exit()
    end_of(ref)


def test_rule_13_a_monitor_gives_exactly_one_down_with_the_reason(probe: Probe, ref: Ref[Any]) -> None:
    probe.do(lambda me: me.monitor(ref))
    ref.exit(Shutdown("over"))
    assert probe.next() == Down(ref, Shutdown("over"))
    assert probe.rest() == []


def test_rule_13_a_monitor_of_a_dead_actor_gives_noproc_at_once(probe: Probe, ref: Ref[Any]) -> None:
    ref.exit()
    end_of(ref)
    probe.do(lambda me: me.monitor(ref))
    assert probe.next() == Down(ref, NoProc)
    assert probe.rest() == []


def test_a_ref_tells_how_its_actor_ended(ref: Ref[Any]) -> None:
    assert ref.ended_with is None
    ref.exit(Shutdown("over"))
    end_of(ref)
    assert ref.ended_with == Shutdown("over")


def test_rule_13_monitors_stack_and_can_be_taken_back(probe: Probe, ref: Ref[Any]) -> None:
    first = probe.do(lambda me: me.monitor(ref))
    probe.do(lambda me: me.monitor(ref))
    probe.do(lambda me: me.monitor(ref))
    probe.do(lambda me: me.demonitor(first))
    ref.exit()
    assert [probe.next(), probe.next()] == [Down(ref, Shutdown())] * 2
    assert probe.rest() == []


def test_rule_13_a_monitor_taken_back_sends_nothing_that_was_on_its_way(probe: Probe, ref: Ref[Any]) -> None:
    def monitor_and_take_back(me: Any) -> None:
        monitor = me.monitor(ref)
        ref.exit()
        end_of(ref)
        me.demonitor(monitor)

    probe.do(monitor_and_take_back)
    assert probe.rest() == []


def test_a_down_overtakes_messages(probe: Probe, ref: Ref[Any]) -> None:
    def fill_and_end(me: Any) -> None:
        me.monitor(ref)
        me.actor_ref.tell("waiting")
        ref.exit()
        end_of(ref)

    probe.do(fill_and_end)
    assert [probe.next(), probe.next()] == [Down(ref, Shutdown()), "waiting"]


def test_an_actor_that_ends_leaves_no_monitors_behind(ref: Ref[Any]) -> None:
    other = Does.start()
    monitor = other.ask(lambda me: me.monitor(ref))
    assert ref.actor_inbox.is_watched_by(monitor)
    other.exit()
    end_of(other)
    assert not ref.actor_inbox.is_watched_by(monitor)


def test_rule_13_an_abnormal_end_takes_the_linked_actor_along(ref: Ref[Any]) -> None:
    other = Does.start()
    other.ask(lambda me: me.link(ref))
    ref.tell(lambda _: 1 / 0)
    assert isinstance(end_of(other), Crash)


def test_rule_13_links_are_mutual(ref: Ref[Any]) -> None:
    other = Does.start()
    other.ask(lambda me: me.link(ref))
    other.kill()
    assert end_of(ref) == Killed


def test_rule_13_a_normal_end_leaves_the_linked_actor_alone(ref: Ref[Any]) -> None:
    other = Does.start()
    other.ask(lambda me: me.link(ref))
    ref.ask(lambda me: me.exit(Normal))
    end_of(ref)
    assert other.ask("well?") == "well?"


def test_rule_13_an_actor_that_traps_exits_gets_a_message(probe: Probe, ref: Ref[Any]) -> None:
    def trap_and_link(me: Any) -> None:
        me.trap_exit = True
        me.link(ref)

    probe.do(trap_and_link)
    ref.ask(lambda me: me.exit(Normal))
    assert probe.next() == ExitSignal(ref, Normal)


def test_rule_13_a_link_to_a_dead_actor_signals_noproc(probe: Probe, ref: Ref[Any]) -> None:
    ref.exit()
    end_of(ref)
    other = Does.start()
    other.tell(lambda me: me.link(ref))
    assert end_of(other) == NoProc


def test_rule_13_a_link_taken_back_signals_nothing(ref: Ref[Any]) -> None:
    other = Does.start()
    other.ask(lambda me: me.link(ref))
    ref.ask(lambda me: me.unlink(other))
    ref.kill()
    assert other.ask("well?") == "well?"


# Names


def test_rule_14_a_second_start_under_a_taken_name_fails_with_already_started(ref: Ref[Any]) -> None:
    with pytest.raises(StartFailed) as caught:
        Does.start(name="does")
    assert caught.value.reason == AlreadyStarted(ref)
    assert ref.ask("well?") == "well?"


def test_rule_14_the_name_is_free_before_any_down_is_delivered(probe: Probe) -> None:
    for _ in range(100):
        ref = Does.start(name="again")
        probe.do(lambda me, ref=ref: me.monitor(ref))  # type: ignore[misc]
        ref.exit()
        assert probe.next() == Down(ref, Shutdown())
        assert whereis("again") is None


def test_rule_14_the_name_of_a_failed_start_is_free() -> None:
    class Bad(Does):
        def on_start(self) -> None:
            assert whereis("bad") is self.actor_ref
            raise ValueError

    with pytest.raises(StartFailed):
        Bad.start(name="bad")
    assert whereis("bad") is None


def test_an_address_finds_who_bears_the_name_now() -> None:
    address = Address("moving")
    for _ in range(2):
        ref = Does.start(name="moving")
        assert address.ref() is ref
        assert address.ask(lambda me: me.actor_ref) is ref
        ref.exit()
        end_of(ref)


def test_rule_15_a_call_to_a_name_nobody_bears_exits_with_noproc() -> None:
    address = Address("nobody")
    address.tell("dropped")
    with pytest.raises(Exit) as caught:
        address.ask("anybody?")
    assert caught.value.reason == NoProc


def test_an_address_tells_noproc_from_restarting(probe: Probe) -> None:
    registry.expect("soon", probe.ref)
    try:
        with pytest.raises(Exit) as caught:
            Address("soon").ask("anybody?")
    finally:
        registry.expect_no_longer("soon")
    assert caught.value.reason == Restarting
