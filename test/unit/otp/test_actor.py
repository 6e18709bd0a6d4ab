"""Pooled and threaded actors: start, messages, replies, end. What holds for both is shown with both."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pykka
import pytest

from cameron.otp import (
    Actor,
    Address,
    AskRefused,
    Crash,
    Exit,
    Ignore,
    Later,
    NoProc,
    Normal,
    Reason,
    Ref,
    Shutdown,
    StartFailed,
    ThreadActor,
    whereis,
)
from cameron.otp.probe import PATIENCE_S, Probe, end_of

ROOT = Path(__file__).parents[3]


class _Does:
    """Does what it is told: a function is called with the actor."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Pooled(_Does, Actor):
    """On the dispatcher."""


class Threaded(_Does, ThreadActor):
    """On its own thread."""


both = pytest.mark.parametrize("kind", [Pooled, Threaded])
Kind = type[Pooled] | type[Threaded]


def fail(error: BaseException) -> Any:
    raise error


@both
def test_ask_returns_the_handlers_value(kind: Kind) -> None:
    assert kind.start().ask("hello") == "hello"


@both
def test_messages_of_one_sender_arrive_in_order(kind: Kind, probe: Probe) -> None:
    ref = kind.start()
    for number in range(1_000):
        ref.tell(lambda _, n=number: probe.ref.tell(n))
    assert [probe.next() for _ in range(1_000)] == list(range(1_000))


@both
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_handler_raises_is_a_crash_of_that_actor_alone(kind: Kind, error: BaseException) -> None:
    ref, other = kind.start(), kind.start()
    with pytest.raises(Exit) as caught:
        ref.ask(lambda _: fail(error))
    assert isinstance(caught.value.reason, Crash)
    assert caught.value.reason.error is error
    assert end_of(ref) is caught.value.reason
    assert other.ask("still here") == "still here"


@both
def test_a_crash_under_tell_is_the_same_crash(kind: Kind) -> None:
    ref = kind.start()
    ref.tell(lambda _: fail(ValueError("no")))
    reason = end_of(ref)
    assert isinstance(reason, Crash)
    assert "ValueError: no" in reason.traceback


@both
def test_the_crash_of_an_actor_without_supervisor_is_logged_once_with_its_traceback(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    ref = kind.start()
    ref.tell(lambda _: fail(ValueError("no")))
    end_of(ref)
    assert [(record.levelno, "ValueError: no" in record.getMessage()) for record in caplog.records] == [(logging.ERROR, True)]


@both
def test_a_crash_holds_no_frames(kind: Kind) -> None:
    ref = kind.start()
    ref.tell(lambda _: fail(ValueError("no")))
    reason = end_of(ref)
    assert isinstance(reason, Crash)
    assert reason.error.__traceback__ is None


@both
def test_start_returns_when_on_start_has_ended(kind: Kind) -> None:
    class Slow(kind):  # type: ignore[misc, valid-type]
        ready = False

        def on_start(self) -> None:
            threading.Event().wait(0.01)
            type(self).ready = True

    Slow.start()
    assert Slow.ready


@both
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_an_on_start_that_raises_fails_the_start(kind: Kind, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    class Bad(kind):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            raise error

    with pytest.raises(StartFailed) as caught:
        Bad.start()
    assert isinstance(caught.value.reason, Crash)
    assert caught.value.reason.error is error
    assert caplog.records == []  # the caller knows


@both
def test_an_init_that_raises_fails_the_start(kind: Kind) -> None:
    class Bad(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            raise SystemExit(1)

    with pytest.raises(StartFailed):
        Bad.start()


def test_an_init_that_forgets_super_is_told_so() -> None:
    class Bad(Pooled):
        def __init__(self) -> None:
            pass

    with pytest.raises(StartFailed, match=r"has to call super\(\).__init__\(\)"):
        Bad.start()


@both
def test_an_on_start_that_has_nothing_to_do_raises_ignore_to_the_starter(kind: Kind) -> None:
    class Idle(kind):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            raise Ignore

    with pytest.raises(Ignore):
        Idle.start()


@both
def test_an_exit_in_on_start_is_the_reason_of_the_failed_start(kind: Kind) -> None:
    class Leaves(kind):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            self.exit(Shutdown("not today"))

    with pytest.raises(StartFailed) as caught:
        Leaves.start()
    assert caught.value.reason == Shutdown("not today")


@both
def test_messages_sent_during_on_start_are_handled_after_it(kind: Kind, probe: Probe) -> None:
    class Eager(kind):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            self.actor_ref.tell(lambda _: probe.ref.tell("handled"))
            probe.ref.tell("started")

    Eager.start()
    assert [probe.next(), probe.next()] == ["started", "handled"]


@both
def test_exit_ends_the_actor_after_the_message_with_that_reason(kind: Kind) -> None:
    ref = kind.start()
    assert ref.ask(lambda me: me.exit(Shutdown("done")) or "reply") == "reply"
    assert end_of(ref) == Shutdown("done")


@both
def test_pykkas_stop_waits_for_the_messages_before_it_and_for_the_end(kind: Kind, probe: Probe) -> None:
    ref = kind.start()
    ref.tell(lambda _: probe.ref.tell("before"))
    assert ref.stop(timeout=PATIENCE_S)
    assert not ref.is_alive()
    assert probe.rest() == ["before"]
    assert not ref.stop(timeout=PATIENCE_S)


@both
def test_an_exit_request_overtakes_messages(kind: Kind, probe: Probe) -> None:
    gate = threading.Event()
    ref = kind.start()
    ref.tell(lambda _: gate.wait(PATIENCE_S))
    ref.tell(lambda _: probe.ref.tell("never"))
    ref.exit()
    gate.set()
    assert end_of(ref) == Shutdown()
    assert probe.rest() == []


@both
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (lambda ref: ref.exit(), Shutdown()),
        (lambda ref: ref.tell(lambda me: me.exit()), Normal),
        (lambda ref: ref.tell(lambda me: fail(ValueError("no"))), Crash(ValueError("no"), "")),
    ],
)
def test_terminate_is_called_once_with_the_reason(kind: Kind, cause: Callable[[Ref[Any]], None], reason: Reason, probe: Probe) -> None:
    class Tidy(kind):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Reason) -> None:
            probe.ref.tell(reason)

    ref = Tidy.start()
    cause(ref)
    ended_with = end_of(ref)
    assert type(ended_with) is type(reason)
    assert probe.rest() == [ended_with]


@both
def test_a_terminate_that_raises_is_logged_and_masks_nothing(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    class Untidy(kind):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Reason) -> None:
            raise SystemExit("untidy")

    ref = Untidy.start()
    ref.exit()
    assert end_of(ref) == Shutdown()
    assert "SystemExit: untidy" in caplog.text


# Rule 15: calls


@both
def test_rule_15_a_call_to_a_dead_actor_exits_with_noproc_at_once(kind: Kind) -> None:
    ref = kind.start()
    ref.exit()
    end_of(ref)
    with pytest.raises(Exit) as caught:
        ref.ask("anybody?")
    assert caught.value.reason == NoProc


@both
def test_rule_15_a_call_that_is_queued_at_the_end_exits_with_its_reason(kind: Kind) -> None:
    gate = threading.Event()
    ref = kind.start()
    ref.tell(lambda me: gate.wait(PATIENCE_S) and me.exit(Shutdown("over")))
    queued = ref.ask("too late", block=False)
    gate.set()
    with pytest.raises(Exit) as caught:
        queued.get(timeout=PATIENCE_S)
    assert caught.value.reason == Shutdown("over")


@both
def test_rule_15_a_timeout_does_not_cancel_the_work_and_the_late_reply_is_dropped(kind: Kind, probe: Probe) -> None:
    gate = threading.Event()
    ref = kind.start()

    def work(_: Any) -> str:
        gate.wait(PATIENCE_S)
        probe.ref.tell("worked")
        return "late"

    with pytest.raises(pykka.Timeout):
        ref.ask(work, timeout=0.01)
    gate.set()
    assert probe.next() == "worked"
    assert ref.ask("next") == "next"


@both
def test_rule_15_a_call_to_oneself_is_an_error(kind: Kind) -> None:
    ref = kind.start()
    with pytest.raises(Exit) as caught:
        ref.ask(lambda me: me.actor_ref.ask("me?"))
    assert isinstance(caught.value.reason, Crash)
    assert isinstance(caught.value.reason.error, AskRefused)


def test_a_blocking_ask_inside_a_pooled_actor_is_refused() -> None:
    ref, other = Pooled.start(), Pooled.start()
    with pytest.raises(Exit, match="tell, and let it tell you back"):
        ref.ask(lambda _: other.ask("hello"))


def test_a_pooled_actor_must_not_ask_in_its_start_either() -> None:
    class Asks(Pooled):
        def on_start(self) -> None:
            other.ask("hello")

    other = Pooled.start()
    with pytest.raises(StartFailed, match="AskRefused"):
        Asks.start()


def test_a_threaded_actor_may_ask() -> None:
    ref, other = Threaded.start(), Pooled.start()
    assert ref.ask(lambda _: other.ask("hello")) == "hello"


@both
def test_a_tell_to_a_dead_actor_is_dropped(kind: Kind) -> None:
    ref = kind.start()
    ref.exit()
    end_of(ref)
    ref.tell("nobody")
    assert not ref.is_alive()


# Deferred replies


@both
def test_a_later_reply_is_the_answer(kind: Kind, probe: Probe) -> None:
    ref = kind.start()
    future = ref.ask(lambda me: probe.ref.tell(me.reply_later()), block=False)
    later = probe.next()
    assert isinstance(later, Later)
    later.set("late but well")
    later.set("only the first counts")
    assert future.get(timeout=PATIENCE_S) == "late but well"


@both
def test_an_owed_reply_fails_with_the_reason_of_the_end(kind: Kind) -> None:
    ref = kind.start()
    future = ref.ask(lambda me: me.reply_later(), block=False)
    ref.exit(Shutdown("sorry"))
    with pytest.raises(Exit) as caught:
        future.get(timeout=PATIENCE_S)
    assert caught.value.reason == Shutdown("sorry")


@both
def test_a_later_reply_to_a_tell_goes_nowhere(kind: Kind, probe: Probe) -> None:
    ref = kind.start()
    ref.tell(lambda me: probe.ref.tell(me.reply_later()))
    probe.next().set("whoever")
    assert ref.ask("well?") == "well?"


# Drained


def test_a_pooled_actor_looks_at_its_work_at_the_end_of_each_turn(probe: Probe) -> None:
    class Collects(Pooled):
        def on_drained(self) -> None:
            probe.ref.tell("drained")

    Collects.start().tell("one")
    assert probe.next() == "drained"


def test_proxies_of_pykka_work() -> None:
    proxy = Pooled.start().proxy()
    assert proxy.name.get() is None


@both
def test_actors_stay_out_of_pykkas_registry(kind: Kind) -> None:
    ref = kind.start(name="known to us")
    assert pykka.ActorRegistry.get_all() == []
    assert whereis("known to us") is ref
    ref.exit()
    end_of(ref)


@both
def test_an_idle_actor_that_nobody_refers_to_lives_on(kind: Kind) -> None:
    kind.start(name="forgotten").tell(lambda me: setattr(me, "mark", "still me"))
    gc.collect()
    assert Address("forgotten").ask(lambda me: me.mark) == "still me"
    ref = Address("forgotten").ref()
    assert ref is not None
    ref.tell(lambda me: me.exit())
    end_of(ref)  # the next of its kind takes the same name


def test_a_live_actor_does_not_keep_the_interpreter_from_ending() -> None:
    program = "from cameron.otp import Actor, ThreadActor; Actor.start().tell(1); ThreadActor.start(); print('end of main')"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == "end of main\n"


def test_many_idle_actors_need_no_threads() -> None:
    before = threading.active_count()
    refs = [Pooled.start() for _ in range(1_000)]
    assert threading.active_count() <= before + 2  # the dispatcher's
    for ref in refs:
        ref.exit()
    for ref in refs:
        end_of(ref)
