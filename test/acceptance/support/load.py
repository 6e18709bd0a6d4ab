"""Jobs of three tasks in a row that clients insist on, while something is wrong with Redis."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice
from typing import Any, Self

from .crowd import start_all
from .node import Node
from .service import Service
from .steps import Steps
from .waiting import eventually

QUEUE = "cameron:queue:steps"
ACTIVITIES = {"start": "first", "held": "held", "last": "last"}  # of each task


class Load(Steps):
    """The service forgets what it was called for before."""

    def __init__(self, service: Service) -> None:
        service.forget()
        super().__init__(service)
        self._numbers = count(1_000_000)

    def open(self) -> Self:
        """Hold no replies back."""
        self.gate.open()
        return self

    def offer(self, node: Node, number: int) -> Counter[int]:
        """Try to start that many jobs, once each; how often each status was answered."""
        answers = start_all(node.port, "steps", self._payloads(number), 10)
        self.jobs += [node.at(answer.location) for answer in answers if answer.status == 201]
        return Counter(answer.status for answer in answers)

    def press(self, node: Node, number: int, clients: int = 8) -> "Future[None]":
        """Start that many jobs in the background, as clients do that come again when they are told 503, until each is accepted."""
        payloads, pool = self._payloads(number), ThreadPoolExecutor(1)
        future = pool.submit(self._insist, node, payloads, clients)
        pool.shutdown(wait=False)
        return future

    def _insist(self, node: Node, payloads: list[Any], clients: int) -> None:
        def accepted() -> bool:
            answers = start_all(node.port, "steps", payloads, clients)
            assert {answer.status for answer in answers} <= {201, 503}
            self.jobs += [node.at(answer.location) for answer in answers if answer.status == 201]
            payloads[:] = [payload for payload, answer in zip(payloads, answers, strict=True) if answer.status == 503]
            return not payloads

        eventually(accepted, "every start to be accepted", 120, every_s=0.05)

    def _payloads(self, number: int) -> list[Any]:
        return [{"key": f"job {each}", "data": each} for each in islice(self._numbers, number)]

    def settle(self, store: Any, timeout_s: float = 60.0) -> Self:
        """Wait for the end of every accepted job, and until nothing is left in the queue.

        Every job that is there has ended well and whole, those included whose clients were told 503; each of its tasks was called, and
        nothing else was.
        """
        for job in self.jobs:
            job.done(timeout_s)
        eventually(lambda: store.xlen(QUEUE) == 0, "the queue to be empty")
        assert store.xpending(QUEUE, "cameron")["pending"] == 0
        there = self.there(store)
        assert {job.hash_key for job in self.jobs} <= there.keys()
        assert {(fields["job.status.current"], len(fields)) for fields in there.values()} == {("done", 8 + 3 * 5)}
        expected = {f"{key[-32:]}/{task}" for key in there for task in ACTIVITIES}
        assert {key for activity in ACTIVITIES.values() for key in self.calls(activity)} == expected
        return self

    def there(self, store: Any) -> dict[str, dict[str, str]]:
        """The hashes of all jobs that are in Redis, by key."""
        return {key: store.hgetall(key) for key in store.scan_iter("cameron:process:steps:*", count=1000) if not key.endswith(":error")}

    def assert_called_at_most(self, times: int, *activities: str) -> None:
        """No task of these activities (of any, where none is named) was called more often."""
        for activity in activities or ACTIVITIES.values():
            assert {key: called for key, called in self.calls(activity).items() if called > times} == {}, activity
