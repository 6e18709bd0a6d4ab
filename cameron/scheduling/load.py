"""What a node is busy with, as those of its actors that perform activities have said last."""

import heapq
from collections.abc import Mapping
from typing import Any

from cameron.activities.call import Congestion, Occupancy, PythonReport

HOSTS_SHOWN = 20  # with calls that wait for them: the fullest
ISOLATED_MAX = 200  # names of activities; of more of them nobody is told which they are
PROBLEMS_SHOWN, PROBLEM_CHARACTERS = 5, 300  # of the package of activities, in a lease, which is written every other second


class Load:
    """Heard by the scheduler alone; read by any thread, as each value is replaced as a whole."""

    def __init__(self) -> None:
        self._hosts: Mapping[str, tuple[int, int]] = {}
        self._runs: Mapping[str, Occupancy] = {}  # by whose they are
        self._python: PythonReport | None = None

    def hear(self, said: Congestion | Occupancy | PythonReport) -> None:
        """This is how it is now."""
        match said:
            case Congestion(hosts):
                self._hosts = hosts
            case PythonReport():
                self._python = said
                self.hear(said.threads)
            case Occupancy():
                self._runs = {**self._runs, said.of: said}

    @property
    def held_up(self) -> list[str]:
        """Of what runs some have waited for a free place for a while."""
        return [of for of, it in self._runs.items() if it.is_held_up]

    @property
    def refusal(self) -> str:
        """For a person: why no Python activity gets a thread; "": they do."""
        return self._python.refusal if self._python else ""

    def in_lease(self) -> dict[str, Any]:
        """What the others are told, see `store.node_load`; what the node has not heard of yet is not there."""
        return self._said(shortened=True)

    def in_full(self) -> dict[str, Any]:
        """The same with all problems of the package of activities."""
        return self._said(shortened=False)

    def _said(self, shortened: bool) -> dict[str, Any]:
        calls = dict(heapq.nlargest(HOSTS_SHOWN, self._hosts.items(), key=lambda each: each[1][1]))
        runs = {of: (it.running, it.waiting, it.places) for of, it in self._runs.items()}
        said: dict[str, Any] = {"calls": calls, "runs": runs}
        if self._python:
            package = self._python.package
            problems = _shortened(package.problems) if shortened else list(package.problems)
            more = len(package.problems) - len(problems)
            python = {"package": package.name, "activities": package.activities, "problems": problems, "zombies": self._python.zombies}
            python |= {"more_problems": more} if more else {}
            python |= {"refuses": True} if self.refusal else {}
            said["python"] = python | ({"isolated": package.isolated} if len(package.isolated) <= ISOLATED_MAX else {})
        return said


def _shortened(problems: tuple[str, ...]) -> list[str]:
    first = problems[:PROBLEMS_SHOWN]
    return [problem if len(problem) <= PROBLEM_CHARACTERS else f"{problem[:PROBLEM_CHARACTERS]}…" for problem in first]
