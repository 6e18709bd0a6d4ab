"""Reads where a job stands besides its own record: see `core/explain/situation.py`. Two round trips, pipelined; nothing is written."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cameron.clock import read_stamp
from cameron.core.explain.situation import AHEAD_MAX, Node, Place, Situation
from cameron.core.status import Status
from cameron.store import keys
from cameron.store.dead_letter import dead_letter
from cameron.store.redis import reader, script_text

NOTHING: Mapping[str, str] = {}


class Situations:
    """For any thread; `job_key` names a job's hash."""

    def __init__(self, url: str, timeout_s: float, job_key: Callable[[str, str, str], str] = keys.job) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._job_key = job_key
        self._whereabouts = script_text("whereabouts")

    def of(self, process: str, key: str, uuid: str, record: Mapping[str, str], fields: Mapping[str, str] = NOTHING) -> Situation:
        """The situation of a job whose record and hash (`fields`) were just read. Raises what redis-py does."""
        found = self._at_one_moment(process, key, uuid, record)
        if found.place is Place.MISSING and not found.ended:
            again = self._redis.hgetall(keys.record(process, uuid))
            if again.get("entry") != record.get("entry"):  # it was handed back just after its record was read
                record, found = again, self._at_one_moment(process, key, uuid, again)
        owner = record.get("owner", "")
        found = found._replace(
            owner=owner.split(" ")[0],
            released=bool(owner) and record.get("released") == owner,
            cancel_ms=_number(record.get("cancel")),
            crash=record.get("crash", ""),
            called_ms=_called(fields),
        )
        return self._with_nodes(found)

    def _at_one_moment(self, process: str, key: str, uuid: str, record: Mapping[str, str]) -> Situation:
        """All but what the nodes' leases say; of the node that holds the job, its name."""
        accepted_ms = _number(record.get("accepted"))
        member = keys.job_member(key, accepted_ms, uuid)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.eval(self._whereabouts, 1, keys.queue(process), keys.GROUP, record.get("entry") or "0-1", AHEAD_MAX + 1)
        pipeline.pttl(self._job_key(process, key, uuid))
        pipeline.sismember(keys.QUEUES, process)
        dead = record.get("dead") or "0-1"
        pipeline.xrange(keys.dead(process), dead, dead)
        for status in Status:
            pipeline.zscore(keys.jobs(process, status), member)
        place, left_ms, queue_read, letters, *scores = pipeline.execute()
        since = {status.value: int(score) for status, score in zip(Status, scores, strict=True) if score is not None}
        latest = max(since, key=lambda name: since[name], default="")
        return Situation(
            place=Place(place[0]),
            ahead=place[1] if place[0] == Place.WAITING else 0,
            node=Node(place[1]) if place[0] == Place.HELD else None,
            queue_read=bool(queue_read),
            left_ms=left_ms if left_ms > 0 else None,
            dead_letter=dead_letter(*letters[0]) if letters else None,
            status=latest,
            since_ms=since.get(latest, 0),
            accepted_ms=accepted_ms,
        )

    def _with_nodes(self, found: Situation) -> Situation:
        """With the job's node, if it has one, and the numbers of those that live."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.smembers(keys.NODES)
        if found.node is not None:
            pipeline.get(keys.node(found.node.name)).pttl(keys.node(found.node.name))
        names, *lease = pipeline.execute()
        for name in names:
            pipeline.get(keys.node(name))
        living = [_about(text) for text in pipeline.execute() if text]
        running = [about for about in living if about["state"] == "running"]
        grace_ms = min((int(about.get("grace_ms", 0)) for about in running), default=0)
        node = found.node and _node(found.node.name, *lease)
        return found._replace(node=node, running_nodes=len(running), draining_nodes=len(living) - len(running), grace_ms=grace_ms)


def _node(name: str, text: str | None, left_ms: int) -> Node:
    if text is None or left_ms < 0:
        return Node(name)
    about = _about(text)
    calls = {host: (int(in_flight), int(waiting)) for host, (in_flight, waiting) in about.get("calls", {}).items()}
    return Node(name, left_ms, int(about.get("lease_ms", left_ms)), about["state"], calls)


def _about(text: str) -> dict[str, Any]:
    try:
        return {"state": "running", **json.loads(text)}
    except (ValueError, TypeError):  # of another version of the program, say: it lives all the same
        return {"state": "running"}


def _called(fields: Mapping[str, str]) -> dict[str, int]:
    """The running tasks, and when each was called for the first time, in epoch milliseconds, to the second."""
    names = (name for name in fields.get("job.tasks", "").split(",") if fields.get(f"task.{name}.status.current") == Status.RUNNING)
    return {name: read_stamp(fields.get(f"task.{name}.status.running.time", "")) for name in names}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
