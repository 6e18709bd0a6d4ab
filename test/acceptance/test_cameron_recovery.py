"""Nodes and Redis are killed, stopped, cut off and fed nonsense; what was acknowledged with 201 ends all the same, and ends once."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from ..integration.relay import Relay
from .support.crowd import start_all
from .support.node import Node, definitions
from .support.redis_server import RedisServer
from .support.service import Service
from .support.steps import Steps, owners
from .support.waiting import eventually

SHORT = {"CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_SHUTDOWN_S": "0.5", "CAMERON_REDIS_TIMEOUT_S": "1"}
LONG = {**SHORT, "CAMERON_NODE_LEASE_S": "60"}

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[MakeNode]:
    """Start nodes on a Redis; they end with the test."""
    with ExitStack() as stack:

        def started(store: RedisServer, settings: Mapping[str, str] = SHORT, **processes: str) -> Node:
            made = Node(tmp_path_factory.mktemp("node"), store.url, processes or {"steps": service.url("first")}, settings)
            stack.callback(made.stop)
            return made.start()

        yield started


@pytest.fixture
def empty(redis: RedisServer, service: Service) -> RedisServer:
    """The session's Redis, empty; and a service that remembers nothing."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    return redis


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[RedisServer]:
    """A Redis to be killed, which keeps what it has acknowledged."""
    service.forget()
    server = RedisServer(tmp_path_factory.mktemp("durable"), durable=True)
    server.start()
    yield server
    if server.running:
        os.kill(server.child.pid, signal.SIGCONT)
    server.kill()


@pytest.fixture
def forgetful(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[RedisServer]:
    """A Redis to be killed, which writes its file every second, as the embedded one does."""
    service.forget()
    server = RedisServer(tmp_path_factory.mktemp("forgetful"), durable=True)
    server.start()
    with server.client() as client:
        client.config_set("appendfsync", "everysec")
    yield server
    server.kill()


def test_jobs_of_a_killed_node_are_finished_by_its_next_start(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty, {**SHORT, "CAMERON_NODE_MAX_JOBS": "20"}), Steps(service)
    steps.start(node, 30).called("held", 20)  # ten more wait in the queue
    node.kill()
    steps.gate.open()
    node.start()
    steps.all_done(node.store)
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 3))
    steps.assert_called("last", range(1, 2))


def test_a_node_killed_amid_everything_loses_no_job(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty), Steps(service)
    steps.gate.open()
    for _ in range(3):
        steps.start(node, 40).called("last", len(steps.jobs) - 35)
        node.kill()
        node.start()
    steps.all_done(node.store)
    for activity in ("first", "held", "last"):
        steps.assert_called(activity, range(1, 5))


def test_the_other_node_finishes_the_jobs_of_a_killed_one(make: MakeNode, empty: RedisServer, service: Service) -> None:
    one, two, steps = make(empty), make(empty), Steps(service)
    steps.start(one, 15).start(two, 15).called("held", 30).recorded("start")
    one.kill()
    steps.gate.open()
    steps.all_done(two.store)
    assert len({node for node, _ in owners(two.store).values()}) == 1
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 3))


def test_a_node_that_slept_longer_than_its_lease_writes_nothing_any_more(make: MakeNode, empty: RedisServer, service: Service) -> None:
    one, two, steps = make(empty), make(empty), Steps(service)
    steps.start(one, 20).called("held", 20).recorded("start")
    before = owners(one.store)
    sleeper = before[steps.jobs[0].uuid][0]
    asleep = [uuid for uuid, (node, _) in before.items() if node == sleeper]
    pid = next(node.child.pid for node in (one, two) if f"-{node.child.pid}-" in sleeper)
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: all(owners(one.store)[uuid][0] != sleeper for uuid in asleep), "the other node to take the jobs over")
    steps.gate.open()
    os.kill(pid, signal.SIGCONT)
    steps.all_done(one.store)
    assert all(owners(one.store)[uuid][1] == 2 for uuid in asleep)
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 3))
    steps.assert_called("last", range(1, 2))


def test_a_node_that_woke_up_takes_jobs_again(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty), Steps(service)
    steps.start(node, 5).called("held", 5).recorded("start")
    os.kill(node.child.pid, signal.SIGSTOP)
    eventually(lambda: not list(node.store.scan_iter("cameron:node:*")), "the lease to run out")
    os.kill(node.child.pid, signal.SIGCONT)
    steps.start(node, 5).called("held", 10)
    steps.gate.open()
    steps.all_done(node.store, 20)
    for activity in ("first", "held", "last"):  # nobody had taken its own, so it has gone on with them
        steps.assert_called(activity, range(1, 2))


def test_what_a_stopped_node_hands_back_the_other_goes_on_with_at_once(make: MakeNode, empty: RedisServer, service: Service) -> None:
    one, two, steps = make(empty, LONG), make(empty, LONG), Steps(service)
    steps.start(one, 20).called("held", 20).recorded("start")
    assert one.terminate() == 0
    steps.gate.open()
    steps.all_done(two.store, 20)  # the lease would have lasted a minute
    assert two.store.scard("cameron:nodes") == 1
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 3))


def test_two_nodes_share_the_jobs_and_each_is_run_by_one(make: MakeNode, empty: RedisServer, service: Service) -> None:
    one, two, steps = make(empty), make(empty), Steps(service)
    steps.gate.open()
    steps.start(one, 100).start(two, 100)
    steps.all_done(one.store)
    assert {claim for _, claim in owners(one.store).values()} == {1}
    assert len({node for node, _ in owners(one.store).values()}) == 2
    for activity in ("first", "held", "last"):
        steps.assert_called(activity, range(1, 2))


def test_redis_killed_under_running_jobs_loses_none(make: MakeNode, own: RedisServer, service: Service) -> None:
    node, steps = make(own), Steps(service)
    steps.start(node, 50).called("held", 50).recorded("start")
    own.kill()
    steps.gate.open()
    own.start()
    steps.all_done(node.store)
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 3))


def test_redis_killed_amid_the_writing_loses_none(make: MakeNode, own: RedisServer, service: Service) -> None:
    node, steps = make(own), Steps(service)
    steps.gate.open()
    for _ in range(3):
        steps.start(node, 30).called("first", len(steps.jobs) - 15)
        own.kill()
        own.start()
        eventually(node.healthy, "the node to be well again")
    steps.all_done(node.store)


def test_a_redis_that_stood_still_longer_than_the_lease_loses_no_job(make: MakeNode, own: RedisServer, service: Service) -> None:
    settings = {**SHORT, "CAMERON_WEB_ACCEPT_TIMEOUT_S": "1.5"}
    one, two, steps = make(own, settings), make(own, settings), Steps(service)
    steps.start(one, 20).called("held", 20).recorded("start")
    os.kill(own.child.pid, signal.SIGSTOP)
    steps.gate.open()
    assert one.get("/status").status_code == 503, "the answer takes longer than the lease"
    assert two.get("/status").status_code == 503
    os.kill(own.child.pid, signal.SIGCONT)
    steps.all_done(one.store)
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(1, 4))


def test_connections_cut_under_load_cost_no_job_and_no_second_call(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty, LONG), Steps(service)
    steps.gate.open()
    with empty.client() as killer:
        for _ in range(10):
            steps.start(node, 20)
            killer.client_kill_filter(_type="normal", skipme=True)
    steps.all_done(node.store, 20)
    for activity in ("first", "held", "last"):
        steps.assert_called(activity, range(1, 2))


def test_answers_of_redis_that_are_lost_under_load_cost_no_job(make: MakeNode, empty: RedisServer, service: Service) -> None:
    relay, steps = Relay(empty.port), Steps(service)
    node = make(empty, {**LONG, "CAMERON_REDIS_URL": relay.url})
    steps.gate.open()
    for _ in range(10):
        relay.lose_next_answer()  # of the writer, the reader, the scheduler or a GET
        answers = start_all(node.port, "steps", [{"key": f"lost {n}"} for n in range(20)], 10)
        assert {answer.status for answer in answers} <= {201, 503}
        relay.await_loss()
        steps.jobs += [node.at(answer.location) for answer in answers if answer.status == 201]
    for job in steps.jobs:
        job.done(20)
    eventually(lambda: node.store.xlen("cameron:queue:steps") == 0, "the queue to be empty")
    relay.close()
    for activity in ("first", "held", "last"):
        counts = steps.calls(activity)
        assert {key: count for key, count in counts.items() if count > 1} == {}


def test_a_redis_that_may_forget_a_second_leaves_no_job_hanging(make: MakeNode, forgetful: RedisServer, service: Service) -> None:
    node, steps = make(forgetful), Steps(service)
    steps.start(node, 50).called("held", 50).recorded("start")
    with forgetful.client() as client:
        eventually(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, "the file to be written")
        earlier = {job.uuid for job in steps.jobs}
    steps.gate.open()
    steps.start(node, 50)
    forgetful.kill()
    forgetful.start()
    kept = [job for job in steps.jobs if job.hash()]
    for job in kept:
        job.done()
    assert {job.uuid for job in kept} >= earlier
    eventually(lambda: node.store.xlen("cameron:queue:steps") == 0, "the queue to be empty")


def test_a_node_stops_in_time_though_redis_is_away(make: MakeNode, own: RedisServer, service: Service) -> None:
    node, steps = make(own), Steps(service)
    steps.start(node, 10).called("held", 10).recorded("start")
    own.kill()
    assert node.terminate(30) == 0
    assert "Traceback" not in node.output()
    own.start()
    steps.gate.open()
    node.start()
    steps.all_done(node.store)


def test_a_node_stops_in_time_though_redis_stands_still(make: MakeNode, own: RedisServer, service: Service) -> None:
    node, steps = make(own), Steps(service)
    steps.start(node, 10).called("held", 10).recorded("start")
    os.kill(own.child.pid, signal.SIGSTOP)
    status = node.terminate(40)
    os.kill(own.child.pid, signal.SIGCONT)
    assert status == 0
    steps.gate.open()
    node.start()
    steps.all_done(node.store)


def test_jobs_whose_records_were_damaged_end_and_the_others_go_on(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty), Steps(service)
    steps.start(node, 6).called("held", 6).recorded("start")
    node.kill()
    bad, good = steps.jobs[:3], steps.jobs[3:]
    for job, damage in zip(bad, ("definition", "request", "deadline"), strict=True):
        node.store.hset(f"cameron:record:steps:{job.uuid}", damage, "nonsense")
    steps.gate.open()
    node.start()
    for job in good:
        job.done()
    assert {job.ended().status for job in bad} == {"error"}
    assert node.store.xlen("cameron:queue:steps") == 0
    assert {fields["uuid"] for _, fields in node.store.xrange("cameron:queue:steps:dead")} == {job.uuid for job in bad}
    assert node.running


def test_a_job_whose_process_is_gone_from_the_definitions_goes_on(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty, {**SHORT, "CAMERON_NODE_MAX_JOBS": "3"}), Steps(service)
    steps.start(node, 6).called("held", 3)
    node.kill()
    node.file.write_text(definitions({"another": service.url("first")}), encoding="utf-8")
    node.start()
    assert node.post("/api/process/steps/start", '{"key": "7"}').status_code == 404
    steps.gate.open()
    steps.all_done(node.store)
    assert steps.jobs[0].view()["status"]["current"] == "done"


def test_the_jobs_of_a_process_that_only_the_killed_node_knew_go_on(make: MakeNode, empty: RedisServer, service: Service) -> None:
    older, steps = make(empty, another=service.url("first")), Steps(service)
    newer = make(empty)
    steps.start(newer, 5).called("held", 5).recorded("start")
    newer.kill()
    steps.gate.open()
    for job in steps.jobs:
        job.done(20)
    assert older.running


def test_entries_whose_delivery_was_lost_on_the_way_are_run_soon(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty, LONG), Steps(service)
    steps.gate.open()
    [name] = node.store.smembers("cameron:nodes")
    with empty.client() as client:
        reader = eventually(lambda: [each for each in client.client_list() if each["cmd"] == "xreadgroup"], "the reader to read")
        client.client_kill_filter(_id=reader[0]["id"])  # it pauses for half a second,
        steps.start(node, 1)
        client.xreadgroup("cameron", name, {"cameron:queue:steps": ">"}, count=10)  # and this is what a lost answer leaves
    steps.all_done(node.store, 20)


JUNK: list[dict[str, str]] = [
    {"nothing": "of use"},
    {"uuid": "0" * 32},
    {"uuid": "1" * 32, "key": "k", "process": "steps", "request": "no JSON", "definition": "none", "deadline": "12"},
    {"uuid": "2" * 32, "key": "k", "process": "steps", "request": "{}"},
    {"uuid": "3" * 32, "key": "k", "process": "steps", "request": "{}", "definition": "none", "deadline": "soon"},
]


def test_nonsense_in_a_queue_stops_neither_the_node_nor_the_jobs(make: MakeNode, empty: RedisServer, service: Service) -> None:
    node, steps = make(empty, LONG), Steps(service)
    steps.gate.open()
    for junk in JUNK:
        node.store.xadd("cameron:queue:steps", junk)
    steps.start(node, 5)
    for job in steps.jobs:
        job.done(20)
    eventually(lambda: node.store.xlen("cameron:queue:steps") == 0, "the nonsense to be taken out of the queue")
    assert node.running
    assert "Traceback" not in node.output()
