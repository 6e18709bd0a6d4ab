"""The script that keeps a callback: once, for a task that runs, and told to the node that holds the job and to no other."""

from typing import Any
from uuid import uuid4

import pytest

from cameron.store import keys
from cameron.store.redis import Pipeline

from .scripted import JOB, QUEUE, RECORD, UUID, Job

FIELD, STATUS = "task.t.callback", "task.t.status.current"
SIGNAL = {"signal": "callback", "uuid": UUID, "task": "t"}


@pytest.fixture
def job(client: Any, pipeline: Pipeline) -> Job:
    """A job whose task `t` runs, given to nobody yet."""
    client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)
    made = Job(client, pipeline)
    assert made.accept() == "accepted"
    client.hset(JOB, STATUS, "running")
    return made


def called_back(job: Job, node: str = "", body: str = '{"a":1}', entry: str = "", delivery: str = "") -> Any:
    """A callback has come, and that node is thought to hold the job."""
    names = [JOB, RECORD, QUEUE, *([keys.node(node), keys.inbox(node)] if node else [])]
    signal = [text for pair in SIGNAL.items() for text in pair]
    return job.run(
        "callback", names, [entry or job.entry, keys.GROUP, node, FIELD, body, STATUS, "running", delivery or uuid4().hex, *signal]
    )


def held(job: Job, node: str = "node") -> None:
    """A node that lives holds the job."""
    job.client.set(keys.node(node), "{}", px=60_000)
    assert job.given_to(node) == [job.entry]


def test_the_node_that_holds_the_job_is_told_and_the_record_has_the_callback(job: Job) -> None:
    held(job)
    assert called_back(job) == "moved"
    assert called_back(job, "node") == "told"
    assert [fields for _, fields in job.client.xrange(keys.inbox("node"))] == [SIGNAL]
    assert job.client.hget(RECORD, FIELD) == '{"a":1}'


def test_for_a_node_that_has_died_the_record_keeps_it_and_no_inbox_is_made(job: Job) -> None:
    held(job)
    job.client.delete(keys.node("node"))
    assert called_back(job, "node") == "stored"
    assert (job.client.exists(keys.inbox("node")), job.client.hget(RECORD, FIELD)) == (0, '{"a":1}')


def test_of_a_job_that_waits_in_its_queue_the_record_keeps_it(job: Job) -> None:
    assert called_back(job) == "stored"
    assert job.client.hget(RECORD, FIELD) == '{"a":1}'


def test_also_where_no_node_has_read_the_queue_yet(job: Job) -> None:
    job.client.xgroup_destroy(QUEUE, keys.GROUP)
    assert called_back(job) == "stored"


@pytest.mark.parametrize("node", ["node", ""])
def test_a_second_one_changes_nothing(job: Job, node: str) -> None:
    if node:
        held(job)
    called_back(job, node)
    before = job.everything()
    assert called_back(job, node, '{"b":2}') == "used"
    assert job.everything() == before


def test_a_field_that_is_empty_is_none(job: Job) -> None:
    job.client.hset(RECORD, FIELD, "")
    assert called_back(job) == "stored"


@pytest.mark.parametrize("status", ["done", "error", "skipped", None])
def test_one_for_a_task_that_does_not_run_changes_nothing(job: Job, status: str | None) -> None:
    held(job)
    if status:
        job.client.hset(JOB, STATUS, status)
    else:
        job.client.hdel(JOB, STATUS)
    before = job.everything()
    assert called_back(job, "node") == "late"
    assert job.everything() == before


def test_where_another_holds_the_job_or_nobody_any_more_nothing_changes(job: Job) -> None:
    before = job.everything()
    assert called_back(job, "node") == "moved"
    assert job.everything() == before
    held(job, "other")
    before = job.everything()
    assert [called_back(job, node) for node in ("node", "")] == ["moved", "moved"]
    assert job.everything() == before


def test_where_the_job_was_handed_back_and_taken_by_another_meanwhile_nothing_changes(job: Job) -> None:
    held(job)
    entry = job.entry
    job.transition("", "node 1", 1)
    assert job.hand_back("node 1 1", "node 1", 2) == "applied"
    held(job, "other")
    before = job.everything()
    assert [called_back(job, node, entry=entry) for node in ("node", "other", "")] == ["moved"] * 3
    assert job.everything() == before
    assert called_back(job, "other") == "told"


def test_of_a_job_that_is_gone_nothing_is_kept(job: Job) -> None:
    entry = job.entry
    job.client.delete(JOB, RECORD)
    before = job.everything()
    assert called_back(job, entry=entry) == "gone"
    assert job.everything() == before


def test_a_large_one_is_kept_whole(job: Job) -> None:
    body = '"' + "ü" * 500_000 + '"'
    assert called_back(job, body=body) == "stored"
    assert job.client.hget(RECORD, FIELD) == body


def test_a_delivery_whose_answer_was_lost_is_answered_again_and_told_once(job: Job) -> None:
    held(job)
    assert [called_back(job, "node", delivery="one") for _ in range(2)] == ["told", "stored"]
    assert called_back(job, "node", delivery="another") == "used"
    assert job.client.xlen(keys.inbox("node")) == 1


def test_once_its_node_has_the_task_closed_none_is_taken(job: Job) -> None:
    held(job)
    assert called_back(job, "node", body="") == "applied"
    assert called_back(job, "node", body="") == "applied"
    assert called_back(job, "node") == "closed"
    assert job.client.hexists(RECORD, FIELD) is False
    assert job.client.exists(keys.inbox("node")) == 0


def test_a_task_that_has_its_callback_is_not_closed(job: Job) -> None:
    held(job)
    assert called_back(job, "node") == "told"
    assert called_back(job, "node", body="") == "used"
    assert job.client.hget(RECORD, FIELD) == '{"a":1}'


def test_another_attempt_is_open_again(job: Job) -> None:
    held(job)
    assert called_back(job, "node", body="") == "applied"
    job.client.hset(RECORD, "task.t.attempts", "2")
    assert called_back(job, "node") == "told"


def test_a_node_that_does_not_hold_the_job_closes_nothing(job: Job) -> None:
    held(job)
    assert called_back(job, "other", body="") == "moved"
    assert called_back(job, "node") == "told"
