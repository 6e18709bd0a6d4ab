"""How fast Cameron is, measured on whole, finished jobs; and how fast the same calls and writes are without an engine (the floor).

    make bench        or: python test/benchmark/bench.py [--jobs 500] [--clients 20] [--rounds 3] [--alone 100] [--profile]

Everything is real and in a process of its own: a node (`cameron serve --env test`), redis-server with `appendfsync everysec`, a service
that answers at once, the clients. All share the machine's cores. Rounds of Cameron and of the floor take turns; medians are shown. The
floor has no start requests to answer: it runs from the job's first write on. The figures are appended to var/bench.jsonl.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import actors
import alone
import samples
from programs import HERE, PROJECT, Program, machine_cpu_s, start_node, start_redis, start_service
from recording import Monitor, Recording, recording
from report import Round, Side, append, machine, percentiles_ms, table
from static_service import KEY, START_PATH

from cameron.store import keys

RESULTS = PROJECT / "var" / "bench.jsonl"
POLL_S = 0.005  # how often Redis is asked whether all jobs have ended
STUCK_S = 60.0
WARM_UP_JOBS = 300
RECORDED_JOBS = 100
TASKS, FIELDS = 7, 43  # of a finished foo job
PROFILE_JOBS = 3000  # at least: the sampler gets one sample every 4 ms of CPU


@dataclass
class Bench:
    """The programs of one run, all up."""

    folder: Path
    redis: Program
    store: Any  # redis-py's client
    redis_port: int
    service: Program
    service_port: int
    node: Program
    node_port: int
    clients: int

    def cameron(self, jobs: int) -> Round:
        """One round over the REST API, until all jobs have ended."""
        command = [sys.executable, str(HERE / "clients.py"), *map(str, (self.node_port, jobs, min(self.clients, jobs)))]
        with Program(self.folder, "clients", command) as clients:
            clients.hear()

            def run() -> tuple[float, float]:
                began_s = time.perf_counter()
                clients.tell("go")
                cpu_s = float(json.loads(clients.hear())["cpu_s"])
                self._await_end()
                return time.perf_counter() - began_s, cpu_s

            return self._measure(jobs, run, "clients")

    def floor(self, floor: Program, jobs: int, at_once: int) -> tuple[Round, list[float]]:
        """One round of the floor, and how long each of its jobs took."""
        took_s: list[float] = []

        def run() -> tuple[float, float]:
            floor.tell(f"{jobs} {at_once}")
            told = json.loads(floor.hear())
            took_s.extend(told["took_s"])
            return told["seconds"], told["cpu_s"]

        return self._measure(jobs, run, "node"), took_s

    def seen(self) -> dict[str, Any]:
        """What the service has seen so far."""
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self.service_port}/seen", timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def record(self) -> Recording:
        """What Cameron does for a job at full load, for the floor to do the same."""
        monitor = Monitor(self.redis_port)
        self.cameron(RECORDED_JOBS)
        return recording(monitor.stop(), self.seen()["requests"])

    def check(self, database: int, jobs: int) -> None:
        """Every job must be there, done and complete: figures of anything else mean nothing."""
        self.store.select(database)
        pipeline = self.store.pipeline(transaction=False)
        for key in self.store.scan_iter(keys.job("foo", KEY, "*"), count=1000):
            pipeline.hlen(key).hget(key, "job.status.current")
        found = pipeline.execute()
        self.store.select(0)
        whole = sum(pair == (FIELDS, "done") for pair in zip(found[::2], found[1::2], strict=True))
        if (whole, len(found) // 2) != (jobs, jobs):
            raise RuntimeError(f"of {jobs} jobs database {database} has {len(found) // 2}, {whole} of them done with {FIELDS} fields")

    def _measure(self, jobs: int, run: Callable[[], tuple[float, float]], other: str) -> Round:
        """Around `run`, which returns seconds on the clock and the CPU seconds of the program called `other`."""
        programs = {"redis": self.redis, "service": self.service, "node": self.node}
        programs.pop(other, None)
        calls, commands = self.seen()["calls"], self._commands()
        before = {name: program.cpu_s() for name, program in programs.items()}
        machine_s, own_s = machine_cpu_s(), time.process_time()
        seconds, cpu_s = run()
        machine_s, own_s = machine_cpu_s() - machine_s, time.process_time() - own_s
        used = {name: program.cpu_s() - before[name] for name, program in programs.items()} | {other: cpu_s}
        commands = self._commands() - commands
        if (made := self.seen()["calls"] - calls) != TASKS * jobs:
            raise RuntimeError(f"{jobs} jobs made {made} calls instead of {TASKS * jobs}")
        return Round(jobs, seconds, used, commands, max(0.0, machine_s - own_s - sum(used.values())))

    def _commands(self) -> int:
        stats = self.store.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "xreadgroup", "hgetall"))

    def _await_end(self) -> None:
        until_s = time.monotonic() + STUCK_S
        while self.store.xlen(keys.queue("foo")):
            if time.monotonic() > until_s:
                raise RuntimeError(f"some jobs have not ended within {STUCK_S:g} s; see {self.node.log}")
            time.sleep(POLL_S)


def start(stack: ExitStack, folder: Path, clients: int, settings: dict[str, str], profile: Path | None, core: int | None) -> Bench:
    """All programs, ended with the stack, the node first."""
    redis, store, url = start_redis(folder)
    stack.enter_context(redis)
    service, service_port = start_service(folder)
    stack.enter_context(service)
    node, node_port = start_node(folder, url, f"http://127.0.0.1:{service_port}{START_PATH}", settings, profile, core)
    stack.enter_context(node)
    port = int(url.rpartition(":")[2].partition("/")[0])
    return Bench(folder, redis, store, port, service, service_port, node, node_port, clients)


def measure(bench: Bench, jobs: int, rounds: int, alone_jobs: int) -> dict[str, Any]:
    """Warm up, then Cameron and the floor in turns."""
    bench.cameron(WARM_UP_JOBS)
    file = bench.folder / "recording.json"
    file.write_text(json.dumps(bench.record().as_json()))
    ours, theirs = list[Round](), list[Round]()
    with Program(bench.folder, "floor", [sys.executable, str(HERE / "floor.py"), str(file), str(bench.redis_port)]) as floor:
        floor.hear()
        bench.floor(floor, WARM_UP_JOBS, bench.clients)
        for _ in range(rounds):
            ours.append(bench.cameron(jobs))
            theirs.append(bench.floor(floor, jobs, bench.clients)[0])
        took = alone.run(bench.node_port, bench.redis_port, alone_jobs)
        _, floor_took_s = bench.floor(floor, alone_jobs, 1)
        cameron = Side(ours, [one.end_s for one in took], bench.node.peak_rss_mib()).figures()
        bare = Side(theirs, floor_took_s, floor.peak_rss_mib()).figures()
    bench.check(0, WARM_UP_JOBS + RECORDED_JOBS + rounds * jobs + alone_jobs)
    bench.check(1, WARM_UP_JOBS + rounds * jobs + alone_jobs)
    cameron["accept_ms"] = percentiles_ms([one.accept_s for one in took])
    return {"cameron": cameron, "floor": bare}


def profile(bench: Bench, file: Path, jobs: int) -> str:
    """Where the node's time goes, at full load."""
    bench.cameron(WARM_UP_JOBS)
    bench.node.tell("start")
    bench.cameron(jobs)
    bench.node.tell("stop")
    bench.node.hear()
    return samples.tables(file, jobs)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500, help="jobs a round")
    parser.add_argument("--clients", type=int, default=20, help="clients at once; the floor has as many jobs at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=int, default=100, help="jobs one after another")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a CAMERON_... variable for the node")
    parser.add_argument("--core", type=int, help="keep the node to this core (taskset): a hand-over of the interpreter is cheaper there")
    parser.add_argument("--profile", action="store_true", help=f"show where the node's time goes instead, over {PROFILE_JOBS} jobs or more")
    given = parser.parse_args()
    if min(given.jobs, given.clients, given.rounds) < 1 or given.alone < 2:
        parser.error("--jobs, --clients and --rounds must be at least 1, --alone at least 2")
    return given


def main() -> None:
    given = arguments()
    settings = dict(pair.split("=", 1) for pair in given.set)
    with tempfile.TemporaryDirectory(prefix="cameron-bench-") as name, ExitStack() as stack:
        file = Path(name) / "stacks" if given.profile else None
        bench = start(stack, Path(name), given.clients, settings, file, given.core)
        if file:
            print(profile(bench, file, max(given.jobs, PROFILE_JOBS)))
            return
        figures = measure(bench, given.jobs, given.rounds, given.alone)
        version = bench.store.info("server")["redis_version"]
    options = {
        "jobs": given.jobs,
        "clients": given.clients,
        "rounds": given.rounds,
        "alone": given.alone,
        "settings": settings,
        "core": given.core,
    }
    on = machine()
    title = (
        f"{given.jobs} foo jobs of {TASKS} tasks, {given.clients} clients, median of {given.rounds} rounds; "
        f"redis {version}, appendfsync everysec\n"
        f"{on['cpu']}, {on['cores']} cores that all programs share, Python {on['python']}"
    )
    print(table(title, figures["cameron"], figures["floor"]))
    append(RESULTS, {"options": options, "redis": version, **figures})
    print(f"\n{actors.report()}\n")
    print(f"appended to {RESULTS.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
