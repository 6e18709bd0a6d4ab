"""Reading a job: what is asked of Redis, in how many questions, and what the answers come to."""

from typing import Any

import pytest

from cameron.core.process import Process
from cameron.definitions import Settings
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.tickets import TicketDialect
from cameron.job_ledger import Claim
from cameron.job_reading import Found, Headless, LostWrites, NotHeld, NothingToRun, Outcome, read_job
from cameron.process_catalog import Catalog
from cameron.store import keys

SETTINGS = Settings()
FOO = CameronDialect(SETTINGS).process("foo", "http://service/start", "here")
TICKET = TicketDialect(SETTINGS).process("foo", "http://service/start", "here")
HELD = [["1-1", "here", 5, 1]]
WAITS, HAS_ENDED = {"job.status.current": "running"}, {"job.status.current": "done"}
ENQUEUED = {"status.current": "enqueued"}


def claim(process: Process) -> Claim:
    return Claim(process.name, "k", "0f", "1-1", "here")


def read(process: Process, catalog: Catalog, *answers: list[Any]) -> tuple[list[Any], Outcome]:
    """What is asked in each question, and what comes of those answers; each of them has to be asked for."""
    reading, asked = read_job(claim(process), catalog), list[Any]()
    question = next(reading)
    for answer in answers:
        asked.append(question)
        try:
            question = reading.send(answer)
        except StopIteration as end:
            assert len(asked) == len(answers)
            return asked, end.value
    raise AssertionError(f"it goes on to ask {question}")


def knowing(*processes: Process) -> Catalog:
    catalog = Catalog(SETTINGS)
    catalog.publish(processes)
    return catalog


def test_a_job_whose_definition_is_known_takes_one_question() -> None:
    record = {"definition": FOO.digest}
    asked, found = read(FOO, knowing(FOO), [HELD, record, WAITS])
    assert asked == [
        (
            ("XPENDING", "cameron:queue:foo", keys.GROUP, "1-1", "1-1", 1, "here"),
            ("HGETALL", "cameron:record:foo:0f"),
            ("HGETALL", "cameron:process:foo:key:k:job:0f"),
        )
    ]
    assert found == Found(FOO, record, WAITS)


def test_a_definition_that_is_not_known_is_asked_for() -> None:
    record = {"definition": FOO.digest}
    asked, found = read(FOO, knowing(), [HELD, record, WAITS], [FOO.document])
    assert asked[1:] == [(("GET", f"cameron:definition:foo:{FOO.digest}"),)]
    assert found == Found(FOO, record, WAITS)


def test_a_job_that_stands_under_a_key_of_another_dialect_than_was_thought_is_asked_for_again() -> None:
    record = {"definition": TICKET.digest}
    asked, found = read(TICKET, knowing(), [HELD, record, {}], [TICKET.document], [ENQUEUED])
    assert asked[2:] == [(("HGETALL", TicketDialect(SETTINGS).layout.job_key(TICKET.name, "k", "0f")),)]
    assert found == Found(TICKET, record, ENQUEUED)


@pytest.mark.parametrize("fields", [WAITS, {}])
def test_a_job_that_another_node_has_taken_is_not_held_whatever_else_is_there(fields: dict[str, str]) -> None:
    assert read(FOO, knowing(FOO), [[], {"definition": FOO.digest}, fields])[1] == NotHeld()


@pytest.mark.parametrize(
    ("record", "fields", "found"),
    [
        ({}, WAITS, Headless(WAITS)),
        ({}, HAS_ENDED, NothingToRun(gone=False)),
        ({}, {}, NothingToRun(gone=True)),
        ({"definition": FOO.digest}, HAS_ENDED, NothingToRun(gone=False)),
        ({"definition": FOO.digest}, {}, NothingToRun(gone=True)),
    ],
)
def test_what_is_left_of_a_job_tells_what_is_to_be_done(record: dict[str, str], fields: dict[str, str], found: Outcome) -> None:
    assert read(FOO, knowing(FOO), [HELD, record, fields])[1] == found


def test_a_definition_that_redis_has_lost_is_an_error_that_names_it() -> None:
    with pytest.raises(LostWrites, match=FOO.digest):
        read(FOO, knowing(), [HELD, {"definition": FOO.digest}, WAITS], [None])


@pytest.mark.parametrize("answers", [[HELD, ValueError("x"), WAITS], [HELD, {"definition": FOO.digest}, ValueError("x")]])
def test_an_error_that_redis_answers_is_raised(answers: list[Any]) -> None:
    with pytest.raises(ValueError, match="x"):
        read(FOO, knowing(FOO), answers)
