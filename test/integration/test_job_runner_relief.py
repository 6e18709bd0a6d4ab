"""One runner whose runs are given back, as other nodes have free places: whether it hands its job over."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cameron.activities.call import Begun, Cancel, CommandRun, GivenBack
from cameron.definitions.settings import Settings
from cameron.job_data import Commit, Committed
from cameron.job_orders import MADE_ROOM, HandBack, Proceed, Suspected
from cameron.otp import Normal
from cameron.process_catalog import Catalog
from cameron.store import keys

from .running import NEXT, RUNNING, TWO_RUNNING, Around, reply, written

ALLOWED = Settings(allowed_binaries=frozenset({"/bin/cat"}))
CAT = {"kind": "command", "command": ["/bin/cat"]}
ASK = {"url": "http://127.0.0.1:1/ask"}


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    made.catalog = Catalog(ALLOWED)
    made.catalog.publish([made.process])
    yield made
    made.stop()


def grown(around: Around, **activities: dict[str, Any]) -> dict[str, Any]:
    """The calls of a job whose first reply has named these, all under way, by their tasks."""
    around.start()
    around.write(Commit)
    definitions = [{"name": name, **activity} for name, activity in activities.items()]
    answered = {"data": 1, "next_activities": {"parallelizable": "yes", "definitions": definitions}}
    around.runner.tell(reply("start", around.call().attempt, answered))
    return {call.task: call for call in around.write(Commit).release}


def goes_on(around: Around, *sent_again: CommandRun) -> None:
    """See that these are sent again, for good, and that the job ends here."""
    for run in sent_again:
        assert around.call(CommandRun) == run._replace(stays=True)
    for name in "ab":
        around.runner.tell(reply(name, 1, {}))
    assert written(around.write(Commit)).script == "transition"
    assert around.write(Commit).script == "end"
    assert around.calls.empty()


def test_a_job_of_which_nothing_has_begun_is_handed_over(around: Around) -> None:
    calls = grown(around, a=CAT, b=CAT)
    around.runner.tell(GivenBack((calls["a"], calls["b"]), "there"))
    commit = around.write(Commit)
    assert (commit.script, commit.keys[-2:], commit.args[-1]) == ("hand_over", [keys.node("there"), keys.inbox("there")], "there")
    commit.sender.tell(Committed("hand_over"))
    assert around.ended() == MADE_ROOM


def test_one_that_has_only_waited_besides_is_handed_over_too(around: Around) -> None:
    calls = grown(around, a=CAT, b={"kind": "wait", "timeout_s": 600}, c={"kind": "delay", "delay_s": 600})
    around.runner.tell(GivenBack((calls["a"],), "there"))
    assert around.write(Commit).script == "hand_over"


def test_a_job_of_which_another_run_is_not_given_back_stays(around: Around) -> None:
    calls = grown(around, a=CAT, b=CAT)
    around.runner.tell(GivenBack((calls["b"],), "there"))
    goes_on(around, calls["b"])


def test_a_job_of_which_a_run_has_begun_stays(around: Around) -> None:
    calls = grown(around, a=CAT, b=CAT)
    around.runner.tell(Begun("a", 1))
    assert written(around.write(Commit)).story == [("task.begun", "a")]
    around.runner.tell(GivenBack((calls["b"],), "there"))
    goes_on(around, calls["b"])


def test_a_job_that_has_called_a_service_stays(around: Around) -> None:
    calls = grown(around, a=ASK, b=CAT)
    around.runner.tell(GivenBack((calls["b"],), "there"))
    goes_on(around, calls["b"])


def test_a_job_that_must_know_whether_a_callback_was_taken_stays_until_it_does(around: Around) -> None:
    calls = grown(around, a={"kind": "wait", "timeout_s": 600, **ASK}, b=CAT)
    around.runner.tell(reply("a", 1, {}, status=500))
    closing = around.write(Commit)
    assert closing.script == "callback"
    around.runner.tell(GivenBack((calls["b"],), "there"))
    assert around.call(CommandRun) == calls["b"]._replace(stays=True)
    closing.sender.tell(Committed("callback"))
    assert written(around.write(Commit)).fields["task.a.status.current"] == "error"


def test_runs_that_nobody_waits_for_any_more_are_not_sent_again(around: Around) -> None:
    calls = grown(around, a=CAT, b=CAT)
    around.runner.tell(reply("a", 1, {}, status=0))
    around.write(Commit)
    late, early = calls["a"], calls["b"]._replace(attempt=0)
    around.runner.tell(GivenBack((late, early), "there"))
    around.runner.tell(reply("b", 1, {}, status=0))
    end = around.write(Commit)
    assert end.script == "end"
    around.runner.tell(GivenBack((calls["b"],), "there"))
    end.sender.tell(Committed("end"))
    assert around.ended() == Normal
    assert around.calls.empty()


def test_a_job_that_is_handed_back_already_is_handed_back_once(around: Around) -> None:
    calls = grown(around, a=CAT)
    around.runner.tell(HandBack())
    commit = around.write(Commit)
    assert commit.script == "hand_back"
    assert around.call(Cancel).task == "a"
    around.runner.tell(GivenBack((calls["a"],), "there"))
    commit.sender.tell(Committed("hand_back"))
    assert around.ended() == Normal
    assert around.writes.empty()


def test_a_job_that_is_taken_over_is_called_again_without_having_used_up_an_attempt(around: Around) -> None:
    around.rebuild(RUNNING, {"task.start.attempts": "1", "released": "other 1 7"}, crash="")
    commit = written(around.write(Commit))
    assert commit.story == [("job.resumed", "here"), ("task.called", "start, attempt 2")]
    assert (commit.record["task.start.failures"], commit.record.get("task.start.crashes")) == ("0", None)


def test_a_suspected_job_stays(around: Around) -> None:
    programs = {"parallelizable": "yes", "definitions": [{"name": name, **CAT} for name in "ab"]}
    fields = TWO_RUNNING | {"task.start.output.next_activities": json.dumps(programs)}
    around.rebuild(fields, NEXT | {"task.a.attempts": "1", "task.a.until": "0", "task.a.crashes": "1"})
    around.write(Commit)
    around.heard(Suspected)
    around.runner.tell(Proceed())
    runs = tuple(around.write(Commit).release)
    assert {run.task for run in runs} == {"a", "b"}
    around.runner.tell(GivenBack(runs, "there"))
    assert [around.call(CommandRun) for _ in runs] == [run._replace(stays=True) for run in runs]
    around.runner.tell(HandBack())
    assert around.write(Commit).script == "hand_back"
