"""Where the node's time went: reads what `sampled_node.py` has written, as tables."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from programs import PROJECT

SHOWN = 30
_FRAME = re.compile(r'  File "(.*)", line \d+ in (.*)')
_LIBRARIES = re.compile(r".*/(?:site-packages|python3\.\d+)/")
_START = "Stack (most recent call first):"


def tables(file: Path, jobs: int) -> str:
    """CPU by thread, by package and by function, in microseconds a job."""
    stacks = list(_stacks(file))
    threads: dict[str, float] = json.loads(Path(f"{file}.threads").read_text())
    job_us = sum(threads.values()) / jobs * 1e6
    alone: Counter[str] = Counter(stack[0] for stack in stacks)
    within: Counter[str] = Counter(frame for stack in stacks for frame in set(stack))
    packages: Counter[str] = Counter(_package(stack[0]) for stack in stacks)
    each_us = job_us / max(1, len(stacks))
    lines = [f"{job_us:,.0f} us CPU a job ({len(stacks)} samples over {jobs} jobs)", "", "by thread"]
    by_cost = sorted(threads.items(), key=lambda pair: -pair[1])
    lines += [f"{used / jobs * 1e6:8.0f}  {name}" for name, used in by_cost if used / jobs > 1e-6]
    for title, counts in (("by package, itself", packages), ("by function, itself", alone), ("by function, with what it calls", within)):
        lines += ["", title]
        lines += [f"{count * each_us:8.0f}  {name}" for name, count in counts.most_common(SHOWN)]
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
