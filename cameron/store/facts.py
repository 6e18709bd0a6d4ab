"""What a Redis says of itself, as far as it lets us read it: what it is, and how it keeps what it has acknowledged.

INFO says most of it. `appendfsync` is known to CONFIG GET alone, which managed Redis services forbid: what cannot be read is None.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cameron.store.redis import Command

QUESTIONS: tuple[Command, ...] = (
    ("INFO",),
    ("HELLO", 3),  # says version, mode and role to those who may not use INFO
    ("CONFIG", "GET", "*appendfsync*"),
    ("CONFIG", "GET", "save"),
    ("CONFIG", "GET", "min-replicas-to-write"),
    ("WAITAOF", 0, 0, 1),  # waits for nothing: an error where there is no such command
)


class Facts(NamedTuple):
    """One Redis; None is what it does not tell us."""

    server: str = "redis"  # or valkey, ...
    version: str | None = None  # of that server
    is_primary: bool = True
    is_cluster: bool = False
    appendonly: bool | None = None
    appendfsync: str | None = None  # always | everysec | no
    pauses_fsync: bool = False  # while the append-only file is rewritten (no-appendfsync-on-rewrite)
    begins_file: bool = False  # the append-only file has just been switched on, and does not hold everything yet
    aof_fails: bool = False  # the last write to the append-only file
    save: str | None = None  # when snapshots are made: "" never
    snapshot_fails: bool = False  # the last one
    maxmemory: int | None = None  # bytes; 0: no limit
    maxmemory_policy: str | None = None
    replicas: int | None = None  # that are connected and in step
    min_replicas_to_write: int | None = None
    has_waitaof: bool = False

    @property
    def release(self) -> tuple[int, int]:
        """The first two numbers of the version."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version or "")[:2]]
        return (*numbers, 0, 0)[0], (*numbers, 0, 0)[1]


def facts_of(answers: Sequence[Any]) -> Facts:
    """The facts in the answers to QUESTIONS; answers that are errors stand among them as exceptions."""
    text, hello, fsync, save, min_replicas, waitaof = answers
    info = _fields(text) if isinstance(text, str) else {}
    hello = hello if isinstance(hello, dict) else {}
    config = {name: value for answer in (fsync, save, min_replicas) if isinstance(answer, dict) for name, value in answer.items()}
    server = info.get("server_name") or hello.get("server") or "redis"
    role, mode = info.get("role") or hello.get("role"), info.get("redis_mode") or info.get("server_mode") or hello.get("mode")
    return Facts(
        server=server,
        version=info.get(f"{server}_version") or info.get("redis_version") or hello.get("version"),
        is_primary=role not in ("slave", "replica"),
        is_cluster=info.get("cluster_enabled") == "1" or mode == "cluster",
        appendonly=info["aof_enabled"] == "1" if "aof_enabled" in info else None,
        appendfsync=config.get("appendfsync"),
        pauses_fsync=config.get("no-appendfsync-on-rewrite") == "yes",
        begins_file=info.get("aof_base_size") == "0" and "1" in (info.get("aof_rewrite_in_progress"), info.get("aof_rewrite_scheduled")),
        aof_fails=info.get("aof_last_write_status", "ok") != "ok",
        save=config.get("save"),
        snapshot_fails=info.get("rdb_last_bgsave_status", "ok") != "ok",
        maxmemory=_number(info.get("maxmemory")),
        maxmemory_policy=info.get("maxmemory_policy"),
        replicas=sum(_is_replica_in_step(name, value) for name, value in info.items()) if "connected_slaves" in info else None,
        min_replicas_to_write=_number(config.get("min-replicas-to-write")),
        has_waitaof=isinstance(waitaof, list),
    )


def _fields(info: str) -> Mapping[str, str]:
    """INFO's lines `name:value`; headings begin with #."""
    pairs = (line.split(":", 1) for line in info.splitlines() if ":" in line and not line.startswith("#"))
    return {name: value.strip() for name, value in pairs}


def _is_replica_in_step(name: str, value: str) -> bool:
    return re.fullmatch(r"slave\d+", name) is not None and "state=online" in value


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
