"""The figures of a benchmark, and the line of JSON that keeps them."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import pycurl
from programs import PROJECT


class Round(NamedTuple):
    """Some jobs at full load; CPU in seconds by program."""

    jobs: int
    seconds: float
    cpu_s: dict[str, float]
    commands: int  # sent to Redis: script calls and reads; what scripts carry out is not counted
    others_s: float  # CPU that programs took which are none of ours
    voluntary: int = 0  # how often a thread of the node went to wait
    involuntary: int = 0  # how often one lost its core to another

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    def cpu_ms(self, program: str) -> float:
        """Milliseconds of CPU a job."""
        return self.cpu_s.get(program, 0.0) / self.jobs * 1000


def figures(rounds: Sequence[Round]) -> dict[str, Any]:
    """Medians of a contestant's rounds, and the rounds."""

    def a_job(of: Callable[[Round], float], digits: int) -> float:
        return round(median(of(each) / each.jobs for each in rounds), digits)

    return {
        "jobs_per_s": round(median(each.rate for each in rounds), 1),
        "cpu_ms_per_job": {name: round(median(each.cpu_ms(name) for each in rounds), 4) for name in sorted(rounds[0].cpu_s)},
        "redis_commands_per_job": a_job(lambda each: each.commands, 2),
        "switches_per_job": {
            "voluntary": a_job(lambda each: each.voluntary, 2),
            "involuntary": a_job(lambda each: each.involuntary, 2),
        },
        "others_cpu_percent": round(100 * sum(each.others_s for each in rounds) / sum(each.seconds for each in rounds)),
        "rounds_jobs_per_s": [round(each.rate, 1) for each in rounds],
    }


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99, in milliseconds; of two figures at least."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {f"p{percent}": round(cuts[percent - 1] * 1000, 3) for percent in (50, 95, 99)}


def machine() -> dict[str, Any]:
    """What it ran on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = info.partition("model name")[2].partition("\n")[0].lstrip("\t :") or platform.machine()
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "libcurl": pycurl.version_info()[1],
    }


def commit() -> str:
    """The checkout's commit, with a + where files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    return (git("rev-parse", "--short", "HEAD") or "none") + ("+" if git("status", "--porcelain") else "")


def append(file: Path, figures: dict[str, Any]) -> None:
    """One line of JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine(), **figures}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")
