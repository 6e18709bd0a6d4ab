"""How many bytes of Redis a finished job keeps, by kind of key: MEMORY USAGE, which counts a key's name and its entry in the dictionary."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

SAMPLE = 200  # jobs
SHARED = "indexes and queue, a share"
_UUID = re.compile(r"[0-9a-f]{32}")
_KINDS = (  # the first that fits
    (re.compile(r"cameron:process:[^:]+:key:.*:job:[0-9a-f]{32}"), "hash"),
    (re.compile(r"cameron:record:[^:]+:[0-9a-f]{32}"), "record"),
    (re.compile(r"cameron:events:[^:]+:[0-9a-f]{32}"), "events"),
)


def kind(key: str) -> str:
    """What a key with a job's uuid in it is to the job."""
    return next((name for pattern, name in _KINDS if pattern.fullmatch(key)), "others")


def job_bytes(store: Any, jobs: int) -> dict[str, float]:
    """Bytes a job by kind, and in "all". `store` is redis-py's client, with text; it holds so many finished jobs and nothing else."""
    by_uuid, shared = keys_by_uuid(store.scan_iter("*", count=1000))
    sample = dict(list(by_uuid.items())[:SAMPLE])
    usage = _usage(store, [*shared, *(key for keys in sample.values() for key in keys)])
    added: Counter[str] = Counter()
    for keys in sample.values():
        for key in keys:
            added[kind(key)] += usage[key]
    found = {name: round(added[name] / len(sample), 1) for name in ("hash", "record", "events", "others")}
    found[SHARED] = round(sum(usage[key] for key in shared) / jobs, 1)
    return found | {"all": round(sum(found.values()), 1)}


def keys_by_uuid(names: Iterable[str]) -> tuple[Mapping[str, list[str]], list[str]]:
    """The keys of each job, and those that all jobs share."""
    by_uuid, shared = defaultdict(list), list[str]()
    for name in names:
        uuid = _UUID.search(name)
        (by_uuid[uuid[0]] if uuid else shared).append(name)
    return by_uuid, shared


def _usage(store: Any, names: list[str]) -> dict[str, int]:
    pipeline = store.pipeline(transaction=False)
    for name in names:
        pipeline.memory_usage(name, samples=0)
    return dict(zip(names, pipeline.execute(), strict=True))
