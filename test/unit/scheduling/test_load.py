"""What a node is busy with, and what of it its lease says."""

import json

import pytest

from cameron.activities.call import Congestion, Occupancy, Package, PythonReport
from cameron.scheduling.load import Load
from cameron.store.node_load import commands_in, isolated_in, python_in, runs_in, takes_as

PACKAGE = Package("activities", 2, ("broken.py:1: it is broken",), ("charge",))
PYTHON = PythonReport(PACKAGE, Occupancy("python_threads", 4, 3, 4), 2, "")


def heard(*said: Congestion | Occupancy | PythonReport) -> Load:
    load = Load()
    for one in said:
        load.hear(one)
    return load


def test_of_the_hosts_with_calls_that_wait_the_fullest_are_told() -> None:
    load = heard(Congestion({f"host{number}:80": (256, number) for number in range(1, 31)}))
    assert load.in_lease() == {"calls": {f"host{number}:80": (256, number) for number in range(30, 10, -1)}, "runs": {}}


def test_what_was_said_last_holds() -> None:
    load = heard(Occupancy("commands", 1, 0, 4), PYTHON, Occupancy("commands", 4, 7, 4))
    assert load.in_lease()["runs"] == {"commands": (4, 7, 4), "python_threads": (4, 3, 4)}


def test_what_a_lease_says_can_be_shown_when_it_was_written_and_read() -> None:
    load = heard(PYTHON, Occupancy("commands", 1, 0, 64), Occupancy("python_processes", 1, 5, 8))
    about = json.loads(json.dumps(load.in_lease()))
    assert commands_in(about) == {"running": 1, "waiting": 0, "places": 64}
    assert python_in(about) == {
        "package": "activities",
        "activities": 2,
        "problems": ["broken.py:1: it is broken"],
        "running": 5,
        "waiting": 8,
        "zombies": 2,
        "threads": {"running": 4, "waiting": 3, "places": 4},
        "processes": {"running": 1, "waiting": 5, "places": 8},
    }
    assert (runs_in(about)["python_threads"], isolated_in(about)) == ((4, 3, 4), {"charge"})


def test_a_lease_has_the_first_problems_shortened_and_how_many_more_there_are() -> None:
    problems = tuple(f"{number} {'x' * 1000}" for number in range(12))
    load = heard(PYTHON._replace(package=PACKAGE._replace(problems=problems)))
    shown = python_in(load.in_lease()) or {}
    assert [text[:2].strip() for text in shown["problems"]] == ["0", "1", "2", "3", "4"]
    assert (max(map(len, shown["problems"])), shown["more_problems"]) == (301, 7)
    full = python_in(load.in_full()) or {}
    assert (full["problems"], "more_problems" in full) == (list(problems), False)


def test_of_very_many_activities_nobody_is_told_which_want_a_process() -> None:
    many = PACKAGE._replace(isolated=tuple(f"activity{number}" for number in range(201)))
    assert isolated_in(heard(PYTHON._replace(package=many)).in_lease()) is None


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"calls": {}},
        {"runs": 7, "python": 7},
        {"runs": [], "python": []},
        {"runs": None, "python": None},
        {"runs": {"commands": 4}, "python": {"package": "of a later version"}},
        {"runs": {"commands": [1, 2]}, "python": "x"},
        {"runs": {"commands": [1, 2, "many"]}, "python": {"isolated": 3}},
    ],
)
def test_a_lease_of_another_version_says_nothing(about: object) -> None:
    assert isinstance(about, dict)
    assert (runs_in(about), commands_in(about), python_in(about), isolated_in(about)) == ({}, None, None, None)


def test_why_no_thread_is_given_is_told() -> None:
    assert (heard().refusal, heard(PYTHON).refusal, heard(PYTHON._replace(refusal="too many")).refusal) == ("", "", "too many")


def test_what_has_waited_for_a_while_is_known() -> None:
    load = heard(Occupancy("commands", 4, 2, 4, is_held_up=True), Occupancy("python_processes", 1, 3, 1), PYTHON)
    assert load.held_up == ["commands"]
    load.hear(PYTHON._replace(threads=Occupancy("python_threads", 4, 3, 4, is_held_up=True)))
    load.hear(Occupancy("commands", 4, 0, 4))
    assert load.held_up == ["python_threads"]


OWN = {"state": "running", **heard(PYTHON, Occupancy("commands", 1, 0, 4)).in_lease()}
COMMANDS = {"commands": (1, 0, 4)}
ALL = {**COMMANDS, "python_threads": (4, 3, 4)}


def lease(said: PythonReport, state: str = "running") -> dict[str, object]:
    return {"state": state, **heard(said, Occupancy("commands", 1, 0, 4)).in_lease()}


@pytest.mark.parametrize(
    ("about", "taken"),
    [
        (lease(PYTHON), ALL),
        (lease(PYTHON._replace(package=PACKAGE._replace(activities=3))), ALL),
        (lease(PYTHON._replace(package=PACKAGE._replace(activities=1))), COMMANDS),
        (lease(PYTHON._replace(package=PACKAGE._replace(name="another"))), COMMANDS),
        (lease(PYTHON._replace(refusal="too many zombies")), COMMANDS),
        (lease(PYTHON, "draining"), {}),
        ({"runs": {"commands": [1, 0, 4]}}, {}),
        ({"state": "running", "runs": {"commands": [1, 0, 4]}}, COMMANDS),
        ({"state": "running", "runs": {"commands": [1, 0, 4], "python_threads": [0, 0, 4]}, "python": 7}, COMMANDS),
        ({"state": "running"}, {}),
        ({}, {}),
    ],
)
def test_a_node_takes_what_another_one_performs_where_that_is_sure(about: dict[str, object], taken: object) -> None:
    assert takes_as(OWN, json.loads(json.dumps(about))) == taken
