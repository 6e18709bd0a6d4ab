"""10,000 calls in flight to a service that takes 2 s: one job of so many parallel tasks, and so many jobs of one call each.

    python test/benchmark/in_flight.py [--small] [--calls 10000] [--kind tasks|jobs] [--delay-s 2]

The node's limits are raised so that it makes them all at once. Of the jobs, accepting them is told apart from calling: they are accepted
while the node is drained, and called when it resumes. Seconds are the service's: from the first call's arrival to the last one's answer.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from programs import HERE, Program, start_redis
from scenario import Told, get, post, raise_descriptors, rss_mib, start_cameron, start_jobs, status_number, wait_until, write_processes

from cameron.store import keys

CALLS, SMALL = 10_000, 1_000
DELAY_S = 2.0
ALL_S, RSS_MIB = 5.0, 400.0
BODY = json.dumps({"key": "(id,007)", "data": "something", "requestor": "benchmark"})
OTHERS = 1000  # descriptors that the node and the service need besides


class Most:
    """The most threads that a program has had, looked at again and again."""

    def __init__(self, program: Program) -> None:
        self.threads = 0
        self._program, self._ended = program, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Most":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.threads = max(self.threads, status_number(self._program, "Threads"))


class InFlight:
    """One node, one service."""

    def __init__(self, folder: Path, kind: str, calls: int, delay_s: float, stack: ExitStack, told: Told) -> None:
        self._folder, self._kind, self._calls, self._delay_s, self._told = folder, kind, calls, delay_s, told
        self._redis, self._store, url = start_redis(folder)
        stack.enter_context(self._redis)
        following = calls if kind == "tasks" else 0
        self._service = Program(folder, "service", [sys.executable, str(HERE / "slow_service.py"), str(delay_s), str(following)])
        stack.enter_context(self._service)
        write_processes(folder, {"slow": f"http://127.0.0.1:{int(self._service.hear())}/start"})
        limit = str(2 * calls)
        sections = ("NODE_MAX_JOBS", "NODE_MAX_JOBS_PER_PROCESS", "HTTP_MAX_CALLS", "HTTP_MAX_CALLS_PER_HOST", "JOB_MAX_TASKS")
        self._node, self._port = start_cameron(folder, url, {f"CAMERON_{name}": limit for name in sections})
        stack.enter_context(self._node)

    def run(self) -> None:
        """Once small, so that all that is loaded late is there; then in earnest."""
        tell, jobs = self._told.tell, 1 if self._kind == "tasks" else self._calls
        threads, empty_mib = status_number(self._node, "Threads"), rss_mib(self._node)
        if self._kind == "jobs":
            accepted = self._accept_while_drained(jobs)
            tell("accepting the jobs", accepted, "s")
            tell("  a second", jobs / accepted, "jobs")
        cpu_s, redis_s, began_s = self._node.cpu_s(), self._redis.cpu_s(), time.monotonic()
        with Most(self._node) as most:
            if self._kind == "jobs":
                self._tell_node("resume")
            else:
                start_jobs(self._folder, self._port, "slow", 1, BODY, connections=1, batch=0)
            wait_until(
                lambda: int(self._store.zcard(keys.jobs("slow", "done"))) == jobs,
                "all jobs are done",
                300,
                needs=[self._node, self._service],
            )
        ended_s = time.monotonic()
        seen = self._seen()
        if seen["calls"] != self._calls:
            raise RuntimeError(f"{seen['calls']} calls were made instead of {self._calls}")
        tell("all calls, from the first one's arrival to the last answer", seen["ended_s"] - seen["began_s"], "s", most=ALL_S)
        tell("all, from the POST (or the resume) to the last job's end", ended_s - began_s, "s", most=ALL_S)
        tell("  until the first call", seen["began_s"] - began_s, "s")
        tell("  from the last answer to the end", ended_s - seen["ended_s"], "s")
        tell("the most calls at once", seen["at_once"], "calls")
        tell("node's CPU a call", (self._node.cpu_s() - cpu_s) / self._calls * 1000, "ms")
        tell("redis's CPU a call", (self._redis.cpu_s() - redis_s) / self._calls * 1000, "ms")
        tell("node's RSS before", empty_mib, "MiB")
        tell("node's peak RSS", status_number(self._node, "VmHWM") / 1024, "MiB", most=RSS_MIB)
        tell("threads before", threads, "")
        tell("threads meanwhile, at most", most.threads, "", most=threads + 10)

    def _accept_while_drained(self, jobs: int) -> float:
        self._tell_node("drain")
        wait_until(lambda: self._node_state() == "drained", "the node is drained", 30)
        return start_jobs(self._folder, self._port, "slow", jobs, BODY).seconds

    def _node_state(self) -> str:
        return str(self._about()["state"])

    def _about(self) -> Any:
        return get(self._port, "/api/system/nodes")["nodes"][0]

    def _tell_node(self, word: str) -> None:
        post(self._port, f"/api/system/nodes/{self._about()['node']}/{word}")

    def _seen(self) -> Any:
        self._service.tell("")
        return json.loads(self._service.hear())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} calls")
    parser.add_argument("--calls", type=int, help=f"{CALLS} where nothing is said")
    parser.add_argument("--kind", choices=("tasks", "jobs"), help="both where nothing is said")
    parser.add_argument("--delay-s", type=float, default=DELAY_S)
    given = parser.parse_args()
    calls = given.calls or (SMALL if given.small else CALLS)
    if (most := raise_descriptors()) < calls + OTHERS:
        print(f"only {most} files may be open at once: raise the limit (ulimit -Hn) to {calls + OTHERS}", file=sys.stderr)
        raise SystemExit(1)
    for kind in [given.kind] if given.kind else ["tasks", "jobs"]:
        told = Told("in_flight", {"kind": kind, "calls": calls, "delay_s": given.delay_s})
        with tempfile.TemporaryDirectory(prefix="cameron-in-flight-") as name, ExitStack() as stack:
            InFlight(Path(name), kind, calls, given.delay_s, stack, told).run()
        told.keep()


if __name__ == "__main__":
    main()
