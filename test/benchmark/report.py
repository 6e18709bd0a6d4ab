"""The figures of a benchmark as a table for people and as a line of JSON for later."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from programs import PROJECT


class Round(NamedTuple):
    """Some jobs at full load; CPU in seconds by program."""

    jobs: int
    seconds: float
    cpu_s: dict[str, float]
    commands: int  # sent to Redis: script calls and reads; what scripts carry out is not counted
    others_s: float  # CPU that programs took which are none of ours

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    def cpu_ms(self, program: str) -> float:
        """Milliseconds of CPU a job."""
        return self.cpu_s.get(program, 0.0) / self.jobs * 1000


class Side(NamedTuple):
    """All that was measured of Cameron, or of the floor."""

    rounds: list[Round]
    alone_s: list[float]
    peak_rss_mib: float

    def figures(self) -> dict[str, Any]:
        """Medians of the rounds, and the rounds."""
        programs = sorted(self.rounds[0].cpu_s)
        return {
            "jobs_per_s": round(median(each.rate for each in self.rounds), 1),
            "cpu_ms_per_job": {name: round(median(each.cpu_ms(name) for each in self.rounds), 4) for name in programs},
            "redis_commands_per_job": round(median(each.commands / each.jobs for each in self.rounds), 2),
            "alone_ms": percentiles_ms(self.alone_s),
            "peak_rss_mib": round(self.peak_rss_mib, 1),
            "others_cpu_percent": round(100 * sum(each.others_s for each in self.rounds) / sum(each.seconds for each in self.rounds)),
            "rounds_jobs_per_s": [round(each.rate, 1) for each in self.rounds],
        }


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p95."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49] * 1000, 3), "p95": round(cuts[94] * 1000, 3)}


def machine() -> dict[str, Any]:
    """What it ran on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = info.partition("model name")[2].partition("\n")[0].lstrip("\t :") or platform.machine()
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "python": platform.python_version(), "kernel": platform.release()}


def commit() -> str:
    """The checkout's commit, with a + where files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    return (git("rev-parse", "--short", "HEAD") or "none") + ("+" if git("status", "--porcelain") else "")


def table(title: str, cameron: dict[str, Any], floor: dict[str, Any]) -> str:
    """Two columns and their ratio."""
    rows = [("jobs/s", cameron["jobs_per_s"], floor["jobs_per_s"], ",.0f")]
    labels = [("node", "node (floor's loop)"), ("redis", "redis"), ("service", "service"), ("clients", "clients")]
    ours, theirs = cameron["cpu_ms_per_job"], floor["cpu_ms_per_job"]
    rows += [(f"CPU ms a job: {label}", ours[name], theirs.get(name), ".3f") for name, label in labels]
    rows += [(f"one job alone, ms: {cut}", cameron["alone_ms"][cut], floor["alone_ms"][cut], ".2f") for cut in ("p50", "p95")]
    rows += [
        ("  of it until its 201: p50", cameron["accept_ms"]["p50"], None, ".2f"),
        ("Redis commands a job", cameron["redis_commands_per_job"], floor["redis_commands_per_job"], ".2f"),
        ("peak RSS MiB", cameron["peak_rss_mib"], floor["peak_rss_mib"], ",.0f"),
    ]
    lines = [title, "", f"{'':34}{'Cameron':>10}{'floor':>10}{'Cameron / floor':>18}"]
    lines += [
        f"{name:34}{ours:>10{form}}" + (f"{theirs:>10{form}}{ours / theirs:>18.2f}" if theirs else "") for name, ours, theirs, form in rows
    ]
    spread = [", ".join(f"{rate:,.0f}" for rate in side["rounds_jobs_per_s"]) for side in (cameron, floor)]
    others = cameron["others_cpu_percent"], floor["others_cpu_percent"]
    return "\n".join(
        [
            *lines,
            "",
            "the floor replays the same calls and Redis commands in a bare libcurl loop: no start requests to answer, no replies to parse",
            f"jobs/s by round: Cameron {spread[0]}; floor {spread[1]}",
            f"other programs meanwhile took {others[0]} % and {others[1]} % of one core: the less, the truer are these figures",
        ]
    )


def append(file: Path, figures: dict[str, Any]) -> None:
    """One line of JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine(), **figures}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")
