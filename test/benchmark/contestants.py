"""Who is measured: Cameron, and two floors; each with a Redis of its own, all with the same service."""

import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from alone import Alone, run
from ending import await_end
from meter import COUNTED, Meter
from programs import HERE, Program, peak_rss_mib, start_redis
from recording import Monitor, Recording, recording, sent
from report import Round
from service import Service
from static_service import KEY

from cameron.store import keys
from cameron.store.redis import Pipeline

FIELDS = 43  # of a finished foo job's hash
TIMEOUT_S = 10.0


class Store(NamedTuple):
    """A redis-server with nothing else in it than one contestant's jobs."""

    program: Program
    client: Any  # redis-py's
    url: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2].partition("/")[0])


def start_store(stack: ExitStack, folder: Path) -> Store:
    """With Cameron's scripts in it. Its append-only file is not rewritten: that would fall into some rounds and not into others."""
    folder.mkdir()
    store = Store(*start_redis(folder))
    stack.enter_context(store.program)
    store.client.config_set("auto-aof-rewrite-percentage", "0")
    pipeline = Pipeline(store.url, TIMEOUT_S)
    pipeline.connect()
    pipeline.close()
    return store


class Contestant(ABC):
    """One that runs foo jobs."""

    def __init__(self, node: Program, store: Store, service: Service) -> None:
        self.node, self.store, self.jobs = node, store, 0  # jobs: run so far
        self._meter = Meter(node, store.program, store.client, service)

    def round(self, jobs: int, at_once: int) -> Round:
        """So many jobs, from so many clients."""
        self.jobs += jobs
        return self._meter.measure(jobs, lambda: self._run(jobs, at_once))

    def alone(self, jobs: int) -> list[Alone]:
        """How long each took, one after another."""
        self.jobs += jobs
        return self._alone(jobs)

    def peak_rss_mib(self) -> dict[str, float]:
        """The most memory so far, of the node (several nodes are added up) and of its Redis."""
        node = sum(map(peak_rss_mib, self.node.family()))
        return {"node": round(node, 1), "redis": round(self.store.program.peak_rss_mib(), 1)}

    def check(self) -> None:
        """Every job must be there, done and complete: figures of anything else mean nothing."""
        pipeline = self.store.client.pipeline(transaction=False)
        for key in self.store.client.scan_iter(keys.job("foo", KEY, "*"), count=1000):
            pipeline.hlen(key).hget(key, "job.status.current")
        found = pipeline.execute()
        whole = sum(pair == (FIELDS, "done") for pair in zip(found[::2], found[1::2], strict=True))
        if (whole, len(found) // 2) != (self.jobs, self.jobs):
            raise RuntimeError(f"of {self.node.name}'s {self.jobs} jobs {len(found) // 2} are there, {whole} done with {FIELDS} fields")

    @abstractmethod
    def _run(self, jobs: int, at_once: int) -> Mapping[str, float]:
        """As `Meter.measure` has it."""

    @abstractmethod
    def _alone(self, jobs: int) -> list[Alone]:
        """As `alone` has it."""


class Cameron(Contestant):
    """A node, over the REST API, until all jobs have ended."""

    def __init__(self, node: Program, port: int, store: Store, service: Service, folder: Path) -> None:
        super().__init__(node, store, service)
        self._port, self._service, self._folder = port, service, folder

    def record(self, jobs: int, at_once: int, seen: dict[str, str]) -> Recording:
        """What it does for a job at full load, for the floors to do the same."""
        monitor = Monitor(self.store.port)
        self.round(jobs, at_once)
        lines = monitor.stop()
        if often := {name for name, times in sent(lines).items() if times > jobs / 10} - {*COUNTED, "xlen"}:
            raise RuntimeError(f"the node sends {', '.join(sorted(often))}, which `meter.py` does not count and the floors do not send")
        return recording(lines, seen, f"127.0.0.1:{self._service.port}")

    def _run(self, jobs: int, at_once: int) -> Mapping[str, float]:
        command = [sys.executable, str(HERE / "clients.py"), *map(str, (self._port, jobs, min(at_once, jobs)))]
        with Program(self._folder, "clients", command) as clients:
            clients.hear()
            began_s = time.perf_counter()
            clients.tell("go")
            cpu_s = float(json.loads(clients.hear())["cpu_s"])
            await_end(self.store.client, self.node)
            return {"seconds": time.perf_counter() - began_s, "clients": cpu_s}

    def _alone(self, jobs: int) -> list[Alone]:
        return run(self._port, self.store.port, jobs)


def start_floor(stack: ExitStack, name: str, folder: Path, store: Store, recorded: Path) -> Program:
    """The program of that name, ready."""
    program = stack.enter_context(Program(folder, name, [sys.executable, str(HERE / f"{name}.py"), str(recorded), str(store.port)]))
    program.hear()
    return program


class Floor(Contestant):
    """A bare loop, without start requests to answer: it begins with a job's first write."""

    def _run(self, jobs: int, at_once: int) -> Mapping[str, float]:
        told = self._ask(jobs, at_once)
        return {"seconds": told["seconds"], "node": told["cpu_s"]}

    def _alone(self, jobs: int) -> list[Alone]:
        return [Alone(0.0, seconds) for seconds in self._ask(jobs, 1)["took_s"]]

    def _ask(self, jobs: int, at_once: int) -> dict[str, Any]:
        self.node.tell(f"{jobs} {at_once}")
        return dict(json.loads(self.node.hear()))
