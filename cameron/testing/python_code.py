"""The project's Python activities: found when a test first needs one, and run, or compared with what a stub makes of them."""

import importlib
from contextvars import copy_context
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from cameron.activities.activity import declaration
from cameron.activities.annotation import NOTHING_SAID, Annotations, WrongValue, annotations_of, as_json, made
from cameron.activities.base_activity import BaseActivity
from cameron.activities.call import Failure
from cameron.activities.missing_activity import why_missing
from cameron.activities.python_activity import PythonActivity, PythonTask, Result, perform
from cameron.activities.python_package import PythonPackage, discover
from cameron.activities.revocable_session import RevocableSession
from cameron.activities.session import Session
from cameron.activities.source_place import standing_at
from cameron.core.strict_json import NotJson, parse

PROBLEMS_MAX = 3  # of those that a text tells


class PythonCode:
    """A package, or none where the name is empty; `path` is where it lies. Modules are imported in this process, and once."""

    def __init__(self, package: str, path: Path) -> None:
        self._name, self._path = package, path

    @cached_property
    def package(self) -> PythonPackage:
        """What was found in it."""
        return discover(self._name, self._path)

    def activity(self, name: str) -> PythonActivity | None:
        """The one of that name."""
        return self.package.activities.get(name)

    def why_missing(self, name: str) -> list[str]:
        """Lines, for a person: why there is none of that name, with what is wrong in the package where nothing there speaks of it."""
        if not self._name:
            return [f"no package of activities is named (cameron_activities), so there is no Python activity {name!r}"]
        package = self.package
        problems = () if name in package.hints or package.absence else package.problems
        more = len(problems) - PROBLEMS_MAX
        shown = [f"    {problem}" for problem in problems[:PROBLEMS_MAX]] + [f"    and {more} more: see cameron.problems"] * (more > 0)
        return [why_missing(name, package), *shown]


class Manners(NamedTuple):
    """What one activity takes and returns."""

    activity: PythonActivity
    is_class: bool  # so it returns words, and takes whatever it is given
    said: Annotations

    def refused(self, data: bytes) -> str:
        """Why a node would not hand it these data, in the words of one; "" where it would."""
        try:
            made(parse(data), self.said.data)
        except (NotJson, WrongValue) as wrong:
            return f"{self.activity.name} cannot take the data it was given: {wrong} ({self.activity.source})"
        return ""

    def returned(self, value: Any) -> bytes:
        """As JSON. Raises WrongValue where a node would not take that of it."""
        if self.is_class and value != BaseActivity.SUCCEEDED:
            words = (BaseActivity.SUCCEEDED, BaseActivity.TEMPORARY_FAILURE, BaseActivity.PERMANENT_FAILURE)
            raise WrongValue(f"it is a class, which returns {', '.join(map(repr, words[:2]))} or {words[2]!r}")
        return as_json(value, self.said.returned)


def manners_of(activity: PythonActivity) -> Manners:
    """By its annotations, if it is a function."""
    target = vars(importlib.import_module(activity.module)).get(activity.qualname)
    if declaration(target) is None or isinstance(target, type):
        return Manners(activity, True, Annotations(NOTHING_SAID, NOTHING_SAID))
    return Manners(activity, False, annotations_of(target))


def perform_within(timeout_s: float, activity: PythonActivity, task: PythonTask, session: Session) -> Result:
    """Run it, for so many seconds of real time at most: one that hangs is left behind, as on a node, and the tests go on."""
    results: SimpleQueue[Result] = SimpleQueue()
    own, context = RevocableSession(session), copy_context()
    thread = Thread(target=lambda: results.put(context.run(perform, activity, task, own)), name=f"activity {activity.name}", daemon=True)
    thread.start()
    try:
        return results.get(timeout=timeout_s)
    except Empty:
        own.revoke()
        place = standing_at(activity.module, thread.ident or 0)
        where = f"it is at {place}" if place else activity.source
        why = f"{activity.name} has not come back within {timeout_s:g} s, and nobody waits for its thread any more ({where})"
        return Result(b"", Failure.TIMEOUT, f"timeout: {why}")
