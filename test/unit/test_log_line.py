"""Lines that are put into text by hand look as structlog's do."""

import json
import logging
import sys
from typing import Any

import pytest

from cameron.log_line import Console, Json, LineFormatter, utc


def record(text: str = "it is %s", *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("cameron.x").makeRecord("cameron.x", logging.INFO, "file", 1, text, args or ("so",), None, extra=extra)
    made.created = 1_700_000_000.25
    return made


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain/é", "plain/é"),
        ("two words", "'two words'"),
        ("a=b", "'a=b'"),
        ("line\nbreak", r"'line\nbreak'"),
        ("", "''"),
        (1.5, "1.5"),
        (None, "None"),
    ],
)
def test_a_person_sees_time_level_text_and_fields_that_cannot_be_taken_for_others(value: object, shown: str) -> None:
    line = Console()(record(fields={"first": value, "second": 2}, child="for programs"))
    assert line[8:] == f" [info     ] it is so [cameron.x] first={shown} second=2"
    assert "\n" not in line


def test_the_time_goes_on() -> None:
    console, later = Console(), record()
    first = console(record())
    later.created += 1
    assert console(later)[:8] != first[:8]


def test_a_program_gets_all_that_the_line_brings() -> None:
    line = json.loads(Json("test")(record(fields={"status": 200}, child="c", odd={1})))
    assert line.pop("pid") > 0
    assert line == {
        "event": "it is so",
        "level": "info",
        "logger": "cameron.x",
        "status": 200,
        "child": "c",
        "odd": "{1}",
        "timestamp": "2023-11-14T22:13:20.250000Z",
        "environment": "test",
    }


def test_a_whole_second_has_its_fraction_too() -> None:
    assert utc(0.0) == "1970-01-01T00:00:00.000000Z"


def test_what_is_no_ordinary_line_is_left_to_others() -> None:
    both = LineFormatter(lambda record: "ours", logging.Formatter("theirs: %(name)s"))
    crash, event = record(), record()
    try:
        raise ValueError
    except ValueError:
        crash.exc_info = sys.exc_info()
    event.msg = {"event": "structlog's"}  # type: ignore[assignment]
    event.args = None
    assert [both.format(each).splitlines()[0] for each in (record(), crash, event)] == ["ours", "theirs: cameron.x", "theirs: cameron.x"]
