"""100,000 jobs that wait: the node's memory and CPU meanwhile, and how long it takes to stop and to start again with them.

    python test/benchmark/waiting.py [--small] [--jobs 100000] [--kind callback|delay]

Each job waits for a callback of its own, or for time to pass, for an hour; the node's limits are raised so that it holds them all. It is
ended twice: told to stop, so that it hands its jobs back, and killed, so that the next one takes them over when the lease has run out.
"""

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from programs import Program, start_redis
from scenario import Told, get, post, rss_mib, start_cameron, start_jobs, status_number, wait_until, write_workflows

from cameron.store import keys

JOBS, SMALL = 100_000, 5_000
HOUR_S = 3600
TASKS = {
    "callback": {"type": "wait", "wait": {"timeOut": HOUR_S * 1000}},
    "delay": {"type": "delay", "delay": {"delaySeconds": HOUR_S}},
}
RSS_MIB, RESTART_S, IDLE_MS_PER_S = 600.0, 30.0, 20.0
IDLE_S = 10.0
PAGE = 2000
LEASE_S = 10.0


class Waiting:
    """One kind of jobs on nodes that come and go, on one Redis."""

    def __init__(self, folder: Path, kind: str, jobs: int, store: Any, url: str, told: Told) -> None:
        self._folder, self._kind, self._jobs, self._store, self._url, self._told = folder, kind, jobs, store, url, told
        limit = str(2 * jobs)
        self._settings = {"CAMERON_NODE_MAX_JOBS": limit, "CAMERON_NODE_MAX_JOBS_PER_PROCESS": limit}
        self._settings["CAMERON_NODE_LEASE_S"] = str(LEASE_S)

    def run(self) -> None:
        """All of it, each node ended by its process id."""
        node, port = self._start_node()
        with node:
            self._accept(node, port)
            self._idle(node)
            self._told.tell("stop by SIGTERM", self._end(node, signal.SIGTERM), "s")
            self._log(node)
        self._told.note("held by nobody after it", self._held_by_nobody())
        node, port = self._start_again("start after a stop: all held and armed", 0.0)
        with node:
            self._told.tell("RSS after that", rss_mib(node), "MiB", most=RSS_MIB)
            self._end(node, signal.SIGKILL)
        node, port = self._start_again("start after kill -9: the same", LEASE_S)
        with node:
            self._idle(node)
            self._follow_one(port)

    def _start_node(self) -> tuple[Program, int]:
        node, port = start_cameron(self._folder, self._url, self._settings)
        return node, port

    def _accept(self, node: Program, port: int) -> None:
        empty_mib, cpu_s, redis_mib = rss_mib(node), node.cpu_s(), self._redis_mib()
        began_s = time.monotonic()
        started = start_jobs(self._folder, port, self._kind, self._jobs)
        wait_until(self._all_wait, "all jobs wait", 600, needs=[node])
        seconds = time.monotonic() - began_s
        self._told.tell("accepting them", started.seconds, "s")
        self._told.tell("until all wait", seconds, "s")
        self._told.tell("CPU a job for that", (node.cpu_s() - cpu_s) / self._jobs * 1000, "ms")
        self._told.tell("RSS of the empty node", empty_mib, "MiB")
        self._told.tell("RSS with the jobs waiting", rss_mib(node), "MiB", most=RSS_MIB)
        self._told.tell("  its peak", status_number(node, "VmHWM") / 1024, "MiB", most=RSS_MIB)
        self._told.tell("  of it a job", (rss_mib(node) - empty_mib) / self._jobs * 1024, "KiB")
        self._told.tell("Redis memory a job", (self._redis_mib() - redis_mib) / self._jobs * 1024, "KiB")
        self._told.tell("threads", status_number(node, "Threads"), "")

    def _idle(self, node: Program) -> None:
        time.sleep(1)
        cpu_s = node.cpu_s()
        time.sleep(IDLE_S)
        used_ms = (node.cpu_s() - cpu_s) / IDLE_S * 1000
        self._told.tell("CPU while all wait", used_ms, "ms/s", most=IDLE_MS_PER_S)

    def _start_again(self, name: str, lease_s: float) -> tuple[Program, int]:
        """A node that finds all jobs; the time is counted from the start of the program to the last one's claim."""
        before, began_s = self._claims(), time.monotonic()
        node, port = self._start_node()
        answering_s = time.monotonic() - began_s
        try:
            wait_until(lambda: self._claims() - before >= self._jobs, "all jobs claimed", 600, poll_s=0.2, needs=[node])
            wait_until(lambda: self._all_are_of(port), "all records name the new node", 60, poll_s=0.2)
        except BaseException:
            node.__exit__(None, None, None)
            raise
        self._told.tell(name, time.monotonic() - began_s, "s", most=RESTART_S)
        self._told.tell("  of it until the API answers", answering_s, "s")
        if lease_s:
            self._told.tell("  the lease of the dead one, at most", lease_s, "s")
        self._told.tell("  CPU a job, the program's own start included", node.cpu_s() / self._jobs * 1000, "ms")
        return node, port

    def _follow_one(self, port: int) -> None:
        """The last of them still listens: its callback is followed at once."""
        if self._kind != "callback":
            return
        uuid = next(iter(self._store.zrevrange(keys.jobs(self._kind, "running"), 0, 0))).rpartition("\t")[2]
        path = f"/api/process/{self._kind}/key/{uuid}/job/{uuid}"
        url = get(port, f"{path}/explain")["callbacks"]["only"]
        began_s = time.monotonic()
        post(port, "/api/" + url.partition("/api/")[2])
        wait_until(lambda: self._store.zcard(keys.jobs(self._kind, "done")) == 1, "the callback is followed", 30, poll_s=0.001)
        self._told.tell("a callback, from its POST to the job's end", time.monotonic() - began_s, "s", most=1.0)

    def _all_wait(self) -> bool:
        return int(self._store.zcard(keys.jobs(self._kind, "running"))) == self._jobs

    def _claims(self) -> int:
        """How many scripts were called so far: a runner claims its job by one."""
        return int(self._store.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))

    def _all_are_of(self, port: int) -> bool:
        """Whether each job's record names the one node that lives."""
        names = [node["node"] for node in get(port, "/api/system/nodes")["nodes"] if node["state"] == "running"]
        members: Sequence[str] = self._store.zrange(keys.jobs(self._kind, "running"), 0, -1)
        for at in range(0, len(members), PAGE):
            pipeline = self._store.pipeline(transaction=False)
            for member in members[at : at + PAGE]:
                pipeline.hget(keys.record(self._kind, member.rpartition("\t")[2]), "owner")
            if not all(owner.startswith(f"{names[0]} ") for owner in pipeline.execute()):
                return False
        return len(members) == self._jobs

    def _held_by_nobody(self) -> int:
        queue = keys.queue(self._kind)
        return int(self._store.xlen(queue)) - int(self._store.xpending(queue, keys.GROUP)["pending"])

    def _redis_mib(self) -> float:
        return int(self._store.info("memory")["used_memory"]) / (1 << 20)

    def _end(self, node: Program, how: signal.Signals) -> float:
        began_s = time.monotonic()
        os.kill(node.pid, how)
        wait_until(lambda: not node.running, "the node has ended", 120)
        return time.monotonic() - began_s

    @staticmethod
    def _log(node: Program) -> None:
        for line in node.log.read_text(errors="replace").splitlines()[-3:]:
            print("    " + line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} jobs")
    parser.add_argument("--jobs", type=int, help=f"{JOBS} where nothing is said")
    parser.add_argument("--kind", choices=sorted(TASKS), help="both where nothing is said")
    given = parser.parse_args()
    jobs = given.jobs or (SMALL if given.small else JOBS)
    for kind in [given.kind] if given.kind else sorted(TASKS):
        told = Told("waiting", {"kind": kind, "jobs": jobs})
        with tempfile.TemporaryDirectory(prefix="cameron-waiting-") as name, ExitStack() as stack:
            folder = Path(name)
            write_workflows(folder, TASKS)
            redis, store, url = start_redis(folder)
            stack.enter_context(redis)
            Waiting(folder, kind, jobs, store, url, told).run()
        told.keep()


if __name__ == "__main__":
    main()
