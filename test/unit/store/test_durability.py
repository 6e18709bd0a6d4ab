"""What a crash of Redis loses, and what is borne: one table a question."""

from typing import Any

import pytest

from cameron.store.durability import Rules, a_crash_can_lose, problems, waits
from cameron.store.facts import Facts

SOUND = Facts(
    version="7.0.15", appendonly=True, appendfsync="everysec", save="", maxmemory=0, maxmemory_policy="noeviction", replicas=0,
    min_replicas_to_write=0,
)  # fmt: skip
PRODUCTION, STRICT = Rules(production=True), Rules(strict=True)
ALWAYS: dict[str, Any] = {"appendfsync": "always"}
WAITAOF: dict[str, Any] = {"version": "8.0.2", "has_waitaof": True}
UNREADABLE: dict[str, Any] = {"appendfsync": None, "save": None, "min_replicas_to_write": None}
OFF: dict[str, Any] = {"appendonly": False}


def told(rules: Rules, **different: Any) -> list[tuple[str, str]]:
    """Severity and text of what is wrong with a sound Redis that differs so."""
    return [(problem.severity, problem.text) for problem in problems(SOUND._replace(**different), rules)]


@pytest.mark.parametrize("rules", [Rules(), PRODUCTION])
def test_nothing_is_wrong_with_a_sound_redis(rules: Rules) -> None:
    assert told(rules) == []


REFUSED: list[tuple[str, Rules, dict[str, Any], list[str]]] = [
    ("an old version", Rules(), {"version": "6.0.16"}, ["6.0.16", "6.2", "redis.url"]),
    ("an older one, that cannot even say so", Rules(), {"version": "before 6.0"}, ["before 6.0", "6.2"]),
    ("a cluster", Rules(), {"is_cluster": True}, ["cluster mode", "redis.url"]),
    ("a replica", Rules(), {"is_primary": False}, ["replica", "address of its primary"]),
    *(
        (
            f"{policy} in production",
            PRODUCTION,
            {"maxmemory_policy": policy},
            [policy, dropped, "redis-cli config set maxmemory-policy noeviction"],
        )
        for policies, dropped in (
            (("allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-lrm", "one-of-the-future"), "any key (jobs that wait or run"),
            (("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "volatile-lrm"), "keys with a time to live (leases"),
        )
        for policy in policies
    ),
    (
        "a policy, where CONFIG is forbidden",
        PRODUCTION,
        {"maxmemory_policy": "allkeys-lru", **UNREADABLE},
        ["set maxmemory-policy to noeviction where"],
    ),
    ("strict without a file", STRICT, OFF, ["strict", "redis-cli config set appendonly yes"]),
    ("strict without a file, though it has WAITAOF", STRICT, {**OFF, **WAITAOF}, ["redis-cli config set appendonly yes"]),
    ("strict, fsynced every second", STRICT, {}, ["appendfsync is everysec", "redis-cli config set appendfsync always"]),
    ("strict, never fsynced", STRICT, {"appendfsync": "no"}, ["appendfsync is no", "redis-cli config set appendfsync always"]),
    ("strict, never fsynced, though it has WAITAOF", STRICT, {**WAITAOF, "appendfsync": "no"}, ["redis-cli config set appendfsync always"]),
    (
        "strict, not fsynced while rewriting",
        STRICT,
        {**ALWAYS, "pauses_fsync": True},
        ["redis-cli config set no-appendfsync-on-rewrite no"],
    ),
    ("strict, nobody knows how it fsyncs", STRICT, UNREADABLE, ["CONFIG GET is forbidden", "acl setuser", "8.0"]),
    ("strict, nobody knows whether it writes a file", STRICT, {**ALWAYS, "appendonly": None}, ["INFO is forbidden", "acl setuser"]),
    ("strict, and WAITAOF of 7.4", STRICT, {**WAITAOF, "version": "7.4.1"}, ["redis-cli config set appendfsync always"]),
    (
        "strict, and WAITAOF of Valkey",
        STRICT,
        {**WAITAOF, "server": "valkey", "version": "8.0.1"},
        ["redis-cli config set appendfsync always"],
    ),
    ("strict, while its file begins", STRICT, {**ALWAYS, "begins_file": True}, ["does not hold everything yet", "wait"]),
    (
        "strict, with too few replicas",
        Rules(strict=True, replicas=2),
        {**ALWAYS, "replicas": 1},
        ["redis.strict_replicas is 2", "1 are connected"],
    ),
]


@pytest.mark.parametrize(("rules", "different", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_it_is_refused_and_said_what_to_do(rules: Rules, different: dict[str, Any], words: list[str]) -> None:
    severity, text = told(rules, **different)[0]
    assert severity == "refuse"
    assert [word for word in words if word not in text] == []


WARNED: list[tuple[str, Rules, dict[str, Any], list[str]]] = [
    ("any policy in development", Rules(), {"maxmemory_policy": "allkeys-lru"}, ["allkeys-lru", "maxmemory-policy noeviction"]),
    ("a policy that is unknown, in production too", PRODUCTION, {"maxmemory_policy": None}, ["maxmemory-policy is unknown", "+info"]),
    ("no file", PRODUCTION, OFF, ["everything", "redis-cli config set appendonly yes"]),
    ("no file, where CONFIG is forbidden", Rules(), {**OFF, **UNREADABLE}, ["set appendonly to yes where"]),
    ("an fsync that is unknown", Rules(), UNREADABLE, ["appendfsync is unknown", "+config|get"]),
    ("no fsync", Rules(), {"appendfsync": "no"}, ["appendfsync is no", "everysec"]),
    ("a file that cannot be written", Rules(), {"aof_fails": True}, ["disk is full"]),
    ("a snapshot that failed", Rules(), {"snapshot_fails": True}, ["snapshot"]),
    ("replicas asked for in vain", Rules(replicas=1), {}, ["redis.strict_replicas", "no effect"]),
    ("strict, but slow", STRICT, WAITAOF, ["up to a second or two", "redis-cli config set appendfsync always"]),
    ("strict, but slow, as CONFIG is forbidden", STRICT, {**WAITAOF, **UNREADABLE}, ["set appendfsync to always where"]),
]


@pytest.mark.parametrize(("rules", "different", "words"), [case[1:] for case in WARNED], ids=[case[0] for case in WARNED])
def test_it_is_borne_and_said_what_to_do(rules: Rules, different: dict[str, Any], words: list[str]) -> None:
    found = told(rules, **different)
    assert {severity for severity, _ in found} == {"warn"}
    assert [word for word in words if word not in found[0][1]] == []


@pytest.mark.parametrize(
    ("rules", "different"),
    [
        (STRICT, ALWAYS),
        (STRICT, {**ALWAYS, "server": "valkey", "version": "8.0.1"}),
        (Rules(strict=True, replicas=2), {**ALWAYS, "replicas": 2}),
        (STRICT, {**ALWAYS, **WAITAOF, "begins_file": True}),
        (STRICT, {**ALWAYS, **WAITAOF, "appendonly": None}),
    ],
)
def test_nothing_is_wrong_where_strictness_is_met(rules: Rules, different: dict[str, Any]) -> None:
    assert told(rules, **different) == []


def test_what_is_no_redis_for_us_is_said_alone_and_first() -> None:
    found = problems(SOUND._replace(is_cluster=True, maxmemory_policy="allkeys-lru", appendonly=False), PRODUCTION)
    assert [problem.is_unusable for problem in found] == [True]


def test_what_refuses_comes_before_what_warns() -> None:
    found = told(PRODUCTION, maxmemory_policy="volatile-lru", appendonly=False, aof_fails=True)
    assert [severity for severity, _ in found] == ["refuse", "warn", "warn"]


JOBS = "jobs that were answered 201, and outcomes of tasks, whose activities are then called again"
LOST: list[tuple[Rules, dict[str, Any], str]] = [
    (Rules(), {}, f"the last second or two of writes: {JOBS}"),
    (
        Rules(),
        {"pauses_fsync": True},
        f"the last second or two of writes, up to half a minute while the append-only file is rewritten: {JOBS}",
    ),
    (Rules(), ALWAYS, "nothing that was acknowledged"),
    (STRICT, ALWAYS, "nothing that was acknowledged"),
    (
        Rules(),
        {**ALWAYS, "pauses_fsync": True},
        f"writes of up to half a minute while the append-only file is rewritten, at other times none: {JOBS}",
    ),
    (Rules(), {"appendfsync": "no"}, f"the writes of up to half a minute, as the operating system likes: {JOBS}"),
    (Rules(), UNREADABLE, f"as much as appendfsync says, which is unknown; with everysec the last second or two of writes: {JOBS}"),
    (Rules(), {**OFF, "save": "900 1"}, f"everything since the last snapshot: {JOBS}"),
    (Rules(), OFF, "everything: it writes nothing to disk"),
    (Rules(), {**OFF, "save": None}, f"everything since the last snapshot, if it makes any (CONFIG GET is forbidden to this user): {JOBS}"),
    (
        Rules(),
        {**ALWAYS, "begins_file": True},
        f"everything, until the rewrite of its append-only file that is under way has ended: {JOBS}",
    ),
    (Rules(), {"appendonly": None}, "nobody knows what: INFO is forbidden to this user"),
    (
        Rules(),
        {"replicas": 1},
        f"the last second or two of writes: {JOBS}; a failover also loses what the replica that takes over had not received yet",
    ),
    (
        STRICT,
        WAITAOF,
        "no job that was answered 201, but the last writes of about a second: outcomes of tasks, whose activities are then called again",
    ),
    (
        Rules(strict=True, replicas=1),
        {**ALWAYS, "replicas": 2},
        "nothing that was acknowledged; a failover loses no job that was answered 201, where a replica takes over that had received it",
    ),
]


@pytest.mark.parametrize(("rules", "different", "expected"), LOST)
def test_one_sentence_says_what_a_crash_can_lose(rules: Rules, different: dict[str, Any], expected: str) -> None:
    assert a_crash_can_lose(SOUND._replace(**different), rules) == expected


@pytest.mark.parametrize(
    ("rules", "different", "expected"),
    [
        (Rules(), {}, []),
        (Rules(replicas=2), WAITAOF, []),
        (STRICT, ALWAYS, []),
        (STRICT, WAITAOF, [("WAITAOF", 1, 0, 700)]),
        (STRICT, {**WAITAOF, **ALWAYS}, []),
        (STRICT, {**WAITAOF, **ALWAYS, "pauses_fsync": True}, [("WAITAOF", 1, 0, 700)]),
        (STRICT, {**WAITAOF, **ALWAYS, "begins_file": True}, [("WAITAOF", 1, 0, 700)]),
        (Rules(strict=True, replicas=2), ALWAYS, [("WAIT", 2, 700)]),
        (Rules(strict=True, replicas=2), WAITAOF, [("WAITAOF", 1, 0, 700), ("WAIT", 2, 700)]),
    ],
)
def test_what_has_to_be_waited_for_before_a_201(rules: Rules, different: dict[str, Any], expected: list[Any]) -> None:
    assert waits(SOUND._replace(**different), rules, 700) == expected
