"""What stands in for the outside world: which stub is whose, and what it says of one attempt.

A stub is found by the task's name, else by that name without its `#2`, else by what is called: a URL, a program, a Python activity.
A `*` in a stub's name stands for anything; of several that fit, the longest counts.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cameron.definitions.hint import nearest
from cameron.testing.answers import Lasts
from cameron.testing.errors import SimulationError, WrongStub
from cameron.testing.simulated_call import SimulatedCall

__tracebackhide__ = True  # what a stub raises is the test's own business

NESTED_MAX = 20  # answers within answers: a function may return a function
Named = Mapping[str, Any]


class Found(NamedTuple):
    """A stub, and the name that the test has given it."""

    name: str
    answer: Any


class Stubs:
    """Those of one run. `own` are the run's, and have to be used where the test is strict; `shared` those of the test, which come after."""

    def __init__(self, own: Named, shared: Named) -> None:
        self._own, self._shared = own, shared
        self._used: set[str] = set()

    def find(self, names: Sequence[str]) -> Found | None:
        """The stub for what goes by these names, the closest one first."""
        for stubs in (self._own, self._shared):
            name = _found(stubs, names)
            if name is not None:
                if stubs is self._own:
                    self._used.add(name)
                return Found(name, stubs[name])
        return None

    def unused(self) -> tuple[str, ...]:
        """The run's own that nothing has come to."""
        return tuple(name for name in self._own if name not in self._used)

    def told(self, names: Sequence[str]) -> str:
        """The stubs that there are, and which of them may have been meant, for the end of a text."""
        known = [*self._own, *self._shared]
        if not known:
            return "there are no stubs"
        near = next((hint for name in names if (hint := nearest(name, known))), "")
        return f"there are stubs for {', '.join(map(repr, known))}{near}"


def _found(stubs: Named, names: Sequence[str]) -> str | None:
    for name in names:
        if name in stubs:
            return name
    patterns = sorted((name for name in stubs if "*" in name), key=len, reverse=True)
    return next((pattern for pattern in patterns if any(_matches(pattern, name) for name in names)), None)


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


class Answered(NamedTuple):
    """A plain value, an exception, or one of `answers`; and how long it takes, where the stub says so."""

    answer: Any
    lasts_s: float | None


def answer_of(found: Found, call: SimulatedCall) -> Answered:
    """The stub's answer to the call. Raises WrongStub, and the AssertionErrors of functions."""
    answer, lasts_s = _of_attempt(found, call), None
    for _ in range(NESTED_MAX):
        if isinstance(answer, Lasts):
            lasts_s = (lasts_s or 0.0) + _seconds(answer, found)
            answer = answer.answer
        elif is_exception(answer):
            return Answered(answer() if isinstance(answer, type) else answer, lasts_s)
        elif callable(answer):
            answer = _called(answer, found, call)
        else:
            return Answered(answer, lasts_s)
    raise WrongStub(f"the stub {found.name!r} goes on returning functions: let it return what it answers")


def is_exception(answer: Any) -> bool:
    """Whether it is to be raised."""
    return isinstance(answer, BaseException) or (isinstance(answer, type) and issubclass(answer, BaseException))


def _of_attempt(found: Found, call: SimulatedCall) -> Any:
    answers = found.answer
    if not isinstance(answers, list):
        return answers
    if call.attempt > len(answers):
        many = f"{len(answers)} answer{'s' * (len(answers) != 1)}, one for each attempt"
        raise WrongStub(
            f"the stub {found.name!r} has {many}, and this is attempt {call.attempt} of {call.task!r}: add one, "
            "or Returned([...]) where the list is the value itself"
        )
    return answers[call.attempt - 1]


def _seconds(lasts: Lasts, found: Found) -> float:
    seconds = lasts.seconds
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise WrongStub(f"the stub {found.name!r} lasts {seconds!r}: give a number of seconds, 0 or more, or math.inf")
    return float(seconds)


def _called(function: Callable[..., Any], found: Found, call: SimulatedCall) -> Any:
    """What it returns, or the exception that it raises; given data and call as far as it takes them."""
    arguments = _arguments(function, found, call)
    try:
        return function(*arguments)
    except (AssertionError, SimulationError):
        raise
    except (Exception, SystemExit) as error:  # the activity's, that is
        return error


def _arguments(function: Callable[..., Any], found: Found, call: SimulatedCall) -> tuple[Any, ...]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of the built-in ones have none
        return (call.data, call)
    for arguments in ((call.data, call), (call.data,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return arguments
    raise WrongStub(f"the stub {found.name!r} is a function with other parameters: write (data), (data, call), or none")
