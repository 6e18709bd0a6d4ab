"""Redis comes back with older data, or with none, under living nodes: what is there ends, and what is gone keeps nobody busy."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .support.answer import reply
from .support.load import QUEUE, Load
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.start_node import LONG_LEASE, SHORT_LEASE, StartNode
from .support.waiting import eventually


class Backup:
    """A copy of what a durable Redis has on disk, to be put back under whoever lives on."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        shutil.copytree(server.log.parent, folder)

    def restore(self) -> None:
        """Kill Redis and start it as it was."""
        self._server.kill()
        shutil.rmtree(self._server.log.parent)
        shutil.copytree(self._folder, self._server.log.parent)
        self._server.start()


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own that keeps nothing on disk."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def flushed(server: RedisServer) -> None:
    """Emptied by somebody's hand."""
    with server.client() as client:
        client.flushall()


def replaced(server: RedisServer) -> None:
    """Another one, an empty one, stands in its place."""
    with server.client() as client:
        client.shutdown(nosave=True)
    server.wait()
    server.start()


def assert_at_ease(node: Node, jobs: int) -> None:
    """The node runs, is well, and has not said the same over and over."""
    assert node.healthy()
    output = node.output()
    assert "Traceback" not in output
    warnings = [line for line in output.splitlines() if "[warning" in line or "[error" in line]
    assert len(warnings) <= 3 * jobs + 20, "\n".join(warnings[:50])


def test_a_redis_restored_from_before_has_its_jobs_run_to_their_end(
    start_node: StartNode, durable: RedisServer, service: Service, tmp_path: Path
) -> None:
    node, steps = start_node(durable), Load(service)
    steps.start(node, 10).called("held", 10).recorded("start")
    late = service.gate()
    service.on("last", reply(3).held(late))
    backup = Backup(durable, tmp_path / "backup")
    earlier = list(steps.jobs)
    steps.open().start(node, 10).called("last", 20).recorded("held")
    later = [job for job in steps.jobs if job not in earlier]
    backup.restore()
    late.open()
    for job in earlier:
        job.done()
    steps.jobs = steps.start(node, 5).jobs[-5:]
    for job in steps.jobs:
        job.done()
    assert {job.key for job in later if job.hash()} == set()
    eventually(lambda: node.store.xlen(QUEUE) == 0, "the queue to be empty")
    steps.assert_called_at_most(2)
    assert_at_ease(node, 25)


def test_jobs_that_had_ended_after_the_copy_end_again(
    start_node: StartNode, durable: RedisServer, service: Service, tmp_path: Path
) -> None:
    node, steps = start_node(durable, LONG_LEASE), Load(service)
    steps.start(node, 5).called("held", 5).recorded("start")
    backup = Backup(durable, tmp_path / "backup")
    steps.open().settle(node.store)
    backup.restore()
    assert {job.status for job in steps.jobs} == {"running"}
    steps.settle(node.store).assert_called_at_most(2)
    steps.assert_called_at_most(1, "first")
    assert_at_ease(node, 5)


def test_a_copy_from_before_the_first_job_makes_the_node_begin_anew(
    start_node: StartNode, durable: RedisServer, service: Service, tmp_path: Path
) -> None:
    backup = Backup(durable, tmp_path / "backup")
    node, steps = start_node(durable, LONG_LEASE), Load(service)
    gone = steps.start(node, 10).called("held", 10).recorded("start").jobs
    backup.restore()
    steps.open()
    steps.jobs = []
    steps.press(node, 5).result(60)
    for job in steps.jobs:
        job.done()
    assert [job.hash() for job in gone] == [{}] * 10
    assert_made_again(node)
    assert_at_ease(node, 15)


def assert_made_again(node: Node) -> None:
    """The lease, the queue with its group, the definition and the name of the process are in Redis."""
    store = node.store
    eventually(lambda: len(list(store.scan_iter("cameron:node:*", _type="STRING"))) == 1, "the lease to be there")
    eventually(lambda: [group["name"] for group in store.xinfo_groups(QUEUE)] == ["cameron"], "the group to be there")
    eventually(lambda: "steps" in store.smembers("cameron:queues"), "the process to be named")
    eventually(lambda: len(list(store.scan_iter("cameron:definition:steps:*"))) >= 1, "the definition to be there")


@pytest.mark.parametrize("emptied", [flushed, replaced])
def test_an_emptied_redis_stops_no_new_job(
    start_node: StartNode, forgetful: RedisServer, service: Service, emptied: Callable[[RedisServer], None]
) -> None:
    one, two, steps = start_node(forgetful, SHORT_LEASE), start_node(forgetful, LONG_LEASE), Load(service)
    gone = steps.start(one, 20).start(two, 20).called("held", 40).recorded("start").jobs
    load = steps.press(one, 100)
    emptied(forgetful)
    steps.open()
    load.result(60)
    steps.jobs = []
    steps.press(one, 5).result(60)
    steps.press(two, 5).result(60)
    for job in steps.jobs:
        job.done(20)
    assert [job.hash() for job in gone[:40]] == [{}] * 40
    eventually(lambda: one.store.xlen(QUEUE) == 0, "the queue to be empty")
    for node in (one, two):
        assert_at_ease(node, 150)


@pytest.mark.parametrize("emptied", [flushed, replaced])
def test_all_that_a_node_needs_in_redis_is_made_again(
    start_node: StartNode, forgetful: RedisServer, service: Service, emptied: Callable[[RedisServer], None]
) -> None:
    node = start_node(forgetful)
    emptied(forgetful)
    Load(service).open().press(node, 1).result(60)
    assert_made_again(node)


def test_a_job_accepted_by_an_emptied_redis_can_be_run_by_a_node_that_does_not_know_its_process(
    start_node: StartNode, forgetful: RedisServer, service: Service
) -> None:
    node, steps = start_node(forgetful), Load(service)
    flushed(forgetful)
    steps.press(node, 3).result(60)
    steps.called("held", 3).recorded("start")
    assert_made_again(node)
    node.kill()
    steps.open()
    start_node(forgetful, another=service.url("first"))
    steps.settle(node.store)


def test_scripts_forgotten_under_load_cost_nothing(start_node: StartNode, redis: RedisServer, service: Service) -> None:
    with redis.client() as client:
        client.flushall()
        node, steps = start_node(redis), Load(service).open()
        load = steps.press(node, 300)

        def forgotten() -> bool:
            client.script_flush()
            return load.done()

        eventually(forgotten, "the load to end", 60, every_s=0.01)
        load.result()
        steps.settle(node.store).assert_called_at_most(1)
        assert_at_ease(node, 0)


def test_scripts_forgotten_before_a_take_over_and_a_hand_back_cost_nothing(
    start_node: StartNode, redis: RedisServer, service: Service
) -> None:
    with redis.client() as client:
        client.flushall()
        one, two, steps = start_node(redis), start_node(redis), Load(service)
        steps.start(one, 20).called("held", 20).recorded("start")
        one.kill()
        client.script_flush()
        steps.called("held", 21)
        client.script_flush()
        assert two.terminate() == 0
        assert client.xlen(QUEUE) == 20
        assert client.xpending(QUEUE, "cameron")["pending"] == 0
        steps.open()
        two.start()
        steps.settle(client).assert_called_at_most(1, "first", "last")
