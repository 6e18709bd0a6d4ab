"""The runners of this node's jobs: started when it is their turn, adopted, told what is to be told, and replaced when they crash."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cameron.job_ledger import Claim
from cameron.job_orders import (
    MADE_ROOM,
    NOT_BEGUN,
    Announce,
    CallbackCame,
    CancelJob,
    Cleared,
    CrashCounted,
    Drain,
    Drop,
    HandBack,
    Proceed,
    Stay,
    Suspected,
    WasRead,
)
from cameron.otp import (
    Address,
    AlreadyStarted,
    ChildFailed,
    ChildStarted,
    Down,
    NoProc,
    Normal,
    Reason,
    StartChild,
    ThreadActor,
    is_orderly,
)
from cameron.scheduling.admission import Admission
from cameron.scheduling.relief import Relief
from cameron.scheduling.signals import Signals
from cameron.scheduling.suspects import Suspects
from cameron.store.inbox import Signal

log = logging.getLogger("cameron.job_scheduler")

CRASH_PAUSE_S = 0.2  # before a job whose runner crashed gets another: times the crashes so far
CRASH_TEXT = 300  # characters of how a runner crashed that are kept
GONE_S = 1.0  # for a runner whose entry is gone to end by itself, as it does when it was the one who took it out


class _StartAgain(NamedTuple):
    claim: Claim


class _Drop(NamedTuple):
    claims: list[Claim]


class Runners:
    """Part of the scheduler: on its thread, given its messages. Asks for a comparison where a runner has lost its job."""

    def __init__(
        self, scheduler: ThreadActor, jobs: Admission, suspects: Suspects, relief: Relief, ask_for_comparison: Callable[[], None]
    ) -> None:
        self._scheduler, self._jobs, self._suspects, self._ask_for_comparison = scheduler, jobs, suspects, ask_for_comparison
        self._relief = relief
        self._supervisor = Address("job_runner_sup")
        self._parting: Drain | HandBack | None = None  # what those that are still being started are told, as all others were
        self.signals = Signals()

    def watch_suspects(self) -> None:
        """Be told of the end of those that an earlier scheduler knew, which may have ended meanwhile."""
        for ref in self._suspects:
            self._scheduler.monitor(ref)

    def start_waiting(self) -> None:
        """Start those whose turn it is."""
        while (claim := self._jobs.next()) is not None:
            self._supervisor.tell(StartChild((claim,), self._scheduler.actor_ref, claim))

    def on_receive(self, message: Any) -> None:
        """What became of them, and what they tell."""
        match message:
            case ChildStarted(claim, ref):
                self._started(claim, ref)
            case ChildFailed(claim, AlreadyStarted(ref)):  # it lives from before this scheduler's start: adopt it
                self._started(claim, ref)
                self._jobs.was_read(claim.uuid)
                ref.tell(Announce())
            case ChildFailed(claim, reason):
                if self._jobs.not_started(claim):
                    self._crashed(claim, reason)
            case Down(ref, reason):
                self._ended(ref, reason)
            case Suspected(ref, uuid):
                self._suspect(ref, uuid)
            case WasRead(uuid):
                self._jobs.was_read(uuid)
            case CrashCounted(ref):
                self._jobs.pardon(ref)
            case Cleared(ref, _):
                self._clear(ref)
            case _StartAgain(claim):
                self._jobs.wait_again(claim)
            case _Drop(claims):
                self.drop(claims)

    def part(self, message: Drain | HandBack) -> None:
        """All are to leave their jobs, those too that are still to come."""
        self._parting = message
        for ref in self._jobs.runners:
            ref.tell(message)

    def stay(self) -> None:
        """Those that have not left their jobs yet go on, and those that come may stay."""
        self._parting = None
        for ref in self._jobs.runners:
            ref.tell(Stay())

    def tell(self, uuid: str, signal: Signal) -> None:
        """Tell a job that the node holds of a signal, as soon as it has a runner."""
        self.signals.keep(uuid, signal)
        runner = self._jobs.runner(uuid)
        if runner is not None:
            self._tell_kept(uuid, runner)

    def drop(self, claims: Iterable[Claim]) -> None:
        """They belong to others now. Those that run end by themselves once they have been told."""
        for claim in filter(self._jobs.has, claims):
            runner = self._jobs.runner(claim.uuid)
            if runner is None:
                self.forget(claim)
            else:
                runner.tell(Drop())

    def drop_gone(self, claims: Iterable[Claim]) -> None:
        """Their entries are gone. Where there is a runner it may have ended the job, which is told a moment later."""
        idle = {claim.uuid for claim in self._jobs.idle}
        busy = [claim for claim in claims if claim.uuid not in idle]
        self.drop(claim for claim in claims if claim.uuid in idle)
        if busy:
            self._scheduler.send_after(GONE_S, _Drop(busy))

    def forget(self, claim: Claim) -> None:
        """The node holds it no more."""
        self._jobs.forget(claim)
        self.signals.take(claim.uuid)

    def _started(self, claim: Claim, ref: Any) -> None:
        if self._jobs.runner(claim.uuid) == ref:
            return
        if not self._jobs.started(claim, ref):  # it was lost meanwhile
            ref.tell(Drop())
            return
        self._scheduler.monitor(ref)
        self._tell_kept(claim.uuid, ref)
        if self._parting is not None:
            ref.tell(self._parting)

    def _tell_kept(self, uuid: str, runner: Any) -> None:
        for signal in self.signals.take(uuid):
            is_callback = signal.fields["signal"] == "callback"
            runner.tell(CallbackCame(signal.fields.get("task", "")) if is_callback else CancelJob())

    def _ended(self, ref: Any, reason: Reason) -> None:
        self._clear(ref)
        claim = self._jobs.ended(ref)
        if claim is None:
            return
        if reason == NoProc:  # it had ended before it could be watched, which must not hide a crash
            reason = ref.ended_with
        if not is_orderly(reason):
            self._crashed(claim, reason)
        elif reason == NOT_BEGUN:
            self._jobs.wait_again(claim)
        else:
            self.forget(claim)
            if reason == MADE_ROOM:
                self._relief.gave(claim)
            elif reason != Normal:  # it may have lost the job to another runner; if the node holds the entry, it has to run it all the same
                self._ask_for_comparison()

    def _crashed(self, claim: Claim, reason: object) -> None:
        """A crash of a runner is no crash of its job: another one rebuilds it from Redis."""
        log.warning("the runner of job %s of %s crashed (%s): starting another", claim.uuid, claim.process, reason)
        text = f"its runner crashed: {str(reason).removeprefix('crash: ')}"[:CRASH_TEXT]
        again = claim._replace(request=None, crashes=claim.crashes + 1, crash=text)
        self._scheduler.send_after(min(CRASH_PAUSE_S * again.crashes, 5.0), _StartAgain(again))

    def _suspect(self, ref: Any, uuid: str) -> None:
        if self._jobs.runner(uuid) != ref:
            self._scheduler.monitor(ref)  # it may have no time to be told of as started
        if self._suspects.add(ref):
            ref.tell(Proceed())
        else:
            self._jobs.hold_up(ref)

    def _clear(self, ref: Any) -> None:
        self._jobs.let_go_on(ref)
        following = self._suspects.remove(ref)
        if following is not None:
            self._jobs.let_go_on(following)
            following.tell(Proceed())
