"""What clients are told of workflows and activities, in Libero Flow's words."""

import json
from typing import Any

import pytest

from cameron.core import history
from cameron.core.event import (
    Awaited,
    Change,
    Event,
    Failure,
    JobEnded,
    JobRetried,
    JobStarted,
    Success,
    TaskBegun,
    TaskCalled,
    TaskDelayed,
    TaskFailed,
    TaskReplied,
    TaskWaits,
)
from cameron.core.job import Job, apply, new_job
from cameron.core.status import OF_JOBS, Status
from cameron.definitions.libero.dialect import LiberoDialect
from cameron.definitions.libero.states import VOCABULARY, WORKFLOW
from cameron.definitions.settings import Settings

UUID = "0123456789abcdef0123456789abcdef"
DIALECT = LiberoDialect(Settings())
UNTIL_MS = 1_790_000_000_123
LISTED: list[dict[str, Any]] = [
    {"name": "First"},
    {"name": "Beside", "independent": True, "required": False},
    {"name": "First"},
]


class Running:
    """A job under way, and what Redis would hold of it."""

    def __init__(self, *activities: dict[str, Any], data: Any = None) -> None:
        self.process = DIALECT.from_file({"name": "flow", "activities": list(activities) or LISTED}, "here")
        body = json.dumps({"data": data})
        request = DIALECT.read_request(self.process, body.encode())
        self.fields = dict(pairs(DIALECT.layout.accepted(request._replace(key=UUID), "now")))
        self.record = {"request": body, **dict(pairs(request.record))}
        self.job = new_job(self.process, UUID, UUID, request.payload, 1)

    def after(self, *events: Event) -> "Running":
        """The same, once these have happened."""
        for event in events:
            self._keep(*apply(self.job, event))
        return self

    def _keep(self, job: Job, changes: list[Change]) -> None:
        self.job = job
        writes = DIALECT.layout.writes(job, changes, "now")
        self.fields.update(pairs(writes.fields))
        self.record.update(pairs(writes.record))
        for held, removed in ((self.fields, writes.removed_fields), (self.record, writes.removed_record)):
            for name in removed:
                held.pop(name, None)

    @property
    def shown(self) -> Any:
        """The workflow as its clients see it."""
        return json.loads(DIALECT.show("flow", UUID, UUID, self.fields, self.record))["workflow"]

    @property
    def first(self) -> Any:
        """Its first activity as they see it."""
        return self.shown["activities"][0]


def pairs(flat: Any) -> Any:
    return zip(flat[::2], flat[1::2], strict=True)


CALLED = (JobStarted(), TaskCalled("First"))
FAILED = (*CALLED, TaskReplied("First", Failure("temporary_failure", "later")))


def test_a_workflow_that_waits_in_the_queue_is_pending_with_all_that_it_lists() -> None:
    assert Running(data={"order": 42}).shown == {
        "id": UUID,
        "name": "flow",
        "state": "Pending",
        "input_data": {"order": 42},
        "activities": [
            {"name": "First", "state": "Pending", "independent": False, "required": True, "attempts": 0},
            {"name": "Beside", "state": "Pending", "independent": True, "required": False, "attempts": 0},
            {"name": "First#2", "state": "Pending", "independent": False, "required": True, "attempts": 0},
        ],
    }


@pytest.mark.parametrize("data", ["5", 5, "text", None, [], {"a": "ä"}])
def test_the_input_data_are_shown_as_they_were_sent(data: Any) -> None:
    assert Running(data=data).shown["input_data"] == data


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((JobStarted(),), "In Progress"),
        ((JobStarted(), JobEnded(Status.DONE)), "Finished"),
        ((JobStarted(), JobEnded(Status.ERROR)), "Failed"),
        ((JobStarted(), JobEnded(Status.CANCELLED, "cancelled")), "Cancelled"),
        ((JobEnded(Status.CANCELLED, "cancelled"),), "Cancelled"),
        ((JobStarted(), JobEnded(Status.ERROR), JobRetried()), "Pending"),
    ],
)
def test_a_workflows_state(events: tuple[Event, ...], state: str) -> None:
    assert Running().after(*events).shown["state"] == state


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((JobStarted(),), {"state": "Pending", "attempts": 0}),
        (CALLED, {"state": "Scheduled", "attempts": 1}),
        ((*CALLED, TaskBegun("First")), {"state": "In Progress", "attempts": 1}),
        ((*CALLED, TaskReplied("First", Success('{"a":1}'))), {"state": "Succeeded", "attempts": 1, "result": {"a": 1}}),
        ((*FAILED, TaskFailed("First", "why")), {"state": "Permanent Failure", "attempts": 1, "error": "why"}),
        (
            (*FAILED, TaskDelayed("First", UNTIL_MS)),
            {"state": "Temporary Failure", "attempts": 1, "until": "2026-09-21T14:13:20.123Z"},
        ),
        ((*CALLED, TaskBegun("First"), *FAILED[2:], TaskDelayed("First", 5), TaskCalled("First")), {"state": "Scheduled", "attempts": 2}),
        ((*FAILED, TaskDelayed("First", 5), TaskCalled("First"), TaskBegun("First")), {"state": "In Progress", "attempts": 2}),
        ((*FAILED, TaskFailed("First", "why"), JobEnded(Status.ERROR), JobRetried()), {"state": "Pending", "attempts": 0}),
    ],
)
def test_an_activitys_state(events: tuple[Event, ...], told: dict[str, Any]) -> None:
    assert Running().after(*events).first == {"name": "First", "independent": False, "required": True, **told}


def test_what_needs_no_place_is_in_progress_from_its_call_on() -> None:
    running = Running({"name": "First", "kind": "http", "url": "http://a/"}).after(*CALLED)
    assert running.first["state"] == "In Progress"


def test_what_waits_for_a_callback_or_lets_time_pass_is_in_progress() -> None:
    awaited = TaskReplied("First", Awaited(60.0, callback=True)), TaskWaits("First", UNTIL_MS)
    assert Running({"name": "First", "kind": "wait"}).after(*CALLED, *awaited).first["state"] == "In Progress"


def test_a_program_waits_for_a_place_as_well() -> None:
    running = Running({"name": "First", "kind": "command", "command": ["tar"]}).after(*CALLED)
    assert running.first["state"] == "Scheduled"
    assert running.after(TaskBegun("First")).first["state"] == "In Progress"


def test_an_activity_whose_turn_never_came_stays_pending_in_a_workflow_that_has_failed() -> None:
    shown = Running().after(*FAILED, TaskFailed("First", "why"), JobEnded(Status.ERROR)).shown
    assert [activity["state"] for activity in shown["activities"]] == ["Permanent Failure", "Pending", "Pending"]


def test_what_an_operator_may_have_written_is_shown_as_a_text() -> None:
    running = Running().after(*CALLED, TaskReplied("First", Success("null")))
    running.fields["task.First.output.data"] = "no JSON"
    assert running.first["result"] == "no JSON"


def test_a_workflow_whose_record_is_gone_is_shown_all_the_same() -> None:
    running = Running().after(*CALLED)
    running.record = {}
    assert running.shown == {"id": UUID, "name": "flow", "state": "In Progress", "input_data": None, "activities": []}


# the vocabulary


def test_every_state_of_a_workflow_has_a_word() -> None:
    assert set(WORKFLOW) == set(OF_JOBS)


def test_the_decisions_are_those_of_the_document() -> None:
    decisions = {said["decision"] for said in VOCABULARY.values() if "decision" in said}
    assert decisions == {
        "do-nothing",
        "reschedule-activity",
        "schedule-activity",
        "start-workflow",
        "workflow-failure",
        "workflow-finished",
    }


@pytest.mark.parametrize(
    ("events", "word", "said"),
    [
        ((JobStarted(),), "job.started", {"decision": "start-workflow", "state": "In Progress"}),
        (CALLED, "task.called", {"decision": "schedule-activity", "state": "Scheduled"}),
        ((*CALLED, TaskBegun("First")), "task.begun", {"state": "In Progress"}),
        ((*CALLED, TaskReplied("First", Success("null"))), "task.done", {"state": "Succeeded"}),
        ((*FAILED, TaskDelayed("First", 5)), "task.delayed", {"decision": "reschedule-activity", "state": "Temporary Failure"}),
        ((*FAILED, TaskFailed("First", "why")), "task.failed", {"state": "Permanent Failure"}),
        ((JobStarted(), JobEnded(Status.DONE)), "job.ended done", {"decision": "workflow-finished", "state": "Finished"}),
        ((JobStarted(), JobEnded(Status.ERROR)), "job.ended error", {"decision": "workflow-failure", "state": "Failed"}),
        ((JobStarted(), JobEnded(Status.CANCELLED)), "job.ended cancelled", {"state": "Cancelled"}),
    ],
)
def test_an_event_is_told_in_the_documents_words_as_well(events: tuple[Event, ...], word: str, said: dict[str, str]) -> None:
    told = history.told(Running().after(*events).job, events[-1], "node")
    assert told
    assert (told[0], VOCABULARY[word]) == (word.partition(" ")[0], said)


def test_where_nothing_is_due_the_decision_is_to_do_nothing() -> None:
    assert VOCABULARY[history.NOTHING_DUE[0]] == {"decision": "do-nothing"}
