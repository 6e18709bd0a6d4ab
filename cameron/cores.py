"""The cores that a node may use: which the setting `node.cores` chooses, and how many programs they are worth."""

import math
from collections.abc import Sequence
from pathlib import Path

from cameron.errors import ConfigError
from cameron.otp.affinity import AT_FIRST

ONE, ALL = "auto", "all"  # of `node.cores`: one at a time, which the node chooses itself; or any

_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def usable() -> tuple[int, ...]:
    """The cores that the program was started with, in order."""
    return tuple(sorted(AT_FIRST))


def listed(text: str) -> tuple[int, ...]:
    """The cores that a setting such as "0" or "2-3,6" lists, in order, each once. Its form has been checked."""
    cores: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = sorted((int(first), int(last or first)))
        cores.update(range(low, high + 1))
    return tuple(sorted(cores))


def written(cores: Sequence[int]) -> str:
    """Cores in their order as a setting lists them."""
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][-1] + 1:
            runs[-1][1:] = [core]
        else:
            runs.append([core])
    return ",".join("-".join(map(str, run)) for run in runs)


def chosen(text: str) -> tuple[int, ...]:
    """The cores that `node.cores` lets a node use. Raises ConfigError where the program may not use one of them."""
    if text in (ONE, ALL):
        return usable()
    cores = listed(text)
    missing = [core for core in cores if core not in AT_FIRST]
    if missing:
        raise ConfigError(
            f"cores under [node] in priv/config/<environment>.toml, or CAMERON_NODE_CORES, is {text!r}, "
            f"but this program may not use core {written(missing)}: choose among {written(usable())}"
        )
    return cores


def worth(cores: Sequence[int]) -> int:
    """How many programs can run at once on these cores: one on each, or fewer where the control group's quota gives less time."""
    try:
        own = _OWN_GROUPS.read_text(encoding="utf-8")
    except OSError:
        own = ""
    return max(1, math.ceil(min(len(cores), quota(own, _CONTROL_GROUPS))))


def quota(own_groups: str, mounted_at: Path) -> float:
    """How many cores' time the program's control groups let it have; inf where they don't say.

    `own_groups` is the text of /proc/self/cgroup. Both versions are read: version 2 has one tree, version 1 one for each controller. What
    is mounted in a container is often the group's own part alone, so folders that are not there are passed over on the way up.
    """
    least = math.inf
    for line in own_groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            tree, read = mounted_at, _quota_2
        elif "cpu" in controllers.split(","):
            tree, read = mounted_at / controllers, _quota_1
        else:
            continue
        own = tree / path.lstrip("/")
        for group in (own, *own.parents):
            least = min(least, read(group))
            if group == tree:
                break
    return least


def _quota_2(group: Path) -> float:
    return _share(_words(group / "cpu.max"))


def _quota_1(group: Path) -> float:
    return _share(_words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us"))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


def _share(words: list[str]) -> float:
    """Of the time allowed in a period and the period; "max", as -1, is no bound."""
    if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) == 0:
        return math.inf
    return int(words[0]) / int(words[1])
