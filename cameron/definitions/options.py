"""What a definition may say of a process besides what it runs: one table from an option to what it may be and what it sets.

    {foo, [{start_activity_url, "http://..."}, {max_jobs, 100}, {retry, [{attempts, 5}]}]}   ->   {"max_jobs": 100, "retry.attempts": 5}

Options are plain values, as JSON holds them, by full name. What a definition does not say stays as the node is set. A stored definition
bears its options just so, and only those it was given: a job goes on with them, and a definition without options keeps its digest.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cameron.core.process import Process
from cameron.core.strict_json import parse
from cameron.definitions.hint import nearest
from cameron.errors import ConfigError

Options = Mapping[str, Any]
NO_OPTIONS: Final[Options] = MappingProxyType({})

FOREVER: Final = "forever"
_DAY_S: Final = 86_400.0
_YEAR_S: Final = 365 * _DAY_S


class Given(NamedTuple):
    """An option as it was written; `where` (file, line and column) begins the text of an error about it."""

    name: str
    value: object  # str, bool, number, list; a list of Given where the option has options of its own
    where: str


class Kind(NamedTuple):
    """What an option may be: `read` gives the value to keep, or a ValueError with what was found instead."""

    allowed: str  # for a person, after "must be"
    read: Callable[[object], Any]


class Option(NamedTuple):
    """Where an option's value goes: to a field of one part of the process, as what it becomes there."""

    part: str  # process, limits; activity, timeouts, retry: of each activity
    field: str
    kind: Kind
    becomes: Callable[[Any], Any] = lambda value: value


def _whole(low: int, high: int) -> Kind:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(shown(value))

    return Kind(f"a whole number from {low} to {high}", read)


def _number(low: float, high: float, unit: str = "") -> Kind:
    def read(value: object) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        raise ValueError(shown(value))

    return Kind(f"a number from {low:.12g} to {high:.12g}{unit}", read)


def _seconds(low: float, high: float) -> Kind:
    return _number(low, high, " seconds")


def _forever_or(number: Kind) -> Kind:
    def read(value: object) -> float | str:
        return FOREVER if value == FOREVER or (value == 0 and not isinstance(value, bool)) else number.read(value)

    return Kind(f"{number.allowed}, or {FOREVER}", read)


def _word(word: str) -> Kind:
    def read(value: object) -> str:
        if value == word:
            return word
        raise ValueError(shown(value))

    return Kind(word, read)


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(shown(value))


# The kinds of failure that may be retried. Missing are those that another call would not change:
# invalid_url, cannot_run, not_allowed, template and limit (the job's size), and of Python unknown_activity and invalid_data.
PYTHON_FAILURES: Final = ("temporary_failure", "permanent_failure", "exception", "crashed")
FAILURES: Final = ("refused", "unknown_host", "timeout", "connection", "tls", "too_large", "invalid_reply", *PYTHON_FAILURES)
_STATUS: Final = re.compile(r"http_[1345]([0-9][0-9]|xx)|(exit|signal)_[1-9][0-9]{0,2}")


def _failures(value: object) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(shown(value))
    for word in value:
        if not isinstance(word, str) or (word not in FAILURES and not _STATUS.fullmatch(word)):
            raise ValueError(shown(word) + nearest(word, FAILURES))
    return sorted(set(value))


def _each(words: Iterable[str]) -> frozenset[str]:
    """The kinds of failure that the words stand for: http_5xx is a hundred."""
    kinds: set[str] = set()
    for word in words:
        kinds |= {f"{word[:-2]}{number:02}" for number in range(100)} if word.endswith("xx") else {word}
    return frozenset(kinds)


def _milliseconds(value: float | str) -> int:
    return 0 if isinstance(value, str) else int(value * 1000)


_TRUTH: Final = Kind("true or false", _truth)
_FAILURES: Final = Kind(
    f"a list of {', '.join(FAILURES)}, a status such as http_503, or http_5xx for all of those, exit_1 or signal_9 of commands", _failures
)

OPTIONS: Final[Mapping[str, Option]] = {
    "unique": Option("process", "unique", _word("key"), bool),
    "retention_s": Option("process", "retention_ms", _forever_or(_seconds(1, 100 * _YEAR_S)), _milliseconds),
    "max_jobs": Option("process", "max_jobs", _whole(1, 10_000_000)),
    "timeout_s": Option("limits", "timeout_s", _seconds(0.001, 10 * _YEAR_S)),
    "max_tasks": Option("limits", "max_tasks", _whole(1, 10_000_000)),
    "at_most_once": Option("activity", "at_most_once", _TRUTH),
    "call_timeout_s": Option("timeouts", "call_s", _seconds(0.001, _YEAR_S)),
    "connect_timeout_s": Option("timeouts", "connect_s", _seconds(0.001, 3600)),
    "retry.attempts": Option("retry", "attempts", _whole(1, 1000)),
    "retry.delay_s": Option("retry", "delay_s", _seconds(0, _DAY_S)),
    "retry.factor": Option("retry", "factor", _number(1, 100)),
    "retry.cap_s": Option("retry", "cap_s", _seconds(0, _YEAR_S)),
    "retry.on": Option("retry", "on", _FAILURES, _each),
}


def read_options(given: object, process: str, where: str, own: Iterable[str] = (), prefix: str = "") -> dict[str, Any]:
    """The checked options of a process, from a list of Given; `own` are names that the dialect reads itself, answered as they were given.

    Raises ConfigError with the place of the option, or with `where` for what is no option at all.
    """
    names = [*own, *dict.fromkeys(name.removeprefix(prefix).split(".")[0] for name in OPTIONS if name.startswith(prefix))]
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for option in given if isinstance(given, list) else [given]:
        if not isinstance(option, Given):
            raise ConfigError(f"{where}: {prefix[:-1] or 'each option'} of {process!r} is written {_form(prefix)}, not {shown(option)}")
        name = prefix + option.name
        if option.name not in names:
            near = nearest(option.name, names)
            raise ConfigError(f"{option.where}: {process!r} has no option {name!r}{near}: the options here are {', '.join(names)}")
        if name in seen:
            raise ConfigError(f"{option.where}: {name} of {process!r} is given twice: remove one")
        seen.add(name)
        if name in OPTIONS:
            values[name] = _checked(name, option.value, process, option.where)
        elif name in own:
            values[name] = option.value
        else:
            values |= read_options(option.value, process, option.where, prefix=f"{name}.")
    return values


def flat_options(said: Mapping[str, Any]) -> dict[str, Any]:
    """Options by full name, from JSON in which those of one group may stand in an object of their own: `{"retry": {"attempts": 5}}`.

    Raises ConfigError where one stands in both places.
    """
    flat: dict[str, Any] = {}
    for name, value in said.items():
        inner = {f"{name}.{part}": one for part, one in value.items()} if isinstance(value, dict) else {name: value}
        if twice := flat.keys() & inner.keys():
            raise ConfigError(f"{min(twice)} is given twice, once within {min(twice).partition('.')[0]}: remove one")
        flat |= inner
    return flat


def stored_options(options: Mapping[str, object], process: str) -> dict[str, Any]:
    """The options of a stored definition. Raises ConfigError where a later Cameron has stored it."""
    if unknown := [name for name in options if name not in OPTIONS]:
        raise ConfigError(f"the stored definition of {process!r} has options unknown here ({', '.join(unknown)}): upgrade this node")
    return {name: _checked(name, value, process, "a stored definition") for name, value in options.items()}


def with_options(process: Process, options: Options) -> Process:
    """The process with its options, which are those of each of its activities."""
    parts: dict[str, dict[str, Any]] = {"process": {}, "limits": {}, "activity": {}, "timeouts": {}, "retry": {}}
    for name, value in options.items():
        option = OPTIONS[name]
        parts[option.part][option.field] = option.becomes(value)
    activities = tuple(
        activity._replace(
            retry=activity.retry._replace(**parts["retry"]), timeouts=activity.timeouts._replace(**parts["timeouts"]), **parts["activity"]
        )
        for activity in process.activities
    )
    return process._replace(activities=activities, limits=process.limits._replace(**parts["limits"]), **parts["process"])


def describe(process: Process) -> list[str]:
    """The options that the definition gives, a line each, such as `retry.on refused, http_503`."""
    options = parse(process.document.encode()).get("options", {})
    return [f"{name} {_plainly(value)}" for name, value in options.items()]


def shown(value: object) -> str:
    """A value as an error tells it."""
    match value:
        case str():
            return repr(value[:60])
        case Given(name):
            return f"{{{name}, ...}}"
        case list():
            return "a list" if value else "an empty list"
        case tuple():
            return "a tuple"
    return _plainly(value)


def _checked(name: str, value: object, process: str, where: str) -> Any:
    kind = OPTIONS[name].kind
    try:
        return kind.read(value)
    except ValueError as error:
        raise ConfigError(f"{where}: {name} of {process!r} must be {kind.allowed}, not {error}") from None


def _form(prefix: str) -> str:
    return "as a list like [{attempts, 5}, {delay_s, 0.5}]" if prefix else "with its value, like {max_jobs, 100}"


def _plainly(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(value)
        case float():
            return f"{value:.15g}"
    return str(value)[:60]
