"""Jobs started by message: from a real broker, which dies and comes back, to a real node; nothing is lost, nothing is done twice."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError

from ..integration.relay import Relay
from .support.answer import document, reply
from .support.mender import flow, task, write
from .support.node import Node
from .support.program import PROJECT
from .support.rabbitmq import Client, RabbitmqServer, by_message
from .support.redis_server import RedisServer
from .support.service import Service
from .support.start_node import LONG_LEASE, SHORT_LEASE, StartNode
from .support.waiting import eventually

SUBSCRIBED = "jobs are started by the messages of the queue"
AWAY = "no jobs are started by message"
JOB_KEY = re.compile(r"cameron:process:(?P<process>[^:]+):key:(?P<key>.+):job:(?P<uuid>[0-9a-f]{32})")

DOCUMENTS_EXAMPLE = """\
import pika

CREDENTIALS = pika.PlainCredentials('user', 'password')  # NOT REAL VALUES, USE CORRECT CREDENTIALS
PARAMS = pika.ConnectionParameters(host='localhost', credentials=CREDENTIALS)

connection = pika.BlockingConnection(parameters=PARAMS)


with connection.channel() as channel:
    msg = '{"name": "DummyWorkflow", "input_data": {}}'

    channel.basic_publish(exchange='start_workflow',
                          routing_key='workflow_starter',
                          body=msg,
                          properties=pika.BasicProperties(delivery_mode=2))

"""
AT_OUR_PORT = "import pika, sys; pika.connection.Parameters.DEFAULT_PORT = int(sys.argv[1]); exec(sys.stdin.read())"


@pytest.fixture
def broker(rabbitmq: RabbitmqServer) -> RabbitmqServer:
    """The session's broker, up and with nothing declared."""
    if not rabbitmq.running:
        rabbitmq.start()
    with rabbitmq.client() as client:
        client.delete_all()
    return rabbitmq


@pytest.fixture
def client(broker: RabbitmqServer) -> Iterator[Client]:
    with broker.client() as client:
        yield client


@pytest.fixture
def store(redis: RedisServer) -> Iterator[Any]:
    """The suite's Redis, empty."""
    with redis.client() as client:
        client.flushall()
        yield client


def subscribed(node: Node, times: int = 1) -> Node:
    """Wait until the node takes messages, for the `times`th time."""
    eventually(lambda: node.output().count(SUBSCRIBED) >= times, "the node to take messages", 90)
    return node


def jobs(store: Any, process: str = "steps") -> list[str]:
    """The keys of the jobs of a process."""
    found = (JOB_KEY.fullmatch(name) for name in store.scan_iter(f"cameron:process:{process}:*", count=5000))
    return [match["key"] for match in found if match]


def hashes(store: Any, process: str = "steps") -> list[dict[str, str]]:
    names = [name for name in store.scan_iter(f"cameron:process:{process}:*", count=5000) if JOB_KEY.fullmatch(name)]
    with store.pipeline() as pipeline:
        for name in names:
            pipeline.hgetall(name)
        return list(pipeline.execute())


def ended(store: Any, count: int, process: str = "steps", timeout_s: float = 60) -> list[dict[str, str]]:
    """Wait until that many jobs, and no more, are done."""

    def look() -> list[dict[str, str]]:
        found = hashes(store, process)
        assert len(found) <= count, f"{len(found)} jobs instead of {count}"
        return found if len(found) == count and {job["job.status.current"] for job in found} == {"done"} else []

    return eventually(look, f"{count} jobs of {process} to be done", timeout_s, every_s=0.1)


def all_acknowledged(node: Node, client: Client) -> None:
    """End the node in order: what it had not acknowledged would be in the queue again."""
    assert node.terminate() == 0
    assert client.waiting() == 0


@pytest.fixture
def dummy_workflow(tmp_path: Path, service: Service) -> dict[str, str]:
    """The settings of a node that has the document's workflow and its two activities, of which one asks a service of ours.

    Beside it, in the folder of definitions, there is a ticket workflow `bar` and a Mender workflow `flow`, which wants the input `path`.
    """
    shutil.copytree(PROJECT / "priv" / "definitions" / "libero", tmp_path / "definitions" / "libero")
    shutil.copytree(PROJECT / "priv" / "activities", tmp_path / "activities")
    asking = tmp_path / "activities" / "do_another_thing_activity.py"
    asking.write_text(asking.read_text().replace("http://foobar.com/foo", service.url("foo")))
    service.on("foo", reply(1))
    write(
        tmp_path / "definitions", flow("flow", task("call", service.url("flow"), body={"path": "${workflow.input.path}"}), inputs=("path",))
    )
    (tmp_path / "definitions" / "tickets").mkdir()
    (tmp_path / "definitions" / "tickets" / "bar.json").write_text(json.dumps({"name": "bar", "start_point_url": service.url("bar/{key}")}))
    return {"CAMERON_DEFINITIONS_DIR": str(tmp_path / "definitions"), "CAMERON_PYTHON_PATH": str(tmp_path)}


def test_the_documents_example_starts_the_documents_workflow(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, dummy_workflow: dict[str, str]
) -> None:
    node = subscribed(start_node(redis, by_message(broker, dummy_workflow)))
    example = [sys.executable, "-c", AT_OUR_PORT, str(broker.port)]
    subprocess.run(example, input=DOCUMENTS_EXAMPLE, text=True, timeout=60, check=True)
    (job,) = ended(store, 1, "DummyWorkflow")
    assert job["job.data"] == "{}"
    assert job["job.tasks"] == "DoSomethingActivity,DoAnotherThingActivity"
    all_acknowledged(node, client)


def test_a_process_of_any_dialect_is_started_with_the_input_data(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service, dummy_workflow: Any
) -> None:
    service.forget()
    for activity in ("first", "bar/r", "flow", "loud"):
        service.on(activity, document({"name": activity, "data": 1, "said": "HI"}))
    node = subscribed(start_node(redis, by_message(broker, dummy_workflow)))
    text = [{"name": "text", "type": "string"}]
    node.post(
        "/s", json.dumps({"name": "loud", "address": service.url("loud"), "inputs": text, "outputs": [{"name": "said", "type": "string"}]})
    )
    node.post("/w", json.dumps({"name": "shout", "services": ["loud"], "inputs": text, "outputs": [], "operations": []}))
    messages = {"steps": [1], "workflow:bar": "two", "flow": {"path": "three"}, "shout": {"text": "four"}, "DummyWorkflow": {"five": 5}}
    for name, input_data in messages.items():
        client.publish({"name": name, "input_data": input_data, "requestor": "a test"}, name[-1])
    activities = {"first", "bar/r", "flow", "loud", "foo"}
    eventually(lambda: activities <= {call.activity for call in service.all_calls()}, "all jobs to call their activities")
    sent = {call.activity: call.json for call in service.all_calls() if call.activity in activities - {"foo"}}
    assert (sent["first"]["data"], sent["bar/r"]["data"]) == ([1], "two")
    assert (sent["flow"], sent["loud"]) == ({"path": "three"}, {"text": "four"})
    refused = {
        "bar": "(did you mean workflow:bar?)",
        "flow": "Missing input parameters: path",
        "shout": "data: is missing; it must be an object",
    }
    for name, reason in refused.items():
        client.publish({"name": name})
        assert reason in client.next_dead().reason
    client.publish({"name": "flow", "input_data": "three"})
    assert client.next_dead().reason == "the data must be an object of the workflow's inputs, each by its name"
    all_acknowledged(node, client)


def test_messages_of_one_message_id_start_one_job_which_has_it_as_its_key(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    service.on("first", reply(1))
    node = subscribed(start_node(redis, by_message(broker)))
    for _ in range(3):
        client.publish({"name": "steps", "input_data": {"amount": 5}, "requestor": "a test"}, "order-1")
    eventually(lambda: node.output().count("(it was there before)") == 2, "the second and third message to be taken")
    (job,) = ended(store, 1)
    (uuid,) = set(re.findall("message 'order-1' has started job (.{32}) of steps", node.output()))
    assert store.exists(f"cameron:process:steps:key:order-1:job:{uuid}")
    assert (job["job.key"], job["job.data"], job["job.requestor"]) == ("order-1", '{"amount":5}', "a test")
    client.publish({"name": "steps", "key": "a key of its own"}, "order-2")
    client.publish({"name": "steps"})
    ended(store, 3)
    assert {"order-1", "a key of its own"} < set(jobs(store))
    all_acknowledged(node, client)


BAD_MESSAGES: dict[str, tuple[Any, str]] = {
    "empty": (b"", "cannot be read"),
    "not UTF-8": (b"\xff\xfe", "not UTF-8 at byte 0"),
    "not JSON": (b'{"name": steps}', "it is no JSON (line 1, column 10); it must be an object like"),
    "too deep": (b"[" * 500 + b"]" * 500, "nested too deeply"),
    "no object": (["steps"], "the message must be an object like"),
    "no name": ({"input_data": {}}, "the message lacks a name"),
    "no text": ({"name": 7}, "name must be text"),
    "unknown": ({"name": "nobody", "input_data": {}}, "there is no process named 'nobody'"),
    "member": ({"name": "steps", "data": 1}, "unknown member 'data': it may have name, input_data, key, requestor"),
    "refused": ({"name": "steps", "requestor": 1}, "the requestor must be a string"),
    "bad key": ({"name": "steps", "key": ""}, "the key must have 1 to 256 characters, not 0"),
    "reused": ({"name": "steps", "input_data": "another"}, "the message_id 'reused' was used for another start before"),
    "too large": (b'{"name": "steps", "input_data": "' + b"x" * 20_000 + b'"}', "and no more than 20,000 are taken"),
    "a bell \a": ({"name": "steps"}, "message_id must be 1 to 255 printable ASCII characters"),
}


def test_what_starts_nothing_goes_to_the_dead_letter_queue_with_the_reason(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    service.on("first", reply(1))
    node = subscribed(start_node(redis, by_message(broker, {"CAMERON_WEB_MAX_BODY_BYTES": "20000"})))
    client.publish({"name": "steps", "input_data": "one"}, "reused")
    ended(store, 1)
    about = {"content_type": "text/x", "correlation_id": "c", "reply_to": "r", "type": "t", "app_id": "a", "priority": 3, "timestamp": 5}
    for message_id, (message, _) in BAD_MESSAGES.items():
        client.publish(message, message_id, headers={"trace": ["abc", 1, None, True]}, **about)
    dead = {letter.properties.message_id: letter for letter in (client.next_dead() for _ in BAD_MESSAGES)}
    reasons = {message_id: dead[message_id].reason for message_id in BAD_MESSAGES}
    assert {id for id, (_, words) in BAD_MESSAGES.items() if words not in reasons[id]} == set(), reasons
    for message_id, (message, _) in BAD_MESSAGES.items():
        body, properties = dead[message_id]
        assert not isinstance(message, bytes) or body == message
        assert {name: getattr(properties, name) for name in about} == about
        headers = dict(properties.headers or {})
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers.pop("x-cameron-time"))
        assert headers.pop("x-cameron-reason")
        assert headers == {"trace": ["abc", 1, None, True]}
    client.publish({"name": "steps"}, "good")
    ended(store, 2)
    all_acknowledged(node, client)


def test_while_redis_is_away_messages_are_kept_and_so_is_the_connection(
    start_node: StartNode, durable: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    service.on("first", reply(1))
    url = broker.url_of("user", "password", "?heartbeat=1")
    node = subscribed(start_node(durable, by_message(broker, LONG_LEASE, url=url)))
    durable.kill()
    parameters = pika.URLParameters(url)
    parameters.client_properties = {"connection_name": "one that is silent"}
    silent = BlockingConnection(parameters)  # as long as the broker bears with it, and longer, the node goes on
    for number in range(50):
        client.publish({"name": "steps", "input_data": number}, f"m-{number}")
    eventually(lambda: "messages are put off until" in node.output(), "the node to tell so")
    missed = re.compile(r"one that is silent\):\n.*missed heartbeats from client")
    eventually(lambda: missed.search(broker.output()), "the broker to give up the one that is silent")
    with pytest.raises(AMQPError):
        silent.process_data_events(5)
    durable.start()
    with durable.client() as store:
        ended(store, 50)
        assert sorted(jobs(store)) == sorted(f"m-{number}" for number in range(50))
    eventually(lambda: "the messages that were put off have started their jobs" in node.output(), "the node to tell so")
    assert AWAY not in node.output()
    all_acknowledged(node, client)


def test_a_message_that_finds_the_backlog_full_waits(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    gate = service.gate()
    service.on("first", reply(1).held(gate))
    node = subscribed(start_node(redis, by_message(broker, {"CAMERON_JOB_MAX_BACKLOG": "1"})))
    client.publish({"name": "steps"}, "first")
    eventually(lambda: jobs(store) == ["first"], "the first job")
    client.publish({"name": "steps"}, "second")
    eventually(lambda: "takes no more until some have ended" in node.output(), "the second message to be put off")
    assert jobs(store) == ["first"]
    gate.open()
    ended(store, 2)
    all_acknowledged(node, client)


def test_what_a_stopping_node_has_not_acknowledged_is_started_by_another_one(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    service.on("first", reply(1))
    relay = Relay(redis.port)
    stopping = subscribed(start_node(relay, by_message(broker, LONG_LEASE)))
    relay.close()
    for number in range(300):
        client.publish({"name": "steps", "input_data": number}, f"m-{number}")
    eventually(lambda: "messages are put off until" in stopping.output(), "the node to hold messages")
    other = subscribed(start_node(redis, by_message(broker, LONG_LEASE)))
    eventually(lambda: len(jobs(store)) == 200, "the other node to have started what is not held")
    stopping.terminate()
    ended(store, 300)
    assert sorted(jobs(store)) == sorted(f"m-{number}" for number in range(300))
    all_acknowledged(other, client)
    relay.cut()


def test_what_a_killed_node_has_not_acknowledged_is_started_once_by_another_one(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, client: Client, service: Service
) -> None:
    service.on("first", reply(1))
    with ThreadPoolExecutor() as threads:
        doomed, other = threads.map(lambda _: subscribed(start_node(redis, by_message(broker, SHORT_LEASE))), range(2))
    for number in range(500):
        client.publish({"name": "steps", "input_data": number}, f"m-{number}")
        if number == 250:
            doomed.kill()
    ended(store, 500)
    assert sorted(jobs(store)) == sorted(f"m-{number}" for number in range(500))
    all_acknowledged(other, client)


class Publishing(threading.Thread):
    """Publishes every message until the broker has confirmed it, however often that dies meanwhile."""

    def __init__(self, broker: RabbitmqServer, count: int) -> None:
        super().__init__(name="publisher", daemon=True)
        self.confirmed: list[str] = []
        self._broker, self._waiting = broker, deque(f"m-{number}" for number in range(count))

    def run(self) -> None:
        while self._waiting:
            assert self._broker.up.wait(120)
            try:
                with self._broker.client() as client:
                    self._publish(client)
            except (AMQPError, OSError):
                continue  # what was not confirmed is published again, with its message_id

    def _publish(self, client: Client) -> None:
        while self._waiting:
            client.publish({"name": "steps", "input_data": self._waiting[0]}, self._waiting[0])
            self.confirmed.append(self._waiting.popleft())

    def has_confirmed(self, count: int) -> None:
        eventually(lambda: len(self.confirmed) >= count, f"{count} confirmed messages", 120)


def test_a_broker_killed_and_restarted_during_a_thousand_starts_loses_none_and_doubles_none(
    start_node: StartNode, store: Any, redis: RedisServer, broker: RabbitmqServer, service: Service
) -> None:
    service.on("first", reply(1))
    service.forget()
    node = subscribed(start_node(redis, by_message(broker, LONG_LEASE)))
    publishing = Publishing(broker, 1000)
    publishing.start()
    publishing.has_confirmed(200)
    redis.child.send_signal(signal.SIGSTOP)  # starts are under way now, and none is answered
    publishing.has_confirmed(400)
    broker.kill()
    redis.child.send_signal(signal.SIGCONT)  # they are done, and nobody is there to be told
    broker.start()
    publishing.join(120)
    assert len(publishing.confirmed) == 1000
    ended(store, 1000, timeout_s=120)
    with broker.client() as client:
        eventually(lambda: client.waiting() == 0, "the queue to be worked off")
        all_acknowledged(node, client)
        assert client.dead() is None
    assert sorted(jobs(store)) == sorted(publishing.confirmed)
    assert len(hashes(store)) == 1000
    assert "(it was there before)" in node.output(), "no message was given again after its job was started"
    assert len({call.json["key"] for call in service.all_calls() if call.activity == "first"}) == 1000
