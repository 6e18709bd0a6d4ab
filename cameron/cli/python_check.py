"""What `cameron check` says of Python activities: the package's problems, and definitions that name what it does not have."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cameron.activities.missing_activity import why_missing
from cameron.activities.package_survey import survey
from cameron.config import Config
from cameron.core.process import Activity, Process, PythonCall
from cameron.core.strict_json import parse
from cameron.definitions import Loaded
from cameron.definitions.files.json_path import json_path

NAMED_MAX = 3  # activities that a note names


class PythonCheck(NamedTuple):
    """What was found; a problem or note begins with its place, as far as that is known."""

    activities: int | None  # how many the package has; None where there is no package, or nothing is known of it
    problems: list[str]
    notes: list[str]


def check_python(loaded: Loaded, config: Config) -> PythonCheck:
    """Import the package, in a process of its own, and compare."""
    python = config.python
    if not python.activities_package:
        return PythonCheck(None, [], list(_without_package(loaded)))
    found = survey(python.activities_package, python.path, is_optional=config.has_default_package)
    if found.fault:
        return PythonCheck(None, [found.fault], [])
    package = found.package
    missing = [
        f"{place}: {why_missing(target, package)}"
        for process in loaded.processes
        for target in dict.fromkeys(activity.call.target for activity in _in_python(process))
        if target not in package.activities
        for place in _places(process, target, loaded.places[process.name])
    ]
    return PythonCheck(None if package.absence else len(package.activities), [*package.problems, *missing], [])


def _without_package(loaded: Loaded) -> Iterator[str]:
    for process in loaded.processes:
        named = list(dict.fromkeys(activity.call.target for activity in _in_python(process)))
        if named:
            more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
            what = f"it names activities in Python ({', '.join(named[:NAMED_MAX])}{more})"
            why = "this environment has no package of them (activities_package under [python])"
            yield f"{loaded.places[process.name]}: note: {what}, and {why}"


def _in_python(process: Process) -> Iterator[Activity]:
    """Those of which the definition says which one is run."""
    return (one for one in process.activities if isinstance(one.call, PythonCall) and "${" not in one.call.target)


def _places(process: Process, target: str, where: str) -> list[str]:
    """Where the definition names it: as the `activity` of something, or as the name of one of the `activities`, which is its class then."""
    found = [
        [*path, "activity" if "activity" in said else "name"]
        for path, said in _objects(parse(process.document.encode()), [])
        if said.get("activity") == target
        or (path[:1] == ["activities"] and len(path) == 2 and said.get("name") == target and _is_class(said))
    ]
    return [f"{where}: {json_path(path)}" for path in found] or [where]


def _is_class(said: dict[str, Any]) -> bool:
    return "activity" not in said and said.get("kind", "python") == "python"


def _objects(value: Any, path: list[str | int]) -> Iterator[tuple[list[str | int], dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in inner:
        yield from _objects(below, [*path, name])
