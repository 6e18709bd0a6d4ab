"""An actor that shares a dispatcher's threads; and how any actor starts, works and ends.

The life of an actor is here in the order it happens: start, messages, what it may do in a hook, end. Pykka's hooks are
`_create_actor_inbox`, `_create_future`, `_start_actor_loop`, `_actor_loop_setup` and `_handle_receive`; its registry is not used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Self

import pykka
from pykka import messages

from cameron.otp import names
from cameron.otp.current import bury, current, entomb, refuse_fenced
from cameron.otp.dispatcher import Dispatcher
from cameron.otp.errors import Ignore, StartFailed
from cameron.otp.mailbox import Letter, Mailbox
from cameron.otp.reasons import AlreadyStarted, Crash, Killed, NoProc, Normal, Reason, crash_of
from cameron.otp.ref import Ref
from cameron.otp.reply import Later, Reply
from cameron.otp.signals import Down, ExitRequest, ExitSignal, MonitorId, Signal
from cameron.otp.timers import Timer, timers

logger = logging.getLogger("cameron.otp")

MESSAGES_A_TURN = 16

_PYKKAS = frozenset({messages._ActorStop, messages.ProxyCall, messages.ProxyGetAttr, messages.ProxySetAttr})
_alive: set[Actor] = set()  # an actor lives until it ends, also when nobody holds a ref of it


class Actor(pykka.Actor):
    """Works on the `dispatcher`'s threads: `MESSAGES_A_TURN` messages, then it is the next actor's turn. Must never block.

    Its `__init__` and `on_start` run in the thread that starts it, everything else on a worker, one hook at a time.
    Whatever a hook raises (`SystemExit` and `KeyboardInterrupt` too) ends this actor alone, with the reason `Crash`.

    Names that begin with `_otp_` are the library's, besides the public ones and Pykka's hooks; a subclass may use all others as it likes.
    """

    # A late attribute in the dict would end the sharing of its keys between a class' actors, and make it three times as large.
    __slots__ = (
        "_otp_is_starting",
        "_otp_leaving",
        "_otp_letter",
        "_otp_monitors",
        "_otp_owed",
        "_otp_ref",
        "actor_inbox",
        "handled",
        "is_fenced",
    )

    dispatcher: ClassVar[Dispatcher] = Dispatcher()
    is_pooled: ClassVar[bool] = True

    trap_exit = False
    """Whether exits of linked actors arrive as `ExitSignal` messages instead of ending this actor too."""

    is_fenced: bool
    """Whether this actor was killed: what it does from then on is to be refused."""

    handled: int
    """Messages handled so far."""

    # Start

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:  # Pykka's would make an Event and a uuid
        self.is_fenced = False
        self.handled = 0
        self._otp_is_starting = False  # in its starter's thread
        self._otp_leaving: Reason | None = None
        self._otp_letter: Letter | None = None  # the ask that is being handled
        self._otp_owed: set[Reply] | None = None
        self._otp_monitors: set[MonitorId] | None = None
        self.actor_inbox: Mailbox = self._create_actor_inbox()
        self.actor_inbox.actor = self
        self._otp_ref: Ref[Any] = Ref(self)

    @classmethod
    def start(cls, *args: Any, name: str | None = None, **kwargs: Any) -> Ref[Self]:
        """Construct an actor with these arguments, run its `on_start`, and return its ref when that has ended.

        Raises:
            StartFailed: `__init__` or `on_start` raised (reason `Crash`), called `self.exit(reason)`, or took too long
                (`StartTimeout`); or the name is taken (`AlreadyStarted(ref)`).
            Ignore: `on_start` raised it: there is nothing to do for this actor.
        """
        refuse_fenced()
        actor = cls._otp_construct(args, kwargs)
        if name is not None:
            actor._otp_register(name)
        if current.started is not None:
            current.started.append(actor.actor_inbox)
            actor.actor_inbox.crash_is_reported = True
        actor._start_actor_loop()
        return actor._otp_ref

    @classmethod
    def _otp_construct(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        try:
            actor = cls(*args, **kwargs)
            if not hasattr(actor, "_otp_ref"):
                raise TypeError(f"{cls.__name__}.__init__ has to call super().__init__()")
        except Ignore:
            raise
        except BaseException as error:
            raise StartFailed(crash_of(error)) from None
        return actor

    def _otp_register(self, name: str) -> None:
        holder = names.register(name, self._otp_ref)
        if holder is not self._otp_ref:
            raise StartFailed(AlreadyStarted(holder))
        self._otp_ref.name = name

    def _start_actor_loop(self) -> None:
        outer, current.actor, self._otp_is_starting = current.actor, self, True
        try:
            self._actor_loop_setup()
        finally:
            current.actor, self._otp_is_starting = outer, False
            if self.is_fenced:
                bury(self)
        self._otp_become_idle()

    def _actor_loop_setup(self) -> None:
        """Run `on_start`; where it did not go well, end the actor and raise what `start` is to raise."""
        _alive.add(self)
        try:
            self.on_start()
        except Ignore:
            self._otp_end(Normal)
            raise
        except BaseException as error:
            self._otp_leaving = crash_of(error)
        if self._otp_leaving is not None:
            self.actor_inbox.crash_is_reported = True  # by whoever starts it
            self._otp_end(self._otp_leaving)
            raise StartFailed(self._otp_leaving)
        if self.is_fenced:
            raise StartFailed(Killed)

    @property
    def actor_ref(self) -> Ref[Self]:
        """How others reach this actor."""
        return self._otp_ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # Pykka's is an attribute; nobody sets it
        """Its ref's."""
        return self._otp_ref.actor_urn

    @property
    def name(self) -> str | None:
        """Its registered name; known from `on_start` on."""
        return self._otp_ref.name

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> Reply:
        return Reply()

    # Hooks

    def on_start(self) -> None:
        """Prepare; may raise `Ignore`. Messages sent meanwhile wait."""

    def on_receive(self, message: Any) -> Any:
        """Handle a message and return the reply, which only an ask looks at. `Down` and `ExitSignal` arrive here too."""
        logger.warning("%s does not know the message %.200r: its class should handle it in on_receive", self._otp_ref, message)

    def on_drained(self) -> None:
        """Look at the work collected: the mailbox has been emptied, or the turn is over (`MESSAGES_A_TURN`, `MESSAGES_A_BATCH`)."""

    def terminate(self, reason: Reason) -> None:
        """Clean up; called once, whatever the reason, but not where the actor was killed or never started.

        Runs in the thread that runs the other hooks. What it raises is logged and changes nothing.
        """

    # Messages

    def _otp_ready(self) -> None:
        """There is something in the idle mailbox. Called by any thread, once until the mailbox is idle again."""
        self.dispatcher.schedule(self)

    def _otp_become_idle(self) -> None:
        if not self.actor_inbox.rest():
            self._otp_ready()

    def _otp_take_turn(self) -> None:
        """A worker's: handle some messages."""
        if self.is_fenced:
            return
        mailbox = self.actor_inbox
        for _ in range(MESSAGES_A_TURN):
            item = mailbox.take()
            if item is None:
                break
            if not self._otp_handle(item):
                return
        if self._otp_drain():
            self._otp_become_idle()

    def _otp_drain(self) -> bool:
        """Call `on_drained` where the class has one; whether the actor lives on."""
        return type(self).on_drained is Actor.on_drained or self._otp_guard(self.on_drained)

    def _otp_handle(self, item: Letter | Signal) -> bool:
        """Handle one thing from the mailbox; whether the actor lives on."""
        if type(item) is Letter:
            self.handled += 1
            return self._otp_guard(self._otp_answer, item)
        return self._otp_guard(self._otp_obey, item)

    def _otp_guard(self, hook: Callable[..., object], *args: Any) -> bool:
        """Run a hook, and end the actor if that crashed or wished to leave; whether the actor lives on."""
        try:
            hook(*args)
        except BaseException as error:
            self._otp_leaving = crash_of(error)
        if self._otp_leaving is not None:
            self._otp_finish(self._otp_leaving)
            return False
        return not self.is_fenced

    def _otp_answer(self, letter: Letter) -> None:
        if letter.reply_to is None:
            self._handle_receive(letter.message)
            return
        self._otp_letter = letter
        value = self._handle_receive(letter.message)
        if self._otp_letter is letter:  # else reply_later has taken it
            letter.reply_to.set(value)
            self._otp_letter = None

    def _handle_receive(self, message: Any) -> Any:
        if type(message) not in _PYKKAS:
            return self.on_receive(message)
        if isinstance(message, messages._ActorStop):
            return self._otp_stop()
        return super()._handle_receive(message)

    def _otp_stop(self) -> None:
        """Pykka's `ref.stop()`: end after the messages that were before it; the one who waits for that is told last."""
        self.exit()
        if self._otp_letter is not None and self._otp_letter.reply_to is not None:
            reply, self._otp_letter = self._otp_letter.reply_to, None
            self.actor_inbox.watch(reply, lambda reason: reply.set())

    def _otp_obey(self, signal: Signal) -> None:
        match signal:
            case Down():
                if self._otp_is_awaited(signal):
                    self.on_receive(signal)
            case ExitSignal(ref, reason):
                if self.actor_inbox.unwatch(ref) or reason == NoProc:  # else it was unlinked meanwhile
                    self._otp_hear_exit(signal)
            case ExitRequest(reason):
                self._otp_leaving = reason
            case _:
                self.on_receive(signal)

    def _otp_is_awaited(self, down: Down) -> bool:
        """Whether the monitor still stands; it is used up with this."""
        if self._otp_monitors is None or down.monitor not in self._otp_monitors:
            return False
        self._otp_monitors.remove(down.monitor)
        return True

    def _otp_hear_exit(self, signal: ExitSignal) -> None:
        if self.trap_exit:
            self.on_receive(signal)
        elif signal.reason != Normal:
            self._otp_leaving = signal.reason

    # What an actor may do in its hooks

    def exit(self, reason: Reason = Normal) -> None:
        """End after the hook that is running, with this reason."""
        self._otp_leaving = reason

    def reply_later(self) -> Later:
        """Take over the answer to the ask that is being handled: what the handler returns is not used then.

        If the actor ends before `.set(value)`, the asker gets `Exit(reason)`. Where nobody asked, `.set` does nothing.
        """
        letter, self._otp_letter = self._otp_letter, None
        if self._otp_owed is None:
            self._otp_owed = set()
        reply = letter.reply_to if letter is not None else None
        if reply is not None:
            self._otp_owed.add(reply)
        return Later(reply, self._otp_owed)

    def send_after(self, delay_s: float, message: Any) -> Timer:
        """Send yourself a message after `delay_s` seconds."""
        return timers.start(self.actor_inbox, delay_s, message)

    def send_interval(self, period_s: float, message: Any) -> Timer:
        """Send yourself a message every `period_s` seconds, first after one period."""
        return timers.start(self.actor_inbox, period_s, message, period_s)

    def monitor(self, ref: Ref[Any]) -> MonitorId:
        """Be sent exactly one `Down(ref, reason)` when that actor ends; at once, with `NoProc`, if it has ended. Monitors stack."""
        monitor_id = MonitorId(ref, self.actor_inbox)
        if self._otp_monitors is None:
            self._otp_monitors = set()
        self._otp_monitors.add(monitor_id)
        if ref.actor_inbox.watch(monitor_id, monitor_id) is not None:
            monitor_id(NoProc)
        return monitor_id

    def demonitor(self, monitor_id: MonitorId) -> None:
        """Take a monitor back; its `Down` will not come any more, also if it was on its way."""
        if self._otp_monitors is not None and monitor_id in self._otp_monitors:
            self._otp_monitors.remove(monitor_id)
            monitor_id.ref.actor_inbox.unwatch(monitor_id)

    def link(self, ref: Ref[Any]) -> None:
        """Share the fate of another actor: an abnormal end of the one ends the other, unless that one traps exits."""
        me, mine, other = self._otp_ref, self.actor_inbox, ref.actor_inbox
        if mine.is_watched_by(ref) or other is mine:
            return
        mine.watch(ref, lambda reason: other.signal(ExitSignal(me, reason)))
        if other.watch(me, lambda reason: mine.signal(ExitSignal(ref, reason))) is not None:
            mine.unwatch(ref)
            mine.signal(ExitSignal(ref, NoProc))

    def unlink(self, ref: Ref[Any]) -> None:
        """Take a link back, on both sides; its signal will not come any more, also if it was on its way."""
        self.actor_inbox.unwatch(ref)
        ref.actor_inbox.unwatch(self._otp_ref)

    # End

    def _otp_finish(self, reason: Reason) -> None:
        """Clean up and end. In the thread that runs the hooks."""
        if self.is_fenced:
            return
        try:
            self.terminate(reason)
        except BaseException as error:
            self._otp_log_crash(f"its terminate raised; it ends with {reason} all the same", crash_of(error))
        self._otp_end(reason)

    def _otp_end(self, reason: Reason) -> bool:
        """Whatever the cause, once: close the mailbox, fail the asks, free the name, tell links and monitors; whether this did it."""
        remains = self.actor_inbox.close(reason)
        if remains is None:
            return False
        _alive.discard(self)
        self._otp_fail_asks([letter.reply_to for letter in remains.letters], reason)
        if self._otp_ref.name is not None:
            names.release(self._otp_ref.name, reason)
        if self.actor_inbox.timer is not None:
            timers.cancel_all(self.actor_inbox)
        for monitor_id in list(self._otp_monitors or ()):
            monitor_id.ref.actor_inbox.unwatch(monitor_id)
        if isinstance(reason, Crash) and not self.actor_inbox.crash_is_reported:  # else its supervisor reports it
            self._otp_log_crash("it crashed", reason)
        for told in remains.watchers.values():
            told(reason)
        return True

    def _otp_log_crash(self, what: str, crash: Crash) -> None:
        with suppress(Exception):  # a broken log handler must not keep an actor from ending
            logger.error("%s: %s\n%s", self._otp_ref, what, crash.traceback)

    def _otp_fail_asks(self, queued: list[Reply | None], reason: Reason) -> None:
        handled = self._otp_letter.reply_to if self._otp_letter is not None else None
        for reply in [handled, *list(self._otp_owed or ()), *queued]:
            if reply is not None:
                reply.fail(reason)

    def _otp_abandon(self) -> None:
        """Kill: fence the actor and end it for everybody else. Any thread."""
        self.is_fenced = True
        self._otp_abandon_thread()
        self._otp_end(Killed)

    def _otp_abandon_thread(self) -> None:
        if self._otp_is_starting:
            entomb(self, lambda: self._otp_is_starting)
        else:
            self.dispatcher.abandon(self)
