"""What `redis.durability = "strict"` adds to an accepted job: a 201 comes only once it is fsynced, and where set received by replicas."""

import time
from collections.abc import Sequence
from typing import Any

from cameron.errors import StoreUnavailable
from cameron.store import keys
from cameron.store.durability import waits
from cameron.store.health import Health
from cameron.store.redis import Command, StoreAway, StoreError, reader

LOST = "redis has crashed or failed over, and has lost the job: start it again"
AGAIN = "it may run all the same: look for it before you start another, or repeat the start with the same Idempotency-Key"


class Strict:
    """For any thread. The wait is the caller's own, on a connection of its own, so that nobody else waits for an fsync."""

    def __init__(self, health: Health, url: str, timeout_s: float, accept_timeout_s: float) -> None:
        self._health = health
        self._redis: Any = reader(url, timeout_s + accept_timeout_s)

    def settle(self, proofs: Sequence[str], give_up_at_s: float) -> None:
        """As `settle_all`, for one job: raises StoreUnavailable where it is lost, too."""
        for lost in self.settle_all((proofs,), give_up_at_s):
            if lost:
                raise lost

    def settle_all(self, jobs: Sequence[Sequence[str]], give_up_at_s: float) -> list[StoreUnavailable | None]:
        """Wait once until accepted jobs are as safe as a 201 says, until about `give_up_at_s` (monotonic); an error for each that is lost.

        A job stands as its proofs: keys of which at least one is there if Redis still has it. Costs nothing in default mode, nor where
        Redis fsyncs before it answers and no replica is waited for. Raises StoreUnavailable: they may be in Redis all the same, and run.
        """
        rules, facts = self._health.rules, self._health.facts
        if not (rules.strict and jobs):
            return [None] * len(jobs)
        if facts is None:
            raise StoreUnavailable("redis has not been looked at yet, so nobody knows whether the job is safe", silent=True, mend=AGAIN)
        left_ms = max(1, int((give_up_at_s - time.monotonic()) * 1000))
        commands = waits(facts, rules, left_ms)
        if not commands:
            return [None] * len(jobs)
        return [None if is_there else StoreUnavailable(LOST) for is_there in self._wait(jobs, commands, rules.replicas)]

    def _wait(self, jobs: Sequence[Sequence[str]], commands: Sequence[Command], replicas: int) -> list[int]:
        """How many of each job's proofs are there, once the jobs are safe that have some.

        What is waited for is a write of this connection's. It comes after the jobs', if they are still there: Redis may have crashed.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(keys.PROBE, "1")
        for proofs in jobs:
            pipeline.exists(*proofs)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            _, *answers = pipeline.execute()
        except (*StoreAway, StoreError) as error:
            raise StoreUnavailable(f"redis has not said whether the job is safe ({error})", silent=True, mend=AGAIN) from None
        found: list[int] = answers[: len(jobs)]
        if not any(found):
            return found
        for command, answer in zip(commands, answers[len(jobs) :], strict=True):
            if command[0] == "WAITAOF" and not answer[0]:
                raise StoreUnavailable("redis has not fsynced the job in time", silent=True, mend=AGAIN)
            if command[0] == "WAIT" and answer < replicas:
                raise StoreUnavailable(f"{answer} of {replicas} replicas have received the job in time", silent=True, mend=AGAIN)
        return found
