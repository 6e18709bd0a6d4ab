"""One runner, with stand-ins for job_data and the caller of activities: what it writes and calls, whatever it is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.activities.call import Cancel
from cameron.job_data import Answers, Commands, Commit, Committed, Refused
from cameron.job_orders import CancelJob, Drain, Drop, HandBack, WasRead
from cameron.otp import Crash, Normal, Shutdown
from cameron.process_catalog import Catalog
from cameron.store import keys

from .running import HASH, HELD, JOB, MEMBER, QUEUE, RECORD, RUNNING, SETTINGS, UUID, Around, reply, statuses, written


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    yield made
    made.stop()


def test_a_deadline_holds_though_the_clock_was_set_back(around: Around) -> None:
    around.start(timeout_s=0.5)
    around.write(Commit)
    around.clock.set(around.clock.now_ms() - 300)
    end = around.write(Commit)
    assert end.script == "end"
    assert "error" in end.args


def test_a_retry_comes_though_the_clock_was_set_back(around: Around) -> None:
    around.start()
    around.write(Commit)
    first = around.call()
    around.clock.set(around.clock.now_ms() - 300)
    around.runner.tell(reply("start", first.attempt, {}, status=503))
    assert around.call().attempt == 2


def test_a_lost_lease_ends_the_calls_under_way_and_writes_nothing(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(Drop())
    assert around.call(Cancel).task == "start"
    assert isinstance(around.ended(), Shutdown)
    assert around.writes.empty()


@pytest.mark.parametrize("why", ["fenced", "lost", "gone"])
def test_a_refused_write_ends_the_runner_and_is_no_crash(around: Around, why: str) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(Refused(why))
    assert around.ended() == Shutdown(why)
    assert around.call(Cancel).task == "start"


def test_a_write_that_redis_takes_for_a_mistake_is_a_crash(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.runner.tell(Refused("WRONGTYPE Operation against a key"))
    assert isinstance(around.ended(), Crash)


DAMAGED: dict[str, dict[str, Any]] = {
    "no definition": {"definition": None},
    "no request": {"request": None},
    "a request that is none": {"request": "[]"},
    "a deadline that is no number": {"deadline": "soon"},
    "an owner of another form": {"owner": "a b c"},
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_record_that_cannot_be_read_is_a_crash_of_the_runner(around: Around, damage: str) -> None:
    around.start(fresh=False)
    record = around.record(**DAMAGED[damage])
    around.answer(HELD, record, HASH)
    assert isinstance(around.ended(), Crash)


def test_a_job_from_before_times_of_acceptance_were_recorded_is_run_all_the_same(around: Around) -> None:
    around.start(fresh=False)
    record = around.record()
    del record["accepted"]
    around.answer(HELD, record, HASH)
    assert around.write(Commit).script == "transition"


def test_a_definition_that_the_node_does_not_know_is_read_as_the_job_started_with_it(around: Around) -> None:
    around.catalog, known = Catalog(SETTINGS), around.process
    around.start(fresh=False)
    around.answer(HELD, around.record(), HASH)
    asked = around.write(Commands)
    assert asked.commands == (("GET", keys.definition("foo", known.digest)),)
    asked.sender.tell(Answers([known.document]))
    [call] = around.write(Commit).release
    assert call.url == "http://127.0.0.1:1/start"


def test_a_definition_that_is_no_longer_in_redis_is_a_crash_of_the_runner(around: Around) -> None:
    around.catalog = Catalog(SETTINGS)
    around.start(fresh=False)
    around.answer(HELD, around.record(), HASH)
    around.answer(None)
    assert isinstance(around.ended(), Crash)


def test_a_job_given_up_after_crashes_ends_in_error(around: Around) -> None:
    around.start(fresh=False, crashes=5)
    around.answer(HELD, around.record(), HASH)
    end = around.write(Commit)
    assert end.script == "end"
    assert "error" in end.args
    around.runner.tell(Committed("end"))
    assert around.ended() == Normal


def test_a_job_that_cannot_even_be_given_up_is_put_aside_unread(around: Around) -> None:
    around.start(fresh=False, crashes=6)
    end = around.write(Commit)
    assert (end.script, end.keys[:3], end.keys[6]) == ("end_held", [JOB, RECORD, QUEUE], keys.dead("foo"))
    assert list(end.args[:6]) == ["", "here", 0, "1-1", keys.GROUP, 5000]
    assert UUID in end.args[10:]
    assert [text for text in end.args if text in ("job.status.current", "error")] == ["job.status.current", "error"]
    end.sender.tell(Committed("end_held"))
    assert around.ended() == Normal
    assert around.writes.empty()


def test_a_job_that_another_node_holds_by_now_is_not_taken_back(around: Around) -> None:
    around.start(fresh=False)
    asked = around.write(Commands)
    assert asked.commands[0] == ("XPENDING", QUEUE, keys.GROUP, "1-1", "1-1", 1, "here")
    asked.sender.tell(Answers([[], around.record(owner="another 3 7"), HASH]))
    assert around.ended() == Shutdown("not held")
    assert around.writes.empty()


def test_an_entry_whose_job_is_no_longer_in_redis_is_taken_out_of_the_queue(around: Around) -> None:
    around.start(fresh=False)
    around.answer(ValueError("NOGROUP"), {}, {})
    assert around.heard(WasRead) == WasRead(UUID)
    forgetting = around.write(Commit)
    assert (forgetting.script, forgetting.args) == ("forget", ["1-1", keys.GROUP, MEMBER, UUID])
    forgetting.sender.tell(Committed("forget"))
    assert around.ended() == Normal


def test_a_job_whose_record_is_gone_ends_in_error_and_goes_to_the_dead_letter(around: Around) -> None:
    around.start(fresh=False)
    around.answer(HELD, {}, HASH)
    end = around.write(Commit)
    assert (end.script, end.keys[:2]) == ("end_held", [JOB, RECORD])
    assert "given up: its record is no longer in redis" in end.args


@pytest.mark.parametrize("message", [Drain(), HandBack()])
def test_a_runner_stopped_while_it_reads_its_job_leaves_it_to_the_scheduler(around: Around, message: Any) -> None:
    around.start(fresh=False)
    around.write(Commands)
    around.runner.tell(message)
    assert around.ended() == Shutdown("not begun")
    assert around.writes.empty()


def test_answers_of_calls_that_were_handed_back_write_nothing(around: Around) -> None:
    around.start()
    around.write(Commit)
    call = around.call()
    around.runner.tell(HandBack())
    assert around.write(Commit).script == "hand_back"
    around.runner.tell(reply("start", call.attempt, {"data": 1}))
    around.runner.tell(Drain())
    around.runner.tell(Committed("hand_back"))
    assert around.ended() == Normal
    assert around.writes.empty()


def test_the_answer_of_an_attempt_that_is_over_changes_nothing(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(reply("start", 7, {"data": "of another attempt"}))
    around.runner.tell(reply("start", 1, {"data": "of this one"}))
    end = around.write(Commit)
    assert end.script == "end"
    assert '"of this one"' in end.args


# cancelled


def test_a_job_cancelled_while_it_runs_ends_its_calls_and_says_so_in_its_running_tasks(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(CancelJob())
    assert around.call(Cancel).task == "start"
    end = around.write(Commit)
    fields = written(end).fields
    assert (end.script, statuses(fields)) == ("end", {"task.start": "error", "job": "cancelled"})
    assert (fields["task.start.output.data"], end.keys[5]) == ("cancelled", keys.jobs("foo", "cancelled"))
    around.runner.tell(CancelJob())
    around.runner.tell(reply("start", 1, {}))
    around.runner.tell(Committed("end"))
    assert around.ended() == Normal
    assert around.writes.empty()


def test_a_job_cancelled_before_it_was_read_is_ended_as_soon_as_it_is(around: Around) -> None:
    around.start(fresh=False)
    read = around.write(Commands)
    around.runner.tell(CancelJob())
    read.sender.tell(Answers([HELD, around.record(), HASH]))
    end = around.write(Commit)
    assert (end.script, statuses(written(end).fields)) == ("end", {"job": "cancelled"})
    assert around.calls.empty()


@pytest.mark.parametrize("fields", [{}, RUNNING])
def test_a_job_whose_record_says_that_it_is_to_be_cancelled_calls_nothing_more(around: Around, fields: dict[str, str]) -> None:
    around.rebuild(fields, {"cancel": "1700000000999"})
    end = around.write(Commit)
    assert (end.script, statuses(written(end).fields)["job"]) == ("end", "cancelled")
    assert around.calls.empty()
    assert around.told.empty()


def test_a_job_cancelled_while_it_is_handed_back_is_left_to_whoever_goes_on_with_it(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.runner.tell(HandBack())
    assert around.write(Commit).script == "hand_back"
    around.runner.tell(CancelJob())
    around.runner.tell(Committed("hand_back"))
    assert around.ended() == Normal
    assert around.writes.empty()


# how long it is kept


@pytest.mark.parametrize(("own_ms", "kept_ms"), [(None, 5000), (0, 0), (7, 7)])
def test_a_job_is_kept_as_long_as_its_process_says_or_else_its_node(around: Around, own_ms: int | None, kept_ms: int) -> None:
    around.options(retention_ms=own_ms)
    around.start()
    around.write(Commit)
    call = around.call()
    around.runner.tell(reply("start", call.attempt, {}))
    assert written(around.write(Commit)).keep_ms == kept_ms
