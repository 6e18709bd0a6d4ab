"""A run's figures, for people."""

from collections.abc import Mapping
from typing import Any, NamedTuple

WIDE = 36
LEGEND = """\
plain floor: the same calls and Redis commands by a loop as one writes it by hand: pycurl's multi interface, json, redis-py's pipeline
hard floor: the same, replayed from bytes packed beforehand; it parses no reply and builds no command
Neither has start requests to answer (a job begins with its first write) nor an engine: nothing is decided, checked or recovered."""


class Row(NamedTuple):
    """One figure of all three; None where there is none."""

    label: str
    cameron: float
    plain: float | None
    hard: float | None
    form: str

    def __str__(self) -> str:
        cells = [f"{self.label:{WIDE}}{self.cameron:>10{self.form}}"]
        for theirs in (self.plain, self.hard):
            cells.append(f"{theirs:>14{self.form}}{self.cameron / theirs:>7.2f}x" if theirs else f"{'':22}")
        return "".join(cells).rstrip()


class Aim(NamedTuple):
    """What is wanted of a figure."""

    label: str
    value: float
    bound: float
    at_least: bool = False

    def __str__(self) -> str:
        holds = self.value >= self.bound if self.at_least else self.value <= self.bound
        bound = f"{'>=' if self.at_least else '<='} {self.bound:g}"
        return f"{self.label:{WIDE}}{self.value:>10.2f}   aim: {bound}: {'holds' if holds else 'MISSED'}"


def table(figures: Mapping[str, Any], nodes: int = 1) -> str:
    """All of a run: see `bench.py` for what stands in it."""
    blocks = [_load(jobs, sides) for jobs, sides in figures["jobs"].items()]
    blocks += [_nodes(jobs, sides, nodes) for jobs, sides in figures["jobs"].items() if "cameron_nodes" in sides]
    blocks += [_alone(figures["alone_ms"]), _bytes(figures["redis_bytes_per_job"]), _aims(figures), LEGEND]
    return "\n\n".join(blocks)


def _load(jobs: str, sides: Mapping[str, Any]) -> str:
    ours, plain, hard = (sides[name] for name in ("cameron", "plain_floor", "hard_floor"))

    def row(label: str, form: str, *path: str) -> str:
        found = []
        for side in (ours, plain, hard):
            for name in path:
                side = side.get(name) if side else None
            found.append(side)
        return str(Row(label, *found, form))  # type: ignore[arg-type]

    lines = [
        f"{jobs + ' jobs':{WIDE}}{'Cameron':>10}{'plain floor':>14}{'ratio':>8}{'hard floor':>14}{'ratio':>8}",
        row("jobs/s", ",.0f", "jobs_per_s"),
        row("CPU ms a job: node (a floor's loop)", ".3f", "cpu_ms_per_job", "node"),
        *(row(f"CPU ms a job: {name}", ".3f", "cpu_ms_per_job", name) for name in ("redis", "service", "clients")),
        row("Redis commands a job", ".2f", "redis_commands_per_job"),
        row("peak RSS MiB: node (a floor's loop)", ",.0f", "peak_rss_mib", "node"),
        row("peak RSS MiB: redis", ",.0f", "peak_rss_mib", "redis"),
        row("node's switches a job: voluntary", ".1f", "switches_per_job", "voluntary"),
        row("node's switches a job: involuntary", ".1f", "switches_per_job", "involuntary"),
    ]
    spread = "; ".join(
        f"{name} {', '.join(f'{rate:,.0f}' for rate in side['rounds_jobs_per_s'])} ({side['others_cpu_percent']} %)"
        for name, side in (("Cameron", ours), ("plain", plain), ("hard", hard))
    )
    return "\n".join([*lines, f"jobs/s by round (and other programs' CPU, of one core: the less, the truer): {spread}"])


def _nodes(jobs: str, sides: Mapping[str, Any], nodes: int) -> str:
    """Several nodes beside one and beside the plain floor; and how many cores each program had busy, as all share them."""
    many, one, plain = (sides[name] for name in ("cameron_nodes", "cameron", "plain_floor"))
    head = f"{f'{jobs} jobs, {nodes} nodes on one port':{WIDE}}{'nodes':>10}{'one node':>14}{'ratio':>8}{'plain floor':>14}{'ratio':>8}"
    lines = [head, str(Row("jobs/s", *(side["jobs_per_s"] for side in (many, one, plain)), ",.0f"))]
    for name in ("node", "redis", "service", "clients"):
        busy = [side["cpu_ms_per_job"].get(name, 0.0) * side["jobs_per_s"] / 1000 for side in (many, one, plain)]
        lines.append(str(Row(f"cores busy: {name}", busy[0], busy[1], busy[2] or None, ".2f")))
    return "\n".join(lines)


def _alone(alone: Mapping[str, Any]) -> str:
    ours, plain, hard = (alone[name] for name in ("cameron", "plain_floor", "hard_floor"))
    lines = ["one job alone, POST to last write, ms"]
    lines += [str(Row(f"  {cut}", ours[cut], plain[cut], hard[cut], ".2f")) for cut in ("p50", "p95", "p99")]
    return "\n".join([*lines, str(Row("  of it until its 201: p50", alone["accept"]["p50"], None, None, ".2f"))])


def _bytes(kinds: Mapping[str, float]) -> str:
    return "\n".join(["Redis bytes a finished job", *(f"  {name:{WIDE - 2}}{size:>10,.0f}" for name, size in kinds.items())])


def _aims(figures: Mapping[str, Any]) -> str:
    lines = []
    for jobs, sides in figures["jobs"].items():
        ours, plain = sides["cameron"], sides["plain_floor"]
        share = 100 * ours["jobs_per_s"] / plain["jobs_per_s"]
        lines.append(Aim(f"{jobs} jobs: % of plain floor's jobs/s", share, 60, at_least=True))
        lines.append(Aim(f"{jobs} jobs: node's CPU ms a job", ours["cpu_ms_per_job"]["node"], 1.2))
    alone = figures["alone_ms"]
    lines.append(Aim("alone: p50 / plain floor's", alone["cameron"]["p50"] / alone["plain_floor"]["p50"], 1.5))
    return "\n".join(map(str, lines))
