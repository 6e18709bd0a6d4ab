"""The writer of job state: in order, each write once, whatever becomes of Redis and of the way to it."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from cameron.errors import StoreUnavailable
from cameron.job_data import (
    MAX_COMMANDS,
    Answers,
    Ask,
    Commands,
    Commit,
    Committed,
    Define,
    JobData,
    Ping,
    Refused,
    StoreDefinitions,
    Undefine,
)
from cameron.otp import Actor
from cameron.store import keys
from cameron.store.redis import Pipeline

from ..acceptance.support.port import refusing_port
from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .mailbox import PATIENCE_S, Mailbox
from .relay import Relay

JOB, RECORD, EVENTS, QUEUE = keys.job("foo", "k", "u"), keys.record("foo", "u"), keys.events("foo", "u"), keys.queue("foo")


class Released(NamedTuple):
    """Stands for a call."""

    word: Any
    performer: str = "http"


class Http(Actor):
    """Stands for the actor of calls: keeps each with what Redis knew of the job when it was released."""

    def __init__(self, mailbox: Mailbox, client: Any) -> None:
        super().__init__()
        self._mailbox, self._client = mailbox, client

    def on_receive(self, message: Any) -> None:
        """Keep it."""
        self._mailbox.tell((message.word, self._client.hget(RECORD, "owner")))


@pytest.fixture
def calls(redis: RedisServer, client: Any) -> Iterator[Mailbox]:
    """The calls that were released, each with the record's owner at that moment."""
    mailbox = Mailbox()
    ref = Http.start(mailbox, client, name="http")
    yield mailbox
    ref.exit()
    eventually(lambda: not ref.is_alive(), "the stand-in for http to end")


@pytest.fixture
def job_data(relay: Relay, calls: Mailbox) -> Iterator[Any]:
    """A running job_data that reaches Redis by way of the relay."""
    ref = JobData.start(relay.url, PATIENCE_S)
    yield ref
    ref.exit()
    eventually(lambda: not ref.is_alive(), "job_data to end")


def accept(uuid: str = "u", give_up_in_s: float = PATIENCE_S) -> Ask:
    """A job to be stored."""
    names = (keys.job("foo", "k", uuid), keys.record("foo", uuid), QUEUE, keys.jobs("foo", "scheduled"), keys.jobs_by_key("foo"))
    args = ["100", keys.job_member("k", 0, uuid), "0", "", "0", "", "2", "job.key", "k", "2", "request", "{}", "uuid", uuid]
    return Ask("accept", names, args, time.monotonic() + give_up_in_s)


def write(n: int, sender: Mailbox, release: Sequence[Any] = (), confirm: bool = True, writer: str = "a 1") -> Commit:
    """The nth write of the job's owner, a field of the number."""
    owner = f"{writer} {n - 1}" if n > 1 else ""
    args = [owner, writer, n, "", "0", "0", "2", f"field {n}", "x", "0", "0"]
    return Commit("transition", [JOB, RECORD, EVENTS], args, sender, [Released(word) for word in release], confirm)


def ask(job_data: Any, message: Any) -> Any:
    """The answer."""
    return job_data.ask(message, timeout=PATIENCE_S)


def writes(client: Any) -> set[str]:
    """The writes that stand in the job's hash."""
    return {field for field in client.hgetall(JOB) if field.startswith("field ")}


class Gate:
    """Holds a writer between two pipelines, and counts the commands of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        self.entered, self.go_on = threading.Event(), threading.Event()
        run = Pipeline.run

        def held(pipeline: Pipeline, commands: Sequence[Any]) -> list[Any]:
            self.counts.append(len(commands))
            self.entered.set()
            assert self.go_on.wait(PATIENCE_S)
            return run(pipeline, commands)

        monkeypatch.setattr(Pipeline, "run", held)


@pytest.fixture
def gate(job_data: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate before the connected job_data's pipelines, shut."""
    made = Gate(monkeypatch)
    yield made
    made.go_on.set()


# in order


def test_an_accepted_job_is_in_redis_when_the_answer_comes(job_data: Any, client: Any) -> None:
    assert ask(job_data, accept()) == "accepted"
    assert (client.hget(JOB, "job.key"), client.hget(RECORD, "owner"), client.xlen(QUEUE)) == ("k", "", 1)


def test_a_job_accepted_again_is_accepted_once(job_data: Any, client: Any) -> None:
    assert [ask(job_data, accept()), ask(job_data, accept())] == ["accepted", "exists"]
    assert client.xlen(QUEUE) == 1


def test_calls_are_released_when_their_commit_stands_and_in_order(job_data: Any, client: Any, calls: Mailbox) -> None:
    ask(job_data, accept())
    sender = Mailbox()
    for n in range(1, 101):
        job_data.tell(write(n, sender, release=(f"call {n}", f"other {n}"), confirm=n == 100))
    assert sender.take() == Committed("transition")
    released = [calls.take() for _ in range(200)]
    assert [call for call, _ in released] == [f"{word} {n}" for n in range(1, 101) for word in ("call", "other")]
    assert all(int(owner.split()[2]) >= int(call.split()[1]) for call, owner in released)
    assert writes(client) == {f"field {n}" for n in range(1, 101)}
    assert sender.empty()


def test_reads_come_after_all_that_was_committed_before_and_before_all_after(job_data: Any, client: Any, gate: Gate) -> None:
    sender = Mailbox()
    job_data.tell(Commands((("PING",),), sender))
    assert gate.entered.wait(PATIENCE_S)
    first = job_data.ask(accept(), block=False)
    for message in (write(1, sender, confirm=False), Commands((("HGETALL", JOB), ("GET", "none")), sender), write(2, sender)):
        job_data.tell(message)
    gate.go_on.set()
    assert first.get(timeout=PATIENCE_S) == "accepted"
    assert [sender.take(), sender.take(), sender.take()] == [
        Answers(["PONG"]),
        Answers([{"job.key": "k", "field 1": "x"}, None]),
        Committed("transition"),
    ]


def test_what_comes_while_a_pipeline_is_under_way_goes_out_together_in_the_next(job_data: Any, gate: Gate) -> None:
    sender = Mailbox()
    job_data.tell(Commands((("PING",),), sender))
    assert gate.entered.wait(PATIENCE_S)
    for _ in range(MAX_COMMANDS // 2):
        job_data.tell(Commands((("PING",),), sender))
    gate.go_on.set()
    for _ in range(MAX_COMMANDS // 2 + 1):
        assert sender.take() == Answers(["PONG"])
    assert gate.counts == [1, MAX_COMMANDS // 2]


def test_a_flood_goes_out_in_pieces(job_data: Any, gate: Gate) -> None:
    sender = Mailbox()
    gate.go_on.set()
    for _ in range(5 * MAX_COMMANDS):
        job_data.tell(Commands((("PING",),), sender))
    for _ in range(5 * MAX_COMMANDS):
        assert sender.take() == Answers(["PONG"])
    assert max(gate.counts) <= MAX_COMMANDS
    assert sum(gate.counts) == 5 * MAX_COMMANDS


# refusals


def test_a_commit_of_somebody_elses_job_is_refused_and_releases_nothing(job_data: Any, client: Any, calls: Mailbox) -> None:
    ask(job_data, accept())
    sender = Mailbox()
    job_data.tell(write(1, sender, writer="owner 1"))
    assert sender.take() == Committed("transition")
    job_data.tell(write(1, sender, release=("call",), writer="late 1"))
    job_data.tell(write(7, sender, release=("call",), writer="owner 1"))
    assert [sender.take(), sender.take()] == [Refused("fenced"), Refused("lost")]
    assert writes(client) == {"field 1"}
    assert calls.empty()


def test_a_commit_of_a_job_that_is_gone_is_refused(job_data: Any) -> None:
    sender = Mailbox()
    job_data.tell(write(1, sender, release=("call",)))
    assert sender.take() == Refused("gone")


def test_a_commit_that_redis_takes_for_a_mistake_is_refused_with_its_words_and_holds_up_nobody(job_data: Any, client: Any) -> None:
    client.set(JOB, "no hash")
    client.hset(RECORD, "owner", "")
    sender, other = Mailbox(), Mailbox()
    job_data.tell(write(1, sender))
    job_data.tell(Commands((("PING",),), other))
    refused = sender.take()
    assert isinstance(refused, Refused)
    assert "WRONGTYPE" in refused.why
    assert other.take() == Answers(["PONG"])


def test_nothing_is_stored_for_a_client_that_has_given_up(job_data: Any, client: Any) -> None:
    late = job_data.ask(accept(give_up_in_s=-1.0), block=False)
    assert ask(job_data, Ping(time.monotonic() + PATIENCE_S)) == "PONG"
    assert client.dbsize() == 0
    del late


# cut connections


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_what_was_carried_out_but_not_answered_is_sent_again_and_stands_once(
    job_data: Any, client: Any, relay: Relay, calls: Mailbox, attempts: int
) -> None:
    ask(job_data, accept())
    sender = Mailbox()
    for attempt in range(attempts):
        relay.lose_next_answer()
        for n in range(10 * attempt + 1, 10 * attempt + 11):
            job_data.tell(write(n, sender, release=(n,)))
        for _ in range(10):
            assert sender.take() == Committed("transition")
        relay.await_loss()
    assert [calls.take()[0] for _ in range(10 * attempts)] == list(range(1, 10 * attempts + 1))
    assert client.hget(RECORD, "owner") == f"a 1 {10 * attempts}"


def test_an_accept_whose_answer_was_lost_is_answered_and_there_is_one_job(job_data: Any, client: Any, relay: Relay) -> None:
    ask(job_data, Ping(time.monotonic() + PATIENCE_S))
    relay.lose_next_answer()
    assert ask(job_data, accept()) == "exists"
    relay.await_loss()
    assert client.xlen(QUEUE) == 1


def test_while_redis_is_away_clients_are_refused_at_once_and_commits_wait_for_it(job_data: Any, client: Any, relay: Relay) -> None:
    ask(job_data, accept())
    sender = Mailbox()
    relay.close()
    for n in range(1, 6):
        job_data.tell(write(n, sender))
    refusal = ask(job_data, accept("other"))
    assert isinstance(refusal, StoreUnavailable)
    assert refusal.retry_after_s > 0
    assert isinstance(ask(job_data, Ping(time.monotonic() + PATIENCE_S)), StoreUnavailable)
    assert sender.empty()
    relay.open()
    assert [sender.take() for _ in range(5)] == [Committed("transition")] * 5
    assert ask(job_data, accept("other")) == "accepted"
    assert (writes(client), client.xlen(QUEUE)) == ({f"field {n}" for n in range(1, 6)}, 2)


def test_job_data_starts_without_redis_and_works_once_it_is_there(relay: Relay, client: Any, calls: Mailbox) -> None:
    relay.close()
    job_data = JobData.start(relay.url, PATIENCE_S)
    try:
        assert isinstance(ask(job_data, accept()), StoreUnavailable)
        relay.open()
        eventually(lambda: ask(job_data, accept()) == "accepted", "job_data to accept")
        assert client.xlen(QUEUE) == 1
    finally:
        job_data.exit()


def test_however_many_ask_while_redis_is_away_it_is_tried_at_the_same_pace_afterwards(calls: Mailbox) -> None:
    with refusing_port() as port:
        nowhere = Relay(port)
        away = JobData.start(nowhere.url, PATIENCE_S)
        try:
            eventually(lambda: ask(away, accept()) and len(nowhere.attempts_s) > 20, "attempts because somebody asks")
            eventually(lambda: nowhere.attempts_s[-1] - nowhere.attempts_s[-2] > 0.5, "attempts to be rare again")
        finally:
            away.exit()
            eventually(lambda: not away.is_alive(), "job_data to end")
            nowhere.close()


# a Redis that answers, but does not do it


def test_scripts_that_redis_has_forgotten_are_loaded_again_and_nobody_notices(job_data: Any, client: Any) -> None:
    client.script_flush()
    assert ask(job_data, accept()) == "accepted"
    client.script_flush()
    sender = Mailbox()
    for n in range(1, 4):
        job_data.tell(write(n, sender))
    assert [sender.take() for _ in range(3)] == [Committed("transition")] * 3
    assert writes(client) == {"field 1", "field 2", "field 3"}


def test_a_redis_that_is_full_takes_no_new_jobs_and_the_commits_of_others_wait_in_order(job_data: Any, client: Any, calls: Mailbox) -> None:
    ask(job_data, accept())
    client.config_set("maxmemory", 1)
    sender = Mailbox()
    for n in range(1, 4):
        job_data.tell(write(n, sender, release=(n,)))
    assert isinstance(ask(job_data, accept("other")), StoreUnavailable)
    assert sender.empty()
    client.config_set("maxmemory", 0)
    assert [sender.take() for _ in range(3)] == [Committed("transition")] * 3
    assert [calls.take()[0] for _ in range(3)] == [1, 2, 3]
    assert ask(job_data, accept("other")) == "accepted"
    assert client.xlen(QUEUE) == 2


def test_commits_to_a_redis_that_has_become_a_replica_wait_for_a_primary(job_data: Any, client: Any) -> None:
    ask(job_data, accept())
    client.replicaof("127.0.0.1", "1")
    sender = Mailbox()
    try:
        job_data.tell(write(1, sender))
        assert isinstance(ask(job_data, accept("other")), StoreUnavailable)
        assert sender.empty()
    finally:
        client.replicaof("NO", "ONE")
    assert sender.take() == Committed("transition")


# definitions


def test_definitions_are_stored_and_stored_again_where_redis_has_lost_them(job_data: Any, client: Any, relay: Relay) -> None:
    def stored() -> bool:
        return bool(client.sismember(keys.QUEUES, "foo")) and client.get(keys.definition("foo", "0123")) == "{}"

    job_data.tell(Define("foo", "0123", "{}"))
    assert eventually(stored, "the definition to be stored")
    client.flushall()
    relay.cut()
    eventually(lambda: ask(job_data, Ping(time.monotonic() + PATIENCE_S)) == "PONG", "job_data to be back")
    assert eventually(stored, "the definition to be stored again")


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_stored_again_is_what_jobs_start_with_now(job_data: Any, client: Any, relay: Relay, is_told: bool) -> None:
    for message in (
        Define("foo", "1", "{}"),
        Define("bar", "1", "{}"),
        Define("foo", "2", "[]"),
        Undefine("bar"),
        Define("last", "1", "{}"),
    ):
        job_data.tell(message)
    eventually(lambda: client.exists(keys.definition("last", "1")), "all to be stored")
    assert set(client.keys("cameron:definition:*")) == {
        keys.definition(*one) for one in (("foo", "1"), ("foo", "2"), ("bar", "1"), ("last", "1"))
    }
    client.flushall()
    if is_told:
        job_data.tell(StoreDefinitions())
    else:
        relay.cut()
        eventually(lambda: ask(job_data, Ping(time.monotonic() + PATIENCE_S)) == "PONG", "job_data to be back")
    eventually(lambda: client.exists(keys.definition("last", "1")), "them to be stored again")
    assert set(client.keys("cameron:definition:*")) == {keys.definition("foo", "2"), keys.definition("last", "1")}
    assert client.smembers(keys.QUEUES) == {"foo", "last"}
