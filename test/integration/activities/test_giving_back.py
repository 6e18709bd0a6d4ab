"""Runs that wait are given back to who sent them, the last ones, and do not begin; those that are under way, or about to be, stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.call import CommandRun, GivenBack, Occupancy, PythonRun, Relieve, Report

from ..mailbox import Mailbox as Inbox
from .python_desk import PythonDesk, success
from .test_commands import Desk
from .test_python_isolated import Gate


@pytest.fixture
def desk(mailbox: Any, tmp_path: Path) -> Iterator[Desk]:
    """One that runs 2 commands at once."""
    made = Desk(mailbox, tmp_path)
    made.open(max_commands=2)
    yield made
    made.close()


@pytest.fixture
def python(mailbox: Any) -> Iterator[PythonDesk]:
    """One with a thread, and a process."""
    made = PythonDesk(mailbox)
    module = made.module("in_threads")
    for kept in (module.gates, module.seen, module.come_back):
        kept.clear()
    made.open(max_threads=1, max_processes=1)
    yield made
    made.close()


def tasks(given: GivenBack) -> list[str]:
    return [run.task for run in given.runs]


def test_of_commands_the_last_ones_are_given_back_and_the_others_run(desk: Desk) -> None:
    open_it = desk.gate()
    for number in range(6):
        desk.shell("read x < $D/gate", str(number))
    assert [desk.mailbox.begun().task for _ in range(2)] == ["0", "1"]
    desk.commands.tell(Relieve(3, "there"))
    given = desk.mailbox.given_back()
    assert (tasks(given), given.node) == (["3", "4", "5"], "there")
    assert isinstance(given.runs[0], CommandRun)
    open_it()
    assert {desk.reply().task for _ in range(3)} == {"0", "1", "2"}
    desk.commands.tell(given.runs[1]._replace(stays=True))
    assert desk.reply().task == "4"
    assert desk.mailbox.empty()


def test_all_of_one_sender_are_given_back_at_once_and_each_to_its_own(desk: Desk) -> None:
    others = Inbox()
    desk.gate()
    for number in range(2):
        desk.shell("read x < $D/gate", str(number))
    desk.shell("true", "a", reply_to=others)
    desk.shell("true", "b")
    desk.shell("true", "c", reply_to=others)
    desk.commands.tell(Relieve(9, "there"))
    assert tasks(others.take()) == ["a", "c"]
    assert tasks(desk.mailbox.given_back()) == ["b"]


def test_what_is_about_to_get_a_place_and_what_must_not_run_twice_is_not_given_back(desk: Desk) -> None:
    def report() -> Occupancy:
        desk.commands.tell(Report(reports, "commands"))
        told: Occupancy = reports.take()
        return told

    reports = Inbox()
    open_it = desk.gate()
    for number in range(2):
        desk.shell("read x < $D/gate", str(number))
    desk.shell("true", "fresh", fresh=True)
    desk.shell("true", "stays", stays=True)
    assert [desk.mailbox.begun().task for _ in range(2)] == ["0", "1"]
    assert (report().is_held_up, report()) == (False, Occupancy("commands", 2, 2, 2, is_held_up=True))
    desk.commands.tell(Relieve(9, "there"))
    assert report().waiting == 2
    open_it()
    assert {desk.reply().task for _ in range(4)} == {"0", "1", "fresh", "stays"}


def test_of_activities_in_threads_the_last_ones_are_given_back(python: PythonDesk) -> None:
    for name in "abcd":
        python.tell("through", name, task=name)
    python.begun("a")
    python.python.tell(Relieve(2, "there"))
    assert tasks(python.mailbox.given_back()) == ["c", "d"]
    for name in "ab":
        python.module("in_threads").gates[name].set()
    assert [python.reply() for _ in "ab"] == [success(name, name) for name in "ab"]
    assert python.module("in_threads").seen == ["a", "b"]


def test_of_activities_in_processes_the_last_ones_are_given_back_as_the_runs_they_were(python: PythonDesk, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    python.tell("go_on", gate.data, task="a")
    for task in "bcd":
        python.tell("either", None, task=task, isolation="process", process="foo", fresh=task == "b")
    python.begun("a")
    python.processes.tell(Relieve(1, "there"))
    [given], node = python.mailbox.given_back()
    assert isinstance(given, PythonRun)
    assert node == "there"
    assert (given.task, given.activity, given.process, given.reply_to) == ("d", "either", "foo", python.mailbox)
    python.processes.tell(Relieve(1, "there"))
    assert tasks(python.mailbox.given_back()) == ["c"]
    python.python.tell(given._replace(stays=True))
    gate.open()
    assert [python.reply().task for _ in "abd"] == ["a", "b", "d"]
    assert python.mailbox.empty()
