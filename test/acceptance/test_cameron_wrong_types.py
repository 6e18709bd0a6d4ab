"""Something else stands where a key of ours should be, by an operator's slip: whom it concerns suffers, all others go on."""

from collections.abc import Iterator
from typing import Any

import pytest

from .support.answer import reply
from .support.load import QUEUE, Load
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Service
from .support.start_node import LONG_LEASE, SHORT_LEASE, StartNode
from .support.waiting import eventually

BAD_QUEUE = "cameron:queue:bad"


@pytest.fixture
def store(redis: RedisServer) -> Iterator[Any]:
    """A client of the session's Redis, which is empty."""
    with redis.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def two_processes(service: Service) -> dict[str, str]:
    """The process of the steps, and another whose keys go wrong."""
    service.on("other", reply("done"))
    return {"steps": service.url("first"), "bad": service.url("other")}


def spoil(store: Any, key: str) -> None:
    """Put a list there, which no key of ours is."""
    store.delete(key)
    store.rpush(key, "not what you expect")


def bad_job_done(node: Node) -> bool:
    """Whether a job of the other process is accepted and ends well."""
    answer = node.post("/api/process/bad/start", '{"key": "1"}')
    assert answer.status_code in (201, 503)
    return answer.status_code == 201 and node.at(answer.headers["Location"]).done().status == "done"


@pytest.mark.parametrize("when", ["before the start", "at work"])
def test_a_queue_of_the_wrong_type_stops_its_own_process_alone(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, two_processes: dict[str, str], when: str
) -> None:
    if when == "before the start":
        spoil(store, BAD_QUEUE)
    node, steps = start_node(redis, SHORT_LEASE, **two_processes), Load(service).open()
    spoil(store, BAD_QUEUE)
    assert_json_error(node.post("/api/process/bad/start", '{"key": "1"}'), 503)
    assert list(store.scan_iter("cameron:*:bad:*", _type="HASH")) == []
    steps.start(node, 20).settle(store, 20).assert_called_at_most(1)
    assert node.healthy()
    eventually(lambda: "queue of bad" in node.output(), "the log to name the queue")
    assert node.output().count("queue of bad") <= 5
    assert "Traceback" not in node.output()
    store.delete(BAD_QUEUE)
    eventually(lambda: bad_job_done(node), "the process to be served again", 20, every_s=0.2)


def test_a_queue_of_the_wrong_type_hinders_no_take_over(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, two_processes: dict[str, str]
) -> None:
    one, steps = start_node(redis, SHORT_LEASE, **two_processes), Load(service)
    steps.start(one, 10).called("held", 10).recorded("start")
    two = start_node(redis, SHORT_LEASE, **two_processes)
    spoil(store, BAD_QUEUE)
    one.kill()
    steps.open().settle(two.store, 20)
    assert two.terminate() == 0
    assert list(store.scan_iter("cameron:node:*", _type="STRING")) == []


def test_jobs_whose_queue_was_replaced_while_they_run_keep_nobody_busy(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, two_processes: dict[str, str]
) -> None:
    node, steps, gate = start_node(redis, SHORT_LEASE, **two_processes), Load(service).open(), service.gate()
    service.on("other", reply("done").held(gate))
    doomed = [node.job("bad", {"key": f"doomed {number}"}) for number in range(3)]
    steps.called("other", 3)
    spoil(store, BAD_QUEUE)
    gate.open()
    for job in doomed:
        job.ended(20)
    steps.start(node, 5).settle(store, 20)
    assert node.healthy()


@pytest.mark.parametrize("spoilt", ["cameron:record:steps:{uuid}", "cameron:process:steps:key:{key}:job:{uuid}"], ids=["record", "hash"])
@pytest.mark.parametrize("alive", [True, False], ids=["under a living node", "under a dead one"])
def test_a_job_of_which_a_key_is_of_the_wrong_type_is_given_up_alone(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, spoilt: str, alive: bool
) -> None:
    node, steps = start_node(redis), Load(service)
    steps.start(node, 6).called("held", 6).recorded("start")
    if not alive:
        node.kill()
    bad, good = steps.jobs[:2], steps.jobs[2:]
    for job in bad:
        spoil(store, spoilt.format(uuid=job.uuid, key=job.key))
    steps.open()
    if not alive:
        node.start()
    for job in good:
        job.done(20)
    eventually(lambda: store.xlen(QUEUE) == 0, "the queue to be empty")
    assert {fields["uuid"] for _, fields in store.xrange("cameron:queue:steps:dead")} == {job.uuid for job in bad}
    for job in bad:
        assert job.uuid in node.output()
        assert job.ended().status == "error"
    assert node.healthy()
    steps.jobs = []
    steps.start(node, 3)
    for job in steps.jobs:
        job.done()


def test_a_dead_letter_of_the_wrong_type_keeps_no_job_from_being_given_up(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service
) -> None:
    node, steps = start_node(redis), Load(service)
    steps.start(node, 3).called("held", 3).recorded("start")
    spoil(store, "cameron:queue:steps:dead")
    spoil(store, f"cameron:record:steps:{steps.jobs[0].uuid}")
    steps.open()
    assert [job.ended().status for job in steps.jobs] == ["error", "done", "done"]
    eventually(lambda: store.xlen(QUEUE) == 0, "the queue to be empty")
    assert node.healthy()


def test_what_says_that_a_key_is_taken_concerns_that_key_alone(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service
) -> None:
    node, steps = start_node(redis), Load(service)
    node.kill()
    node.file.write_text(f'{{processes, [{{steps, [{{start_activity_url, "{service.url("first")}"}}, {{unique, key}}]}}]}}.\n')
    node.start()
    steps.start(node, 2).called("held", 2)
    taken = f"cameron:unique:steps:{steps.jobs[0].key}"
    spoil(store, taken)
    steps.open().settle(store).assert_called_at_most(1)
    assert_json_error(node.post("/api/process/steps/start", f'{{"key": "{steps.jobs[0].key}"}}'), 503)
    steps.start(node, 2).settle(store).assert_called_at_most(1)
    store.delete(taken)
    assert node.post("/api/process/steps/start", f'{{"key": "{steps.jobs[0].key}"}}').status_code == 201


SETS = [f"cameron:jobs:steps:{name}" for name in ("scheduled", "running", "done", "key")]


@pytest.mark.parametrize(
    "keys", [*([each] for each in SETS), SETS, ["cameron:queue:steps:dead"]], ids=lambda keys: keys[0] + "..." * (len(keys) > 1)
)
def test_what_only_lists_jobs_costs_none_where_it_is_of_the_wrong_type(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, keys: list[str]
) -> None:
    node, steps = start_node(redis), Load(service).open()
    for key in keys:
        spoil(store, key)
    steps.start(node, 10).settle(store, 20).assert_called_at_most(1)
    assert node.healthy()


@pytest.mark.parametrize("key", ["cameron:queues", "cameron:nodes"])
def test_the_names_of_processes_or_nodes_lost_cost_no_job(
    start_node: StartNode, redis: RedisServer, store: Any, service: Service, key: str
) -> None:
    one, two, steps = start_node(redis), start_node(redis), Load(service)
    spoil(store, key)
    steps.start(one, 10).called("held", 10)
    one.kill()
    steps.open().settle(store, 30)
    three = start_node(redis)
    steps.start(three, 5).settle(store, 20)
    assert two.healthy()
    assert store.type(key) == "set"
    assert store.lrange(f"{key}:misplaced", 0, -1) == ["not what you expect"]
    assert f"{key}:misplaced" in one.output() + two.output()


def test_an_inbox_of_the_wrong_type_stops_no_new_job(start_node: StartNode, redis: RedisServer, store: Any, service: Service) -> None:
    node, steps = start_node(redis, LONG_LEASE), Load(service).open()
    inbox = f"{next(store.scan_iter('cameron:node:*', _type='STRING'))}:inbox"
    spoil(store, inbox)
    steps.start(node, 10).settle(store, 20).assert_called_at_most(1)
    eventually(lambda: store.type(inbox) == "stream", "the inbox to be there again")
    assert node.healthy()
