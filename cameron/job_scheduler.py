"""Gives this node its jobs: has them read from the queues up to the node's limits, starts a runner for each, keeps the node's lease, takes
over what dead nodes held, and heeds what others tell the node.

The queue's pending list is the truth about who holds what. After each start of its own or of the reader's, after every trouble with
Redis and once a minute the scheduler compares it with the runners that live; so neither a lost reply nor a crash, its own included,
loses a job. The node's inbox is read with the queues, and as a whole with each comparison.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cameron import fault
from cameron.activities.call import Congestion, Occupancy, PythonReport, Report
from cameron.errors import ProcessNotFound, StoreUnavailable
from cameron.job_data import StoreDefinitions
from cameron.job_ledger import Claim, entry_fields
from cameron.job_orders import Drain, HandBack
from cameron.job_runner import Surroundings
from cameron.otp import Address, Reason, ThreadActor, is_orderly, whereis
from cameron.process_catalog import NewProcesses
from cameron.queue_reader import BLOCK_MS, ReaderReady, Taken, Want
from cameron.scheduling.admission import Admission, claim_of
from cameron.scheduling.membership import Kept, Membership
from cameron.scheduling.recovery import Recovery
from cameron.scheduling.relief import Relief
from cameron.scheduling.runners import Runners
from cameron.scheduling.this_node import ThisNode
from cameron.store.inbox import Signal
from cameron.store.leases import Leases
from cameron.store.queue import Queues
from cameron.store.redis import StoreAway, StoreError

log = logging.getLogger("cameron.job_scheduler")

PERFORMERS = ("http", "commands", "python_processes", "python")
DEPENDS_ON = ("job_data", "process_catalog", *PERFORMERS, "job_runner_sup")
COMPARE_S = 60.0
STALE_READ_S = 2 * BLOCK_MS / 1000  # a reader that was killed may take entries for so long, and tells nobody: compare after that
READ_AT_ONCE = 200  # entries: with each a request may ride along, and what one node reads at once another one cannot share
TAKE_OVER_S = 0.1  # of taking over at a time: then whoever has told something meanwhile is heeded, and the lease kept
RELEASE_S = 0.1  # of giving back what has no runner at a time, for the same reason
HAND_BACK_S = 10.0  # for the hand-backs at the end of a stop to be written, at most
HAND_BACK_PAUSE_S = 2.0  # without a single one, then the node waits for no more


class SchedulerSettings(NamedTuple):
    """See the sections `node` and `redis` of the configuration."""

    url: str
    timeout_s: float
    lease_s: float
    max_jobs: int
    max_jobs_per_process: int
    shutdown_s: float


class _Tick(NamedTuple):
    pass


class _TakeOver(NamedTuple):
    pass


class _ReleaseMore(NamedTuple):
    pass


class _HandBackAll(NamedTuple):
    drain: int  # which of the node's drains it belongs to


class JobScheduler(ThreadActor):
    """Has its own thread, as its own commands to Redis block it for a round trip. Name: `job_scheduler`."""

    def __init__(self, settings: SchedulerSettings, node: ThisNode, around: Surroundings) -> None:
        super().__init__()
        self._settings, self._node, self._around = settings, node, around
        self._queues = Queues(settings.url, settings.timeout_s)
        self._leases = Leases(settings.url, settings.timeout_s)
        self._recovery = Recovery(self._queues, self._leases)
        self._membership = Membership(node, self._leases, settings.lease_s, around.clock)
        self._jobs = Admission(settings.max_jobs, self._limit_of)
        self._tick_s = min(settings.lease_s / 3, 2.0)
        self._relief = Relief(node, self._leases, self._jobs, self._tick_s)
        self._runners = Runners(self, self._jobs, node.suspects, self._relief, self._ask_for_comparison)
        self._reader, self._job_data = Address("queue_reader"), Address("job_data")
        self._term = 0  # of the lease: what was read in an earlier one may belong to others
        self._is_in_doubt = True  # until a comparison has shown what the node holds
        self._compared_s = float("-inf")
        self._is_wanted = False  # the reader is at work for us
        self._is_woken = False  # and has been told to end its wait
        self._left_out: set[str] = set()  # processes that it does not read for us, having had no room
        self._drains = 0
        self._takes_more_over = False  # as soon as what was told meanwhile is heeded
        self._is_stuck = False  # nothing can be released for now: the next tick tries again
        self._is_refused = False  # and that has been said
        self._is_stopping = False

    # hooks, all on its own thread

    def on_start(self) -> None:
        """Redis may be away; the first tick that reaches it registers the node."""
        self._runners.watch_suspects()
        if self._node.is_draining:
            self._drain()
        self._tick()
        self.on_drained()

    def on_receive(self, message: Any) -> None:
        """What the reader took, what became of runners, and the passing of time."""
        match message:
            case Taken():
                self._taken(message)
            case _HandBackAll(drain):
                if self._node.is_draining and drain == self._drains:
                    self._runners.part(HandBack())
            case ReaderReady():
                self._is_wanted = False
                self._compared_s = min(self._compared_s, time.monotonic() - COMPARE_S + STALE_READ_S)
            case NewProcesses():
                self._attempt(self._learn)
            case Congestion() | Occupancy() | PythonReport():
                self._node.load.hear(message)
            case _Tick():
                self._tick()
            case _TakeOver():
                self._takes_more_over = False
                self._attempt(self._take_over)
            case _ReleaseMore():
                pass  # `on_drained` does
            case _:
                self._runners.on_receive(message)

    def on_drained(self) -> None:
        """Start what waits, and have more read while there is room; nothing under a lease that may have run out."""
        if self._is_in_doubt or not self._membership.is_sure:
            return
        if self._node.is_draining:
            self._is_stuck = self._is_stuck or not self._attempt(self._release_some)
        else:
            self._runners.start_waiting()
        self._show_state()
        self._read()

    def terminate(self, reason: Reason) -> None:
        """Let calls under way end for `shutdown_s`, then hand everything back: another node goes on at once, or the next start does.

        Where it is not the node that stops (this actor has crashed, or one that it depends on has), all is left as it is: the next
        scheduler finds what the node holds.
        """
        if is_orderly(reason) and all(whereis(name) is not None for name in DEPENDS_ON):
            self._leave()
        self._queues.close()
        self._leases.close()

    def _leave(self) -> None:
        self._is_stopping = True
        log.info("node %s stops: jobs held: %d", self._node.name, len(self._jobs))
        self._runners.part(Drain())
        self._wait_for_runners(time.monotonic() + self._settings.shutdown_s)
        if self._jobs.is_busy:
            self._runners.part(HandBack())
            self._wait_for_hand_backs(time.monotonic() + HAND_BACK_S)
        while (message := self.receive(0)) is not None:  # what the reader took last
            self.on_receive(message)
        try:
            while not self._release_idle():
                self._keep_lease()
            self._queues.leave(self._node.name, self._recovery.processes)
            self._leases.give_up(self._node.name)
            log.info("node %s has ended or handed back all its jobs", self._node.name)
        except (*StoreAway, StoreError) as error:
            log.warning("redis is away while the node stops (%s): its jobs go on when its lease has run out", error)

    def _wait_for_hand_backs(self, until_s: float) -> None:
        """As long as some are written: there may be a hundred thousand."""
        before = 0
        while self._jobs.is_busy and len(self._jobs) != before and time.monotonic() < until_s:
            before = len(self._jobs)
            self._wait_for_runners(min(until_s, time.monotonic() + HAND_BACK_PAUSE_S))

    def _wait_for_runners(self, until_s: float) -> None:
        while self._jobs.is_busy and (left_s := until_s - time.monotonic()) > 0:
            message = self.receive(left_s)
            if message is not None:
                self.on_receive(message)

    # what is read

    def _limit_of(self, process: str) -> int:
        """How many jobs of the process this node may hold at once."""
        try:
            own = self._around.catalog.process(process).max_jobs
        except ProcessNotFound:
            own = 0
        return min(own or self._settings.max_jobs_per_process, self._settings.max_jobs_per_process)

    def _read(self) -> None:
        """Have the reader at work: on the queues of processes that have room, and on the inbox. Where room comes later, end its wait."""
        if self._is_wanted:
            if not self._is_woken and not self._node.is_draining and self._jobs.rooms(self._left_out):
                self._is_woken = True
                self._attempt(lambda: self._leases.wake(self._node.name))
            return
        processes = self._recovery.processes
        rooms = {} if self._node.is_draining else self._jobs.rooms(processes)
        self._left_out = set(processes) - rooms.keys()
        self._is_wanted, self._is_woken = True, False
        self._reader.tell(Want(self._node.name, min(self._jobs.room, READ_AT_ONCE), rooms, self._term))

    def _taken(self, taken: Taken) -> None:
        self._is_wanted = False
        self._recovery.leave_out(taken.unreadable)
        if taken.term == self._term:
            for claim in (claim_of(entry, self._node.name, fresh=True) for entry in taken.entries):
                self._jobs.admit(claim)
                self._relief.see(claim)
        elif taken.entries:  # ours or not: the next comparison tells
            self._ask_for_comparison()
        self._relief.hear(taken.signals)
        self._heed(taken.signals)
        if self._relief.was_given and not self._is_in_doubt and not self._is_stopping:
            self._attempt(self._compare)

    # what others tell the node

    def _heed(self, signals: Iterable[Signal]) -> None:
        known = self._runners.signals
        for signal in known.new(signals):
            match dict(signal.fields):
                case {"signal": "cancel" | "callback", "uuid": uuid} if self._jobs.holds(uuid):  # else the record tells whoever holds it
                    fault.at("job.signalled")
                    self._runners.tell(uuid, signal)
                    continue
                case {"signal": "drain"} if not self._node.is_draining:
                    log.warning("node %s drains: it hands its jobs back, and takes none until it is told to resume", self._node.name)
                    self._drain()
                case {"signal": "resume"} if self._node.is_draining:
                    log.warning("node %s takes jobs again", self._node.name)
                    self._node.is_draining = False
                    self._runners.stay()
            known.heeded.append(signal.id)
        self._attempt(self._take_out_heeded)

    def _take_out_heeded(self) -> None:
        heeded = self._runners.signals.heeded
        if heeded:
            self._leases.heeded(self._node.name, heeded)
            heeded.clear()

    def _drain(self) -> None:
        """Calls under way have `shutdown_s` to end."""
        self._node.is_draining = True
        self._drains += 1
        self._runners.part(Drain())
        self.send_after(self._settings.shutdown_s, _HandBackAll(self._drains))

    def _release_some(self) -> None:
        """What is left is seen to once what was told meanwhile is heeded."""
        if not self._release_idle():
            self.actor_ref.tell(_ReleaseMore())

    def _release_idle(self) -> bool:
        """Put what has no runner back into its queue, for any node; whether there was time for all of it."""
        until_s = time.monotonic() + RELEASE_S
        for claim in self._jobs.idle:
            self._release(claim)
            self._runners.forget(claim)
            if time.monotonic() >= until_s:
                return not self._jobs.idle
        return True

    def _release(self, claim: Claim) -> None:
        fields = entry_fields(claim.process, claim.key, claim.uuid, claim.accepted_ms)
        self._queues.release(claim.process, self._node.name, claim.entry, claim.uuid, fields)

    def _show_state(self) -> None:
        """Where it has changed, at once."""
        state = "running" if not self._node.is_draining else "draining" if len(self._jobs) else "drained"
        if state != self._node.state:
            if state == "drained":
                log.warning("node %s is drained: it holds no jobs", self._node.name)
            self._node.state = state
            self._attempt(self._keep_lease)

    # the lease, and what was held before

    def _tick(self) -> None:
        for performer in PERFORMERS:
            Address(performer).tell(Report(self.actor_ref, performer))
        self._is_stuck = False
        works = self._attempt(self._see_to_all)
        self._is_refused = self._is_refused and not works
        self.send_after(self._tick_s if works else min(self._tick_s, 0.5), _Tick())

    def _attempt(self, what: Callable[[], None]) -> bool:
        """Whether Redis did what was asked; where it did not, it may have all the same, so a comparison follows."""
        try:
            what()
        except (*StoreAway, StoreUnavailable) as error:
            log.debug("redis is away (%s)", error)
        except StoreError as error:
            if not self._is_refused:
                log.warning("redis refuses what the scheduler asks (%s): trying again until it does it", error)
            self._is_refused = True
        else:
            return True
        self._ask_for_comparison()
        return False

    def _ask_for_comparison(self) -> None:
        self._compared_s = float("-inf")

    def _see_to_all(self) -> None:
        self._keep_lease()
        if self._is_stopping:
            return
        is_due = time.monotonic() - self._compared_s >= COMPARE_S
        self._learn(anew=is_due)
        if self._recovery.is_forgotten:  # it was emptied, say
            self._job_data.tell(StoreDefinitions())
        if is_due:
            self._compare()
        self._take_over()
        if not self._node.is_draining:
            self._relief.look()
        self._take_out_heeded()

    def _take_over(self) -> None:
        """What dead nodes held, as long as there is room and more of it."""
        if self._is_stopping or self._takes_more_over or self._node.is_draining or not self._membership.takes_over:
            return
        taken = 0
        for claim in self._recovery.take_over(self._node.name, self._jobs.room_of, TAKE_OVER_S):
            self._jobs.admit(claim)
            taken += 1
        if taken:  # there may be more
            self._takes_more_over = True
            self.send_after(0, _TakeOver())

    def _learn(self, anew: bool = False) -> None:
        """Know which queues there are; the reader, which does not read the new ones yet, is to be woken for them."""
        known = set(self._recovery.processes)
        self._recovery.learn(self._around.catalog.names(), anew=anew)
        self._left_out |= set(self._recovery.processes) - known

    def _keep_lease(self) -> None:
        kept = self._membership.keep(len(self._jobs))
        if kept is Kept.ALL:
            return
        self._term += 1
        self._is_in_doubt = True
        self._ask_for_comparison()
        if kept is Kept.NOTHING:
            self._runners.drop(self._jobs.held)

    def _compare(self) -> None:
        """What the queue says that we hold, and that is not in hand, gets a runner, or finds the one that lives from before."""
        self._around.callbacks.learn()
        signals = self._leases.unheeded(self._node.name)  # first: the jobs that they are about were given to this node before
        self._relief.hear(signals)
        found, gone = self._recovery.compare(self._node.name, self._jobs.held)
        for claim in found:
            if self._relief.is_too_much(claim):
                self._release(claim)
            else:
                self._jobs.admit(claim)
        self._relief.was_given.clear()
        self._runners.drop_gone(gone)
        self._is_in_doubt = False
        self._compared_s = time.monotonic()
        self._heed(signals)
