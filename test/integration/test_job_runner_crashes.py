"""One runner of a job with which nodes or runners have died: what is counted, when it has to wait, and when it is given up."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.core.process import Limits
from cameron.job_data import Commit, Committed
from cameron.job_orders import Announce, CancelJob, Cleared, CrashCounted, Drain, HandBack, Proceed, Stay, Suspected
from cameron.otp import Normal
from cameron.store import keys

from ..acceptance.support.waiting import eventually
from .running import ACCEPTED_MS, DIED, NEXT, RUNNING, TWO_RUNNING, UUID, Around, reply, statuses, written


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    yield made
    made.stop()


def test_when_a_node_has_died_each_task_whose_call_was_under_way_counts_it(around: Around) -> None:
    around.rebuild(TWO_RUNNING, NEXT | {"task.b.attempts": "2", "task.b.until": "0", "task.b.crashes": "1"})
    took_over = written(around.write(Commit))
    assert took_over.script == "transition"
    assert {name: took_over.record.get(f"task.{name}.crashes") for name in ("start", "a", "b")} == {"start": None, "a": "1", "b": "2"}
    assert took_over.record["crash"] == DIED


def test_a_task_that_waited_for_another_attempt_had_no_part_in_a_crash(around: Around) -> None:
    later = str(around.clock.now_ms() + 1_000_000)
    around.rebuild(TWO_RUNNING, NEXT | {"task.b.attempts": "1", "task.b.until": later})
    took_over = written(around.write(Commit))
    assert {name: took_over.record.get(f"task.{name}.crashes") for name in ("a", "b")} == {"a": "1", "b": None}


NO_CRASHES: dict[str, tuple[str, dict[str, str]]] = {
    "a job that was handed back": ("", {"released": "other 1 7"}),
    "a job whose node restarted its scheduler": ("", {}),
    "a job of which no task was under way when its node died": (DIED, {"released": "other 1 7"}),
}


@pytest.mark.parametrize("case", NO_CRASHES)
def test_nothing_is_counted_against(around: Around, case: str) -> None:
    crash, record = NO_CRASHES[case]
    around.rebuild(RUNNING, record, crash=crash)
    took_over = written(around.write(Commit))
    assert [field for field in took_over.record if field.endswith(".crashes")] == []
    assert around.told.empty()


def test_a_job_that_was_handed_back_by_an_earlier_owner_and_ran_on_since_counts_a_crash(around: Around) -> None:
    around.rebuild(RUNNING, {"released": "other 1 6"})
    assert written(around.write(Commit)).record["task.start.crashes"] == "1"


def test_after_one_crash_a_task_is_called_again_without_ado(around: Around) -> None:
    around.rebuild(RUNNING)
    commit = around.write(Commit)
    assert [(call.task, call.attempt) for call in commit.release] == [("start", 2)]
    assert around.told.empty()


CRASHED_ONCE = {"task.start.attempts": "1", "task.start.until": "0", "task.start.crashes": "1"}
CRASHED_TWICE = CRASHED_ONCE | {"task.start.crashes": "2"}


def suspected(around: Around) -> Any:
    """A job with whose task a node has died for the second time; the commit of its new runner."""
    around.rebuild(RUNNING, CRASHED_ONCE)
    return around.write(Commit)


def test_a_suspected_job_is_claimed_and_calls_nothing_until_it_may_proceed(around: Around) -> None:
    claim = suspected(around)
    assert (claim.script, claim.release, written(claim).idle) == ("transition", [], True)
    assert written(claim).record["task.start.crashes"] == "2"
    assert around.heard(Suspected) == Suspected(around.runner, UUID)
    assert around.calls.empty()
    around.runner.tell(Proceed())
    goes_on = around.write(Commit)
    assert [call.task for call in goes_on.release] == ["start"]
    assert not written(goes_on).idle
    assert around.calls.empty(), "its call waits until the commit is in Redis, so that what it does there is counted"


def test_a_job_is_suspected_for_what_its_record_says_though_this_time_nobody_died(around: Around) -> None:
    around.rebuild(RUNNING, CRASHED_TWICE | {"released": "other 1 7"}, crash="")
    claim = around.write(Commit)
    assert (claim.release, written(claim).idle, written(claim).record) == ([], True, {})
    assert around.heard(Suspected).uuid == UUID


def test_a_suspected_job_makes_itself_known_to_a_scheduler_that_has_just_started(around: Around) -> None:
    suspected(around)
    for _ in range(2):
        assert around.heard(Suspected) == Suspected(around.runner, UUID)
        around.runner.tell(Announce())
    around.heard(Suspected)
    around.runner.tell(Proceed())
    around.write(Commit)
    around.runner.tell(Announce())
    assert around.heard(Suspected).uuid == UUID, "it has the place, and a new scheduler has to know"


def test_a_job_that_is_not_suspected_announces_that(around: Around) -> None:
    around.rebuild(RUNNING)
    around.write(Commit)
    around.runner.tell(Announce())
    assert around.heard(Cleared) == Cleared(around.runner, UUID)


def test_a_job_is_suspected_no_more_when_the_task_has_ended_with_which_nodes_have_died(around: Around) -> None:
    suspected(around)
    around.heard(Suspected)
    around.runner.tell(Proceed())
    around.write(Commit)
    definitions = [{"name": "a", "url": "http://127.0.0.1:1/a"}]
    around.runner.tell(reply("start", 2, {"next_activities": {"parallelizable": "yes", "definitions": definitions}}))
    commit = around.write(Commit)
    assert [call.task for call in commit.release] == ["a"]
    assert around.heard(Cleared) == Cleared(around.runner, UUID)
    assert around.told.empty()


def test_a_suspected_job_that_goes_on_stays_suspected_while_another_task_of_it_ends(around: Around) -> None:
    record = {f"task.a.{field}": text for field, text in (("attempts", "1"), ("until", "0"), ("crashes", "3"))}
    around.rebuild(TWO_RUNNING, NEXT | record)
    around.write(Commit)
    around.heard(Suspected)
    around.runner.tell(Proceed())
    assert sorted(call.task for call in around.write(Commit).release) == ["a", "b"]
    around.runner.tell(reply("b", 2, {}))
    around.write(Commit)
    assert around.told.empty()
    around.runner.tell(reply("a", 2, {}))
    assert around.write(Commit).script == "end"


def test_a_suspected_job_whose_deadline_comes_while_it_waits_ends(around: Around) -> None:
    around.rebuild(RUNNING, CRASHED_ONCE, timeout_s=0.5)
    assert written(around.write(Commit)).idle
    around.heard(Suspected)
    end = around.write(Commit)
    assert (end.script, statuses(written(end).fields)["job"]) == ("end", "error")


def test_a_suspected_job_may_be_cancelled_while_it_waits(around: Around) -> None:
    suspected(around)
    around.runner.tell(CancelJob())
    end = around.write(Commit)
    assert statuses(written(end).fields) == {"task.start": "error", "job": "cancelled"}


@pytest.mark.parametrize("message", [Drain(), HandBack()])
def test_a_suspected_job_that_waits_is_handed_back_when_its_node_is_to_stop(around: Around, message: Any) -> None:
    suspected(around)
    around.runner.tell(message)
    assert around.write(Commit).script == "hand_back"
    around.runner.tell(Proceed())
    around.runner.tell(Committed("hand_back"))
    assert around.ended() == Normal
    assert around.writes.empty()


def test_a_delayed_task_of_a_suspected_job_waits_for_its_turn_too(around: Around) -> None:
    due = str(around.clock.now_ms() + 200)
    around.rebuild(TWO_RUNNING, NEXT | {"task.a.crashes": "1", "task.b.attempts": "1", "task.b.until": due})
    around.write(Commit)
    around.heard(Suspected)
    eventually(lambda: around.clock.now_ms() > int(due) + 200, "the delay to be over")
    around.runner.tell(Proceed())
    assert sorted(call.task for call in around.write(Commit).release) == ["a", "b"]


def test_a_job_whose_task_has_seen_too_many_crashes_is_given_up_and_goes_to_the_dead_letter(around: Around) -> None:
    around.rebuild(RUNNING, CRASHED_ONCE | {"task.start.crashes": "4"})
    commit = around.write(Commit)
    assert (commit.script, commit.keys[6]) == ("end", keys.dead("foo"))
    end = written(commit)
    reason = "given up: whoever ran this job has died 5 times while task 'start' was called (setting job.max_crashes)"
    about = {"process": "foo", "key": "k", "uuid": UUID, "accepted": str(ACCEPTED_MS)}
    assert end.dead == about | {"task": "start", "crashes": "5", "reason": reason, "crash": DIED}
    assert (statuses(end.fields), end.fields["task.start.output.data"]) == ({"task.start": "error", "job": "error"}, reason)
    assert end.record == {"task.start.attempts": "1", "task.start.until": "0", "task.start.crashes": "5", "crash": DIED}
    assert around.told.empty()
    assert around.calls.empty()


def test_how_many_crashes_are_too_many_is_the_processs_to_say(around: Around) -> None:
    around.options(limits=Limits(max_crashes=2))
    around.rebuild(RUNNING, CRASHED_ONCE)
    end = written(around.write(Commit))
    assert (end.script, end.dead["crashes"]) == ("end", "2")


def test_a_job_whose_runners_crashed_again_and_again_is_given_up_and_blames_no_task_where_none_was_called(around: Around) -> None:
    crash = "its runner crashed: KeyError: 'x'"
    around.rebuild(RUNNING, CRASHED_ONCE | {"task.start.until": str(around.clock.now_ms() + 60_000)}, crash=crash, crashes=5)
    end = written(around.write(Commit))
    assert (end.script, statuses(end.fields)["job"]) == ("end", "error")
    assert (end.dead["task"], end.dead["crashes"], end.dead["crash"]) == ("", "5", crash)
    assert "5 times" in end.dead["reason"]


def test_once_the_record_counts_a_crash_the_scheduler_need_not(around: Around) -> None:
    around.rebuild(RUNNING, crash="its runner crashed: KeyError: 'x'", crashes=5)
    counted = around.write(Commit)
    assert (written(counted).record["task.start.crashes"], counted.confirm, around.told.empty()) == ("1", True, True)
    around.runner.tell(Committed("transition"))
    assert around.heard(CrashCounted) == CrashCounted(around.runner)


def test_a_job_that_was_to_be_given_up_and_is_to_be_cancelled_is_cancelled(around: Around) -> None:
    around.rebuild(RUNNING, {"cancel": "1700000000999"}, crash="its runner crashed: KeyError: 'x'", crashes=5)
    end = written(around.write(Commit))
    assert (statuses(end.fields)["job"], end.dead) == ("cancelled", {})


def test_a_suspect_that_waits_for_another_attempt_leaves_its_place_to_others_and_asks_for_it_again(around: Around) -> None:
    soon = str(around.clock.now_ms() + 300)
    around.rebuild(RUNNING, CRASHED_ONCE | {"task.start.crashes": "2", "task.start.until": soon})
    around.write(Commit)
    assert around.heard(Suspected) == Suspected(around.runner, UUID), "only when its time has come"
    assert around.clock.now_ms() >= int(soon)
    around.runner.tell(Proceed())
    assert written(around.write(Commit)).record["task.start.attempts"] != ""


def test_a_runner_that_stays_after_all_calls_what_it_had_put_off(around: Around) -> None:
    around.rebuild(TWO_RUNNING, NEXT)
    around.write(Commit)
    around.runner.tell(Drain())
    around.runner.tell(Stay())
    around.runner.tell(CancelJob())
    assert written(around.write(Commit)).script == "end", "it has not handed its job back"
