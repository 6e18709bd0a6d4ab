"""All that is outside of a job: what its stubs say of each attempt, and Python activities that have none, which are run."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cameron.activities.call import Call, CommandRun, Failure, InvalidCall, PythonRun, Reply, Run
from cameron.activities.python_activity import PythonTask
from cameron.activities.session import MemorySession
from cameron.activities.target import target
from cameron.activities.task_call import job_headers, task_call, task_command, task_python
from cameron.core.event import CommandLine, HttpRequest, Invocation, Performed
from cameron.core.job import Job, Task
from cameron.core.strict_json import NotJson, parse
from cameron.testing.answers import Real
from cameron.testing.errors import MissingStub, TooManyCalls, WrongStub
from cameron.testing.happening import Happening, Translator
from cameron.testing.python_code import Manners, PythonCode, manners_of, perform_within
from cameron.testing.simulated_call import SimulatedCall
from cameron.testing.stubs import Found, Stubs, answer_of

__tracebackhide__ = True

MAX_REPLY_BYTES = 1 << 20  # as a node has it that is not set otherwise
PYTHON_TIMEOUT_S = 300.0  # likewise; of real time, where an activity is really run
CALLS_MAX = 100_000  # more of them are a mistake that a test should not wait for


class Nobody:
    """Who is told what comes of a call: nobody, as it is known at once."""

    def tell(self, message: Any) -> None:
        """Never called."""


class Outside:
    """Of one job. `calls` has every attempt that goes out, in order."""

    def __init__(self, stubs: Stubs, code: PythonCode, session: MemorySession, begin_ms: int) -> None:
        self._stubs, self._code, self._session, self._begin_ms = stubs, code, session, begin_ms
        self.calls: list[SimulatedCall] = []

    def perform(self, job: Job, task: Task, attempt: Performed, now_ms: int) -> Happening:
        """What comes of a task's attempt. Raises MissingStub, WrongStub, TooManyCalls, and the AssertionErrors of stubs."""
        if len(self.calls) == CALLS_MAX:
            raise TooManyCalls(f"{job.process} has made {CALLS_MAX:,} calls, and goes on: does a stub name itself as next activity?")
        run = self._run(job, task, attempt)
        call = self._call(job, task, run, now_ms)
        self.calls.append(call)
        if isinstance(run, Call) and (why := _address(run)[1]):
            return Happening(Reply(task.name, task.attempts, 0, b"", "", Failure.INVALID_URL, why))
        names = _names(task, call.target)
        found = self._stubs.find(names) or self._itself(call)
        if found is None:
            raise MissingStub(self._missing(job, task, call, names))
        manners = self._manners(run)
        if manners and isinstance(run, PythonRun) and (why := manners.refused(run.data)):
            return Happening(Reply(task.name, task.attempts, 0, b"", "", Failure.INVALID_DATA, why))
        answered = answer_of(found, call)
        translator = Translator(found.name, call, run, MAX_REPLY_BYTES, manners)
        if isinstance(answered.answer, Real):
            return translator.in_time(self._really(call, run, found), answered.lasts_s)
        return translator.happening(answered.answer, answered.lasts_s, task.activity.offers_callback)

    def await_callback(self, job: Job, task: Task, now_ms: int) -> Happening:
        """What comes by the callback URL of a task that calls nobody; as `perform`."""
        call = SimulatedCall(
            "wait", job.process, job.key, job.uuid, task.name, task.attempts, self._since(now_ms), "", None, self._session,
            callback_url=_callback_url(job, task),
        )  # fmt: skip
        names = _names(task, "")
        found = self._stubs.find(names)
        if found is None:
            raise MissingStub(self._missing(job, task, call, names))
        answered = answer_of(found, call)
        return Translator(found.name, call, None, MAX_REPLY_BYTES).happening(answered.answer, answered.lasts_s, takes_callback=True)

    # calls

    def _run(self, job: Job, task: Task, attempt: Performed) -> Run:
        """As the engine makes it, headers and all."""
        match attempt:
            case HttpRequest():
                url = _callback_url(job, task) if task.activity.offers_callback else ""
                return task_call(job, job_headers(job), task, attempt, Nobody(), MAX_REPLY_BYTES, url)
            case CommandLine():
                return task_command(job, task, attempt, Nobody())
            case Invocation():
                run = task_python(job, task, attempt, Nobody())
                known = self._code.activity(run.activity)
                return run._replace(timeout_s=run.timeout_s or (known.timeout_s if known else 0.0) or PYTHON_TIMEOUT_S)

    def _call(self, job: Job, task: Task, run: Run, now_ms: int) -> SimulatedCall:
        about = (job.process, job.key, job.uuid, task.name, task.attempts, self._since(now_ms))
        if isinstance(run, Call):
            headers = {name: value.strip() for name, _, value in (header.partition(":") for header in run.headers)}
            url = headers.get("X-Cameron-Callback", "")
            kind = task.activity.kind
            return SimulatedCall(kind, *about, _address(run)[0], _read(run.body), self._session, run.method, headers, callback_url=url)
        if isinstance(run, CommandRun):
            return SimulatedCall("command", *about, run.command[0], _read(run.stdin), self._session, command=run.command)
        return SimulatedCall("python", *about, run.activity, _read(run.data), self._session, config=parse(run.config))

    def _since(self, now_ms: int) -> float:
        return (now_ms - self._begin_ms) / 1000

    # Python activities

    def _itself(self, call: SimulatedCall) -> Found | None:
        """A Python activity stands for itself."""
        return Found(call.target, Real()) if call.kind == "python" and self._code.activity(call.target) else None

    def _manners(self, run: Run) -> Manners | None:
        activity = self._code.activity(run.activity) if isinstance(run, PythonRun) else None
        return manners_of(activity) if activity else None

    def _really(self, call: SimulatedCall, run: Run, found: Found) -> Reply:
        if not isinstance(run, PythonRun):
            raise WrongStub(
                f"the stub {found.name!r} has {call.task!r} really run, but that is for Python activities: it is a {call.kind} task"
            )
        activity = self._code.activity(run.activity)
        if activity is None:
            why = "\n".join(self._code.why_missing(run.activity))
            raise WrongStub(f"the stub {found.name!r} has {call.task!r} really run, and there is nothing to run:\n{why}")
        task = PythonTask(call.process, call.key, call.job, call.task, call.attempt, run.data, run.config, MAX_REPLY_BYTES)
        result = perform_within(run.timeout_s, activity, task, self._session)
        return Reply(call.task, call.attempt, 0, result.body, "", result.failure, result.error)

    # what is not there

    def _missing(self, job: Job, task: Task, call: SimulatedCall, names: list[str]) -> str:
        stub, also = {
            "http": ("{}", "what it replies, as JSON, or Replied(status, body)"),
            "command": ('"..."', "what it prints, or Exited(status, stdout)"),
            "python": ("None", "what it returns, or an exception that it raises"),
            "wait": ("CalledBack({}, after_s=60)", "or NoCallback()"),
        }[call.kind]
        does = {
            "http": f"calls {call.method} {call.target}",
            "command": f"runs {' '.join(call.command)}",
            "python": f"runs the Python activity {call.target!r}",
            "wait": f"waits for a callback that {call.target} is to send" if call.target else "waits for a callback",
        }[call.kind]
        said = f"the task {task.name!r} of {job.process} {does}, and nothing stands in for that: add a stub, by its name"
        offered = [name for name in dict.fromkeys((task.name, call.target)) if name]
        lines = [said + (" or by what it calls" if len(offered) > 1 else "")]
        lines += [f"    stubs={{{name!r}: {stub}}}   # {also}" for name in offered]
        why = self._code.why_missing(call.target) if call.kind == "python" else []
        return "\n".join([*lines, self._stubs.told(names), *why])


def _names(task: Task, called: str) -> list[str]:
    """What a stub for it may be called, the closest first."""
    names = (task.name, task.name.partition("#")[0], called, task.activity.call.target)
    return [name for name in dict.fromkeys(names) if name]


def _read(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return parse(raw)
    except NotJson:
        pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _address(call: Call) -> tuple[str, str]:
    """The URL as it is sent, and why the engine would not send it, as that says."""
    try:
        return target(call.url).url, ""
    except InvalidCall as error:
        return call.url, str(error)


def _callback_url(job: Job, task: Task) -> str:
    """Of the form that the engine's have; nobody listens there."""
    place: Mapping[str, str] = {"process": job.process, "key": job.key, "job": job.uuid, "task": task.name}
    path = "/".join(f"{name}/{quote(value, safe='')}" for name, value in place.items())
    return f"http://cameron.invalid/api/{path}/callback/{'0' * 64}"
