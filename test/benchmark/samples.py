"""Where the node's time went: reads what `sampled_node.py` has written, as tables."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from programs import PROJECT
from thread_use import Use, total

SHOWN = 30
_FRAME = re.compile(r'  File "(.*)", line \d+ in (.*)')
_LIBRARIES = re.compile(r".*/(?:site-packages|python3\.\d+)/")
_START = "Stack (most recent call first):"


def tables(file: Path, jobs: int) -> str:
    """CPU by thread, by package and by function, in microseconds a job; and the threads' switches."""
    stacks = list(_stacks(file))
    threads = {name: Use(*use) for name, use in json.loads(Path(f"{file}.threads").read_text()).items()}
    job_us = total(threads.values()).cpu_s / jobs * 1e6
    alone: Counter[str] = Counter(stack[0] for stack in stacks)
    within: Counter[str] = Counter(frame for stack in stacks for frame in set(stack))
    packages: Counter[str] = Counter(_package(stack[0]) for stack in stacks)
    each_us = job_us / max(1, len(stacks))
    lines = [f"{job_us:,.0f} us CPU a job ({len(stacks)} samples over {jobs} jobs)", "", by_thread(threads, jobs)]
    for title, counts in (("by package, itself", packages), ("by function, itself", alone), ("by function, with what it calls", within)):
        lines += ["", title]
        lines += [f"{count * each_us:8.0f}  {name}" for name, count in counts.most_common(SHOWN)]
    return "\n".join(lines)


def by_thread(threads: dict[str, Use], jobs: int) -> str:
    """A line a thread, and what a job makes of all of them."""
    lines = [
        f"{'us CPU':>8}{'ready us':>10}{'voluntary':>11}{'involuntary':>13}  by thread, a job (ready: waiting for a core; then: switches)"
    ]
    rows = [*sorted(threads.items(), key=lambda pair: -pair[1].cpu_s), ("all", total(threads.values()))]
    for name, use in rows:
        if use.cpu_s / jobs > 1e-6:
            us, ready_us = use.cpu_s / jobs * 1e6, use.ready_s / jobs * 1e6
            lines.append(f"{us:8.0f}{ready_us:10.0f}{use.voluntary / jobs:11.2f}{use.involuntary / jobs:13.2f}  {name}")
    return "\n".join(lines)


def _stacks(file: Path) -> Iterator[list[str]]:
    """Innermost frame first, each as `path:function`."""
    for block in file.read_text(errors="replace").split(_START)[1:]:
        frames = [f"{_LIBRARIES.sub('', match[1]).removeprefix(f'{PROJECT}/')}:{match[2]}" for match in _FRAME.finditer(block)]
        if frames:
            yield frames


def _package(frame: str) -> str:
    parts = frame.partition(":")[0].split("/")
    return "/".join(parts[:2]) if parts[0] == "cameron" else parts[0]
