"""Answers of Redis that are lost after it has done what it was asked: the node asks again, and nothing is done twice."""

from collections.abc import Callable, Iterator, Mapping

import pytest
import requests

from .support.job import Job
from .support.load import QUEUE, Load
from .support.lossy_relay import LossyRelay
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.start_node import LONG_LEASE, SHORT_LEASE, StartNode
from .support.waiting import eventually

StartBehind = Callable[..., Node]


@pytest.fixture
def relay(redis: RedisServer) -> Iterator[LossyRelay]:
    """The way to the session's Redis, which is empty."""
    with redis.client() as client:
        client.flushall()
    made = LossyRelay(redis.port)
    yield made
    made.close()


@pytest.fixture
def start_behind(start_node: StartNode, redis: RedisServer, relay: LossyRelay) -> StartBehind:
    """Start nodes that reach Redis through the relay; the test itself does not."""

    def started(settings: Mapping[str, str] = LONG_LEASE) -> Node:
        return start_node(redis, {**settings, "CAMERON_REDIS_URL": relay.url})

    return started


HALF = pytest.mark.parametrize("half", [False, True], ids=["whole", "half"])


def test_the_answer_to_an_accept_lost_starts_one_job(start_behind: StartBehind, relay: LossyRelay, service: Service) -> None:
    node, steps = start_behind(), Load(service).open()
    loss = relay.lose("accept")
    statuses = steps.offer(node, 1)
    assert loss.happened
    assert statuses in ({201: 1}, {503: 1})
    eventually(lambda: [job["job.status.current"] for job in steps.there(node.store).values()] == ["done"], "the one job to end")
    steps.settle(node.store).assert_called_at_most(1)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("transition", b"job.status.running.time"),
        ("transition", b"task.start.output.data"),
        ("transition", b"task.held.output.data"),
        ("end", b""),
    ],
    ids=["begun", "a task done", "another", "end"],
)
def test_the_answer_to_a_jobs_write_lost_calls_no_task_twice(
    start_behind: StartBehind, relay: LossyRelay, service: Service, script: str, what: bytes
) -> None:
    node, steps = start_behind(), Load(service).open()
    steps.start(node, 1).settle(node.store)
    writes = last_write(node, steps.jobs[0])
    loss = relay.lose(script, what)
    steps.start(node, 3)
    loss.wait()
    steps.settle(node.store).assert_called_at_most(1)
    assert [last_write(node, job) for job in steps.jobs] == [writes] * 4
    assert "not as we left it" not in node.output()


def last_write(node: Node, job: Job) -> str:
    """The number of the job's last write, by its record."""
    return str(node.store.hget(f"cameron:record:steps:{job.uuid}", "owner")).rpartition(" ")[2]


def test_the_answer_to_a_hand_back_lost_puts_each_job_back_once(start_behind: StartBehind, relay: LossyRelay, service: Service) -> None:
    node, steps = start_behind(), Load(service)
    steps.start(node, 5).called("held", 5).recorded("start")
    loss = relay.lose("hand_back", nth=2)
    assert node.terminate() == 0
    assert loss.happened
    assert node.store.xlen(QUEUE) == 5
    assert node.store.xpending(QUEUE, "cameron")["pending"] == 0
    steps.open()
    node.start()
    steps.settle(node.store).assert_called_at_most(1, "first", "last")
    steps.assert_called_at_most(2, "held")


@HALF
def test_new_jobs_whose_delivery_was_lost_are_found_and_run_once(
    start_behind: StartBehind, relay: LossyRelay, service: Service, half: bool
) -> None:
    node, steps = start_behind(), Load(service).open()
    loss = relay.lose("XREADGROUP", answered=b"uuid", half=half)
    steps.start(node, 5)
    loss.wait()
    steps.settle(node.store, 20).assert_called_at_most(1)


def test_answers_lost_during_a_take_over_lose_no_job(
    start_node: StartNode, start_behind: StartBehind, redis: RedisServer, relay: LossyRelay, service: Service
) -> None:
    one, steps = start_node(redis, SHORT_LEASE), Load(service)
    steps.start(one, 10).called("held", 10).recorded("start")
    two = start_behind(SHORT_LEASE)
    losses = [relay.lose("take_over", answered=b"uuid"), relay.lose("XCLAIM"), relay.lose("HGETALL"), relay.lose("GET")]
    one.kill()
    losses[0].wait()
    losses[1].wait()
    steps.open().settle(two.store, 20).assert_called_at_most(1, "first", "last")
    steps.assert_called_at_most(2, "held")
    assert losses[2].happened, "no job was read"


BODY = '{"key": "order 7", "data": 7}'


def test_a_start_sent_again_with_its_idempotency_key_is_the_same_job(
    start_behind: StartBehind, relay: LossyRelay, service: Service
) -> None:
    node, steps = start_behind(), Load(service).open()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "order-7"}

    def sent() -> requests.Response:
        answer = node.post("/api/process/steps/start", BODY, headers=headers)
        assert answer.status_code in (200, 201, 503), answer.text
        return answer

    losses = [relay.lose("accept"), relay.lose("SCRIPT")]  # the node cannot even connect again at once
    assert sent().status_code == 503
    assert all(loss.happened for loss in losses)
    again = eventually(lambda: answer if (answer := sent()).status_code != 503 else None, "the start to be accepted")
    assert (again.status_code, again.json()) == (200, {"payload": BODY})
    steps.jobs.append(node.at(again.headers["Location"]))
    steps.settle(node.store).assert_called_at_most(1)
    assert len(steps.there(node.store)) == 1
    relay.lose("accept")
    assert sent().headers["Location"] == again.headers["Location"]


def test_the_answers_to_a_cancellation_and_a_retry_lost_do_each_once(
    start_behind: StartBehind, relay: LossyRelay, service: Service
) -> None:
    node, steps = start_behind(), Load(service)
    job = steps.start(node, 1).called("held", 1).recorded("start").jobs[0]
    path = job.location.removeprefix(node.url)
    told = relay.lose("signal")
    assert node.post(f"{path}/cancel", "").status_code in (200, 202)
    assert told.happened
    assert job.ended().status == "cancelled"
    steps.open()
    revived = relay.lose("revive")
    answer = node.post(f"{path}/retry", "")
    assert revived.happened
    assert (answer.status_code, answer.json()["tasks"]) == (202, ["held"])
    job.done()
    assert {activity: steps.calls(activity).total() for activity in ("first", "held", "last")} == {"first": 1, "held": 2, "last": 1}
    eventually(lambda: node.store.xlen(QUEUE) == 0, "the queue to be empty")


ONCE_ONLY = {"HELLO", "CLIENT", "SELECT", "SCRIPT"}  # a connection


@HALF
def test_whatever_a_node_asks_of_redis_may_lose_its_answer(
    start_behind: StartBehind, relay: LossyRelay, service: Service, half: bool
) -> None:
    node, steps = start_behind(SHORT_LEASE), Load(service).open()
    before = relay.seen.copy()
    steps.start(node, 3).settle(node.store)
    eventually(lambda: relay.seen["TIME"] >= before["TIME"] + 3, "the scheduler to have gone round")
    regular = (relay.seen - before).keys() - ONCE_ONLY
    assert regular > {"accept", "transition", "end", "XREADGROUP"}
    for name in sorted(regular):
        loss = relay.lose(name, half=half)
        steps.press(node, 3).result(30)
        loss.wait()
    steps.settle(node.store).assert_called_at_most(2)
    assert node.healthy()


def test_answers_lost_while_connecting_are_no_end_of_it(start_behind: StartBehind, relay: LossyRelay, service: Service) -> None:
    node, steps = start_behind(SHORT_LEASE), Load(service).open()
    for name in ("HELLO", "SCRIPT", "SCRIPT", "HELLO"):
        loss = relay.lose(name)
        relay.cut()
        steps.press(node, 3).result(30)
        loss.wait()
    steps.settle(node.store).assert_called_at_most(2)
