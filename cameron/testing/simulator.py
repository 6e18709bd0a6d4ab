"""What a test runs jobs with: the fixture `cameron`."""

from collections.abc import Mapping, Sequence
from typing import Any, Never

from cameron.activities.activity import PermanentFailure, TemporaryFailure
from cameron.activities.annotation import NOTHING_SAID, WrongValue, as_json
from cameron.activities.call import Failure
from cameron.activities.python_activity import PythonTask
from cameron.activities.session import MemorySession
from cameron.core.process import Process
from cameron.core.strict_json import parse
from cameron.definitions import dialects
from cameron.definitions.hint import nearest
from cameron.testing.documents import Documents
from cameron.testing.errors import ActivityFailed, OrderNotKept, SimulationError, UnknownActivity, UnknownProcess, UnusedStubs
from cameron.testing.outside import MAX_REPLY_BYTES, PYTHON_TIMEOUT_S, Outside
from cameron.testing.project import Project
from cameron.testing.python_code import perform_within
from cameron.testing.simulated_job import SimulatedJob, simulated_job
from cameron.testing.simulation import BEGIN_MS, Simulation, Start
from cameron.testing.start_body import body_of, whole_body
from cameron.testing.stubs import Stubs

__tracebackhide__ = True

NOTHING: Mapping[str, Any] = {}
KEY = "test"


class Simulator:
    """Of one test: processes that it defines itself stand before those of the project, and go with it."""

    def __init__(self, project: Project | None = None) -> None:
        self._project = project or Project()
        self._documents = Documents(self._project.settings)
        self._shared: dict[str, Any] = {}
        self.jobs: list[SimulatedJob] = []  # that were run, in order

    @property
    def processes(self) -> list[str]:
        """The names of all that can be run."""
        return sorted({process.name for process in self._project.loaded.processes} | set(self._documents.processes))

    @property
    def problems(self) -> list[str]:
        """What is wrong with the project's definitions and with its Python activities, a text each; empty: nothing is."""
        return [*self._project.loaded.problems, *self._project.code.package.problems]

    def define(self, dialect: str, document: Mapping[str, Any]) -> str:
        """Have a process as if the document, of that dialect, were one of the project's files, or were registered.

        The name to run it by; of what is no process in itself, that of the document. Raises BadDefinition.
        """
        return self._documents.add(dialect, document)

    def stub(self, name: str, answer: Any) -> None:
        """Let that stand in for what is called so in all that this test runs from now on, where the run has no stub of its own."""
        self._shared[name] = answer

    def run(
        self,
        name: str,
        data: Any = None,
        *misplaced: Never,
        stubs: Mapping[str, Any] = NOTHING,
        key: str = KEY,
        requestor: str = "",
        body: Any = None,
        order: Sequence[str] = (),
        chance: float = 0.5,
        session: Mapping[str, str] = NOTHING,
        strict: bool = False,
    ) -> SimulatedJob:
        """Run a job of that process to its end, in simulated time.

        `stubs`: what stands in for services, programs, callbacks and Python activities, see docs/testing.md. `body`: the whole body of
        the start, in place of data, key and requestor. `order`: tasks in the order in which they are to end, as far as that is open.
        `chance`: from 0 to 1, what jitter is drawn by. `session`: what the job's Python activities find there. `strict`: a stub that
        nothing came to is an error. Raises SimulationError, and what the process refuses such a start with.
        """
        if misplaced:
            raise TypeError(f"run() takes a name and data, and the rest by name: write run({name!r}, data, stubs={{...}})")
        process = self._process(name)
        dialect = dialects(self._project.settings)[process.dialect]  # anew: it keeps what of the environment is secret
        asked = body_of(process, dialect, key, data, requestor) if body is None else whole_body(process, dialect, body)
        known, kept = Stubs(stubs, self._shared), MemorySession(dict(session))
        outside = Outside(known, self._project.code, kept, BEGIN_MS)
        start = Start(process, dialect, asked.raw, asked.request, f"{len(self.jobs) + 1:032x}")
        simulation = Simulation(start, outside, chance, order)
        try:
            simulation.run()
        except (SimulationError, AssertionError) as error:
            error.add_note(f"by then: {simulated_job(dialect, simulation, outside.calls, kept.values, ())}")
            raise
        job = simulated_job(dialect, simulation, outside.calls, kept.values, known.unused())
        self.jobs.append(job)
        _check_order(job, order, simulation.ended)
        if strict and job.unused_stubs:
            raise UnusedStubs(f"nothing came to {_unused(job)}\n{job}")
        return job

    def perform(
        self,
        name: str,
        data: Any = None,
        *,
        config: Mapping[str, Any] = NOTHING,
        session: dict[str, str] | None = None,
        key: str = KEY,
        attempt: int = 1,
    ) -> Any:
        """Run one Python activity, without a job: what it returns, as JSON has it (of a class: "Succeeded").

        `session` is what it finds in the job's session, and has afterwards what it has kept there. Raises TemporaryFailure and
        PermanentFailure where the activity says so itself, else ActivityFailed; UnknownActivity.
        """
        code = self._project.code
        activity = code.activity(name)
        if activity is None:
            raise UnknownActivity("\n".join(code.why_missing(name)))
        kept = MemorySession(session)
        task = PythonTask("", key, f"{1:032x}", name, attempt, _given(data), _given(dict(config)), MAX_REPLY_BYTES)
        result = perform_within(activity.timeout_s or PYTHON_TIMEOUT_S, activity, task, kept)
        if session is not None:
            session.update(kept.values)
        match result.failure:
            case None:
                return parse(result.body)
            case Failure.TEMPORARY:
                raise TemporaryFailure(result.error)
            case Failure.PERMANENT:
                raise PermanentFailure(result.error)
        raise ActivityFailed(result.failure, result.error)

    def _process(self, name: str) -> Process:
        """Raises UnknownProcess."""
        own = self._documents.processes.get(name)
        found = own or next((process for process in self._project.loaded.processes if process.name == name), None)
        if found is not None:
            return found
        known, problems = self.processes, self._project.loaded.problems
        there_are = f"there are {', '.join(known)}{nearest(name, known)}" if known else "there are none: see cameron_definitions"
        broken = "".join(f"\n    {problem}" for problem in problems)
        also = f"\nand these definitions cannot be used:{broken}" if broken else ""
        raise UnknownProcess(f"no process is named {name!r}; {there_are}{also}")


def _given(value: Any) -> bytes:
    try:
        return as_json(value, NOTHING_SAID)
    except WrongValue as wrong:
        raise SimulationError(f"an activity cannot be given {value!r:.200}: it is no JSON ({wrong})") from None


def _unused(job: SimulatedJob) -> str:
    called = [*job.tasks, *(call.target for call in job.calls)]
    return ", ".join(f"the stub {name!r}{nearest(name, called)}" for name in job.unused_stubs)


def _check_order(job: SimulatedJob, order: Sequence[str], ended: Sequence[str]) -> None:
    """Raises OrderNotKept."""
    if odd := [name for name in order if name not in ended]:
        unknown = odd[0] not in job.tasks
        why = f"there is no such task{nearest(odd[0], job.tasks)}" if unknown else "it has not ended"
        raise OrderNotKept(f"order= names {odd[0]!r}, but {why}\n{job}")
    came = [name for name in ended if name in order]
    if came != list(order):
        raise OrderNotKept(f"the tasks could not end as order= asks, {', '.join(order)}: they have ended as {', '.join(came)}\n{job}")
