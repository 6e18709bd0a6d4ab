"""Reads where a job stands besides its own record: see `core/explain/situation.py`. Two round trips, pipelined; nothing is written."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from cameron.clock import read_stamp
from cameron.core.explain.situation import AHEAD_MAX, Node, Place, Situation
from cameron.core.status import OF_JOBS
from cameron.store import keys
from cameron.store.dead_letter import dead_letter
from cameron.store.node_load import isolated_in, runs_in
from cameron.store.redis import reader, script_text

NOTHING: Mapping[str, str] = {}


class Subject(NamedTuple):
    """A job as it was just read."""

    process: str
    key: str
    uuid: str
    hash_key: str  # the name of its hash
    record: Mapping[str, str]
    fields: Mapping[str, str] = NOTHING  # of its hash
    running: Collection[str] = ()  # the names of its running tasks


class Situations:
    """For any thread."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)
        self._whereabouts = script_text("whereabouts")

    def of(self, job: Subject) -> Situation:
        """Where that job stands. Raises what redis-py does."""
        found = self._at_one_moment(job)
        if found.place is Place.MISSING and not found.ended:
            again = self._redis.hgetall(keys.record(job.process, job.uuid))
            if again.get("entry") != job.record.get("entry"):  # it was handed back just after its record was read
                job = job._replace(record=again)
                found = self._at_one_moment(job)
        record = job.record
        owner = record.get("owner", "")
        found = found._replace(
            owner=owner.split(" ")[0],
            released=bool(owner) and record.get("released") == owner,
            cancel_ms=_number(record.get("cancel")),
            crash=record.get("crash", ""),
            called_ms={name: read_stamp(job.fields.get(f"task.{name}.status.running.time", "")) for name in job.running},
        )
        return self._with_nodes(found)

    def _at_one_moment(self, job: Subject) -> Situation:
        """All but what the nodes' leases say; of the node that holds the job, its name."""
        process, record = job.process, job.record
        accepted_ms = _number(record.get("accepted"))
        member = keys.job_member(job.key, accepted_ms, job.uuid)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.eval(self._whereabouts, 1, keys.queue(process), keys.GROUP, record.get("entry") or "0-1", AHEAD_MAX + 1)
        pipeline.pttl(job.hash_key)
        pipeline.sismember(keys.QUEUES, process)
        dead = record.get("dead") or "0-1"
        pipeline.xrange(keys.dead(process), dead, dead)
        for status in OF_JOBS:
            pipeline.zscore(keys.jobs(process, status), member)
        place, left_ms, queue_read, letters, *scores = pipeline.execute()
        since = {status.value: int(score) for status, score in zip(OF_JOBS, scores, strict=True) if score is not None}
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
    lease_ms = int(about.get("lease_ms", left_ms))
    return Node(name, left_ms, lease_ms, about["state"], calls, runs_in(about), isolated_in(about))


def _about(text: str) -> dict[str, Any]:
    try:
        return {"state": "running", **json.loads(text)}
    except (ValueError, TypeError):  # of another version of the program, say: it lives all the same
        return {"state": "running"}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
