"""One runner and tasks of all kinds: what is called, what is awaited, and how a callback finds its task."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cameron.activities.call import Call, Cancel, CommandRun
from cameron.definitions.settings import Settings
from cameron.job_data import Commands, Commit, Committed, Refused
from cameron.job_orders import CallbackCame, CancelJob, Drain
from cameron.process_catalog import Catalog

from .running import RECORD, RUNNING, Around, reply, written

ALLOWED = Settings(allowed_binaries=frozenset({"/bin/cat"}))


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    made.catalog = Catalog(ALLOWED)
    made.catalog.publish([made.process])
    yield made
    made.stop()


def grown(around: Around, **kind: Any) -> Commit:
    """The commit in which `start` has named the next activity `next` of that kind."""
    around.start()
    around.write(Commit)
    definitions = [{"name": "next", **kind}]
    answered = {"data": {"n": 1}, "next_activities": {"parallelizable": "yes", "definitions": definitions}}
    around.runner.tell(reply("start", around.call().attempt, answered))
    commit: Commit = around.write(Commit)
    return commit


def fields(commit: Commit) -> dict[str, str]:
    return dict(written(commit).fields)


def record(commit: Commit) -> dict[str, str]:
    return dict(written(commit).record)


# commands


def test_a_command_is_run_with_the_payload_as_its_input_once_that_is_recorded(around: Around) -> None:
    commit = grown(around, kind="command", command=["/bin/cat"])
    [run] = commit.release
    assert isinstance(run, CommandRun)
    assert (run.command, run.stdin) == (("/bin/cat",), b'{"key":"k","data":{"n":1},"requestor":"start"}')
    assert dict(run.env)["CAMERON_TASK"] == "next"
    around.runner.tell(reply("next", 1, {}, status=0))
    end = around.write(Commit)
    assert json.loads(fields(end)["task.next.output.data"])["exit_code"] == 0
    assert fields(end)["task.next.output.next_activities"] == "undefined"


def test_a_command_that_is_not_allowed_is_an_error_and_is_not_run(around: Around) -> None:
    end = grown(around, kind="command", command=["/bin/rm", "-r", "/"])
    assert (end.script, list(end.release)) == ("end", [])
    assert "allowed_binaries under [commands]" in fields(end)["task.next.output.data"]


def test_a_cancelled_job_ends_its_commands(around: Around) -> None:
    grown(around, kind="command", command=["/bin/cat"])
    around.runner.tell(CancelJob())
    assert around.write(Commit).script == "end"
    assert around.call(Cancel).task == "next"


# delays


def test_a_delay_calls_nobody_and_is_done_when_its_time_has_passed(around: Around) -> None:
    commit = grown(around, kind="delay", delay_s=0.05)
    assert list(commit.release) == []
    assert fields(commit)["task.next.status.current"] == "running"
    assert record(commit)["task.next.awaited"] == "delay 0.05"
    assert int(record(commit)["task.next.until"]) > around.clock.now_ms() - 1000
    end = around.write(Commit)
    assert (end.script, fields(end)["task.next.status.current"], fields(end)["task.next.output.data"]) == ("end", "done", "null")


def test_a_job_that_only_lets_time_pass_is_handed_back_at_once_when_its_node_drains(around: Around) -> None:
    grown(around, kind="delay", delay_s=500)
    around.runner.tell(Drain())
    assert around.write(Commit).script == "hand_back"


# callbacks

HANDS_ON = {"data": {"by": "hand"}}


def test_a_wait_without_a_url_calls_nobody_and_is_done_by_its_callback(around: Around) -> None:
    commit = grown(around, kind="wait", timeout_s=600)
    assert list(commit.release) == []
    assert record(commit)["task.next.awaited"] == "callback 600.0"
    around.runner.tell(CallbackCame("next"))
    asked = around.write(Commands)
    assert asked.commands == (("HGET", RECORD, "task.next.callback"),)
    around.writes.put(asked)
    around.answer(json.dumps(HANDS_ON))
    end = around.write(Commit)
    assert (end.script, fields(end)["task.next.output.data"]) == ("end", '{"by":"hand"}')


def test_a_wait_tells_its_url_and_then_waits(around: Around) -> None:
    [call] = grown(around, kind="wait", timeout_s=600, url="http://127.0.0.1:1/ask").release
    assert isinstance(call, Call)
    [header] = [header for header in call.headers if header.startswith("X-Cameron-Callback: ")]
    assert header.startswith("X-Cameron-Callback: http://here/api/process/foo/key/k/job/")
    around.runner.tell(reply("next", 1, {}, status=202))
    assert record(around.write(Commit))["task.next.awaited"] == "callback 600.0"


def test_a_callback_that_comes_before_its_call_has_ended_settles_the_task(around: Around) -> None:
    grown(around, kind="wait", timeout_s=600, url="http://127.0.0.1:1/ask")
    around.runner.tell(CallbackCame("next"))
    around.answer(json.dumps(HANDS_ON))
    assert around.call(Cancel).task == "next"
    assert around.write(Commit).script == "end"


def test_a_callback_that_cannot_be_used_is_the_tasks_error_and_is_not_called_again_for(around: Around) -> None:
    grown(around, kind="wait", timeout_s=600)
    around.runner.tell(CallbackCame("next"))
    around.answer("[]")
    end = around.write(Commit)
    assert fields(end)["task.next.output.data"] == "the reply of the callback cannot be used: it is no JSON object"


def closing(around: Around) -> Commit:
    """The commit that has no more callbacks taken for `next`, which is to end without."""
    commit: Commit = around.write(Commit)
    assert (commit.script, commit.args[3], commit.args[4]) == ("callback", "task.next.callback", "")
    return commit


def test_a_callback_that_does_not_come_in_time_is_an_error(around: Around) -> None:
    grown(around, kind="wait", timeout_s=0.05)
    closing(around).sender.tell(Committed("callback"))
    end = around.write(Commit)
    assert fields(end)["task.next.output.data"] == "timeout: no callback came within 0.05 s"


@pytest.mark.parametrize("task", ["nobody", "start"])
def test_a_callback_for_a_task_that_does_not_wait_changes_nothing(around: Around, task: str) -> None:
    grown(around, kind="wait", timeout_s=600)
    around.runner.tell(CallbackCame(task))
    around.answer(json.dumps(HANDS_ON))
    around.runner.tell(Drain())
    assert around.write(Commit).script == "hand_back"


def test_what_came_while_nobody_ran_the_job_settles_its_task_though_its_call_was_not_answered(around: Around) -> None:
    around.rebuild(RUNNING, {"task.start.callback": json.dumps(HANDS_ON)})
    end = around.write(Commit)
    assert (end.script, fields(end)["task.start.output.data"]) == ("end", '{"by":"hand"}')
    assert around.calls.empty()


def test_what_came_while_the_job_was_being_read_is_read_afterwards(around: Around) -> None:
    around.start(fresh=False, crash="node other died")
    around.runner.tell(CallbackCame("start"))
    read = {"job.key": "k", "job.data": "1", "job.requestor": "", **RUNNING}
    around.answer([["1-1", "here", 5, 1]], around.record(owner="other 1 7"), read)
    around.write(Commit)
    around.answer(json.dumps(HANDS_ON))
    assert fields(around.write(Commit))["task.start.output.data"] == '{"by":"hand"}'


def test_a_restored_job_goes_on_waiting_and_calls_nobody_again(around: Around) -> None:
    until = str(around.clock.now_ms() + 500_000)
    waiting = {"task.start.awaited": "callback 600.0", "task.start.until": until, "task.start.attempts": "1"}
    around.rebuild(RUNNING, waiting)
    commit = around.write(Commit)
    assert list(commit.release) == []
    around.runner.tell(CallbackCame("start"))
    around.answer(json.dumps(HANDS_ON))
    assert around.write(Commit).script == "end"


# a task that is to end without its callback, which may be on record by then


def test_one_that_came_in_time_and_was_not_told_of_yet_counts(around: Around) -> None:
    grown(around, kind="wait", timeout_s=0.05)
    closing(around).sender.tell(Refused("used"))
    around.answer(json.dumps(HANDS_ON))
    end = around.write(Commit)
    assert (end.script, fields(end)["task.next.output.data"]) == ("end", '{"by":"hand"}')


def test_one_counts_though_the_call_that_it_belongs_to_has_failed(around: Around) -> None:
    grown(around, kind="wait", timeout_s=600, url="http://127.0.0.1:1/ask")
    around.runner.tell(reply("next", 1, {}, status=500))
    around.runner.tell(CallbackCame("next"))
    refused = closing(around)
    around.answer(json.dumps(HANDS_ON))
    end = around.write(Commit)
    assert fields(end)["task.next.output.data"] == '{"by":"hand"}'
    refused.sender.tell(Refused("used"))  # behind the signal, and of no interest any more
    around.answer(json.dumps(HANDS_ON))
    end.sender.tell(Committed("end"))
    assert str(around.ended()) == "normal"


def test_a_call_that_is_to_be_made_again_leaves_its_task_open_to_callbacks(around: Around) -> None:
    grown(around, kind="wait", timeout_s=600, url="http://127.0.0.1:1/ask")
    around.runner.tell(reply("next", 1, {}, status=503))
    assert around.write(Commit).script == "transition"


def test_a_node_that_drains_lets_a_task_fail_before_it_hands_the_job_back(around: Around) -> None:
    grown(around, kind="wait", timeout_s=600, url="http://127.0.0.1:1/ask")
    around.runner.tell(reply("next", 1, {}, status=500))
    around.runner.tell(Drain())
    closing(around).sender.tell(Committed("callback"))
    end = around.write(Commit)
    assert (end.script, fields(end)["task.next.status.current"]) == ("end", "error")


def test_a_runner_that_has_lost_its_job_closes_nothing(around: Around) -> None:
    grown(around, kind="wait", timeout_s=0.05)
    closing(around).sender.tell(Refused("moved"))
    assert str(around.ended()) == "shutdown: moved"
