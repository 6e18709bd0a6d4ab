"""Jobs of three tasks in a row, the second of which waits for a gate: what a test of recovery has under way when something dies."""

from collections import Counter
from typing import Any, Self

from .answer import Gate, follow, reply
from .crowd import start_all
from .job import Job
from .node import Node
from .service import Service
from .waiting import eventually


class Steps:
    """Jobs of three tasks in a row, `start` (the activity `first`), `held` and `last`; the replies of `held` wait for the gate."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.gate: Gate = service.gate()
        self.jobs: list[Job] = []
        service.on("first", reply(1, next_activities=follow([("held", service.url("held"))])))
        service.on("held", reply(2, next_activities=follow([("last", service.url("last"))])).held(self.gate))
        service.on("last", reply(3))

    def start(self, node: Node, count: int) -> Self:
        payloads = [{"key": f"job {number}", "data": number} for number in range(len(self.jobs), len(self.jobs) + count)]
        answers = start_all(node.port, "steps", payloads, 10)
        assert Counter(answer.status for answer in answers) == {201: count}
        self.jobs += [node.at(answer.location) for answer in answers]
        return self

    def called(self, activity: str, count: int) -> Self:
        eventually(lambda: self.calls(activity).total() >= count, f"{count} calls of {activity}")
        return self

    def recorded(self, task: str) -> Self:
        """Wait until all jobs have that task recorded as done."""
        eventually(lambda: all(job.field(f"task.{task}.status.current") == "done" for job in self.jobs), f"{task} to be recorded")
        return self

    def calls(self, activity: str) -> Counter[str]:
        """How often that activity was called, by idempotency key."""
        return Counter(call.headers["idempotency-key"] for call in self.service.all_calls() if call.activity == activity)

    def all_done(self, store: Any, timeout_s: float = 40) -> None:
        """Wait for the end of all jobs; each of them ended well, once, and left nothing in the queue."""
        for job in self.jobs:
            job.done(timeout_s)
            assert len(job.hash()) == 8 + 3 * 5
            assert job.keys() == {job.hash_key}
        assert store.xlen("cameron:queue:steps") == 0
        assert store.xpending("cameron:queue:steps", "cameron")["pending"] == 0
        expected = {f"{job.uuid}/{task}" for job in self.jobs for task in ("start", "held", "last")}
        assert set(self.calls("first")) | set(self.calls("held")) | set(self.calls("last")) == expected

    def assert_called(self, activity: str, times: range) -> None:
        counts = self.calls(activity)
        assert len(counts) == len(self.jobs)
        assert {key: count for key, count in counts.items() if count not in times} == {}


def owners(store: Any) -> dict[str, tuple[str, int]]:
    """Of each job's record by uuid: the node and the claim that wrote last."""
    records = list(store.scan_iter("cameron:record:steps:*"))
    parts = {key.rpartition(":")[2]: store.hget(key, "owner").split(" ") for key in records}
    return {uuid: (node, int(claim)) for uuid, (node, claim, _) in parts.items()}
