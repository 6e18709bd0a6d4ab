"""The order of commands that wait, of which some are dropped."""

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.activities.call import CommandRun
from cameron.activities.command_turns import CommandTurns


def run(task: str, reply_to: Any = "a runner", attempt: int = 1) -> CommandRun:
    """A command of that task."""
    return CommandRun(reply_to, task, attempt, ("true",), b"", 1.0, (), False)


def test_those_that_wait_come_in_the_order_they_came() -> None:
    turns = CommandTurns()
    for task in "abcab":
        turns.put(run(task))
    assert [turns.take().task for _ in range(len(turns))] == list("abcab")
    assert not len(turns)


def test_all_of_a_task_are_dropped_and_no_others() -> None:
    turns = CommandTurns()
    for task, reply_to in (("a", 1), ("b", 1), ("a", 2), ("a", 1)):
        turns.put(run(task, reply_to))
    turns.drop(1, "a")  # type: ignore[arg-type]
    turns.drop(1, "none")  # type: ignore[arg-type]
    assert [(turns.take().task, len(turns)), (turns.take().reply_to, len(turns))] == [("b", 1), (2, 0)]


def test_what_cannot_be_dropped_again_is_not_taken() -> None:
    turns = CommandTurns()
    with pytest.raises(TypeError):
        turns.put(run("a", []))
    assert not len(turns)


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "drop"]), st.sampled_from("abc"))))
def test_it_is_a_queue_whatever_is_put_taken_and_dropped(steps: list[tuple[str, str]]) -> None:
    turns, model = CommandTurns(), deque[CommandRun]()
    for number, (step, task) in enumerate(steps):
        match step:
            case "put":
                turns.put(run(task, attempt=number))
                model.append(run(task, attempt=number))
            case "take" if model:
                assert turns.take() == model.popleft()
            case "drop":
                turns.drop("a runner", task)  # type: ignore[arg-type]
                model = deque(one for one in model if one.task != task)
        assert len(turns) == len(model)
    assert set(turns._of) == {("a runner", one.task) for one in model}
