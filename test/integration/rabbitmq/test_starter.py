"""The actor that starts jobs by message, on a real broker; what the engine does is up to each test."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker

from cameron.config import RabbitmqConfig
from cameron.errors import ProcessNotFound, StoreUnavailable
from cameron.otp import Address, Reason, whereis
from cameron.rabbitmq.starter import THREADS, RabbitmqStarter
from cameron.rabbitmq.verdict import UNSURE_TRIES

from ...acceptance.support.rabbitmq import Client, RabbitmqServer
from ...acceptance.support.waiting import eventually
from ..relay import Relay
from .engine import TIMEOUT_S, Engine, threads

SUBSCRIBED = "jobs are started by the messages of the queue"
AWAY = "no jobs are started by message"


class Broken(Reason):
    """What ends the actor in these tests; it counts as a crash."""


def test_messages_that_waited_are_started(supervised: Callable[..., Any], engine: Engine, client: Client) -> None:
    for number in range(200):
        client.publish({"name": "a"}, f"m-{number}")
    supervised()
    eventually(lambda: len(engine.done) == 200, "200 starts")
    assert sorted(engine.done) == sorted(f"m-{number}" for number in range(200))


def test_an_error_that_passes_is_borne_more_often_than_one_that_may_not(
    hasty: None, supervised: Callable[..., Any], engine: Engine, client: Client
) -> None:
    def fail_often(tries: int) -> None:
        if tries <= 2 * UNSURE_TRIES:
            raise StoreUnavailable("it is away")

    engine.behave = fail_often
    supervised()
    client.publish({"name": "a"}, "m")
    eventually(lambda: engine.done == ["m"], "the start")
    assert engine.tries == {"m": 2 * UNSURE_TRIES + 1}


def test_tries_of_a_message_without_an_id_are_one_start_for_the_engine(
    supervised: Callable[..., Any], engine: Engine, client: Client
) -> None:
    def fail_once(tries: int) -> None:
        if tries < 2:
            raise StoreUnavailable("it is silent", silent=True)

    engine.behave = fail_once
    supervised()
    for _ in range(3):
        client.publish({"name": "a"})
    eventually(lambda: len(engine.done) == 3, "three starts")
    assert sorted(engine.tries.values()) == [2, 2, 2]


def test_a_name_that_is_known_a_moment_later_is_started(supervised: Callable[..., Any], engine: Engine, client: Client) -> None:
    def unknown_at_first(tries: int) -> None:
        if tries == 1:
            raise ProcessNotFound("a")

    engine.behave = unknown_at_first
    supervised()
    client.publish({"name": "a"}, "m")
    eventually(lambda: engine.done == ["m"], "the start")
    assert client.dead() is None


def test_an_error_of_ours_is_tried_again_and_then_put_aside(
    hasty: None, supervised: Callable[..., Any], engine: Engine, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(tries: int) -> None:
        raise ZeroDivisionError("of ours")

    engine.behave = fail
    supervised()
    client.publish({"name": "a"}, "m")
    dead = client.next_dead()
    assert dead.reason == "an unexpected error (ZeroDivisionError): the node's log has the traceback; please report it"
    assert engine.tries == {"m": 3}
    assert "ZeroDivisionError: of ours" in caplog.text


def test_a_name_that_stays_unknown_is_put_aside_with_what_may_have_been_meant(
    hasty: None, supervised: Callable[..., Any], engine: Engine, client: Client
) -> None:
    def unknown(tries: int) -> None:
        raise ProcessNotFound("a")

    engine.behave = unknown
    supervised()
    client.publish({"name": "a"}, "m")
    reason = "there is no process named 'a' on this node; GET /status lists those there are (did you mean space:a?)"
    assert client.next_dead().reason == reason
    assert engine.tries == {"m": UNSURE_TRIES}


def test_each_start_is_logged_with_its_message_and_its_job(
    supervised: Callable[..., Any], engine: Engine, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    supervised()
    caplog.set_level("INFO", "cameron.rabbitmq")
    for message_id in ("m1", "m1", None):
        client.publish({"name": "a"}, message_id)
    eventually(lambda: client.waiting() == 0 and len(engine.done) == 3, "three starts")
    started = f"has started job {'0' * 32} of a"
    expected = [f"a message without message_id {started}", f"message 'm1' {started}", f"message 'm1' {started} (it was there before)"]
    eventually(lambda: sorted(text for text in caplog.messages if started in text) == expected, "three lines in the log")


def test_properties_that_the_broker_would_act_on_again_are_kept_as_headers(supervised: Callable[..., Any], client: Client) -> None:
    supervised()
    headers = {"CC": ["elsewhere"], "many": "x" * 50_000}
    client.publish(b"bad", "m", user_id="user", expiration="3600000", headers=headers)
    letter = client.next_dead()
    assert (letter.properties.user_id, letter.properties.expiration) == (None, None)
    kept = dict(letter.properties.headers or {})
    assert (kept["x-cameron-user-id"], kept["x-cameron-expiration"], kept["x-cameron-cc"]) == ("user", "3600000", ["elsewhere"])
    client.publish(b"bad", "m", headers={"most": "x" * 100_000})
    assert dict(client.next_dead().properties.headers or {})["x-cameron-headers-lost"] is True


def test_a_broker_that_is_away_is_waited_for(
    supervised: Callable[..., Any], engine: Engine, broker: RabbitmqServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    road = Relay(broker.port)
    road.close()
    supervised(url=f"amqp://user:password@127.0.0.1:{road.port}/%2F")
    told = f"{AWAY}: amqp://127.0.0.1:{road.port}/%2F: [Errno 111] Connection refused; trying again until it works"
    eventually(lambda: told in caplog.messages, "the refusal to be logged")
    road.open()
    client.publish({"name": "a"}, "m")
    eventually(lambda: engine.done == ["m"], "the start")
    road.close()


@pytest.mark.parametrize(
    ("user", "password", "host_path", "told"),
    [
        ("user", "not-the-pass-word", "%2F", "the broker refuses the user or its password: correct them in rabbitmq.url"),
        ("user", "password", "nowhere", "the broker refuses the virtual host: correct it in rabbitmq.url"),
    ],
)
def test_a_refused_user_or_virtual_host_is_told_without_its_password(
    user: str,
    password: str,
    host_path: str,
    told: str,
    supervised: Callable[..., Any],
    broker: RabbitmqServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervised(url=f"amqp://{user}:{password}@127.0.0.1:{broker.port}/{host_path}")
    eventually(lambda: told in caplog.text, "the refusal to be logged")
    assert "Traceback" not in caplog.text
    assert not re.search(f":{password}@", caplog.text)


def test_a_queue_declared_otherwise_is_told_with_what_to_do(
    supervised: Callable[..., Any], engine: Engine, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "cameron.rabbitmq")
    client.channel.queue_declare("elsewhere", durable=False)
    supervised(queue="elsewhere")
    told = "the queue 'elsewhere' is there already, declared with other properties (PRECONDITION_FAILED - inequivalent arg 'durable'"
    eventually(lambda: told in caplog.text, "the refusal to be logged")
    assert "delete it, or set rabbitmq.queue to another name" in caplog.text
    client.channel.queue_delete("elsewhere")
    eventually(lambda: SUBSCRIBED in caplog.text, "the actor to take messages")
    client.publish({"name": "a"}, "m")
    eventually(lambda: engine.done == ["m"], "the start")


def test_a_queue_that_is_deleted_under_the_actor_is_declared_again(
    supervised: Callable[..., Any], engine: Engine, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "cameron.rabbitmq")

    def subscribed(times: int) -> None:
        eventually(lambda: caplog.text.count(SUBSCRIBED) == times, "the actor to take messages")

    supervised()
    subscribed(1)
    client.channel.queue_delete("workflow_starter")
    subscribed(2)
    assert f"{AWAY}: the queue 'workflow_starter' was deleted" in caplog.text
    client.publish({"name": "a"}, "m")
    eventually(lambda: engine.done == ["m"], "the start")


def test_a_dead_letter_queue_that_is_deleted_is_declared_again(
    supervised: Callable[..., Any], broker: RabbitmqServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def is_there() -> bool:
        with broker.client() as another:
            try:
                return another.waiting("workflow_starter.dead") == 1
            except ChannelClosedByBroker:
                return False

    supervised()
    client.publish(b"bad", "first")
    assert client.next_dead().properties.message_id == "first"
    client.channel.queue_delete("workflow_starter.dead")
    client.publish(b"bad", "second")
    eventually(is_there, "the dead letter")
    assert client.next_dead().properties.message_id == "second"
    assert AWAY not in caplog.text


@pytest.mark.parametrize("how", ["crash", "kill"])
def test_messages_of_an_actor_that_ends_are_given_to_its_successor(
    how: str, supervised: Callable[..., Any], engine: Engine, client: Client
) -> None:
    held = threading.Event()
    engine.hold(held)
    supervised()
    for number in range(30):
        client.publish({"name": "a"}, f"m-{number}")
    eventually(lambda: engine.tries.total() == 10, "as many starts as are prefetched")
    before = whereis("rabbitmq_starter")
    assert before is not None
    if how == "crash":
        engine.behave = lambda tries: None
        before.exit(Broken())
        held.set()
    else:
        before.kill()
        eventually(lambda: engine.tries.total() == 20, "the same starts by another actor")
        held.set()
    eventually(lambda: len(set(engine.done)) == 30, "all to be started")
    eventually(lambda: Address("rabbitmq_starter").ref() not in (None, before), "a successor")
    eventually(lambda: threads("rabbitmq-start") == THREADS, "the threads of the one that has ended to end")
    assert client.waiting() == 0


def test_an_end_acknowledges_what_is_being_started_and_gives_back_the_rest(broker: RabbitmqServer, engine: Engine, client: Client) -> None:
    held = threading.Event()
    engine.hold(held)
    starter = RabbitmqStarter.start(engine, RabbitmqConfig(url=broker.url, prefetch=50), 1 << 20)
    for number in range(40):
        client.publish({"name": "a"}, f"m-{number}")
    eventually(lambda: engine.tries.total() == THREADS, "all threads to be busy")
    ending = threading.Thread(target=starter.stop)
    ending.start()
    eventually(lambda: client.consumers() == 0, "the actor to take no more")
    held.set()
    ending.join(TIMEOUT_S)
    assert len(engine.done) == THREADS
    eventually(lambda: client.waiting() == 40 - THREADS, "the rest to be given back")
