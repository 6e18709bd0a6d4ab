"""The scripts that end a job where it waits, put it back, revive it, or tell its node: each writes once, by who may, and else nothing."""

from typing import Any

from cameron.store import keys

from ...acceptance.support.redis_server import RedisServer
from .scripted import DEAD, ENTRY, ENTRY_FIELDS, EVENTS, JOB, LISTS, OTHER, QUEUE, RECORD, SESSION, UUID, Job, life, signalled

# end_queued and end_held


def test_a_job_that_waits_may_be_ended_in_the_queue(job: Job) -> None:
    job.client.xack(QUEUE, keys.GROUP, job.entry)
    assert job.end("", "nobody 1", 1, "x", "1", script="end_queued", status="cancelled", keep_ms=50_000, new=("x",)) == "applied"
    assert (job.queued(), job.listed(), job.owner) == ([], {"cancelled": 3}, "nobody 1 1")
    assert 0 < job.client.pttl(keys.task_error(JOB, "x")) <= 50_000
    assert job.end("", "nobody 1", 1, "x", "2", script="end_queued", status="cancelled") == "applied"  # sent again
    assert job.client.hget(JOB, "x") == "1"


def test_a_job_whose_entry_a_node_has_been_given_is_not_ended_in_the_queue_though_no_runner_has_begun_it(job: Job) -> None:
    before = job.everything()
    assert job.end("", "nobody 1", 1, "x", "1", script="end_queued", unique=UUID) == "taken"
    assert job.everything() == before


def test_a_job_that_cannot_be_read_is_ended_by_the_node_that_holds_it_whatever_its_record_says(job: Job) -> None:
    job.client.hset(RECORD, "owner", "nothing that anybody can read")
    assert job.end("", "node", 0, "x", "1", script="end_held", status="error", keep_ms=50_000, dead=("uuid", UUID)) == "applied"
    assert (job.queued(), job.claimed_by("node"), job.listed(), job.owner) == ([], [], {"error": 3}, "node 0")
    assert (job.client.hget(JOB, "x"), job.client.xlen(DEAD)) == ("1", 1)
    assert job.end("", "node", 0, "x", "2", script="end_held", dead=("uuid", UUID)) == "fenced"  # it holds the entry no more
    assert (job.client.hget(JOB, "x"), job.client.xlen(DEAD)) == ("1", 1)


def test_a_node_that_does_not_hold_a_job_cannot_end_it_unread(job: Job) -> None:
    before = job.everything()
    assert job.end("", "other", 0, "x", "1", script="end_held", dead=("uuid", UUID)) == "fenced"
    assert job.everything() == before


# revive


def finished(job: Job, **options: Any) -> None:
    """The job ends in error, its task `x` failed."""
    job.transition("", "a 1", 1, "x.status", "running", record=("x.attempts", "3", "cancel", "1"))
    job.end("a 1 1", "a 1", 2, "x.status", "error", status="error", keep_ms=50_000, new=("x",), dead=("uuid", UUID), **options)


def test_a_revived_job_waits_in_its_queue_again_and_is_kept_until_it_ends_again(job: Job) -> None:
    finished(job)
    dead, old = job.client.hget(RECORD, "dead"), job.entry
    answer = job.revive(
        "a 1 2", "nobody 2", 1, "job.status", "scheduled", ended="error", dead=dead, record=("deadline", "17"), errors=("x",),
        removed=("x.status",), removed_record=("x.attempts", "cancel", "dead"),
    )  # fmt: skip
    assert answer == "applied"
    assert job.client.hgetall(JOB) == {"job.key": "k", "job.status": "scheduled"}
    owner = {"owner": "nobody 2 1", "released": "nobody 2 1"}
    assert job.client.hgetall(RECORD) == {"request": "{}", "deadline": "17", "entry": job.entry, **owner}
    assert (job.queued(), job.entry != old, job.listed()) == ([(job.entry, ENTRY)], True, {"scheduled": 4})
    assert (job.client.xlen(DEAD), job.client.exists(keys.task_error(JOB, "x"))) == (0, 0)
    assert [job.client.pttl(name) for name in (JOB, RECORD)] == [-1, -1]
    assert job.given_to("other") == [job.entry]


def test_a_revived_job_keeps_its_events_and_its_session_and_its_events_tell_of_it(job: Job) -> None:
    job.client.hset(SESSION, "x", "1")
    finished(job, story=("job.ended", "error"))
    assert (life(job, EVENTS), life(job, SESSION)) == ("expires", "expires")
    assert job.revive("a 1 2", "nobody 2", 1, ended="error") == "applied"
    assert (life(job, EVENTS), life(job, SESSION), job.client.hgetall(SESSION)) == ("lasts", "lasts", {"x": "1"})
    assert job.told() == [["job.ended", "error"], ["job.retried", ""]]


def test_a_revival_sent_again_makes_no_second_entry(job: Job) -> None:
    finished(job)
    for _ in range(2):
        assert job.revive("a 1 2", "nobody 2", 1, ended="error") == "applied"
    assert (len(job.queued()), job.told()) == (1, [["job.retried", ""]])


def test_a_revival_may_take_out_more_than_luas_stack_holds(job: Job) -> None:
    names = [f"field {number}" for number in range(20_000)]
    job.transition("", "a 1", 1, *(text for name in names for text in (name, "v")))
    job.end("a 1 1", "a 1", 2)
    assert job.revive("a 1 2", "nobody 2", 1, removed=tuple(names), removed_record=tuple(names)) == "applied"
    assert job.client.hgetall(JOB) == {"job.key": "k"}


def test_a_job_whose_unique_key_another_one_has_by_now_is_not_revived_and_nothing_is_written(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), UUID)
    finished(job, unique=UUID)
    job.accept(OTHER, unique=True)
    before = job.everything()
    assert job.revive("a 1 2", "nobody 2", 1, "x", "1", ended="error", unique=UUID, errors=("x",)) == ["unfinished", OTHER]
    assert job.everything() == before


def test_a_revived_job_has_its_unique_key_again(job: Job) -> None:
    finished(job, unique=UUID)
    assert job.revive("a 1 2", "nobody 2", 1, ended="error", unique=UUID) == "applied"
    assert job.accept(OTHER, unique=True) == ["unfinished", UUID]


# signal


def test_the_node_that_holds_a_job_is_told_and_the_record_keeps_it(job: Job) -> None:
    job.client.set(keys.node("node"), "{}", px=60_000)
    assert signalled(job) == "told"
    assert [fields for _, fields in job.client.xrange(keys.inbox("node"))] == [{"signal": "cancel", "uuid": UUID}]
    assert job.client.hget(RECORD, "cancel") == "17"


def test_for_a_node_that_has_died_the_record_keeps_it_and_no_inbox_is_made(job: Job) -> None:
    assert signalled(job) == "told"
    assert (job.client.exists(keys.inbox("node")), job.client.hget(RECORD, "cancel")) == (0, "17")


def test_a_node_that_does_not_hold_the_job_is_told_nothing(job: Job) -> None:
    job.client.set(keys.node("other"), "{}", px=60_000)
    before = job.everything()
    assert signalled(job, "other") == "moved"
    assert job.everything() == before


def test_of_a_job_that_is_gone_nobody_is_told(job: Job) -> None:
    job.client.set(keys.node("node"), "{}", px=60_000)
    names, entry = [JOB, RECORD, QUEUE, keys.node("node"), keys.inbox("node")], job.entry
    job.client.delete(JOB, RECORD)
    before = job.everything()
    assert job.run("signal", names, [entry, keys.GROUP, "node", "cancel", "17", "signal", "cancel"]) == "gone"
    assert job.everything() == before


# hand_back and release


def test_a_job_handed_back_waits_in_its_queue_for_anybody(job: Job) -> None:
    job.transition("", "a 1", 1, "x", "1")
    old = job.entry
    assert job.hand_back("a 1 1", "a 1", 2) == "applied"
    assert job.entry != old
    assert (job.queued(), job.claimed_by("node"), job.owner) == ([(job.entry, ENTRY)], [], "a 1 2")
    assert job.client.hget(RECORD, "released") == "a 1 2"
    assert job.given_to("other") == [job.entry]


def test_a_hand_back_sent_again_makes_no_second_entry(job: Job) -> None:
    entry = job.entry
    assert [job.hand_back("", "a 1", 1, entry) for _ in range(2)] == ["applied", "applied"]
    assert (len(job.queued()), job.told()) == (1, [["job.handed_back", "node"]])


def test_a_job_handed_over_is_the_other_nodes_which_is_told(job: Job) -> None:
    job.transition("", "a 1", 1, "x", "1")
    old = job.entry
    job.client.set(keys.node("other"), "{}")
    job.client.xadd(keys.inbox("other"), {"signal": "drain"})
    assert [job.hand_over("a 1 1", "a 1", 2) for _ in range(2)] == ["applied", "applied"]
    assert (job.entry, job.claimed_by("node"), job.claimed_by("other")) == (old, [], [old])
    assert (job.owner, job.client.hget(RECORD, "released"), job.told()[-1]) == ("a 1 2", "a 1 2", ["job.handed_back", "node"])
    assert [fields for _, fields in job.client.xrange(keys.inbox("other"))] == [{"signal": "drain"}, {"signal": "given", "uuid": UUID}]


def test_a_job_is_handed_over_though_the_other_node_cannot_be_told(job: Job) -> None:
    old = job.entry
    job.client.set(keys.node("other"), "{}")
    job.client.set(keys.inbox("other"), "somebody's slip")
    assert job.hand_over("", "a 1", 1) == "applied"
    assert (job.entry, job.claimed_by("other"), job.owner) == (old, [old], "a 1 1")


def test_a_job_that_is_to_go_to_a_dead_node_waits_in_its_queue_for_anybody(job: Job) -> None:
    old = job.entry
    assert job.hand_over("", "a 1", 1) == "applied"
    assert job.entry != old
    assert (job.queued(), job.claimed_by("node"), job.client.hget(RECORD, "released")) == ([(job.entry, ENTRY)], [], "a 1 1")
    assert (job.given_to("other"), job.client.exists(keys.inbox("other"))) == ([job.entry], 0)


def test_a_job_whose_entry_is_gone_is_handed_over_by_a_new_one(job: Job) -> None:
    old = job.entry
    job.client.set(keys.node("other"), "{}")
    job.client.xack(QUEUE, keys.GROUP, old)
    job.client.xdel(QUEUE, old)
    assert job.hand_over("", "a 1", 1) == "applied"
    assert (job.queued(), job.entry != old) == ([(job.entry, ENTRY)], True)


def test_an_entry_released_goes_back_and_the_record_follows_it(job: Job) -> None:
    old = job.entry
    new = job.run("release", [RECORD, QUEUE], [old, keys.GROUP, "node", *ENTRY_FIELDS])
    assert (new, job.queued(), job.claimed_by("node")) == (job.entry, [(new, ENTRY)], [])
    assert new != old


def test_only_who_holds_an_entry_can_release_it(redis: RedisServer, job: Job) -> None:
    before = job.everything()
    assert job.run("release", [RECORD, QUEUE], [job.entry, keys.GROUP, "other", *ENTRY_FIELDS]) is None
    assert job.everything() == before
    job.end("", "a 1", 1)
    before = job.everything()
    assert job.run("release", [RECORD, QUEUE], [job.entry, keys.GROUP, "node", *ENTRY_FIELDS]) is None
    assert job.everything() == before


def test_releasing_the_entry_of_a_job_that_is_gone_makes_no_record_of_it(job: Job) -> None:
    entry = job.entry
    job.client.delete(JOB, RECORD)
    assert job.run("release", [RECORD, QUEUE], [entry, keys.GROUP, "node", *ENTRY_FIELDS])
    assert not job.client.exists(RECORD)


# take_over


def test_nothing_is_taken_from_a_node_that_lives(job: Job) -> None:
    job.client.set(keys.node("node"), "{}", px=60_000)
    assert job.run("take_over", [keys.node("node"), QUEUE], [keys.GROUP, "node", "other", 10]) == []
    assert job.claimed_by("node") == [job.entry]


def test_a_dead_nodes_entries_are_taken_a_page_at_a_time_and_then_its_consumer_is_deleted(job: Job) -> None:
    for number in range(4):
        job.client.xadd(QUEUE, {"uuid": str(number)})
    assert len(job.given_to("node")) == 5
    pages = [job.run("take_over", [keys.node("node"), QUEUE], [keys.GROUP, "node", "other", 2]) for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert pages[0][0] == [job.entry, ENTRY_FIELDS]
    assert (len(job.claimed_by("other")), job.claimed_by("node")) == (5, [])
    assert [consumer["name"] for consumer in job.client.xinfo_consumers(QUEUE, keys.GROUP)] == ["other"]


# forget and leave


def test_of_a_job_that_somebody_has_deleted_nothing_is_kept(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), UUID)
    job.transition("", "a 1", 1, story=("job.started", "a"))
    job.client.hset(SESSION, "x", "1")
    entry = job.entry
    job.client.delete(JOB)
    assert job.forget() == "applied"
    left = [JOB, RECORD, EVENTS, SESSION, LISTS["scheduled"], keys.jobs_by_key("foo"), keys.unique("foo", "k")]
    assert (job.client.exists(*left), job.queued(), entry in job.given_to("node")) == (0, [], False)


def test_a_job_that_has_ended_keeps_all_but_its_entry(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), OTHER)
    job.transition("", "a 1", 1, story=("job.started", "a"))
    job.client.hset(SESSION, "x", "1")
    assert job.forget() == "applied"
    assert (job.client.exists(JOB, RECORD, EVENTS, SESSION), job.client.zcard(keys.jobs_by_key("foo"))) == (4, 1)
    assert (job.queued(), job.client.get(keys.unique("foo", "k"))) == ([], OTHER)


def test_a_consumer_leaves_only_when_it_holds_nothing(job: Job) -> None:
    def consumers() -> list[str]:
        return [consumer["name"] for consumer in job.client.xinfo_consumers(QUEUE, keys.GROUP)]

    assert (job.run("leave", [QUEUE], [keys.GROUP, "node"]), consumers()) == (0, ["node"])
    job.client.xack(QUEUE, keys.GROUP, job.entry)
    assert (job.run("leave", [QUEUE], [keys.GROUP, "node"]), consumers()) == (1, [])
