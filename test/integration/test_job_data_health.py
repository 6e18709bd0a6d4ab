"""A Redis that is not fit to keep jobs: no first start, and later no new jobs, while what is under way goes on."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron import job_data as module
from cameron.errors import StoreUnavailable
from cameron.job_data import Answers, Ask, Commands, JobData, Ping
from cameron.misconfigured import Misconfigured
from cameron.otp import StartFailed
from cameron.store import keys
from cameron.store.durability import Rules
from cameron.store.health import Health

from ..acceptance.support.waiting import eventually
from .mailbox import PATIENCE_S, Mailbox
from .relay import Relay

PRODUCTION = Rules(production=True)


@pytest.fixture
def evicting(client: Any) -> Iterator[None]:
    """A Redis that may drop jobs."""
    client.config_set("maxmemory-policy", "allkeys-lru")
    yield
    client.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def start(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts a job_data of a node in production that looks often."""
    monkeypatch.setattr(module, "LOOK_S", (0.05, 0.05))
    started: list[Any] = []

    def made(health: Health | None = None) -> Any:
        started.append(JobData.start(relay.url, PATIENCE_S, health or Health(relay.url, PATIENCE_S, PRODUCTION)))
        return started[-1]

    yield made
    for ref in started:
        ref.exit()
        eventually(lambda ref=ref: not ref.is_alive(), "job_data to end")


def accepted(job_data: Any, uuid: str) -> Any:
    """The answer to a new job."""
    names = [
        keys.job("foo", "k", uuid),
        keys.record("foo", uuid),
        keys.queue("foo"),
        keys.jobs("foo", "scheduled"),
        keys.jobs_by_key("foo"),
    ]
    args = [1000, keys.job_member("k", 1, uuid), 1, "", 0, "", 2, "job.key", "k", 2, "request", "{}", "uuid", uuid]
    return job_data.ask(Ask("accept", names, args, time.monotonic() + PATIENCE_S), timeout=PATIENCE_S)


def why_not(job_data: Any) -> str:
    """Why no job is accepted; empty where one would be."""
    answer = job_data.ask(Ping(time.monotonic() + PATIENCE_S), timeout=PATIENCE_S)
    return answer.why if isinstance(answer, StoreUnavailable) else ""


def test_a_redis_that_may_drop_jobs_stops_the_start_in_one_line(start: Callable[..., Any], evicting: None) -> None:
    with pytest.raises(StartFailed) as caught:
        start()
    reason = caught.value.reason
    assert isinstance(reason, Misconfigured)
    assert " config set maxmemory-policy noeviction" in str(reason)
    assert "\n" not in str(reason)


def test_a_replica_stops_the_start(start: Callable[..., Any], client: Any) -> None:
    client.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StartFailed, match="address of its primary"):
            start()
    finally:
        client.replicaof("NO", "ONE")


def test_a_redis_found_unfit_later_stops_nothing_but_takes_no_jobs_until_it_is_mended(
    start: Callable[..., Any], relay: Relay, client: Any, evicting: None
) -> None:
    relay.close()
    job_data = start()
    assert why_not(job_data) == "redis does not answer"
    relay.open()
    eventually(lambda: "maxmemory-policy is allkeys-lru" in why_not(job_data), "the node to say what is wrong")
    refused = accepted(job_data, "u")
    assert isinstance(refused, StoreUnavailable)
    assert "allkeys-lru" in refused.why
    assert client.xlen(keys.queue("foo")) == 0
    client.config_set("maxmemory-policy", "noeviction")
    eventually(lambda: why_not(job_data) == "", "jobs to be taken again")
    assert accepted(job_data, "u") == "accepted"


def test_settings_that_change_under_a_running_node_are_seen_and_what_is_under_way_goes_on(
    start: Callable[..., Any], client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job_data, sender = start(), Mailbox()
    assert accepted(job_data, "u") == "accepted"
    client.config_set("maxmemory-policy", "volatile-ttl")
    try:
        eventually(lambda: "volatile-ttl" in why_not(job_data), "it to be seen")
        job_data.tell(Commands((("HGET", keys.job("foo", "k", "u"), "job.key"),), sender))
        assert sender.take() == Answers(["k"])
    finally:
        client.config_set("maxmemory-policy", "noeviction")
    eventually(lambda: why_not(job_data) == "", "jobs to be taken again")
    told = [record.message for record in caplog.records if record.name == "cameron.redis" and "append-only" not in record.message]
    assert ["takes no jobs" in told[0], "is fit again" in told[1], len(told)] == [True, True, 2]


def test_a_failover_that_leaves_us_with_a_replica_keeps_what_is_told_for_the_next_primary(start: Callable[..., Any], client: Any) -> None:
    job_data, sender = start(), Mailbox()
    client.replicaof("127.0.0.1", "1")
    try:
        eventually(lambda: "it is a replica" in why_not(job_data), "it to be seen")
        job_data.tell(Commands((("SET", "written", "1"),), sender))
        assert "it is a replica" in why_not(job_data)
    finally:
        client.replicaof("NO", "ONE")
    assert sender.take() == Answers(["OK"])
    assert accepted(job_data, "u") == "accepted"


def test_a_job_data_that_starts_again_meanwhile_does_so(start: Callable[..., Any], relay: Relay, client: Any) -> None:
    health = Health(relay.url, PATIENCE_S, PRODUCTION)
    first = start(health)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        first.exit()
        assert "allkeys-lru" in why_not(start(health))
    finally:
        client.config_set("maxmemory-policy", "noeviction")
