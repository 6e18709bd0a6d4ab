"""What has happened in a job and what was decided, in order: its history as clients are told it."""

from collections.abc import Iterator
from typing import Any

from cameron.core.history import ACCEPTED, begins, besides, read
from cameron.core.moment import rfc3339
from cameron.core.status import Status
from cameron.definitions.dialect import Vocabulary
from cameron.job_reader import JobReader, Sighted
from cameron.store.job_events import JobEvents, Page, place
from cameron.store.redis import asking

BEFORE_ALL = "0-0"  # the id of a job's acceptance; no entry of a stream has it


class JobHistory:
    """For any thread. Two round trips, and no more is read than is answered, whatever the job holds."""

    def __init__(self, jobs: JobReader, url: str, timeout_s: float) -> None:
        self._jobs, self._events = jobs, JobEvents(url, timeout_s)

    def page(self, process: str, key: str, uuid: str, after: str, limit: int) -> dict[str, Any]:
        """`{"process", "uuid", "key", "events": [{"id", "time", "event", ...}], "next": id or None, "dropped"}`.

        Those of the first `limit` writes after the one of that id, "": of all, and before them that the job was accepted. What one
        write has told has one id. `dropped`: some that should stand before these are no longer kept. Raises JobNotFound,
        InvalidRequest for an `after` that is no id, StoreUnavailable.
        """
        job = self._jobs.sighted(process, key, uuid)
        with asking():
            page = self._events.page(job.process, uuid, after, limit)
        vocabulary, events = job.dialect.vocabulary, list[dict[str, Any]]()
        if not after and job.accepted_ms:
            events.append(_event({"id": BEFORE_ALL, "time": rfc3339(job.accepted_ms)}, ACCEPTED, "", vocabulary))
        events += _told(page, vocabulary)
        about = {"process": job.process, "uuid": uuid, "key": job.key}
        return {**about, "events": events, "next": page.next, "dropped": _is_dropped(job, page, after)}


def _told(page: Page, vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    for entry in page.entries:
        when = {"id": entry.id, "time": rfc3339(entry.place[0])}
        for word, text in zip(entry.words, entry.texts, strict=True):
            yield _event(when, word, text, vocabulary)


def _event(when: dict[str, Any], word: str, text: str, vocabulary: Vocabulary) -> dict[str, Any]:
    said = read(word, text)
    if "until_ms" in said:
        said["until"] = rfc3339(said.pop("until_ms"))
    return {**when, **said, **besides(vocabulary, said)}


def _is_dropped(job: Sighted, page: Page, after: str) -> bool:
    """By what the oldest entry tells; where there is none, only a job that waits for the first time has told nothing yet."""
    if page.first is None:
        return job.status is not Status.SCHEDULED
    return not begins(page.first.words) and place(after or BEFORE_ALL) < page.first.place
