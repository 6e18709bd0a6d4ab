"""Runs in the order they came, of which some are taken by their number, and some dropped."""

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.activities.call import CommandRun
from cameron.activities.runs import Runs


def run(task: str, reply_to: Any = "a runner", attempt: int = 1, **more: Any) -> CommandRun:
    """A command of that task."""
    return CommandRun(reply_to, task, attempt, ("true",), b"", 1.0, (), False)._replace(**more)


def test_those_that_wait_come_in_the_order_they_came() -> None:
    runs = Runs[CommandRun]()
    for task in "abcab":
        runs.put(run(task))
    assert [runs.take_first().task for _ in range(len(runs))] == list("abcab")
    assert not len(runs)


def test_all_of_a_task_are_dropped_and_no_others() -> None:
    runs = Runs[CommandRun]()
    a, b, other, again = [runs.put(run(task, reply_to)) for task, reply_to in (("a", 1), ("b", 1), ("a", 2), ("a", 1))]
    assert runs.drop(1, "a") == {a, again}  # type: ignore[arg-type]
    assert runs.drop(1, "none") == set()  # type: ignore[arg-type]
    assert runs.numbers() == [b, other]
    assert [(runs.take_first().task, len(runs)), (runs.take_first().reply_to, len(runs))] == [("b", 1), (2, 0)]


def test_one_is_taken_by_its_number_and_once() -> None:
    runs = Runs[CommandRun]()
    first, second = runs.put(run("a")), runs.put(run("a"))
    assert (runs.get(second), runs.take(second), runs.take(second), runs.get(second)) == (run("a"), run("a"), None, None)
    assert (runs.numbers(), runs.drop("a runner", "a")) == ([first], {first})  # type: ignore[arg-type]
    assert runs.put(run("a")) not in (first, second)


def test_what_cannot_be_dropped_again_is_not_taken() -> None:
    runs = Runs[CommandRun]()
    with pytest.raises(TypeError):
        runs.put(run("a", []))
    assert not len(runs)


def test_the_last_are_given_back_but_none_that_must_stay() -> None:
    runs = Runs[CommandRun]()
    for task, more in (("a", {}), ("b", {}), ("c", {"fresh": True}), ("d", {}), ("e", {"stays": True}), ("f", {})):
        runs.put(run(task, **more))
    assert [runs.take_last(count) for count in (-1, 0)] == [[], []]
    assert [one.task for one in runs.take_last(3)] == ["b", "d", "f"]
    assert [one.task for one in runs.take_last(3)] == ["a"]
    assert [runs.take_first().task for _ in range(len(runs))] == ["c", "e"]


def test_they_are_held_up_when_the_first_was_there_when_that_was_asked_before() -> None:
    runs = Runs[CommandRun]()
    assert not runs.are_held_up()
    for task in "abc":
        runs.put(run(task))
    assert not runs.are_held_up()
    runs.take_first()
    assert runs.are_held_up()
    runs.put(run("d"))
    for _ in range(2):
        runs.take_first()
    assert [runs.are_held_up(), runs.are_held_up()] == [False, True]
    runs.take_first()
    assert not runs.are_held_up()


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "take the last", "give back", "drop"]), st.sampled_from("abc"))))
def test_it_is_a_queue_whatever_is_put_taken_and_dropped(steps: list[tuple[str, str]]) -> None:
    runs, model = Runs[CommandRun](), deque[CommandRun]()
    for number, (step, task) in enumerate(steps):
        match step:
            case "put":
                runs.put(run(task, attempt=number))
                model.append(run(task, attempt=number))
            case "take" if model:
                assert runs.take_first() == model.popleft()
            case "take the last" if model:
                assert runs.take(runs.numbers()[-1]) == model.pop()
            case "give back" if model:
                assert runs.take_last(2) == [model.pop() for _ in range(min(2, len(model)))][::-1]
            case "drop":
                runs.drop("a runner", task)  # type: ignore[arg-type]
                model = deque(one for one in model if one.task != task)
        assert len(runs) == len(model)
    assert set(runs._of) == {("a runner", one.task) for one in model}
