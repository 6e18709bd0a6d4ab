"""What a crash of Redis can lose, and whether that is borne: pure rules on what Redis says of itself.

A problem that is `refuse`d stops the first start, and later has new jobs refused until it is mended; one that `warn`s is told. Each
text tells a person what to do.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from cameron.store.facts import Facts
from cameron.store.redis import Command

OLDEST = (6, 2)
# Redis 7.2 brought WAITAOF. With `appendfsync everysec` its answer may come before the fsync in 7.4 (redis/redis, pull request 13793) and
# comes before it in Valkey 8.0; from Redis 8.0 on it can be relied upon.
RELIABLE_WAITAOF = (8, 0)

LOOK = "see its log, and whether the disk is full"
OUTCOMES = "outcomes of tasks, whose activities are then called again"
JOBS_AND_OUTCOMES = f"jobs that were answered 201, and {OUTCOMES}"


class Rules(NamedTuple):
    """What this node wants of its Redis: see `redis.durability` and `redis.strict_replicas`."""

    production: bool = False
    strict: bool = False
    replicas: int = 0


class Problem(NamedTuple):
    """Something to mend in Redis."""

    severity: Literal["refuse", "warn"]
    text: str
    is_unusable: bool = False  # nothing at all can be written there, not even of jobs that run


def problems(facts: Facts, rules: Rules) -> list[Problem]:
    """What is wrong with this Redis, the gravest first."""
    unusable = list(_about_its_kind(facts))
    if unusable:
        return unusable
    found = [*_about_eviction(facts, rules), *_about_strictness(facts, rules), *_about_fsync(facts, rules), *_about_failures(facts)]
    return sorted(found, key=lambda problem: problem.severity != "refuse")


def _about_its_kind(facts: Facts) -> Iterator[Problem]:
    if facts.version is not None and facts.release < OLDEST:
        yield Problem(
            "refuse",
            f"it is version {facts.version}, and Cameron needs 6.2 or later: install a newer redis-server, "
            "or leave redis.url empty, and Cameron starts one of its own",
            True,
        )
    if facts.is_cluster:
        yield Problem("refuse", "it runs in cluster mode, which Cameron does not: give the address of a single primary as redis.url", True)
    if not facts.is_primary:
        yield Problem("refuse", "it is a replica, which takes no writes: give the address of its primary as redis.url", True)


def _about_eviction(facts: Facts, rules: Rules) -> Iterator[Problem]:
    policy = facts.maxmemory_policy
    if policy is None:
        yield Problem(
            "warn", f"its maxmemory-policy is unknown, as INFO is forbidden to this user: see that it is noeviction, or {_permit()}"
        )
    elif policy != "noeviction":
        yield Problem(
            "refuse" if rules.production else "warn",
            f"its maxmemory-policy is {policy}, so when it is full it drops {_dropped(policy)}: "
            f"{_set(facts, 'maxmemory-policy', 'noeviction')}",
        )


def _dropped(policy: str) -> str:
    if policy.startswith("volatile"):
        return "keys with a time to live (leases of nodes that live, finished jobs, remembered Idempotency-Keys)"
    return "any key (jobs that wait or run, their queues, leases of nodes that live)"


def _about_strictness(facts: Facts, rules: Rules) -> Iterator[Problem]:
    """Whether a 201 can mean what `redis.durability = "strict"` says."""
    if not rules.strict:
        if rules.replicas:
            yield Problem("warn", 'redis.strict_replicas has no effect without redis.durability = "strict": set that too, or neither')
        return
    wanted = 'redis.durability is "strict", but '
    if facts.appendonly is False:
        yield Problem("refuse", f"{wanted}it writes no append-only file: {_set(facts, 'appendonly', 'yes')}")
    elif not _waits_for_fsync(facts) and not _always_fsyncs(facts):
        yield Problem("refuse", wanted + _not_fsynced(facts))
    elif facts.appendfsync != "always":
        yield Problem(
            "warn",
            f"with appendfsync {facts.appendfsync or 'unknown'} each 201 waits for the next fsync, up to a second or two, and holds a web "
            f"thread meanwhile: {_set(facts, 'appendfsync', 'always')}",
        )
    if facts.replicas is not None and facts.replicas < rules.replicas:
        yield Problem(
            "refuse",
            f"redis.strict_replicas is {rules.replicas}, but {facts.replicas} are connected and in step: connect more, or lower it",
        )


def _not_fsynced(facts: Facts) -> str:
    if facts.appendonly is None:
        return f"nobody knows whether it writes an append-only file, as INFO is forbidden to this user: {_permit()}"
    if facts.appendfsync is None:
        return (
            "its appendfsync is unknown, as CONFIG GET is forbidden to this user, and only Redis 8.0 or later can say by WAITAOF what is "
            f"fsynced: {_permit()}, or use such a Redis"
        )
    if facts.appendfsync == "always" and facts.begins_file:
        return "its append-only file does not hold everything yet: wait until the rewrite under way has ended"
    if facts.appendfsync == "always":
        return f"it does not fsync while it rewrites its append-only file: {_set(facts, 'no-appendfsync-on-rewrite', 'no')}"
    return f"its appendfsync is {facts.appendfsync}: {_set(facts, 'appendfsync', 'always')}"


def _about_fsync(facts: Facts, rules: Rules) -> Iterator[Problem]:
    """Where nothing strict is asked for, how little is kept is only told."""
    if rules.strict:
        return
    if facts.appendonly is False:
        lost, mend = a_crash_can_lose(facts, rules), _set(facts, "appendonly", "yes")
        yield Problem("warn", f"it writes no append-only file, so a crash can lose {lost}; {mend}")
    elif facts.appendonly and facts.appendfsync is None:
        unknown = "its appendfsync is unknown, as CONFIG GET is forbidden to this user"
        yield Problem("warn", f"{unknown}: see that it is everysec or always, or {_permit()}")
    elif facts.appendonly and facts.appendfsync == "no":
        yield Problem("warn", f"its appendfsync is no: {_set(facts, 'appendfsync', 'everysec')}")


def _about_failures(facts: Facts) -> Iterator[Problem]:
    if facts.aof_fails:
        yield Problem("warn", f"it could not write its append-only file, and takes no writes until it can: {LOOK}")
    if facts.snapshot_fails:
        yield Problem("warn", f"its last snapshot failed: {LOOK}")


def a_crash_can_lose(facts: Facts, rules: Rules) -> str:
    """What a crash of Redis or its machine loses at worst, in words that follow "a crash can lose"."""
    if facts.appendonly is None:
        return "nobody knows what: INFO is forbidden to this user"
    if not facts.appendonly:
        return _lost_without_file(facts)
    failover = _lost_by_failover(facts, rules)
    if rules.strict and _waits_for_fsync(facts) and not _always_fsyncs(facts):
        return f"no job that was answered 201, but the last writes of about a second: {OUTCOMES}{failover}"
    return _lost_with_file(facts) + failover


def _lost_without_file(facts: Facts) -> str:
    if facts.save == "":
        return "everything: it writes nothing to disk"
    seldom = "" if facts.save else ", if it makes any (CONFIG GET is forbidden to this user)"
    return f"everything since the last snapshot{seldom}: {JOBS_AND_OUTCOMES}"


def _lost_with_file(facts: Facts) -> str:
    if facts.begins_file:
        return f"everything, until the rewrite of its append-only file that is under way has ended: {JOBS_AND_OUTCOMES}"
    match facts.appendfsync:
        case "always" if not facts.pauses_fsync:
            return "nothing that was acknowledged"
        case "always":
            return f"writes of up to half a minute while the append-only file is rewritten, at other times none: {JOBS_AND_OUTCOMES}"
        case "everysec" if not facts.pauses_fsync:
            return f"the last second or two of writes: {JOBS_AND_OUTCOMES}"
        case "everysec":
            return f"the last second or two of writes, up to half a minute while the append-only file is rewritten: {JOBS_AND_OUTCOMES}"
        case "no":
            return f"the writes of up to half a minute, as the operating system likes: {JOBS_AND_OUTCOMES}"
    return f"as much as appendfsync says, which is unknown; with everysec the last second or two of writes: {JOBS_AND_OUTCOMES}"


def _lost_by_failover(facts: Facts, rules: Rules) -> str:
    if not facts.replicas:
        return ""
    if rules.strict and rules.replicas:
        return "; a failover loses no job that was answered 201, where a replica takes over that had received it"
    return "; a failover also loses what the replica that takes over had not received yet"


def waits(facts: Facts, rules: Rules, timeout_ms: int) -> list[Command]:
    """The commands that wait, after a write, until that is as safe as a strict 201 says; none where its answer has said so already."""
    commands: list[Command] = []
    if rules.strict and not _always_fsyncs(facts):
        commands.append(("WAITAOF", 1, 0, timeout_ms))
    if rules.strict and rules.replicas:
        commands.append(("WAIT", rules.replicas, timeout_ms))
    return commands


def _always_fsyncs(facts: Facts) -> bool:
    """Whether each write is on disk before it is answered."""
    return bool(facts.appendonly) and facts.appendfsync == "always" and not facts.pauses_fsync and not facts.begins_file


def _waits_for_fsync(facts: Facts) -> bool:
    """Whether WAITAOF tells the truth here, and ends: with `appendfsync no` nobody ever fsyncs."""
    return facts.has_waitaof and facts.server == "redis" and facts.release >= RELIABLE_WAITAOF and facts.appendfsync != "no"


def _set(facts: Facts, name: str, value: str) -> str:
    """What to do to change a setting of Redis; redis-cli is of no use where CONFIG is forbidden."""
    if facts.save is None and facts.appendfsync is None:
        return f"set {name} to {value} where this Redis is configured"
    return f"type `redis-cli config set {name} {value}`, then `redis-cli config rewrite` to keep it"


def _permit() -> str:
    return "permit reading it: `redis-cli acl setuser NAME +info +config|get`"
