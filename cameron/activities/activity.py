"""What an activity that is a function is declared with: `@activity`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, overload

from cameron.activities.annotation import NOTHING_SAID, annotations_of, refused
from cameron.activities.session import MemorySession, Session
from cameron.core.process import ISOLATIONS, task_name_fault

MARK = "__cameron_activity__"  # the attribute by which a declared function is known
Function = TypeVar("Function", bound=Callable[..., Any])


class TemporaryFailure(Exception):
    """Raised by an activity: it has failed, and another attempt may mend it."""


class PermanentFailure(Exception):
    """Raised by an activity: it has failed, and no other attempt will mend it."""


@dataclass(frozen=True)
class Context:
    """What a run knows of itself: the second argument of a function that takes two; by its defaults a test may make one."""

    process: str = ""
    job: str = ""  # its uuid
    key: str = ""
    task: str = ""
    attempt: int = 1
    config: dict[str, Any] = field(default_factory=dict)  # what the definition says, a dict of this run's own
    session: Session = field(default_factory=MemorySession)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this task, and for no other: what it asks of others should bear it."""
        return f"{self.job}/{self.task}"

    def session_get(self, key: str) -> str | None:
        """What an activity of the same job has set; None where none has."""
        return self.session.get(key)

    def session_set(self, key: str, value: str) -> None:
        """Keep a string for the activities of the same job that ask later. Raises TypeError for anything but a string."""
        self.session.set(key, value)


class Declaration(NamedTuple):
    """What `@activity` says of a function; it is the function's attribute MARK."""

    name: str
    timeout_s: float  # 0: as the definition says, or else the node is set
    isolation: str  # "": as the definition says, or else in a thread
    takes_context: bool


@overload
def activity(function: Function, /) -> Function: ...
@overload
def activity(*, name: str = "", timeout_s: float = 0.0, isolation: str = "") -> Callable[[Function], Function]: ...
def activity(
    function: Callable[..., Any] | None = None, /, *, name: str = "", timeout_s: float = 0.0, isolation: str = ""
) -> Callable[..., Any]:
    """Declare a function `def charge(data)` or `def charge(data, context)` an activity, by its own name or another.

    What it is given and gives back is checked and converted by its annotations; without any it is whatever JSON holds. The function stays
    what it is, and may be called as any other. Raises TypeError for what cannot be an activity.
    """
    if function is not None:
        return _declared(function, name, timeout_s, isolation)
    return lambda function: _declared(function, name, timeout_s, isolation)


def declaration(value: object) -> Declaration | None:
    """What `@activity` has said of it, if anything."""
    found = getattr(value, MARK, None) if callable(value) else None
    return found if isinstance(found, Declaration) else None


def _declared(function: Any, name: str, timeout_s: float, isolation: str) -> Callable[..., Any]:
    why = _why_not(function)
    if why:
        raise TypeError(f"@activity cannot take {getattr(function, '__qualname__', repr(function))}: {why}")
    named = name or function.__name__
    where = f"@activity of {function.__qualname__}"
    if fault := task_name_fault(named):
        raise TypeError(f"{where}: {fault}: give it another `name`")
    if isolation not in ("", *ISOLATIONS):
        raise TypeError(f"{where}: isolation is 'thread' or 'process', not {isolation!r}")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 <= timeout_s < float("inf"):
        raise TypeError(f"{where}: timeout_s is a number of seconds, 0 for the node's own, not {timeout_s!r}")
    declared: Callable[..., Any] = function
    setattr(declared, MARK, Declaration(named, float(timeout_s), isolation, len(inspect.signature(declared).parameters) == 2))
    return declared


def _why_not(function: Any) -> str:
    """Why it cannot be an activity, and what to do, for a person; "" where nothing speaks against it."""
    if inspect.isclass(function):
        return "it is a class: derive it from BaseActivity, which needs no @activity"
    if isinstance(function, str):
        return "it is a text: write `@activity(name=...)`"
    if not inspect.isfunction(function):
        return "it is no function: write `def name(data):` at the top of a module"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "it is `async`, and nobody would await it: write a plain `def`, which may call asyncio.run()"
    if inspect.isgeneratorfunction(function):
        return "it is a generator: return a list instead of yielding"
    parameters = list(inspect.signature(function).parameters.values())
    if "." in function.__qualname__.rpartition("<locals>.")[2] or (parameters and parameters[0].name in ("self", "cls")):
        return "it is a method: write a plain function at the top of a module"
    if not 1 <= len(parameters) <= 2 or any(one.kind not in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters):
        return "it is called with the data, or with data and context: write `def name(data):` or `def name(data, context):`"
    if len(parameters) == 2 and parameters[1].default is not parameters[1].empty and parameters[1].name != "context":
        return f"its second parameter, {parameters[1].name!r}, is given the context: call it `context`, or take it out"
    return why_not_annotated(function, is_whole=False)


def why_not_annotated(function: Any, is_whole: bool = True) -> str:
    """Why its annotations are of no use, for a person; what is not defined yet counts once its module `is_whole`."""
    try:
        said = annotations_of(function)
    except NameError as error:
        return f"an annotation names what is not there ({error}): import it, also where no type checker looks" if is_whole else ""
    except Exception as error:  # an annotation may be any text
        return f"an annotation cannot be read: {error}"
    for what, annotation in (("data", said.data), ("what it returns", said.returned)):
        if annotation is not NOTHING_SAID and (why := refused(annotation)):
            return f"the annotation of {what} is of no use: {why}"
    return ""
