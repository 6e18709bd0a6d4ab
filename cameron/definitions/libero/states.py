"""Libero Flow's words for what workflows and activities can be, and for the decisions about them; a workflow as its clients see it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cameron.core.moment import rfc3339
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.dialect import Vocabulary
from cameron.definitions.hash_layout import HashLayout

PENDING: Final = "Pending"  # of a workflow: it waits in the queue; of an activity: its turn has not come
IN_PROGRESS: Final = "In Progress"
FINISHED, FAILED, CANCELLED = "Finished", "Failed", "Cancelled"
SCHEDULED: Final = "Scheduled"  # it is called, and has no free place yet
SUCCEEDED: Final = "Succeeded"
TEMPORARY_FAILURE: Final = "Temporary Failure"  # another attempt follows
PERMANENT_FAILURE: Final = "Permanent Failure"

WORKFLOW: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.SCHEDULED: PENDING,
        Status.RUNNING: IN_PROGRESS,
        Status.DONE: FINISHED,
        Status.ERROR: FAILED,
        Status.CANCELLED: CANCELLED,
    }
)

VOCABULARY: Final[Vocabulary] = MappingProxyType(
    {
        "job.accepted": {"state": PENDING},
        "job.started": {"decision": "start-workflow", "state": IN_PROGRESS},
        "task.called": {"decision": "schedule-activity", "state": SCHEDULED},
        "task.begun": {"state": IN_PROGRESS},
        "task.waits": {"state": IN_PROGRESS},
        "task.done": {"state": SUCCEEDED},
        "task.delayed": {"decision": "reschedule-activity", "state": TEMPORARY_FAILURE},
        "task.failed": {"state": PERMANENT_FAILURE},
        "decided": {"decision": "do-nothing"},
        "job.ended done": {"decision": "workflow-finished", "state": FINISHED},
        "job.ended error": {"decision": "workflow-failure", "state": FAILED},
        "job.ended cancelled": {"state": CANCELLED},
        "job.retried": {"state": PENDING},
    }
)

_LISTED: Final = "activities"  # a field of the engine's record: all that a definition lists, which may have changed by then, or be gone
_TAKE_PLACES: Final = ("python", "command")  # kinds of activities that wait for a free place


def record_of(process: Process) -> tuple[str, ...]:
    """Fields and values of the engine's record that `shown` needs."""
    listed = [[activity.name, activity.kind, activity.own.independent, activity.required] for activity in process.activities]
    return _LISTED, compact(listed)


def shown(process: str, uuid: str, layout: HashLayout, fields: Mapping[str, str], record: Mapping[str, str], input_data: Any) -> str:
    """`{"id", "name", "state", "input_data", "activities": [{"name", "state", "independent", "required", "attempts", ...}]}`."""
    listed: list[tuple[str, str, bool, bool]] = parse(record.get(_LISTED, "[]").encode())
    return compact(
        {
            "id": uuid,
            "name": process,
            "state": WORKFLOW[layout.status_in(fields) or Status.SCHEDULED],
            "input_data": input_data,
            "activities": [
                {
                    "name": name,
                    "state": state_of(name, kind, fields, record),
                    "independent": independent,
                    "required": required,
                    "attempts": _attempts(name, fields, record),
                    **_came_to(name, fields, record),
                }
                for name, kind, independent, required in listed
            ],
        }
    )


def state_of(task: str, kind: str, fields: Mapping[str, str], record: Mapping[str, str]) -> str:
    """What an activity is, by the hash and the record of its job."""
    match fields.get(f"task.{task}.status.current"):
        case Status.DONE:
            return SUCCEEDED
        case Status.ERROR:
            return PERMANENT_FAILURE
        case Status.RUNNING if _until_ms(task, record):
            return TEMPORARY_FAILURE
        case Status.RUNNING:
            has_place = record.get(f"task.{task}.begun") == str(_attempts(task, fields, record))
            return IN_PROGRESS if has_place or kind not in _TAKE_PLACES else SCHEDULED
    return PENDING


def _until_ms(task: str, record: Mapping[str, str]) -> int:
    """When it is tried again, in epoch milliseconds; 0: it is not waiting for that. What awaits a callback or a delay waits otherwise."""
    return 0 if record.get(f"task.{task}.awaited") else int(record.get(f"task.{task}.until", 0))


def _attempts(task: str, fields: Mapping[str, str], record: Mapping[str, str]) -> int:
    """So far; a first one is on record only once there is more to tell of it."""
    return int(record.get(f"task.{task}.attempts", 1)) if f"task.{task}.status.running.time" in fields else 0


def _came_to(task: str, fields: Mapping[str, str], record: Mapping[str, str]) -> dict[str, Any]:
    """Its `result` or `error`, or `until` when it waits for another attempt."""
    data = fields.get(f"task.{task}.output.data", "")
    match fields.get(f"task.{task}.status.current"):
        case Status.DONE:
            return {"result": _value(data)}
        case Status.ERROR:
            return {"error": data}
        case Status.RUNNING if until_ms := _until_ms(task, record):
            return {"until": rfc3339(until_ms)}
    return {}


def _value(data: str) -> Any:
    try:
        return parse(data.encode())
    except NotJson:  # as an operator may have written it
        return data
