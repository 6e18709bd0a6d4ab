"""Around a round of jobs: the clock, and what each program used meanwhile."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from programs import Program, cpu_s, machine_cpu_s
from report import Round
from service import Service
from thread_use import Use, by_thread, total

TASKS = 7  # of a foo job
COUNTED = ("evalsha", "xreadgroup", "hgetall")  # the commands that jobs are made of; scripts send none of them


class Meter:
    """Of the programs that serve one contestant. The one called "node" does the work, whether it is an engine or a bare loop.

    A program's processes are added up: several nodes on one port are one program.
    """

    def __init__(self, node: Program, redis: Program, store: Any, service: Service) -> None:
        self._programs: Mapping[str, Program] = {"node": node, "redis": redis, "service": service.program}
        self._store, self._service = store, service

    def measure(self, jobs: int, run: Callable[[], Mapping[str, float]]) -> Round:
        """Around `run`, which returns "seconds" on the clock, and CPU seconds by program of those that only it knows."""
        calls, commands = self._service.calls(), self._commands()
        before, threads = self._cpu_s(), self._threads()
        machine_s, own_s = machine_cpu_s(), time.process_time()
        told = dict(run())
        machine_s, own_s = machine_cpu_s() - machine_s, time.process_time() - own_s
        used = {name: so_far_s - before[name] for name, so_far_s in self._cpu_s().items()}
        threads = self._threads().since(threads)
        commands = self._commands() - commands
        if (made := self._service.calls() - calls) != TASKS * jobs:
            raise RuntimeError(f"{jobs} jobs made {made} calls instead of {TASKS * jobs}")
        seconds = told.pop("seconds")
        used |= told
        others_s = max(0.0, machine_s - own_s - sum(used.values()))
        return Round(jobs, seconds, used, commands, others_s, threads.voluntary, threads.involuntary)

    def _cpu_s(self) -> dict[str, float]:
        return {name: sum(map(cpu_s, program.family())) for name, program in self._programs.items()}

    def _threads(self) -> Use:
        return total(use for pid in self._programs["node"].family() for use in by_thread(pid).values())

    def _commands(self) -> int:
        stats = self._store.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in COUNTED)
