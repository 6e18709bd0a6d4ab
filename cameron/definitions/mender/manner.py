"""How Mender's clients speak: where workflows are started and found, the words of the answers, and a job as they see it."""

from collections.abc import Mapping
from typing import Any

from cameron.core.status import Status
from cameron.core.strict_json import compact, parse
from cameron.definitions.hash_layout import HashLayout
from cameron.definitions.manner import Answer, Started
from cameron.definitions.request import TOO_LARGE
from cameron.errors import CameronError, IdempotencyKeyReused, InvalidRequest, JobNotFound, ProcessNotFound

WORDS = {
    Status.SCHEDULED: "pending",
    Status.RUNNING: "processing",
    Status.DONE: "done",
    Status.ERROR: "failed",
    Status.CANCELLED: "failed",
}


class MenderManner:
    """The documented routes; an error is a text."""

    dialect = "mender"
    start = "/api/workflow/{name}"
    job = "/api/workflow/{name}/{uuid}"
    located_by_path = False
    shows_record = True

    def process_of(self, fields: Mapping[str, str]) -> str:
        """By its name."""
        return fields["name"]

    def fields_of(self, process: str, alias: str, key: str, uuid: str) -> Mapping[str, str]:
        """Both; a key is not spoken of, as it is the uuid."""
        return {"name": process, "uuid": uuid}

    def started(self, started: Started) -> Answer:
        """`{"id", "name"}`; with `status` and `results` where the client waited for the end."""
        said: dict[str, Any] = {"id": started.uuid, "name": started.process}
        if started.ended:
            ended = parse(started.ended)
            said |= {"status": ended["status"], "results": ended["results"]}
        return Answer(200 if started.existing else 201, compact(said).encode())

    def refused(self, error: CameronError, body: bytes | None) -> Answer | None:
        """What the client can mend is told as documented."""
        match error:
            case ProcessNotFound(name=name):
                return _error(404, f"Workflow not found: {name}")
            case JobNotFound(uuid=uuid):
                return _error(404, f"Job not found: {uuid}")
            case InvalidRequest():
                return _error(413 if error.code == TOO_LARGE else 400, error.message)
            case IdempotencyKeyReused():
                return _error(422, str(error))
        return None


def _error(status: int, text: str) -> Answer:
    return Answer(status, compact({"error": text.encode(errors="replace").decode()}).encode())


def record_of(version: int, types: Mapping[str, str]) -> tuple[str, ...]:
    """Fields and values of the engine's record that `shown` needs: the definition may have changed by then, or be gone."""
    return ("version", str(version), "types", compact(dict(types)))


def shown(process: str, uuid: str, layout: HashLayout, fields: Mapping[str, str], record: Mapping[str, str]) -> bytes:
    """A job as `GET` answers it; `results` has the tasks that have ended, in their order."""
    version, types = int(record.get("version", 0)), parse(record.get("types", "{}").encode())
    status = WORDS[layout.status_in(fields) or Status.SCHEDULED]
    results = [_result(name, types.get(name), fields, record) for name in layout.tasks_in(fields)]
    return compact(
        {
            "id": uuid,
            "workflowName": process,
            "version": version,
            "inputParameters": [{"name": name, "value": value} for name, value in parse(layout.data_in(fields).encode()).items()],
            "status": status,
            "results": [result for result in results if result],
        }
    ).encode()


def _result(task: str, kind: str | None, fields: Mapping[str, str], record: Mapping[str, str]) -> dict[str, Any] | None:
    """What came of one task; None: nothing yet."""
    of = f"task.{task}"
    status, data = fields.get(f"{of}.status.current"), fields.get(f"{of}.output.data", "null")
    skipped = status == Status.SKIPPED
    if status not in (Status.DONE, Status.ERROR) and not skipped:
        return None
    called = f"{of}.status.running.time" in fields
    note = record.get(f"{of}.note", "")
    result: dict[str, Any] = {
        "name": task,
        "type": kind,
        "success": status != Status.ERROR,
        "skipped": skipped,
        "attempts": int(record.get(f"{of}.attempts", 1)) if called else 0,
        "request": parse(note.encode()) if note else None,
    }
    if status == Status.ERROR:
        return result | {"error": data}
    return result | {"response": None if skipped else parse(data.encode())}
