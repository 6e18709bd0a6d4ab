"""Cameron's own actors are ended at random, again and again, while foo jobs run: every job ends done, and what is done is not done again.

Everything is in this process: the whole tree with its own redis-server, clients that POST, the service that is called. CAMERON_SOAK=1
runs the full numbers. The seed is printed; CAMERON_CHAOS_SEED=N chooses the same victims again (when exactly each is hit is still chance).
"""

import os
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any

import pytest
import redis

from cameron import config, tree
from cameron.client import Client
from cameron.errors import CameronError
from cameron.job_orders import runner_name
from cameron.otp import Node, Reason, TreeNode, whereis

from ..acceptance.support.answer import Answer
from ..acceptance.support.foo import TASKS, script_foo
from ..acceptance.support.node import definitions
from ..acceptance.support.port import free_port
from ..acceptance.support.service import ANY, Call, Script, Service
from ..acceptance.support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
JOBS, KILLS = (2_000, 500) if SOAK else (100, 25)
AHEAD = JOBS // 5  # jobs that are started before the first kill; the others follow, so many after each
CLIENTS = 4
SLOWEST_S = 0.4  # of an activity
RECOVERY_S = 60.0
ALL_DONE_S = 300.0 if SOAK else 120.0
ON_THE_WIRE_S = 1.0  # a call that was asked for before its caller's end may wait for its commit, or be under way, for so long
RUNNER_KILLS = 4  # of one job: with the fifth it would be given up as poison

# Restarts that are borne: a raised intensity, over a period that the backoffs cannot outlast.
PATIENCE = tree.Patience(intensity=100 * KILLS, period_s=100_000.0)

# Who takes the calls under way along: these and what stands below them hold them. A runner's end concerns its own job alone.
HOLD_CALLS = ["engine", "job_data", "process_catalog", "http", "job_runner_sup"]
HOLD_NONE = ["job_scheduler", "queue_reader", "web_server", "redis_server"]
ACTORS = [*HOLD_CALLS, *HOLD_NONE]

Task = tuple[str, str]  # a job's uuid, a task's name


class Chaos(Reason):
    """What ends an actor here where it is not killed; it counts as a crash."""


class SlowService(Service):
    """Each answer takes a random moment, so that there is always something under way."""

    def on(self, activity: str, *scripts: Script, key: str = ANY) -> None:
        super().on(activity, *map(_slowed, scripts), key=key)


def _slowed(script: Script) -> Script:
    def answer(call: Call) -> Answer:
        return (script if isinstance(script, Answer) else script(call)).after(random.uniform(0.0, SLOWEST_S))

    return answer


@dataclass(frozen=True)
class Kill:
    """What was ended when (monotonic seconds), until everything ran again; how many jobs were in progress, and which tasks done."""

    name: str
    began_s: float
    over_s: float
    in_progress: int
    recorded: frozenset[Task]

    def concerns(self, uuid: str) -> bool:
        """Whether calls of that job that were under way may have gone with it."""
        return self.name in HOLD_CALLS or self.name == runner_name(uuid)


class Jobs:
    """Starts jobs as clients do: over HTTP, again until there is a 201. A job whose 201 was lost on the way is one job more."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: SimpleQueue[str | None] = SimpleQueue()
        self._numbers = iter(range(JOBS))
        self._gave_up = threading.Event()
        self.locations: list[str] = []
        self._threads = [threading.Thread(target=self._work, name=f"client {n}", daemon=True) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def start(self, count: int) -> None:
        """Have the clients start so many more, up to JOBS."""
        for _, number in zip(range(count), self._numbers, strict=False):
            self._keys.put(f"chaos {number}")

    def finish(self) -> None:
        """Wait until all have been accepted."""
        self.start(JOBS)
        for _ in self._threads:
            self._keys.put(None)
        for thread in self._threads:
            thread.join(RECOVERY_S)
        self._gave_up.set()
        assert len(self.locations) == JOBS

    def _work(self) -> None:
        with Client(self._url) as client:
            while (key := self._keys.get()) is not None:
                while not self._gave_up.wait(0.0):
                    try:
                        self.locations.append(client.start("foo", key, None, "chaos").location)
                        break
                    except CameronError:
                        self._gave_up.wait(0.05)


class Store:
    """What the node's Redis says of the jobs; the server is away at times."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url, decode_responses=True)
        self._done: dict[str, dict[str, str]] = {}  # the hashes of jobs that have ended; they do not change any more
        self.in_progress = 0  # jobs, at the last look

    def hashes(self) -> dict[str, dict[str, str]]:
        """Every job's hash by its key."""
        (found,) = eventually(self._look, "redis to answer", RECOVERY_S)
        return found

    def recorded(self) -> frozenset[Task]:
        """Every task that is recorded done."""
        return frozenset(
            (uuid_of(key), task)
            for key, fields in self.hashes().items()
            for task in fields.get("job.tasks", "").split(",")
            if fields.get(f"task.{task}.status.current") == "done"
        )

    def close(self) -> None:
        self._redis.close()

    def _look(self) -> list[dict[str, dict[str, str]]]:
        """One look at all; none while Redis is away."""
        try:
            found = [key for key in self._redis.scan_iter("cameron:process:foo:*", count=1000) if re.search(r":job:[0-9a-f]{32}$", key)]
            fresh = [key for key in found if key not in self._done]
            pipeline = self._redis.pipeline(transaction=False)
            for key in fresh:
                pipeline.hgetall(key)
            hashes = dict(zip(fresh, pipeline.execute(), strict=True))
        except redis.RedisError:
            return []
        self._done |= {key: fields for key, fields in hashes.items() if fields.get("job.status.current") in ("done", "error")}
        self.in_progress = len(found) - len(self._done)
        return [{**self._done, **hashes}]


def uuid_of(key: str) -> str:
    return key.rpartition(":")[2]


@pytest.fixture
def service() -> Iterator[Service]:
    running = SlowService()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def parts(tmp_path: Path, service: Service) -> Iterator[tree.Parts]:
    """The parts of a node with foo and a redis-server of its own, which is stopped should the node have left it behind."""
    file = tmp_path / "processes.config"
    file.write_text(definitions(script_foo(service)))
    environ = {
        "CAMERON_REDIS_DIR": str(tmp_path / "redis"),
        "CAMERON_REDIS_PORT": "0",
        "CAMERON_WEB_PORT": str(free_port()),
        "CAMERON_PROCESSES_FILE": str(file),
        "CAMERON_NODE_SHUTDOWN_S": "1",
        "CAMERON_NODE_LEASE_S": "60",  # this is about actors; the machine may be slow
        "CAMERON_HTTP_MAX_CALLS_PER_HOST": "4096",
    }
    assembled = tree.assemble(config.load("test", environ))
    yield assembled
    with suppress(redis.RedisError), redis.Redis.from_url(assembled.redis_url) as client:
        client.shutdown(nosave=True)


@pytest.fixture
def node(parts: tree.Parts) -> Iterator[Node]:
    with Node(lambda: tree.root(parts, PATIENCE)) as running:
        yield running


@pytest.fixture
def store(parts: tree.Parts, node: Node) -> Iterator[Store]:
    looking = Store(parts.redis_url)
    yield looking
    looking.close()


def runners(node: Node) -> list[str]:
    """The names of the runners that live."""
    found = node.tree()
    assert found is not None
    return [child.name for supervisor in walk(found) if supervisor.name == "job_runner_sup" for child in supervisor.children]


def walk(actor: TreeNode) -> Iterator[TreeNode]:
    yield actor
    for child in actor.children:
        yield from walk(child)


def choose(node: Node, dice: random.Random, killed: Counter[str]) -> str:
    """A runner every other time, else any of the other actors."""
    alive = [name for name in runners(node) if killed[name] < RUNNER_KILLS]
    return dice.choice(alive) if alive and dice.random() < 0.5 else dice.choice(ACTORS)


def stands(node: Node) -> bool:
    """Whether every actor runs (a name is registered before its actor has started, so names alone do not tell)."""
    found = node.tree()
    return found is not None and all(actor.state == "running" for actor in walk(found)) and all(map(whereis, ACTORS))


def end(name: str, node: Node, dice: random.Random, store: Store) -> Kill | None:
    """Kill the actor, or have it crash; wait until everything runs again. None where it had ended by itself."""
    recorded, in_progress = store.recorded(), store.in_progress
    victim = whereis(name)
    if victim is None:
        return None
    began_s = time.monotonic()
    if dice.random() < 0.5:
        victim.kill()
    else:
        victim.exit(Chaos())
    eventually(lambda: not victim.is_alive() and stands(node), f"the tree to stand again after {name} ended", RECOVERY_S)
    return Kill(name, began_s, time.monotonic(), in_progress, recorded)


def havoc(node: Node, store: Store, jobs: Jobs, dice: random.Random) -> list[Kill]:
    kills: list[Kill] = []
    killed: Counter[str] = Counter()
    while len(kills) < KILLS:
        name = choose(node, dice, killed)
        kill = end(name, node, dice, store)
        if kill is not None:
            kills.append(kill)
            killed[name] += 1
            jobs.start((JOBS - AHEAD) // KILLS)
    return kills


def calls_by_task(service: Service) -> dict[Task, list[float]]:
    """When each task was called, in order."""
    found: dict[Task, list[float]] = defaultdict(list)
    for call in service.all_calls():
        found[call.headers["x-cameron-job"], call.headers["x-cameron-task"]].append(call.arrived)
    return {task: sorted(arrivals) for task, arrivals in found.items()}


def unexplained(calls: dict[Task, list[float]], kills: list[Kill]) -> list[str]:
    """Second calls of tasks that were not under way in what was ended, or that were recorded done."""
    wrong = []
    for task, arrivals in calls.items():
        first_s, last_s = arrivals[0], arrivals[-1]
        meanwhile = [kill for kill in kills if kill.began_s <= last_s and first_s <= kill.over_s + ON_THE_WIRE_S]
        excuses = [kill for kill in meanwhile if kill.concerns(task[0]) and task not in kill.recorded]
        if len(arrivals) - 1 > len(excuses):
            times = [round(at_s - first_s, 3) for at_s in arrivals]
            ends = [(kill.name, round(kill.began_s - first_s, 3), round(kill.over_s - first_s, 3)) for kill in meanwhile]
            wrong.append(f"{task} was called at {times} s, {len(excuses)} ends explain that; what ended meanwhile: {ends}")
        if any(task in kill.recorded and last_s > kill.began_s for kill in kills):
            wrong.append(f"{task} was called when it was recorded done")
    return wrong


def test_whichever_actors_end_every_job_ends_done_and_what_is_recorded_done_is_not_called_again(
    node: Node, parts: tree.Parts, store: Store, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("CAMERON_CHAOS_SEED") or random.randrange(1_000_000))
    began_s = time.monotonic()
    with capsys.disabled():
        print(f"\nCAMERON_CHAOS_SEED={seed}")
    jobs = Jobs(f"http://127.0.0.1:{parts.config.web.port}")
    jobs.start(AHEAD)
    eventually(service.all_calls, "the first call")
    kills = havoc(node, store, jobs, random.Random(seed))
    jobs.finish()
    eventually(lambda: _all_ended(store), "all jobs to end", ALL_DONE_S, every_s=0.2)
    hashes, calls = store.hashes(), calls_by_task(service)
    extra = sum(map(len, calls.values())) - len(calls)
    with capsys.disabled():
        kinds = Counter("job_runner" if kill.name.startswith("job ") else kill.name for kill in kills)
        print(f"{len(kills)} ended ({', '.join(f'{n} {name}' for name, n in kinds.most_common())}) during {len(hashes)} jobs")
        print(f"in progress when one ended: {median(kill.in_progress for kill in kills):.0f} jobs (the median)")
        print(f"{extra} calls of {len(calls)} were made again; {time.monotonic() - began_s:.0f} s")
    assert Counter(fields["job.status.current"] for fields in hashes.values()) == {"done": len(hashes)}
    assert {location.rpartition("/")[2] for location in jobs.locations} <= {uuid_of(key) for key in hashes}
    assert {len(fields) for fields in hashes.values()} == {43}
    assert set(calls) == {(uuid_of(key), task) for key in hashes for task in TASKS}
    assert unexplained(calls, kills) == []
    assert node.root is not None
    assert node.root.is_alive()


def _all_ended(store: Store) -> bool:
    return all(fields.get("job.status.current") in ("done", "error") for fields in store.hashes().values())


@pytest.mark.parametrize("name", ["redis_server", "engine", "web_server"])
def test_whoever_is_killed_leaves_what_its_successor_needs_before_patience_runs_out(name: str, parts: tree.Parts) -> None:
    with Node(lambda: tree.root(parts)) as node, Client(f"http://127.0.0.1:{parts.config.web.port}") as client:
        victim = whereis(name)
        assert victim is not None
        victim.kill()
        eventually(lambda: not victim.is_alive() and stands(node), f"the tree to stand again after {name} was killed")
        location = client.start("foo", "killed", None, "chaos").location
        eventually(lambda: client.job(location)["status"]["current"] == "done", "the job to be done")


def test_a_redis_server_whose_actor_was_killed_ends_with_the_node(parts: tree.Parts) -> None:
    with Node(lambda: tree.root(parts)):
        victim = whereis("redis_server")
        assert victim is not None
        victim.kill()
        eventually(lambda: whereis("redis_server") not in (None, victim), "another redis_server")
    with redis.Redis.from_url(parts.redis_url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
