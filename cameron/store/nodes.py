"""All nodes on this Redis, for people to look at, and to tell them something."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cameron.core.moment import rfc3339
from cameron.store import keys
from cameron.store.inbox import send
from cameron.store.node_load import commands_in, python_in
from cameron.store.queue import consumers
from cameron.store.redis import reader

LOOK_S = 2.0  # how often each node looks for dead ones, at least; with a lease below 6 s, three times a lease


class Nodes:
    """For any thread."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis: Any = reader(url, timeout_s)

    def all(self) -> list[dict[str, Any]]:
        """The living nodes, and the dead ones that still hold jobs, by name.

        Each: `{"node", "state": running | draining | drained | dead, "host", "pid", "since", "lease_s", "lease_age_s", "jobs": held,
        "processes": {name: held}, "calls": {"host:port": {"in_flight", "waiting"}}, "commands", "python"}`, `since` in RFC 3339, `calls` of
        the hosts that have calls waiting; for `commands` and `python` see `node_load`: None where the node, which may be of another
        version, does not say. Of a dead one nobody knows those, `host`, `pid`, `since` and the lease: they are None; it has also
        `taken_over_within_s`: others with room for its jobs have them by then; None where none of them runs jobs.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.smembers(keys.QUEUES)
        pipeline.smembers(keys.NODES)
        processes, known = pipeline.execute()
        held = consumers(self._redis, sorted(processes))
        abouts = self._abouts(sorted({*known, *held}))
        within_s = _taken_over_within_s(about for about in abouts.values() if about)
        nodes = []
        for name, about in abouts.items():
            jobs = {process: count for process, count in held.get(name, {}).items() if count}
            if about:
                nodes.append(_alive(name, about, jobs))
            elif jobs:
                nodes.append(_dead(name, jobs, within_s))
        return nodes

    def tell(self, node: str, signal: str) -> bool:
        """Put a signal, `drain` or `resume`, into the node's inbox; False where no such node lives."""
        return bool(self._redis.exists(keys.node(node)) and send(self._redis, node, signal))

    def _abouts(self, names: list[str]) -> dict[str, dict[str, Any] | None]:
        """What each node says of itself, and how old that is; None of the dead."""
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.get(keys.node(name))
            pipeline.pttl(keys.node(name))
        answers = pipeline.execute() if names else []
        return {name: _about(text, left_ms) for name, text, left_ms in zip(names, answers[::2], answers[1::2], strict=True)}


def _about(text: str | None, left_ms: int) -> dict[str, Any] | None:
    if text is None or left_ms < 0:
        return None
    try:
        about = json.loads(text)
        return {**about, "age_ms": max(0, about["lease_ms"] - left_ms)}
    except (ValueError, TypeError, KeyError):  # of another version of the program, say: it lives all the same
        return {"age_ms": None}


def _alive(name: str, about: Mapping[str, Any], jobs: dict[str, int]) -> dict[str, Any]:
    calls: Mapping[str, list[int]] = about.get("calls", {})
    return {
        "node": name,
        "state": about.get("state", "running"),
        "host": about.get("host"),
        "pid": about.get("pid"),
        "since": rfc3339(about["since_ms"]) if "since_ms" in about else None,
        "lease_s": about["lease_ms"] / 1000 if "lease_ms" in about else None,
        "lease_age_s": None if about["age_ms"] is None else about["age_ms"] / 1000,
        "jobs": sum(jobs.values()),
        "processes": jobs,
        "calls": {host: {"in_flight": in_flight, "waiting": waiting} for host, (in_flight, waiting) in calls.items()},
        "commands": commands_in(about),
        "python": python_in(about),
    }


def _dead(name: str, jobs: dict[str, int], within_s: float | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("host", "pid", "since", "lease_s", "lease_age_s"))
    of_it = {"jobs": sum(jobs.values()), "processes": jobs, "calls": {}, "commands": None, "python": None}
    return {"node": name, "state": "dead", **nothing, **of_it, "taken_over_within_s": within_s}


def _taken_over_within_s(living: Iterable[Mapping[str, Any]]) -> float | None:
    """Until the next look of one that takes over, which after an outage of Redis gives others the time to come back."""
    running = [about for about in living if about.get("state", "running") == "running"]
    return min((round(LOOK_S + about.get("grace_ms", 0) / 1000, 1) for about in running), default=None)
