"""Gives this node its jobs: has them read from the queues up to the node's limit, starts a runner for each, keeps the node's lease, takes
over what dead nodes held.

The queue's pending list is the truth about who holds what. After each start of its own or of the reader's, after every trouble with
Redis and once a minute the scheduler compares it with the runners that live; so neither a lost reply nor a crash, its own included,
loses a job.
"""

import logging
import os
import secrets
import socket
import time
from collections import deque
from typing import Any, NamedTuple

from cameron.job_ledger import Claim, entry_fields
from cameron.job_runner import NOT_BEGUN, Drain, Drop, HandBack, Surroundings
from cameron.otp import (
    Address,
    AlreadyStarted,
    ChildFailed,
    ChildStarted,
    Down,
    Normal,
    Reason,
    StartChild,
    ThreadActor,
    is_orderly,
    whereis,
)
from cameron.queue_reader import BLOCK_MS, ReaderReady, Taken, Want
from cameron.store.queue import PAGE, Entry, Queues
from cameron.store.redis import StoreAway, StoreError

log = logging.getLogger("cameron.job_scheduler")

DEPENDS_ON = ("job_data", "process_catalog", "http", "job_runner_sup")
COMPARE_S = 60.0
STALE_READ_S = 2 * BLOCK_MS / 1000  # a reader that was killed may take entries for so long, and tells nobody: compare after that
READ_AT_ONCE = 1000  # entries, a bound on what they weigh: with each a request may ride along
CRASH_PAUSE_S = 0.2  # before a job whose runner crashed gets another: times the crashes so far
HAND_BACK_S = 2.0  # for the hand-backs at the end of a stop to be written


class NodeName:
    """The name under which this node holds its lease; a node that has lost it goes on under another. Written by the scheduler alone."""

    def __init__(self, configured: str = "") -> None:
        self._configured = configured
        self.current = self._make()

    def renew(self) -> None:
        """A new name, as what was held under the old one belongs to others now."""
        self.current = self._make()

    def _make(self) -> str:
        """The host (or the configured name), the program and a word of chance: no two lives of a node bear the same name."""
        return f"{self._configured or socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class SchedulerSettings(NamedTuple):
    """See the sections `node` and `redis` of the configuration."""

    url: str
    timeout_s: float
    lease_s: float
    max_jobs: int
    shutdown_s: float


_RIDING = {"request", "definition", "deadline"}  # fields of an entry that brings all that its runner needs


class _Tick(NamedTuple):
    pass


class _StartAgain(NamedTuple):
    claim: Claim


class JobScheduler(ThreadActor):
    """Has its own thread, as its own commands to Redis block it for a round trip. Name: `job_scheduler`."""

    def __init__(self, settings: SchedulerSettings, node: NodeName, around: Surroundings) -> None:
        super().__init__()
        self._settings, self._node, self._around = settings, node, around
        self._queues = Queues(settings.url, settings.timeout_s)
        self._runners = Address("job_runner_sup")
        self._reader = Address("queue_reader")
        self._running: dict[Any, Claim] = {}  # runner's ref -> what it runs
        self._held: set[str] = set()  # uuids that are running, starting or waiting here
        self._waiting: deque[Claim] = deque()  # claimed above the limit
        self._starting = 0
        self._wanted = False  # the reader is at work for us
        self._registered = False
        self._lease_until_s = float("-inf")  # monotonic: until then nobody takes from us what we hold
        self._known: list[str] = []  # the processes whose queues are read
        self._compared_s = float("-inf")
        self._draining = False

    # hooks, all on its own thread

    def on_start(self) -> None:
        """Redis may be away; the first tick that reaches it registers the node."""
        self._tick()

    def on_receive(self, message: Any) -> None:
        """What the reader took, what became of runners, and the passing of time."""
        match message:
            case Taken(node, entries):
                self._wanted = False
                for entry in entries if node == self._node.current else ():
                    self._admit(entry, fresh=True)
            case ChildStarted(tag, ref):
                self._started(tag, ref)
            case ChildFailed(tag, AlreadyStarted(ref)):  # it lives from before this scheduler's start: adopt it
                self._started(tag, ref)
            case ChildFailed(tag, reason):
                self._starting -= 1
                self._crashed(tag, reason)
            case Down(ref, reason):
                self._down(ref, reason)
            case _StartAgain(claim):
                if claim.node == self._node.current:  # else it was lost with the lease
                    self._waiting.append(claim)
            case ReaderReady():
                self._wanted = False
                self._compared_s = min(self._compared_s, time.monotonic() - COMPARE_S + STALE_READ_S)
            case _Tick():
                self._tick()

    def on_drained(self) -> None:
        """Start what waits, and have more read while there is room; nothing under a lease that may have run out."""
        if time.monotonic() >= self._lease_until_s or self._draining:
            return
        self._start_waiting()
        if not self._wanted and self._room > 0:
            self._wanted = True
            self._reader.tell(Want(min(self._room, READ_AT_ONCE), self._node.current, tuple(self._known)))

    @property
    def _room(self) -> int:
        """How many more jobs the node may hold."""
        return self._settings.max_jobs - len(self._held)

    def terminate(self, reason: Reason) -> None:
        """Let calls under way end for `shutdown_s`, then hand everything back: another node goes on at once, or the next start does.

        Where it is not the node that stops (this actor has crashed, or one that it depends on has), all is left as it is: the next
        scheduler finds what the node holds.
        """
        if not is_orderly(reason) or any(whereis(name) is None for name in DEPENDS_ON):
            return
        self._draining = True
        self._tell_runners(Drain())
        self._wait_for_runners(time.monotonic() + self._settings.shutdown_s)
        if self._running:
            self._tell_runners(HandBack())
            self._wait_for_runners(time.monotonic() + HAND_BACK_S)
        while (message := self.receive(0)) is not None:  # what the reader took last
            self.on_receive(message)
        try:
            for claim in self._waiting:
                self._release(claim)
            self._queues.give_up(self._node.current, self._known)
        except (*StoreAway, StoreError) as error:
            log.warning("redis is away while the node stops (%s): its jobs go on when its lease has run out", error)

    def _wait_for_runners(self, until_s: float) -> None:
        while (self._running or self._starting) and (left_s := until_s - time.monotonic()) > 0:
            message = self.receive(left_s)
            if message is not None:
                self.on_receive(message)

    # entries become runners

    def _admit(self, entry: Entry, *, fresh: bool) -> None:
        fields = entry.fields
        uuid = fields.get("uuid", "")
        if uuid in self._held:
            return
        claim = Claim(entry.process, fields.get("key", ""), uuid, entry.id, self._node.current)
        if fresh and fields.keys() >= _RIDING and fields["deadline"].isdecimal():
            claim = claim._replace(definition=fields["definition"], deadline_ms=int(fields["deadline"]), request=fields["request"])
        self._held.add(uuid)
        self._waiting.append(claim)

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) + self._starting < self._settings.max_jobs:
            claim = self._waiting.popleft()
            self._starting += 1
            self._runners.tell(StartChild((claim,), self.actor_ref, claim))

    def _started(self, claim: Claim, ref: Any) -> None:
        self._starting -= 1
        if claim.node != self._node.current:  # the lease was lost meanwhile
            ref.tell(Drop())
            return
        self._running[ref] = claim
        self._held.add(claim.uuid)
        self.monitor(ref)
        if self._draining:
            ref.tell(Drain())

    def _down(self, ref: Any, reason: Reason) -> None:
        claim = self._running.pop(ref, None)
        if claim is None:
            return
        if not is_orderly(reason):
            self._crashed(claim, reason)
            return
        self._held.discard(claim.uuid)
        if self._draining and reason == NOT_BEGUN:
            self._waiting.append(claim)
        elif reason != Normal:  # it has lost the job to another runner; should the node hold the entry, it has to run it all the same
            self._compared_s = float("-inf")

    def _crashed(self, claim: Claim, reason: object) -> None:
        """A crash of a runner is no crash of its job: another one rebuilds it from Redis."""
        again = claim._replace(request=None, crashes=claim.crashes + 1)
        log.warning("the runner of job %s of %s crashed (%s): starting another", claim.uuid, claim.process, reason)
        self.send_after(min(CRASH_PAUSE_S * again.crashes, 5.0), _StartAgain(again))

    def _release(self, claim: Claim) -> None:
        fields = entry_fields(claim.process, claim.key, claim.uuid)
        self._queues.release(claim.process, self._node.current, claim.entry, claim.uuid, fields)

    def _tell_runners(self, message: Any) -> None:
        for ref in self._running:
            ref.tell(message)

    # the lease, and what others held

    def _tick(self) -> None:
        try:
            self._keep_lease()
            if not self._draining:
                self._learn_processes()
                if time.monotonic() - self._compared_s >= COMPARE_S:
                    self._compare()
                self._take_over()
        except StoreAway as error:
            self._compared_s = float("-inf")
            log.debug("redis is away (%s)", error)
        except StoreError as error:
            self._compared_s = float("-inf")
            log.warning("redis refuses what the scheduler asks (%s): trying again", error)
        self.send_after(min(self._settings.lease_s / 3, 2.0), _Tick())

    def _keep_lease(self) -> None:
        lease_ms = int(self._settings.lease_s * 1000)
        self._around.clock.set(self._queues.now_ms())
        until_s = time.monotonic() + self._settings.lease_s  # before the command goes out: Redis counts from a later moment
        if not (self._registered and self._queues.renew(self._node.current, lease_ms)):
            if self._registered:
                self._drop_all()
            about = {"host": socket.gethostname(), "pid": os.getpid(), "since_ms": self._around.clock.now_ms()}
            name = self._node.current
            self._registered = self._queues.register(name, about, lease_ms) or self._queues.renew(name, lease_ms)
        self._lease_until_s = until_s if self._registered else float("-inf")

    def _learn_processes(self) -> None:
        """Those of our definitions, and those that any node has or had: their jobs are run by whoever has room."""
        known = sorted({*self._around.catalog.names(), *self._queues.names()})
        if known != self._known:
            self._queues.create(known)
            self._known = known

    def _drop_all(self) -> None:
        """The lease has run out, so everything may belong to others: stop all runners, and go on under a new name."""
        log.warning("node %s has lost its lease: it drops %d jobs, which any node goes on with", self._node.current, len(self._held))
        self._tell_runners(Drop())
        self._waiting.clear()
        self._held.clear()
        self._running.clear()
        self._node.renew()
        self._registered = self._wanted = False
        self._known = []  # Redis may have lost the queues' groups too
        self._compared_s = float("-inf")

    def _compare(self) -> None:
        """What the queue says that we hold, and that is not in hand, gets a runner, or finds the one that lives from before."""
        in_hand = {(claim.process, claim.entry) for claim in (*self._running.values(), *self._waiting)}
        for process in self._known:
            ids = self._queues.held(process, self._node.current)
            for entry in self._queues.claim_again(process, self._node.current, [id for id in ids if (process, id) not in in_hand]):
                self._admit(entry, fresh=False)
        self._compared_s = time.monotonic()

    def _take_over(self) -> None:
        """As much of it as there is room for; the rest is for other nodes, or for later."""
        for dead, processes in self._queues.dead_nodes(self._known).items():
            for process in processes:
                while self._room > 0 and (entries := self._queues.take_over(process, dead, self._node.current, min(self._room, PAGE))):
                    log.warning("took over %d jobs of %s from node %s, whose lease has run out", len(entries), process, dead)
                    for entry in entries:
                        self._admit(entry, fresh=False)
