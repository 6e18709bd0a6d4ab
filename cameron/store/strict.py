"""What `redis.durability = "strict"` adds to an accepted job: a 201 comes only once it is fsynced, and where set received by replicas."""

import time
from collections.abc import Sequence
from typing import Any

from cameron.errors import StoreUnavailable
from cameron.store import keys
from cameron.store.durability import waits
from cameron.store.health import Health
from cameron.store.redis import Command, StoreAway, StoreError, reader

AGAIN = "it may run all the same: look for it before you start another, or repeat the start with the same Idempotency-Key"


class Strict:
    """For any thread. The wait is the caller's own, on a connection of its own, so that nobody else waits for an fsync."""

    def __init__(self, health: Health, url: str, timeout_s: float, accept_timeout_s: float) -> None:
        self._health = health
        self._redis: Any = reader(url, timeout_s + accept_timeout_s)

    def settle(self, proofs: Sequence[str], give_up_at_s: float) -> None:
        """Wait until an accepted job is as safe as a 201 says, until about `give_up_at_s` (monotonic).

        `proofs` are keys of which at least one is there if Redis still has the job. Costs nothing in default mode, nor where Redis fsyncs
        before it answers and no replica is waited for. Raises StoreUnavailable: the job may be in Redis all the same, and may run.
        """
        rules, facts = self._health.rules, self._health.facts
        if not rules.strict:
            return
        if facts is None:
            raise StoreUnavailable("redis has not been looked at yet, so nobody knows whether the job is safe", silent=True, mend=AGAIN)
        left_ms = max(1, int((give_up_at_s - time.monotonic()) * 1000))
        commands = waits(facts, rules, left_ms)
        if commands:
            self._wait(proofs, commands, rules.replicas)

    def _wait(self, proofs: Sequence[str], commands: Sequence[Command], replicas: int) -> None:
        """What is waited for is a write of this connection's. It comes after the job's, if that is still there: Redis may have crashed."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(keys.PROBE, "1")
        pipeline.exists(*proofs)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            _, is_there, *answers = pipeline.execute()
        except (*StoreAway, StoreError) as error:
            raise StoreUnavailable(f"redis has not said whether the job is safe ({error})", silent=True, mend=AGAIN) from None
        if not is_there:
            raise StoreUnavailable("redis has crashed or failed over, and has lost the job: start it again")
        for command, answer in zip(commands, answers, strict=True):
            if command[0] == "WAITAOF" and not answer[0]:
                raise StoreUnavailable("redis has not fsynced the job in time", silent=True, mend=AGAIN)
            if command[0] == "WAIT" and answer < replicas:
                raise StoreUnavailable(f"{answer} of {replicas} replicas have received the job in time", silent=True, mend=AGAIN)
