"""Whether a job costs the same however many finished ones Redis holds; and what a finished job takes there, by kind of key and by setting.

    python test/benchmark/flat_cost.py [--small] [--finished 1000000] [--jobs 1000] [--rounds 5] [--settings]

Each case is a Redis with a node of its own, all up at once, on one service; rounds of foo jobs take turns, medians are shown. The case with
many finished jobs has copies of real ones, which are compared with them through the API. `--settings` compares Redis's settings instead.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from clients import BODY
from footprint import job_bytes
from multiply import multiply
from programs import Program, start_service
from scenario import Told, get, start_cameron, start_jobs, start_store, wait_until, write_processes
from static_service import KEY, START_PATH

from cameron.store import keys

FINISHED, SMALL, FEW, JOBS, ROUNDS = 1_000_000, 50_000, 1000, 1000, 5
CLIENTS = 20
MOST = 1.1  # times the CPU
NOTHING_DUE = ("decided", None)  # an event that depends on which replies came together
SETTINGS: dict[str, Sequence[str]] = {
    "redis_defaults": (),
    "hash_value_1024": ("--hash-max-ziplist-value", "1024"),
    "hash_value_4096": ("--hash-max-ziplist-value", "4096"),
    "stream_node_512": ("--stream-node-max-bytes", "512"),
    "stream_node_1024": ("--stream-node-max-bytes", "1024"),
    "hash_1024_stream_512": ("--hash-max-ziplist-value", "1024", "--stream-node-max-bytes", "512"),
}


class Case(NamedTuple):
    """A Redis with its node."""

    name: str
    redis: Program
    store: Any
    node: Program
    port: int


class Turn(NamedTuple):
    """CPU a job, in milliseconds."""

    node_ms: float
    redis_ms: float


def case(folder: Path, stack: ExitStack, name: str, service_port: int, options: Sequence[str] = ()) -> Case:
    """A case, up."""
    own = folder / name
    own.mkdir()
    redis, store, url = start_store(own, options)
    stack.enter_context(redis)
    write_processes(own, {"foo": f"http://127.0.0.1:{service_port}{START_PATH}"})
    node, port = start_cameron(own, url)
    stack.enter_context(node)
    return Case(name, redis, store, node, port)


def run(folder: Path, on: Case, jobs: int) -> Turn:
    """So many foo jobs, until all are done."""
    node_s, redis_s = on.node.cpu_s(), on.redis.cpu_s()
    start_jobs(folder, on.port, "foo", jobs, BODY.decode(), CLIENTS, batch=0)
    wait_until(lambda: not on.store.xlen(keys.queue("foo")), "the jobs have ended", 120, poll_s=0.005, needs=[on.node, on.redis])
    return Turn((on.node.cpu_s() - node_s) / jobs * 1000, (on.redis.cpu_s() - redis_s) / jobs * 1000)


def rounds_of(folder: Path, cases: Sequence[Case], jobs: int, rounds: int, told: Told) -> dict[str, Turn]:
    """Medians, by case; the rounds are told."""
    turns: dict[str, list[Turn]] = {each.name: [] for each in cases}
    for number in range(rounds):
        for each in cases if number % 2 else reversed(cases):
            turns[each.name].append(run(folder, each, jobs))
    for name, mine in turns.items():
        told.note(f"{name}: node's and Redis's CPU a job, ms", ", ".join(f"{turn.node_ms:.2f}+{turn.redis_ms:.3f}" for turn in mine))
    return {name: Turn(median(turn.node_ms for turn in mine), median(turn.redis_ms for turn in mine)) for name, mine in turns.items()}


def check_copies(on: Case, finished: int) -> None:
    """A copy must look like a real job: in its document, in its events, in the list."""
    listed = get(on.port, "/api/process/foo/jobs?status=done&limit=100")
    if listed["counts"]["done"] != finished or len(listed["jobs"]) != 100:
        raise RuntimeError(f"{listed['counts']} are listed instead of {finished} finished jobs")
    real, copy = (
        member.rpartition("\t")[2] for member in (on.store.zrange(keys.jobs("foo", "done"), index, index)[0] for index in (-1, 0))
    )
    path = f"/api/process/foo/key/{KEY}/job"
    shown = [json.dumps(get(on.port, f"{path}/{uuid}{what}")) for what in ("", "/events") for uuid in (real, copy)]
    names = [[task["name"] for task in json.loads(one)["tasks"]] for one in shown[:2]]
    happened = [{(event["event"], event.get("task")) for event in json.loads(one)["events"]} - {NOTHING_DUE} for one in shown[2:]]
    if sorted(names[0]) != sorted(names[1]) or happened[0] != happened[1]:
        raise RuntimeError(f"a copy is not like a real job: {shown}")


def grow(on: Case, finished: int, told: Told) -> None:
    """Have so many finished jobs, without an append-only file of all the copies' commands."""
    before = int(on.store.info("memory")["used_memory"])
    on.store.config_set("appendonly", "no")
    have = int(on.store.zcard(keys.jobs("foo", "done")))
    multiply(on.store, "foo", finished - have)
    on.store.config_set("appendonly", "yes")
    wait_until(lambda: not on.store.info("persistence")["aof_rewrite_in_progress"] and not _is_due(on.store), "the file is written", 1200)
    grown = int(on.store.info("memory")["used_memory"]) - before
    told.tell("Redis memory a finished job (a copy: no slack in its stream)", grown / (finished - have), "bytes")
    check_copies(on, finished)


def _is_due(store: Any) -> bool:
    return bool(store.info("persistence").get("aof_rewrite_scheduled"))


def flatness(folder: Path, stack: ExitStack, finished: int, jobs: int, rounds: int, told: Told) -> None:
    """Many against few."""
    service, service_port = start_service(folder)
    stack.enter_context(service)
    few, many = (case(folder, stack, name, service_port) for name in ("few", "many"))
    empty = int(few.store.info("memory")["used_memory"])
    for each in (few, many):
        run(folder, each, FEW)
    told.tell("Redis memory a finished job", (int(few.store.info("memory")["used_memory"]) - empty) / FEW, "bytes")
    for kind, size in job_bytes(few.store, FEW).items():
        told.tell(f"  {kind}", size, "bytes")
    grow(many, finished, told)
    for each in (few, many):
        run(folder, each, jobs)  # Redis has just been forked, and a copy of each page that it writes is made once
    medians = rounds_of(folder, [few, many], jobs, rounds, told)
    for name in ("few", "many"):
        told.tell(f"{name}: node's CPU a job", medians[name].node_ms, "ms")
        told.tell(f"{name}: Redis's CPU a job", medians[name].redis_ms, "ms")
    told.tell("node's CPU, many to few", medians["many"].node_ms / medians["few"].node_ms, "times", most=MOST)
    told.tell("Redis's CPU, many to few", medians["many"].redis_ms / medians["few"].redis_ms, "times", most=MOST)
    both = [sum(medians[name]) for name in ("many", "few")]
    told.tell("CPU of both, many to few", both[0] / both[1], "times", most=MOST)


def settings(folder: Path, stack: ExitStack, jobs: int, rounds: int, told: Told) -> None:
    """What Redis's settings make of the bytes, and what they cost."""
    service, service_port = start_service(folder)
    stack.enter_context(service)
    cases = [case(folder, stack, name, service_port, options) for name, options in SETTINGS.items()]
    for each in cases:
        run(folder, each, FEW)
    medians = rounds_of(folder, cases, jobs, rounds, told)
    for each in cases:
        kinds = job_bytes(each.store, FEW + rounds * jobs)
        shown = ", ".join(f"{kind} {size:,.0f}" for kind, size in kinds.items() if kind != "all")
        told.tell(f"{each.name}: a finished job", kinds["all"], "bytes")
        told.note(f"{each.name}: by kind", shown)
        told.tell(f"{each.name}: Redis's CPU a job", medians[each.name].redis_ms, "ms")
        told.tell(f"{each.name}: node's CPU a job", medians[each.name].node_ms, "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} finished jobs, 3 rounds of 300")
    parser.add_argument("--finished", type=int, help=f"{FINISHED} where nothing is said")
    parser.add_argument("--jobs", type=int, help=f"a round, {JOBS} where nothing is said")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--settings", action="store_true")
    given = parser.parse_args()
    jobs, rounds = given.jobs or (300 if given.small else JOBS), given.rounds or (3 if given.small else ROUNDS)
    finished = given.finished or (SMALL if given.small else FINISHED)
    options = {"jobs": jobs, "rounds": rounds} | ({} if given.settings else {"finished": finished})
    told = Told("redis_settings" if given.settings else "flat_cost", options)
    with tempfile.TemporaryDirectory(prefix="cameron-flat-") as name, ExitStack() as stack:
        if given.settings:
            settings(Path(name), stack, jobs, rounds, told)
        else:
            flatness(Path(name), stack, finished, jobs, rounds, told)
    told.keep()


if __name__ == "__main__":
    main()
