"""How fast jobs are accepted, POST to 201, beside an empty handler on the same Falcon and waitress in the same run.

    python test/benchmark/accepting.py [--small] [--requests 4000] [--rounds 5] [--clients 20]

Each is a process of its own with as many threads, under the same clients, and they take turns; medians are shown. The empty handler is kept
to one core, as a node keeps itself; once more it may use all, as it would by itself. `cameron server` accepts and does not run jobs;
`cameron serve` runs them too, foo jobs of 7 calls, so that there the CPU is shared with all that follows a 201.
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from clients import BODY
from programs import HERE, Program, start_redis, start_service
from scenario import BATCH, Told, start_cameron, start_jobs, takes_batches, wait_until, write_processes
from static_service import START_PATH

from cameron.store import keys

REQUESTS, SMALL, ROUNDS, CLIENTS, THREADS = 4000, 1000, 5, 20, 8
PATH = "/api/process/foo/start"
WARM_UP = 500
LEAST_PERCENT = 80.0
QUIET = "warning"


class Contestant(NamedTuple):
    """Who answers, and how it is asked."""

    name: str
    program: Program
    port: int
    batch: int = 0
    drains: bool = False  # its jobs run: each round is over when they have ended


class Turn(NamedTuple):
    """One round of one contestant."""

    rate: float  # a second
    cpu_ms: float  # of the server, each
    redis_ms: float


def contestants(folder: Path, stack: ExitStack, url: str) -> list[Contestant]:
    """All of them, up."""
    service, service_port = start_service(folder)
    stack.enter_context(service)
    write_processes(folder, {"foo": f"http://127.0.0.1:{service_port}{START_PATH}"})
    command = [sys.executable, str(HERE / "empty_server.py"), PATH, str(THREADS)]
    one_core = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    empty = stack.enter_context(Program(folder, "empty", [*one_core, *command]))
    free = stack.enter_context(Program(folder, "empty_on_all_cores", command))
    found = [Contestant("empty", empty, int(empty.hear())), Contestant("empty_on_all_cores", free, int(free.hear()))]
    quiet_port = 0
    for name, role, level in (("server", "server", QUIET), ("server_logging", "server", "info"), ("serve", "serve", QUIET)):
        settings = {"CAMERON_LOG_LEVEL": level, "CAMERON_WEB_THREADS": str(THREADS), "CAMERON_JOB_MAX_BACKLOG": "100000000"}
        database = url.rpartition("/")[0] + ("/1" if role == "serve" else "/0")  # else it would run what the others accept
        node, port = start_cameron(folder, database, settings, role, name)
        stack.enter_context(node)
        found.append(Contestant(name, node, port, drains=role == "serve"))
        quiet_port = quiet_port or port
    if takes_batches(quiet_port, PATH):
        found.append(Contestant("server_batches", found[2].program, quiet_port, BATCH))
    return found


def turn(folder: Path, who: Contestant, requests: int, clients: int, redis: Program, store: Any) -> Turn:
    """So many starts."""
    cpu_s, redis_s = who.program.cpu_s(), redis.cpu_s()
    made = start_jobs(folder, who.port, "foo", requests, BODY.decode(), clients if not who.batch else 2, who.batch)
    used_s, redis_used_s = who.program.cpu_s() - cpu_s, redis.cpu_s() - redis_s
    if who.drains:
        store.select(1)
        wait_until(lambda: not store.xlen(keys.queue("foo")), "the jobs have ended", 300, needs=[who.program])
        store.select(0)
    return Turn(requests / made.seconds, used_s / requests * 1000, redis_used_s / requests * 1000)


def tell(told: Told, turns: dict[str, list[Turn]]) -> None:
    """Medians, and the rounds."""
    empty = median(each.rate for each in turns["empty"])
    for name, mine in turns.items():
        rate = median(each.rate for each in mine)
        told.tell(f"{name}: answered, of batches jobs", rate, "/s")
        told.tell(f"{name}: CPU each", median(each.cpu_ms for each in mine), "ms")
        told.note(f"{name}: rounds", ", ".join(f"{each.rate:,.0f}" for each in mine))
        if not name.startswith("empty"):
            told.tell(f"{name}: Redis's CPU each", median(each.redis_ms for each in mine), "ms")
            told.tell(f"{name}: of the empty handler's", 100 * rate / empty, "%", least=LEAST_PERCENT if name == "server" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} requests a round, 3 rounds")
    parser.add_argument("--requests", type=int, help=f"a round, {REQUESTS} where nothing is said")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    given = parser.parse_args()
    requests, rounds = given.requests or (SMALL if given.small else REQUESTS), given.rounds or (3 if given.small else ROUNDS)
    told = Told("accepting", {"requests": requests, "rounds": rounds, "clients": given.clients, "threads": THREADS})
    with tempfile.TemporaryDirectory(prefix="cameron-accepting-") as name, ExitStack() as stack:
        folder = Path(name)
        redis, store, url = start_redis(folder)
        stack.enter_context(redis)
        all_of_them = contestants(folder, stack, url)
        turns: dict[str, list[Turn]] = {who.name: [] for who in all_of_them}
        for who in all_of_them:
            turn(folder, who, WARM_UP, given.clients, redis, store)
        for _ in range(rounds):
            for who in all_of_them:
                turns[who.name].append(turn(folder, who, requests, given.clients, redis, store))
    tell(told, turns)
    told.keep()


if __name__ == "__main__":
    main()
