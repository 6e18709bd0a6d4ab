"""One runner: what its commits tell of the job's history."""

from collections.abc import Iterator

import pytest

from cameron.activities.call import Begun
from cameron.job_data import Commit
from cameron.job_orders import CancelJob, HandBack

from .running import RUNNING, TWO_RUNNING, Around, reply, written

TWO_NEXT = {
    "data": 1,
    "next_activities": {"parallelizable": "yes", "definitions": [{"name": name, "url": f"http://127.0.0.1:1/{name}"} for name in "ab"]},
}


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    yield made
    made.stop()


def story(around: Around) -> list[tuple[str, str]]:
    """What the next commit tells."""
    return written(around.write(Commit)).story


def test_each_commit_tells_what_has_happened_since_the_one_before(around: Around) -> None:
    around.start()
    assert story(around) == [("job.started", "here"), ("task.called", "start")]
    around.runner.tell(reply("start", around.call().attempt, TWO_NEXT))
    assert story(around) == [("task.done", "start"), ("task.called", "a"), ("task.called", "b")]
    around.runner.tell(reply("a", 1, {}))
    assert story(around) == [("task.done", "a"), ("decided", "nothing")]
    around.runner.tell(reply("b", 1, {}, status=500))
    *failed, ended = story(around)
    assert [word for word, _ in failed] == ["task.attempt_failed", "task.failed"]
    assert failed[0][1].startswith("b, http_500: http://127.0.0.1:1/b replied 500")
    assert ended == ("job.ended", "done")


def test_what_is_called_again_tells_when_and_for_which_time(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.runner.tell(reply("start", around.call().attempt, {}, status=503))
    failed, delayed = story(around)
    assert (failed[0], delayed[0]) == ("task.attempt_failed", "task.delayed")
    assert delayed[1].startswith("start, until ")
    assert story(around) == [("task.called", "start, attempt 2")]


def test_a_run_that_has_begun_is_recorded_with_its_attempt(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(Begun("start", 1))
    commit = written(around.write(Commit))
    assert commit.story == [("task.begun", "start")]
    assert commit.record["task.start.begun"] == "1"


@pytest.mark.parametrize("begun", [Begun("start", 2), Begun("start", 0)])
def test_the_beginning_of_another_attempt_is_not_told(around: Around, begun: Begun) -> None:
    around.start()
    around.write(Commit)
    around.call()
    around.runner.tell(begun)
    around.runner.tell(reply("start", 1, {}))
    assert story(around) == [("task.done", "start"), ("job.ended", "done")]


def test_a_job_that_is_taken_over_tells_by_whom_and_what_was_cut_short(around: Around) -> None:
    around.rebuild(RUNNING)
    assert story(around) == [("job.resumed", "here"), ("task.interrupted", "start"), ("task.called", "start, attempt 2")]


def test_a_restored_job_tells_nothing_a_second_time(around: Around) -> None:
    around.rebuild(TWO_RUNNING, {"task.start.next": '["start",["a","b"]]'}, crash="")
    assert story(around) == [("job.resumed", "here"), ("task.called", "a, attempt 2"), ("task.called", "b, attempt 2")]


def test_the_end_by_somebodys_wish_is_told(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.runner.tell(CancelJob())
    assert story(around) == [("task.failed", "start, cancelled"), ("job.ended", "cancelled")]


def test_the_tasks_that_a_jobs_end_cuts_short_are_told_before_it(around: Around) -> None:
    around.start(timeout_s=0.3)
    around.write(Commit)
    (task, cut_short), (job, ended) = story(around)
    assert (task, job) == ("task.failed", "job.ended")
    assert cut_short.removeprefix("start") == ended.removeprefix("error")
    assert "not finished within" in ended


def test_a_job_that_is_handed_back_tells_by_whom(around: Around) -> None:
    around.start()
    around.write(Commit)
    around.runner.tell(HandBack())
    commit = around.write(Commit)
    assert (commit.script, commit.args[5:7]) == ("hand_back", ["job.handed_back", "here"])
