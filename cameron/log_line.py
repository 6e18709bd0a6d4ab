"""How ordinary lines of the log are put into text; structlog puts the others: those with an exception, and all of them for a terminal.

Each request and each job brings a line. By structlog it takes 20 to 40 us, in whose middle all other threads wait; here it takes 5.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Text = Callable[[logging.LogRecord], str]

encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # json.dumps would make one for every line
_NOT_EXTRA = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "fields"}


class LineFormatter(logging.Formatter):
    """`text` for ordinary lines, `others` for the rest."""

    def __init__(self, text: Text, others: logging.Formatter) -> None:
        super().__init__()
        self._text, self._others = text, others

    def format(self, record: logging.LogRecord) -> str:
        is_ordinary = type(record.msg) is str and not record.exc_info and not record.stack_info
        return self._text(record) if is_ordinary else self._others.format(record)


class Console:
    """For people: time, level, text, and the `fields` that the line brings. Other extras are for programs."""

    def __init__(self) -> None:
        self._second, self._time = -1, ""  # many lines come within one second

    def __call__(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._time = second, time.strftime("%H:%M:%S", time.localtime(second))
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        return f"{self._time} [{record.levelname.lower():<9}] {record.getMessage()} [{record.name}]{fields}"


class Json:
    """For programs: one object a line, its time in UTC."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    def __call__(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        line.update(_fields(record))
        line.update((name, value) for name, value in vars(record).items() if name not in _NOT_EXTRA)
        line["timestamp"] = utc(record.created)
        line["environment"] = self._environment
        line["pid"] = record.process
        return encode(line)


def utc(created_s: float) -> str:
    """As `2026-11-21T20:09:58.783597Z`."""
    return datetime.fromtimestamp(created_s, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    return fields


def _shown(value: object) -> str:
    is_plain = isinstance(value, str) and value and value.isprintable() and not set(value) & set(" ='\"")
    return str(value) if is_plain or not isinstance(value, str) else repr(value)
