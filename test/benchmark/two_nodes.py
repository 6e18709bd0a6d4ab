"""What two nodes do that one does not, on two cores: jobs a second, and who used the cores.

    python test/benchmark/two_nodes.py [--small] [--jobs 4000] [--rounds 3] [--kind foo|delays]

Jobs are queued beforehand by a `cameron server` while the nodes are drained, so that no client runs during the measure; then one node
resumes, or both, each kept to a core of its own. What else the jobs need, Redis and the service, runs on the same cores: so besides the
speed-up as it is, the one is told that node CPU allows where the rest is elsewhere: twice one node's CPU a job over that of two nodes.
`delays` are seven tasks of which each lets 10 ms pass: no service is called.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from clients import BODY
from programs import Program, machine_cpu_s, start_redis, start_service
from scenario import Told, get, post, start_cameron, start_jobs, wait_until, write_processes
from static_service import START_PATH

from cameron.store import keys

JOBS, SMALL, ROUNDS = 4000, 800, 3
LEAST = 1.7
TASKS = 7
BODIES = {"foo": BODY.decode(), "delays": "{}"}


class Node(NamedTuple):
    """A node, and what it calls itself."""

    program: Program
    name: str


class Turn(NamedTuple):
    """Some jobs: seconds on the clock, and of CPU by program."""

    seconds: float
    cpu_s: dict[str, float]


class TwoNodes:
    """All programs, up."""

    def __init__(self, folder: Path, kind: str, jobs: int, stack: ExitStack) -> None:
        self._folder, self._kind, self._jobs = folder, kind, jobs
        self._redis, self._store, url = start_redis(folder)
        stack.enter_context(self._redis)
        self._service, service_port = start_service(folder)
        stack.enter_context(self._service)
        write_processes(folder, {"foo": f"http://127.0.0.1:{service_port}{START_PATH}"})
        _write_delays(folder)
        server, self._port = start_cameron(folder, url, role="server", name="server")
        stack.enter_context(server)
        cores = sorted(os.sched_getaffinity(0))
        self.nodes: list[Node] = []
        for number in range(2):
            on_core = ("taskset", "--cpu-list", str(cores[number % len(cores)]), sys.executable, "-m", "cameron")
            settings = {"CAMERON_NODE_NAME": f"node{number + 1}"}
            program, _ = start_cameron(folder, url, settings, name=f"node{number + 1}", launch=on_core)
            stack.enter_context(program)
            name = next(node["node"] for node in self._listed() if node["node"].startswith(f"node{number + 1}"))
            self.nodes.append(Node(program, name))

    def turn(self, nodes: Sequence[Node]) -> Turn:
        """All jobs by these nodes; the others are drained."""
        for node in self.nodes:
            self._tell(node, "drain")
        wait_until(lambda: all(node["state"] != "running" for node in self._listed()), "the nodes are drained", 30)
        start_jobs(self._folder, self._port, self._kind, self._jobs, BODIES[self._kind])
        queue = keys.queue(self._kind)
        if self._store.xlen(queue) != self._jobs:
            raise RuntimeError(f"{self._store.xlen(queue)} jobs are queued instead of {self._jobs}")
        used, others_s, began_s = self._used(), self._others_s(), time.monotonic()
        for node in nodes:
            self._tell(node, "resume")
        wait_until(lambda: not self._store.xlen(queue), "the jobs have ended", 300, needs=[node.program for node in nodes])
        seconds, others_s = time.monotonic() - began_s, self._others_s() - others_s
        cpu_s = {name: after - used[name] for name, after in self._used().items()}
        return Turn(seconds, cpu_s | {"others": max(0.0, others_s - sum(cpu_s.values()))})

    def _used(self) -> dict[str, float]:
        programs = {node.program.name: node.program for node in self.nodes}
        programs |= {"redis": self._redis, "service": self._service}
        return {name: program.cpu_s() for name, program in programs.items()}

    @staticmethod
    def _others_s() -> float:
        return machine_cpu_s() - time.process_time()

    def _listed(self) -> Any:
        return [node for node in get(self._port, "/api/system/nodes")["nodes"] if node["node"].startswith("node")]

    def _tell(self, node: Node, word: str) -> None:
        post(self._port, f"/api/system/nodes/{node.name}/{word}")


def _write_delays(folder: Path) -> None:
    into = folder / "definitions" / "mender"
    into.mkdir(parents=True)
    tasks = ", ".join(f'{{"name": "pause_{at}", "type": "delay", "delay": {{"delaySeconds": 0.01}}}}' for at in range(TASKS))
    (into / "delays.json").write_text(f'{{"name": "delays", "version": 1, "tasks": [{tasks}]}}')


def tell(told: Told, jobs: int, one: Sequence[Turn], two: Sequence[Turn]) -> None:
    """Medians of both, and what they come to."""
    rates, node_ms = list[float](), list[float]()
    for name, turns in (("one", one), ("two", two)):
        rate = median(jobs / turn.seconds for turn in turns)
        node = median((turn.cpu_s["node1"] + turn.cpu_s["node2"]) / jobs * 1000 for turn in turns)
        rates.append(rate)
        node_ms.append(node)
        told.tell(f"{name}: jobs", rate, "/s")
        told.tell(f"{name}: nodes' CPU a job", node, "ms")
        for program in turns[0].cpu_s:
            share = median(turn.cpu_s[program] / turn.seconds * 100 for turn in turns)
            told.tell(f"{name}: {program}, of a core", share, "%")
    told.tell("two to one, as it is on these cores", rates[1] / rates[0], "times")
    told.tell("two to one, where node CPU is the bottleneck", 2 * node_ms[0] / node_ms[1], "times", least=LEAST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} jobs a round")
    parser.add_argument("--jobs", type=int, help=f"a round, {JOBS} where nothing is said")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--kind", choices=sorted(BODIES), help="both where nothing is said")
    given = parser.parse_args()
    jobs = given.jobs or (SMALL if given.small else JOBS)
    for kind in [given.kind] if given.kind else sorted(BODIES):
        told = Told("two_nodes", {"kind": kind, "jobs": jobs, "rounds": given.rounds})
        with tempfile.TemporaryDirectory(prefix="cameron-two-nodes-") as name, ExitStack() as stack:
            both = TwoNodes(Path(name), kind, jobs, stack)
            for warm_up in (both.nodes[:1], both.nodes):
                both.turn(warm_up)
            one, two = list[Turn](), list[Turn]()
            for _ in range(given.rounds):
                one.append(both.turn(both.nodes[:1]))
                two.append(both.turn(both.nodes))
        tell(told, jobs, one, two)
        told.keep()


if __name__ == "__main__":
    main()
