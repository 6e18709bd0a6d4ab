"""What a lease says of a node's work, as people are shown it. Another version of the program may have written it: nothing need be there.

- `runs`: {"commands" | "python_threads" | "python_processes": [running, waiting, places]}
- `python`: {"package", "activities": how many, "problems": [text], "more_problems": how many, "zombies", "isolated": [activity]}, those
  that want a process without their definition's saying so; `"refuses": true` where no activity gets a thread
"""

from collections.abc import Mapping
from typing import Any

Runs = Mapping[str, tuple[int, int, int]]  # running, waiting, places


def runs_in(about: Mapping[str, Any]) -> Runs:
    """By whose they are; {} where the lease does not say."""
    try:
        return {str(of): (int(running), int(waiting), int(places)) for of, (running, waiting, places) in about["runs"].items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


def takes_as(own: Mapping[str, Any], about: Mapping[str, Any]) -> Runs:
    """The runs of a node that performs whatever the one of lease `own` does; not those of which that is not sure."""
    runs = runs_in(about) if about.get("state") == "running" else {}
    return runs if _has_all(own.get("python"), about.get("python")) else {of: it for of, it in runs.items() if of == "commands"}


def _has_all(own: Any, other: Any) -> bool:
    """Whether its package of Python activities lacks none of ours, as far as their number tells."""
    try:
        return bool(own["package"] == other["package"] and other["activities"] >= own["activities"] and not other.get("refuses"))
    except (LookupError, TypeError, AttributeError):
        return False


def isolated_in(about: Mapping[str, Any]) -> frozenset[str] | None:
    """The Python activities that say themselves that they want a process; None where the lease does not say."""
    try:
        return frozenset(about["python"]["isolated"])
    except (LookupError, TypeError):
        return None


def commands_in(about: Mapping[str, Any]) -> dict[str, int] | None:
    """`{"running", "waiting", "places"}`; None where the lease does not say."""
    return _shown(runs_in(about).get("commands"))


def python_in(about: Mapping[str, Any]) -> dict[str, Any] | None:
    """`{"package", "activities", "problems", "running", "waiting", "zombies", "threads", "processes"}`; None where the lease does not say.

    `running` and `waiting` are sums; `threads` and `processes` are as those of `commands_in`. Where not all problems are there, also
    `more_problems`, how many.
    """
    runs = runs_in(about)
    kinds = [runs.get(f"python_{kind}") for kind in ("threads", "processes")]
    threads, processes = map(_shown, kinds)
    try:
        python = about["python"]
        known = {name: python[name] for name in ("package", "activities", "problems")}
        sums = {name: sum(kind[at] for kind in kinds if kind) for at, name in enumerate(("running", "waiting"))}
        more = {"more_problems": python["more_problems"]} if "more_problems" in python else {}
        return {**known, **more, **sums, "zombies": python["zombies"], "threads": threads, "processes": processes}
    except (LookupError, TypeError):
        return None


def _shown(runs: tuple[int, int, int] | None) -> dict[str, int] | None:
    return runs and dict(zip(("running", "waiting", "places"), runs, strict=True))
