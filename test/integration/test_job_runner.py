"""One runner, with stand-ins for job_data and the caller of activities: what it writes and calls, whatever it is told."""

import json
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.activities.call import Call, Cancel, Replies, Reply
from cameron.clock import Clock
from cameron.core.process import Limits, Process, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.definitions.cameron import CameronDialect
from cameron.job_data import Answers, Commands, Commit, Committed, Refused
from cameron.job_ledger import Claim
from cameron.job_runner import Drain, Drop, HandBack, JobRunner, Surroundings
from cameron.otp import Crash, Normal, Shutdown
from cameron.process_catalog import Catalog
from cameron.store import keys

from ..acceptance.support.waiting import eventually
from .stand import Stand

PATIENCE_S = 20.0
UUID = "0" * 32
REQUEST = '{"key": "k", "data": 1}'
JOB, RECORD, QUEUE = keys.job("foo", "k", UUID), keys.record("foo", UUID), keys.queue("foo")


class Around:
    """A runner and what it talks to."""

    def __init__(self) -> None:
        settings = Settings(RetryPolicy(), Timeouts(), Limits())
        self.clock, self.catalog = Clock(), Catalog(settings)
        self.process: Process = CameronDialect(settings).process("foo", "http://127.0.0.1:1/start", "a test")
        self.catalog.publish([self.process])
        self.writes: SimpleQueue[Any] = SimpleQueue()
        self.calls: SimpleQueue[Any] = SimpleQueue()
        self.refs: list[Any] = [Stand.start(self.writes, name="job_data"), Stand.start(self.calls, name="http")]
        self.runner: Any = None

    def start(self, timeout_s: float = 1000.0, fresh: bool = True, crashes: int = 0) -> "Around":
        """Start the runner, as of a new job or to rebuild one."""
        deadline_ms = self.clock.now_ms() + int(timeout_s * 1000)
        claim = Claim("foo", "k", UUID, "1-1", "here", self.process.digest, deadline_ms, REQUEST if fresh else None, crashes)
        self.runner = JobRunner.start(claim, Surroundings(self.catalog, self.clock, 1000, 5000), name=f"job {UUID}")
        self.refs.append(self.runner)
        return self

    def stop(self) -> None:
        """End all actors."""
        for ref in self.refs:
            ref.exit()
        eventually(lambda: not any(ref.is_alive() for ref in self.refs), "the actors to end")

    def write(self, kind: type) -> Any:
        """What job_data is told next."""
        message = self.writes.get(timeout=PATIENCE_S)
        assert isinstance(message, kind), message
        return message

    def call(self, kind: type = Call) -> Any:
        """What the caller of activities is told next."""
        message = self.calls.get(timeout=PATIENCE_S)
        assert isinstance(message, kind), message
        return message

    def answer(self, *answers: Any) -> None:
        """Answer the commands that the runner asks for next."""
        self.write(Commands).sender.tell(Answers(list(answers)))

    def ended(self) -> Any:
        """The reason with which the runner ended."""
        eventually(lambda: not self.runner.is_alive(), "the runner to end")
        return self.runner.actor_inbox.reason

    def record(self, **changed: str) -> dict[str, str]:
        """The record of a job that waits in the queue."""
        deadline = str(self.clock.now_ms() + 1_000_000)
        made = {"request": REQUEST, "definition": self.process.digest, "deadline": deadline, "owner": "", "entry": "1-1"}
        return {name: value for name, value in (made | changed).items() if value is not None}


@pytest.fixture
def around() -> Iterator[Around]:
    made = Around()
    yield made
    made.stop()


HELD = [["1-1", "here", 5, 1]]
HASH = {"job.key": "k", "job.data": "1", "job.requestor": "", "job.status.current": "scheduled", "job.status.scheduled.time": "t"}


def reply(task: str, attempt: int, body: Any, status: int = 200) -> Replies:
    return Replies([Reply(task, attempt, status, json.dumps(body).encode(), "", None, "")])


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
    around.answer(HELD, record)
    for found in (around.process.document, HASH):
        if around.runner.is_alive() and "definition" in record:
            around.answer(found)
    assert isinstance(around.ended(), Crash)


def test_a_job_given_up_after_crashes_ends_in_error(around: Around) -> None:
    around.start(fresh=False, crashes=5)
    around.answer(HELD, around.record())
    around.answer(around.process.document)
    around.answer(HASH)
    end = around.write(Commit)
    assert end.script == "end"
    assert "error" in end.args
    around.runner.tell(Committed("end"))
    assert around.ended() == Normal


def test_a_job_that_cannot_even_be_given_up_is_put_aside_unread(around: Around) -> None:
    around.start(fresh=False, crashes=6)
    commands = around.write(Commands)
    by_name = {command[0]: command for command in commands.commands}
    assert by_name["XADD"][1] == keys.dead("foo")
    assert UUID in by_name["XADD"]
    assert by_name["HSET"][:4] == ("HSET", JOB, "job.status.current", "error")
    assert by_name["XACK"] == ("XACK", QUEUE, keys.GROUP, "1-1")
    assert by_name["XDEL"] == ("XDEL", QUEUE, "1-1")
    expiring = [command for command in commands.commands if command[0] == "PEXPIRE"]
    assert expiring == [("PEXPIRE", JOB, 5000), ("PEXPIRE", RECORD, 5000)]
    commands.sender.tell(Answers([ValueError("WRONGTYPE")] * len(commands.commands)))
    assert around.ended() == Normal


def test_a_job_that_another_node_holds_by_now_is_not_taken_back(around: Around) -> None:
    around.start(fresh=False)
    asked = around.write(Commands)
    assert asked.commands[0] == ("XPENDING", QUEUE, keys.GROUP, "1-1", "1-1", 1, "here")
    asked.sender.tell(Answers([[], around.record(owner="another 3 7")]))
    assert around.ended() == Shutdown("not held")
    assert around.writes.empty()


def test_an_entry_whose_job_is_no_longer_in_redis_is_taken_out_of_the_queue(around: Around) -> None:
    around.start(fresh=False)
    around.answer(ValueError("NOGROUP"), {})
    assert around.write(Commands).commands == (("XACK", QUEUE, keys.GROUP, "1-1"), ("XDEL", QUEUE, "1-1"))


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
