"""Reading a job for its runner: what to ask Redis, one question after another, and what the answers come to.

    reading = read_job(claim, catalog)
    commands = next(reading); answers = ...; commands = reading.send(answers); ...      until StopIteration brings the value

The runner, which never blocks, has job_data ask.
"""

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions.dialect import Layout
from cameron.job_ledger import Claim
from cameron.process_catalog import Catalog
from cameron.store import keys

Question = tuple[tuple[Any, ...], ...]  # commands, to be carried out together


class Found(NamedTuple):
    """An unfinished job, as Redis has it."""

    process: Process  # what it started with
    record: Mapping[str, str]
    fields: Mapping[str, str]  # of its hash


class NotHeld(NamedTuple):
    """The node does not hold the job's entry any more."""


class NothingToRun(NamedTuple):
    """The job has ended, or is gone."""

    gone: bool


class Headless(NamedTuple):
    """The job is there, and its record is not."""

    fields: Mapping[str, str]  # of its hash


class LostWrites(Exception):
    """What Redis holds of the job, or says to a write, is not what it can be."""


Outcome = Found | NotHeld | NothingToRun | Headless
Reading = Generator[Question, list[Any], Outcome]


def read_job(claim: Claim, catalog: Catalog) -> Reading:
    """Read the job of a claim. Raises LostWrites, or the error that Redis answers.

    One question, where the process is of the same dialect as when the job started, and its definition known.
    """
    layout = catalog.dialect_of(claim.process).layout
    held = ("XPENDING", keys.queue(claim.process), keys.GROUP, claim.entry, claim.entry, 1, claim.node)
    pending, record, fields = yield (held, ("HGETALL", keys.record(claim.process, claim.uuid)), _hash_of(claim, layout))
    if pending == []:  # another node has taken it over, while this one slept, say: read now, its record would let us take it back
        return NotHeld()
    if not _sound(record):
        return Headless(fields) if _is_unfinished(layout, _sound(fields)) else NothingToRun(gone=not fields)
    process = catalog.started_with(record["definition"])
    if process is None:
        [document] = yield (("GET", keys.definition(claim.process, record["definition"])),)
        if _sound(document) is None:
            raise LostWrites(f"the definition {record['definition']} that job {claim.uuid} started with is no longer in Redis")
        process = catalog.meet(document)
    started_as = catalog.dialect(process).layout
    if started_as is not layout:
        layout = started_as
        [fields] = yield (_hash_of(claim, layout),)
    return Found(process, record, fields) if _is_unfinished(layout, _sound(fields)) else NothingToRun(gone=not fields)


def _hash_of(claim: Claim, layout: Layout) -> tuple[str, str]:
    return ("HGETALL", layout.job_key(claim.process, claim.key, claim.uuid))


def _is_unfinished(layout: Layout, fields: Mapping[str, str]) -> bool:
    return layout.status_in(fields) in (Status.SCHEDULED, Status.RUNNING)


def _sound(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
