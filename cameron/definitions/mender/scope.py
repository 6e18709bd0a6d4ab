"""What the templates of Mender's workflows may name, and what stands for it in a job.

${workflow.input.NAME}      an input, or what is within it
${env.NAME}                 a variable of the node's environment that `env` under [templates] allows
${TASK.json.PATH}           of what an earlier task was replied, its program wrote or its activity returned, as JSON: ${find.json.list[0]}
${TASK.output}              the same as a text; ${TASK.error}: what a command wrote to stderr; ${TASK.status}: HTTP's status, the exit code
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cameron.core.job import Job
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, compact, parse
from cameron.core.template import Placeholder, UnknownName, reach, unknown
from cameron.definitions.hint import nearest
from cameron.definitions.settings import refused_variable

VIEWS: Final = ("json", "output", "error", "status")  # of a task
FORMS: Final = "${workflow.input.NAME}, ${env.NAME} and ${TASK.json.PATH} are known"

_BEFORE_INDEX: Final = re.compile(r"(?=\[[0-9]{1,9}\])")


class JobScope:
    """`core.template.Scope` for the task of a job that is about to be called; `earlier` are the names of those before it."""

    def __init__(self, job: Job, inputs: Mapping[str, Any], env: Mapping[str, str], earlier: Sequence[str]) -> None:
        self._job, self._inputs, self._env, self._earlier = job, inputs, env, earlier
        self._read: dict[tuple[str, str], Any] = {}  # a task's output is named many times, perhaps, and may be large: it is read once

    def look_up(self, path: tuple[str, ...]) -> Any:
        """The value; raises UnknownName."""
        path = steps(path)
        match path:
            case ("workflow", "input", *rest):
                return reach(self._inputs, rest, "the workflow has no input")
            case ("env", *rest):
                return self._variable(".".join(rest))
        task, within = split_task(path, self._earlier)
        if not task or not within:
            raise UnknownName(f"it names nothing; {FORMS}")
        return self._view(task, within[0], within[1:])

    def _variable(self, name: str) -> str:
        if name not in self._env:
            raise UnknownName(refused_variable(name))
        return self._env[name]

    def _view(self, task: str, view: str, path: Sequence[str]) -> Any:
        of = self._job.tasks[task]
        if (done := of.output) is None:
            raise UnknownName(f"task {task!r} {'was skipped' if of.status is Status.SKIPPED else 'has not been done'}: it has no output")
        data = self._once(task, "", lambda: parse(done.data.encode()) or {})  # nothing comes of a delay
        output = data.get("body", data.get("stdout", ""))
        if "result" in data:  # of a Python activity, a value of any type
            output = data["result"] if isinstance(data["result"], str) else compact(data["result"])
        match view:
            case "json":
                whole = data["result"] if "result" in data else self._once(task, "json", lambda: _as_json(output))
                if isinstance(whole, NotJson):
                    raise UnknownName(f"the output of task {task!r} cannot be read as JSON: {whole}")
                return reach(whole, path, f"the output of task {task!r} has no")
            case "output":
                return reach(output, path, f"the output of task {task!r} is a text: it has no")
            case "error":
                return reach(data.get("stderr", ""), path, f"the stderr of task {task!r} is a text: it has no")
            case "status":
                return reach(data.get("statusCode", data.get("exit_code")), path, f"the status of task {task!r} is a number: it has no")
        raise unknown(f"task {task!r} has no", (view,), VIEWS)

    def _once(self, task: str, view: str, read: Callable[[], Any]) -> Any:
        if (task, view) not in self._read:
            self._read[task, view] = read()
        return self._read[task, view]


class Declared(NamedTuple):
    """What is known of a workflow while it is read."""

    inputs: Collection[str]
    tasks: Sequence[str]  # that come before

    def fault(self, name: Placeholder) -> str | None:
        """What is wrong with a name in a template, whatever is to come; None: nothing."""
        path = steps(name.path)
        match path:
            case ("workflow", "input"):
                return None
            case ("workflow", "input", wanted, *_):
                if wanted in self.inputs:
                    return None
                return f"{name} is not declared{nearest(wanted, self.inputs)}: add {wanted!r} to inputParameters, or to optionalParameters"
            case ("workflow", *_):
                return f"{name} names nothing; {FORMS}"
            case ("env", *rest):
                return None if rest else f"{name} names no variable: write ${{env.NAME}}"
        task, within = split_task(path, self.tasks)
        if not task:
            hint = nearest(path[0], self.tasks)
            return f"{name} names no earlier task{hint}: those are {', '.join(self.tasks) or 'none'}; besides them, {FORMS}"
        if not within or within[0] not in VIEWS:
            return f"{name} names nothing of task {task!r}: write ${{{task}.json.PATH}}; there are also output, error and status"
        return None


def steps(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path with `items[0]` as two steps."""
    return tuple(part for step in path for part in _BEFORE_INDEX.split(step) if part)


def split_task(path: tuple[str, ...], tasks: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The task that the path begins with, and the rest; a task's name may hold dots. "" where it begins with none."""
    for length in range(len(path), 0, -1):
        if (name := ".".join(path[:length])) in tasks:
            return name, path[length:]
    return "", path


def _as_json(output: str) -> Any:
    """The value, or why there is none."""
    try:
        return parse(output.encode())
    except NotJson as error:
        return error
