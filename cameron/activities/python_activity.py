"""One activity of the node's Python package, and how it is performed, whatever its code does."""

import importlib
import logging
from contextlib import suppress
from traceback import format_exception
from typing import Any, NamedTuple

from cameron.activities.activity import Context, Declaration, PermanentFailure, TemporaryFailure, declaration
from cameron.activities.annotation import NOTHING_SAID, WrongValue, annotations_of, as_json, made
from cameron.activities.base_activity import BaseActivity
from cameron.activities.call import Failure
from cameron.activities.session import Session
from cameron.activities.source_place import own_part, raised_at
from cameron.core import strict_json
from cameron.errors import StoreUnavailable

ERROR_MAX = 2000  # characters of what a text for a person says, besides where

log = logging.getLogger(__name__)


class PythonActivity(NamedTuple):
    """Where it is found; a plain value, so that another process can be told of it."""

    name: str
    module: str
    qualname: str  # its name in that module
    timeout_s: float  # 0: as the definition says, or else the node is set
    isolation: str  # `thread` or `process`; "": as the definition says, or else in a thread
    source: str  # "activities/orders.py:12"


class PythonTask(NamedTuple):
    """What a run is given."""

    process: str
    key: str
    job: str  # its uuid
    task: str
    attempt: int
    data: bytes  # JSON
    config: bytes  # a JSON object
    max_bytes: int  # of what it returns, as JSON
    max_memory_bytes: int = 0  # of the process that it has for itself; 0: no bound, or none of its own


class Result(NamedTuple):
    """What a run came to."""

    body: bytes  # what it returned, as compact JSON; b"" where it has failed
    failure: Failure | None = None
    error: str = ""  # for a person, where failure is set: which activity, what, and where


def perform(activity: PythonActivity, task: PythonTask, session: Session) -> Result:
    """Run it in this thread, for as long as it takes. Never raises, whatever the activity's code does."""
    try:
        return _performed(activity, task, session)
    except BaseException as error:  # SystemExit and all: what an activity raises ends that activity alone
        try:
            return _raised(activity, task, error)
        except BaseException:  # an exception's own methods are the activity's code, too
            return _failed(Failure.EXCEPTION, f"{activity.name} raised an exception that cannot be shown", activity.source)


def shown(error: BaseException) -> str:
    """An exception as "type: text"; what its own methods raise comes out."""
    if isinstance(error, SystemExit):
        return f"sys.exit({'' if error.code is None else repr(error.code)})"
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    text = str(error)
    return f"{name}: {text}" if text else name


def _performed(activity: PythonActivity, task: PythonTask, session: Session) -> Result:
    target = vars(importlib.import_module(activity.module)).get(activity.qualname)
    try:
        data, config = strict_json.parse(task.data), strict_json.parse(task.config)
    except strict_json.NotJson as why:
        return _failed(Failure.INVALID_DATA, f"{activity.name} cannot take the data it was given, or its config: {why}", activity.source)
    if isinstance(target, type) and issubclass(target, BaseActivity):
        return _of_class(target, activity, (task.job, config, session), data)
    declared = declaration(target)
    if declared is None:
        why_unknown = f"{activity.module} has no activity {activity.qualname} any more: has it changed since the node started?"
        return _failed(Failure.UNKNOWN_ACTIVITY, f"{activity.name} was not run: {why_unknown}", activity.source)
    context = Context(task.process, task.job, task.key, task.task, task.attempt, config, session)
    return _of_function(target, declared, activity, context, data, task.max_bytes)


def _of_class(kind: type[BaseActivity], activity: PythonActivity, args: tuple[str, dict[str, Any], Session], data: Any) -> Result:
    one = kind.__new__(kind, *args)
    one.workflow_id, one.config, one.session = args  # also for an __init__ that does not call its base's
    one.input_data = data
    kind.__init__(one, *args)
    one.input_data = data
    word: object = one.do_activity()
    match word:
        case BaseActivity.SUCCEEDED:
            return Result(as_json(word, NOTHING_SAID))
        case BaseActivity.TEMPORARY_FAILURE:
            return _failed(Failure.TEMPORARY, f"{activity.name} returned {word!r}", activity.source)
        case BaseActivity.PERMANENT_FAILURE:
            return _failed(Failure.PERMANENT, f"{activity.name} returned {word!r}", activity.source)
    mend = "return self.SUCCEEDED, self.TEMPORARY_FAILURE or self.PERMANENT_FAILURE"
    return _failed(Failure.INVALID_DATA, f"{activity.name}.do_activity() returned {word!r:.100}: {mend}", activity.source)


def _of_function(target: Any, declared: Declaration, activity: PythonActivity, context: Context, data: Any, max_bytes: int) -> Result:
    said = annotations_of(target)
    try:
        value = made(data, said.data)
    except WrongValue as wrong:
        return _failed(Failure.INVALID_DATA, f"{activity.name} cannot take the data it was given: {wrong}", activity.source)
    returned = target(value, context) if declared.takes_context else target(value)
    try:
        body = as_json(returned, said.returned)
    except WrongValue as wrong:
        what = "what is no JSON, or not what its annotation says"
        return _failed(Failure.INVALID_DATA, f"{activity.name} returned {what}: {wrong}", activity.source)
    if len(body) > max_bytes:
        what = f"{len(body):,} bytes of JSON, and may return {max_bytes:,}: keep it elsewhere, and return its address"
        return _failed(Failure.TOO_LARGE, f"{activity.name} returned {what}", activity.source)
    return Result(body)


def _raised(activity: PythonActivity, task: PythonTask, error: BaseException) -> Result:
    where = raised_at(activity.module, error.__traceback__) or activity.source
    match error:
        case TemporaryFailure() | StoreUnavailable():  # the latter is its session's: nothing that the activity could help
            return _failed(Failure.TEMPORARY, f"{activity.name}: {error}", where)
        case PermanentFailure():
            return _failed(Failure.PERMANENT, f"{activity.name}: {error}", where)
    with suppress(BaseException):  # what the exception's own methods raise
        lines = _encodable("".join(format_exception(type(error), error, own_part(error.__traceback__))))
        log.warning("%s, attempt %d of task %r of job %s, raised:\n%s", activity.name, task.attempt, task.task, task.job, lines)
    did = "called" if isinstance(error, SystemExit) else "raised"
    bound = f" (its process may have {task.max_memory_bytes:,} bytes)" if isinstance(error, MemoryError) and task.max_memory_bytes else ""
    return _failed(Failure.EXCEPTION, f"{activity.name} {did} {shown(error)}{bound}", where)


def _failed(failure: Failure, error: str, where: str) -> Result:
    return Result(b"", failure, _encodable(f"{error[:ERROR_MAX]} ({where})"))


def _encodable(text: str) -> str:
    """Whoever keeps it encodes it, and lone surrogates have no encoding."""
    return text.encode("utf-8", "backslashreplace").decode()
