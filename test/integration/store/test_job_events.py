"""A job's events as they stand in Redis, page by page: in order, each once, whatever an operator has done to the stream."""

from typing import Any

import pytest

from cameron.errors import InvalidRequest
from cameron.store.job_events import Entry, JobEvents, Page
from cameron.store.redis import StoreRefused

from ...acceptance.support.redis_server import RedisServer
from .scripted import EVENTS, JOB, RECORD, UUID, Job

EMPTY = Page([], None, None)


@pytest.fixture
def events(redis: RedisServer) -> JobEvents:
    return JobEvents(redis.url, 10.0)


def put(client: Any, *ids: str) -> None:
    """An entry of each of these ids, which tells of a task of that name."""
    pipeline = client.pipeline(transaction=False)
    for id in ids:
        pipeline.xadd(EVENTS, {"task.done": f"task {id}"}, id=id)
    pipeline.execute()


def paged(events: JobEvents, limit: int) -> list[str]:
    """The ids of all entries, so many a page."""
    ids, after, is_last = list[str](), "", False
    while not is_last:
        page = events.page("foo", UUID, after, limit)
        assert 0 < len(page.entries) <= limit
        ids += [entry.id for entry in page.entries]
        after, is_last = page.next or "", page.next is None
    return ids


def test_what_one_write_has_told_is_one_entry_whose_words_may_come_twice(events: JobEvents, job: Job) -> None:
    job.transition("", "a 1", 1, story=("task.done", "a", "task.called", "b", "task.called", "c", "task.done", "a"))
    page = events.page("foo", UUID)
    [entry] = page.entries
    assert (entry.words, entry.texts) == (["task.done", "task.called", "task.called", "task.done"], ["a", "b", "c", "a"])
    assert (page.next, page.first) == (None, entry)


def test_what_a_job_has_told_stands_in_the_order_of_its_writes(events: JobEvents, job: Job) -> None:
    job.transition("", "a 1", 1, story=("job.started", "a"))
    job.hand_back("a 1 1", "a 1", 2)
    assert job.given_to("node") == [job.entry]
    job.end("a 1 2", "b 2", 1, story=("job.resumed", "b", "job.ended", "done"))
    job.revive("b 2 1", "nobody 3", 1)
    told = [word for entry in events.page("foo", UUID).entries for word in entry.words]
    assert told == ["job.started", "job.handed_back", "job.resumed", "job.ended", "job.retried"]


def test_a_job_that_has_told_nothing_has_an_empty_page(events: JobEvents, job: Job) -> None:
    assert job.listed() == {"scheduled": 1}
    assert events.page("foo", UUID) == events.page("foo", UUID, after="5-0") == EMPTY


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_have_every_entry_once_and_in_order(events: JobEvents, client: Any, limit: int) -> None:
    ids = ["5-0", "5-1", "7-0", "10-0", "1763740000000-0"]
    put(client, *ids)
    assert paged(events, limit) == ids


def test_a_page_after_an_id_begins_with_the_next_one_and_knows_the_oldest(events: JobEvents, client: Any) -> None:
    put(client, "5-0", "5-1", "7-0")
    assert events.page("foo", UUID, after="5-0", limit=1) == Page([told("5-1")], "5-1", told("5-0"))
    assert events.page("foo", UUID, after="6-0") == Page([told("7-0")], None, told("5-0"))  # no entry has that id
    assert events.page("foo", UUID, after="7-0") == Page([], None, told("5-0"))
    assert events.page("foo", UUID, after="0-0", limit=2) == Page([told("5-0"), told("5-1")], "5-1", told("5-0"))


def told(id: str) -> Entry:
    return Entry(id, ["task.done"], [f"task {id}"])


def test_an_id_tells_the_place_of_an_entry_by_numbers(events: JobEvents, client: Any) -> None:
    put(client, "9-0", "10-2", "10-10")
    places = [entry.place for entry in events.page("foo", UUID).entries]
    assert places == sorted(places) == [(9, 0), (10, 2), (10, 10)]


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1", "(1-1", "1-1-1", "9" * 30 + "-0", "+", "$", "1-٣", "\n"])
def test_an_id_that_is_none_is_refused(events: JobEvents, after: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        events.page("foo", UUID, after)
    assert (refused.value.code, refused.value.field) == ("after_invalid", "after")


def test_a_stream_that_was_trimmed_between_two_pages_goes_on_with_what_is_left(events: JobEvents, client: Any) -> None:
    put(client, *(f"{number}-0" for number in range(1, 101)))
    first = events.page("foo", UUID, limit=10)
    client.xtrim(EVENTS, minid="51-0", approximate=False)
    page = events.page("foo", UUID, first.next or "", 2)
    assert page == Page([told("51-0"), told("52-0")], "52-0", told("51-0"))
    client.xtrim(EVENTS, maxlen=0, approximate=False)
    assert events.page("foo", UUID, page.next or "") == EMPTY


def test_of_very_many_events_about_the_last_ten_thousand_are_there(events: JobEvents, job: Job) -> None:
    put(job.client, *(f"{number}-0" for number in range(1, 12_001)))
    job.transition("", "a 1", 1, story=("task.called", "last"))
    ids = paged(events, 3000)
    assert 10_000 <= len(ids) <= 10_200
    assert ids[:-1] == [f"{number}-0" for number in range(12_002 - len(ids), 12_001)]
    whole = events.page("foo", UUID, limit=11_000)
    assert (len(whole.entries), whole.entries[-1].texts) == (len(ids), ["last"])


@pytest.mark.parametrize("after", ["", "5-0"])
def test_what_an_operator_has_put_in_place_of_the_stream_is_an_empty_page(events: JobEvents, client: Any, after: str) -> None:
    client.set(EVENTS, "no stream")
    assert events.page("foo", UUID, after) == EMPTY


def test_any_other_error_of_redis_is_one(events: JobEvents, client: Any, redis: RedisServer) -> None:
    client.execute_command("ACL", "SETUSER", "blind", "on", ">secret", "~other:*", "+@all")
    blind = JobEvents(redis.url.replace("redis://", "redis://blind:secret@"), 10.0)
    with pytest.raises(StoreRefused):
        blind.page("foo", UUID)
    client.execute_command("ACL", "DELUSER", "blind")


def test_events_last_as_long_as_their_job(job: Job) -> None:
    job.transition("", "a 1", 1, story=("job.started", "a"))
    assert job.client.pttl(EVENTS) == -1
    job.end("a 1 1", "a 1", 2, keep_ms=60_000, story=("job.ended", "done"))
    assert [0 < job.client.pttl(key) <= 60_000 for key in (JOB, RECORD, EVENTS)] == [True] * 3
    job.revive("a 1 2", "nobody 2", 1)
    assert [job.client.pttl(key) for key in (JOB, RECORD, EVENTS)] == [-1, -1, -1]
    assert job.told() == [["job.started", "a"], ["job.ended", "done"], ["job.retried", ""]]


def test_of_a_job_that_somebody_has_deleted_no_events_are_kept(events: JobEvents, job: Job) -> None:
    job.transition("", "a 1", 1, story=("job.started", "a"))
    job.client.delete(JOB)
    job.forget()
    assert events.page("foo", UUID) == EMPTY
    assert not job.client.exists(EVENTS)
