"""What Redis says of itself, read: whole, in part, and not at all."""

from typing import Any

import pytest

from cameron.store.facts import QUESTIONS, Facts, facts_of

INFO = """# Server\r
redis_version:7.0.15\r
redis_mode:standalone\r
\r
# Persistence\r
rdb_last_bgsave_status:ok\r
aof_enabled:1\r
aof_last_write_status:ok\r
aof_base_size:88\r
aof_rewrite_in_progress:0\r
aof_rewrite_scheduled:0\r
\r
# Memory\r
maxmemory:1048576\r
maxmemory_policy:noeviction\r
\r
# Replication\r
role:master\r
connected_slaves:2\r
slave0:ip=10.0.0.7,port=6379,state=online,offset=14,lag=0\r
slave1:ip=10.0.0.8,port=6379,state=send_bulk,offset=0,lag=0\r
slave_priority:100\r
\r
# Cluster\r
cluster_enabled:0\r
"""
HELLO = {"server": "redis", "version": "7.0.15", "proto": 3, "mode": "standalone", "role": "master"}
FSYNC = {"appendfsync": "everysec", "no-appendfsync-on-rewrite": "no"}
FORBIDDEN = Exception("this user has no permissions")


def facts(info: Any = INFO, hello: Any = HELLO, fsync: Any = FSYNC, save: Any = None, replicas: Any = None, waitaof: Any = None) -> Facts:
    """What is read of these answers."""
    return facts_of([info, hello, fsync, {"save": "900 1"} if save is None else save, replicas or {"min-replicas-to-write": "1"}, waitaof])


def test_each_question_has_its_answer() -> None:
    assert len(QUESTIONS) == 6


def test_all_that_is_told_is_known() -> None:
    assert facts(waitaof=[1, 0]) == Facts(
        server="redis", version="7.0.15", is_primary=True, is_cluster=False, appendonly=True, appendfsync="everysec", save="900 1",
        maxmemory=1048576, maxmemory_policy="noeviction", replicas=1, min_replicas_to_write=1, has_waitaof=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "instead", "known"),
    [
        ("role:master", "role:slave", {"is_primary": False}),
        ("cluster_enabled:0", "cluster_enabled:1", {"is_cluster": True}),
        ("redis_mode:standalone", "redis_mode:cluster", {"is_cluster": True}),
        ("aof_enabled:1", "aof_enabled:0", {"appendonly": False}),
        ("aof_last_write_status:ok", "aof_last_write_status:err", {"aof_fails": True}),
        ("rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err", {"snapshot_fails": True}),
        (
            "redis_version:7.0.15",
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1",
            {"server": "valkey", "version": "8.0.1"},
        ),
        ("state=send_bulk", "state=online", {"replicas": 2}),
        ("aof_base_size:88", "aof_base_size:0", {}),
        ("aof_base_size:88\r\naof_rewrite_in_progress:0", "aof_base_size:0\r\naof_rewrite_in_progress:1", {"begins_file": True}),
        ("aof_base_size:88\r\naof_rewrite_in_progress:0", "aof_base_size:88\r\naof_rewrite_in_progress:1", {}),
        ("maxmemory_policy:noeviction", "maxmemory_policy:allkeys-lru", {"maxmemory_policy": "allkeys-lru"}),
    ],
)
def test_a_line_of_info_makes_a_difference(said: str, instead: str, known: dict[str, Any]) -> None:
    assert said in INFO
    assert facts(INFO.replace(said, instead)) == facts()._replace(**known)


def test_where_config_is_forbidden_what_it_alone_knows_is_unknown() -> None:
    assert facts_of([INFO, HELLO, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN]) == facts()._replace(
        appendfsync=None, save=None, min_replicas_to_write=None
    )


@pytest.mark.parametrize(
    ("hello", "expected"),
    [
        (HELLO, Facts(version="7.0.15")),
        ({**HELLO, "role": "replica", "mode": "cluster"}, Facts(version="7.0.15", is_primary=False, is_cluster=True)),
        ({**HELLO, "server": "valkey", "version": "8.0.1"}, Facts(server="valkey", version="8.0.1")),
        (FORBIDDEN, Facts()),
    ],
)
def test_where_info_is_forbidden_the_greeting_says_what_it_is(hello: Any, expected: Facts) -> None:
    assert facts_of([FORBIDDEN, hello, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN]) == expected


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("6.2.14", (6, 2)),
        ("7.4.0-v1", (7, 4)),
        ("8", (8, 0)),
        ("255.255.255", (255, 255)),
        ("before 6.0", (6, 0)),
        (None, (0, 0)),
        ("x", (0, 0)),
    ],
)
def test_the_release_is_the_first_two_numbers(version: str | None, release: tuple[int, int]) -> None:
    assert Facts(version=version).release == release
