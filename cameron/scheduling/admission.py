"""Which jobs this node holds, how far each has come, whose turn it is, and how many more there may be. Pure.

A claim waits for its turn, is being started, runs, or rests after a crash of its runner. There is a limit for each process and for all;
and one for those that are being read from Redis, as a node that starts again may have a hundred thousand to read.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from cameron.job_ledger import Claim
from cameron.store.queue import Entry

RIDING = {"request", "definition", "deadline"}  # fields of an entry that brings all that its runner needs
MAX_DIGITS = 18  # of a number in an entry that can be meant
MAX_READING = 1000  # jobs: what is read of each weighs more than what is kept of it, and who comes new is not to wait for all of them


def claim_of(entry: Entry, node: str, crash: str = "", *, fresh: bool = False) -> Claim:
    """The claim to a job whose entry the node has been given; `fresh`: for the first time, so that the job is as the entry says."""
    fields = entry.fields
    accepted_ms, deadline_ms = _number(fields.get("accepted", "")), _number(fields.get("deadline", ""))
    claim = Claim(entry.process, fields.get("key", ""), fields.get("uuid", ""), entry.id, node, accepted_ms=accepted_ms or 0, crash=crash)
    if fresh and fields.keys() >= RIDING and deadline_ms is not None and accepted_ms is not None:
        return claim._replace(definition=fields["definition"], deadline_ms=deadline_ms, request=fields["request"])
    return claim


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


class Admission:
    """For one thread. `limit_of` says how many jobs of a process may be held at once; `max_jobs` is for all together."""

    def __init__(self, max_jobs: int, limit_of: Callable[[str], int]) -> None:
        self._max_jobs, self._limit_of = max_jobs, limit_of
        self._held: dict[str, Claim] = {}  # by uuid
        self._held_of: Counter[str] = Counter()  # by process
        self._waiting: dict[str, OrderedDict[str, Claim]] = {}  # by process, in turn, none empty: by uuid, in order
        self._starting: dict[str, Claim] = {}  # by uuid
        self._reading: set[str] = set()  # uuids of those, starting or running, whose runners have not read them yet
        self._running: dict[Any, Claim] = {}  # by ref
        self._refs: dict[str, Any] = {}  # of those that run, by uuid
        self._resting: set[str] = set()  # uuids
        self._following: dict[str, Claim] = {}  # by uuid: other entries of jobs whose runner has not quite ended yet
        self._held_up: dict[Any, str] = {}  # refs of suspects that wait for their turn -> process: they take nobody's place
        self._busy: Counter[str] = Counter()  # starting and running, by process

    def __len__(self) -> int:
        return len(self._held)

    # what is held

    @property
    def held(self) -> list[Claim]:
        """All of them."""
        return list(self._held.values())

    @property
    def idle(self) -> list[Claim]:
        """Those without a runner."""
        return [claim for claim in self._held.values() if claim.uuid not in self._starting and claim.uuid not in self._refs]

    @property
    def is_busy(self) -> bool:
        """Whether there are runners, or will be."""
        return bool(self._starting or self._running)

    @property
    def runners(self) -> list[Any]:
        """The refs of those that run."""
        return list(self._running)

    def runner(self, uuid: str) -> Any:
        """The ref of the job's runner; None where it has none (yet)."""
        return self._refs.get(uuid)

    def holds(self, uuid: str) -> bool:
        """Whether the job is here."""
        return uuid in self._held

    def has(self, claim: Claim) -> bool:
        """Whether the job is here, and by that very entry."""
        held = self._held.get(claim.uuid)
        return held is not None and held.entry == claim.entry

    # how much more there may be

    @property
    def room(self) -> int:
        """How many more jobs the node may hold."""
        return max(0, self._max_jobs - len(self._held) + min(len(self._held_up), self._max_jobs))

    def room_of(self, process: str) -> int:
        """How many more of that process."""
        limit = self._limit_of(process)
        held_up = min(self._held_up_of(process), limit)
        return max(0, min(self.room, limit - self._held_of[process] + held_up))

    def rooms(self, processes: Iterable[str]) -> dict[str, int]:
        """How many more of each process that has room at all."""
        return {process: room for process in processes if (room := self.room_of(process))} if self.room else {}

    # how they come and go

    def admit(self, claim: Claim) -> bool:
        """Hold it, and let it wait for its turn; False where the job is here already: by another entry, it comes next."""
        held = self._held.get(claim.uuid)
        if held is not None:
            if held.entry != claim.entry:  # handed back, and read again before its runner's end is known
                self._following[claim.uuid] = claim
            return False
        self._held[claim.uuid] = claim
        self._held_of[claim.process] += 1
        self._wait(claim)
        return True

    def wait_again(self, claim: Claim) -> None:
        """Let a job that rests wait for another turn; nothing where it is held no more, or by another entry."""
        if claim.uuid in self._resting and self._held[claim.uuid].entry == claim.entry:
            self._resting.remove(claim.uuid)
            self._held[claim.uuid] = claim
            self._wait(claim)

    def next(self) -> Claim | None:
        """Whose turn it is: it is being started from now on. None where nobody may start. The processes take turns."""
        is_full = len(self._starting) + len(self._running) - len(self._held_up) >= self._max_jobs
        if is_full or len(self._reading) >= MAX_READING:
            return None
        for process in self._waiting:
            if self._busy[process] - self._held_up_of(process) < self._limit_of(process):
                claims = self._waiting.pop(process)
                _, claim = claims.popitem(last=False)
                if claims:
                    self._waiting[process] = claims
                self._starting[claim.uuid] = claim
                self._busy[process] += 1
                if claim.request is None:
                    self._reading.add(claim.uuid)
                return claim
        return None

    def started(self, claim: Claim, ref: Any) -> bool:
        """It has a runner; False where it is held no more."""
        uuid = claim.uuid
        if self._starting.get(uuid) != claim:
            return False
        del self._starting[uuid]
        self._running[ref] = self._held[uuid] = claim.without_request()
        self._refs[uuid] = ref
        return True

    def was_read(self, uuid: str) -> None:
        """Its runner knows the job now; nothing where it had no need to read it."""
        self._reading.discard(uuid)

    def not_started(self, claim: Claim) -> bool:
        """It got no runner, and rests; False where it is held no more."""
        if self._starting.get(claim.uuid) != claim:
            return False
        del self._starting[claim.uuid]
        self._rest(claim)
        return True

    def ended(self, ref: Any) -> Claim | None:
        """Its runner has ended, and it rests; None where that was none of ours."""
        claim = self._running.pop(ref, None)
        self._held_up.pop(ref, None)
        if claim is not None:
            del self._refs[claim.uuid]
            self._rest(claim)
        return claim

    def pardon(self, ref: Any) -> None:
        """The crashes of its job's earlier runners count no longer; nothing where that is none of ours."""
        claim = self._running.get(ref)
        if claim is not None:
            self._running[ref] = self._held[claim.uuid] = claim._replace(crashes=0)

    def forget(self, claim: Claim) -> None:
        """It is held no more; not for one that runs."""
        if self._held.pop(claim.uuid, None) is None:
            return
        self._held_of[claim.process] -= 1
        if claim.uuid in self._resting:
            self._resting.remove(claim.uuid)
        elif self._starting.pop(claim.uuid, None):
            self._busy[claim.process] -= 1
            self._reading.discard(claim.uuid)
        else:
            del self._waiting[claim.process][claim.uuid]
            if not self._waiting[claim.process]:
                del self._waiting[claim.process]
        following = self._following.pop(claim.uuid, None)
        if following is not None:
            self.admit(following)

    def hold_up(self, ref: Any) -> None:
        """It is a suspect's runner, and waits until no other suspect runs here; nothing where that is none of ours."""
        if ref in self._running:
            self._held_up[ref] = self._running[ref].process

    def let_go_on(self, ref: Any) -> None:
        """It waits no more."""
        self._held_up.pop(ref, None)

    def _held_up_of(self, process: str) -> int:
        return sum(each == process for each in self._held_up.values()) if self._held_up else 0

    def _wait(self, claim: Claim) -> None:
        self._waiting.setdefault(claim.process, OrderedDict())[claim.uuid] = claim

    def _rest(self, claim: Claim) -> None:
        self._busy[claim.process] -= 1
        self._reading.discard(claim.uuid)
        self._resting.add(claim.uuid)
