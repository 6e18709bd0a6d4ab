"""The scripts: each writes once, in order, by the owner alone, whatever is sent again."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameron.store import keys
from cameron.store.redis import Pipeline, StoreError, passes

from ...acceptance.support.redis_server import RedisServer
from .scripted import (
    DEAD,
    ENTRY,
    EVENTS,
    FENCED,
    JOB,
    LISTS,
    MEMBER,
    NAMES,
    OTHER,
    QUEUE,
    RECORD,
    SCRIPTS,
    SESSION,
    UUID,
    Job,
    life,
    signalled,
)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_states_its_keys_its_arguments_and_its_returns(name: str) -> None:
    text = (SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")
    assert text.startswith(f"-- {name}: ")
    if "Not a script of its own." not in text:
        assert re.findall(r"(?m)^-- (KEYS|ARGV|returns): ", text) == ["KEYS", "ARGV", "returns"]


# accept


def test_accept_stores_the_job_its_record_and_its_entry(client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    assert job.accept() == "accepted"
    assert client.hgetall(JOB) == {"job.key": "k"}
    assert client.hgetall(RECORD) == {"request": "{}", "owner": "", "entry": job.entry}
    assert job.queued() == [(job.entry, ENTRY)]
    assert (job.listed(), client.zscore(keys.jobs_by_key("foo"), MEMBER)) == ({"scheduled": 1}, 0)
    assert client.exists(keys.idempotency("foo", ""), keys.unique("foo", "k")) == 0


@pytest.mark.parametrize("option", [{}, {"token": "t", "known": f"{UUID} digest k"}, {"unique": True}, {"most": 1}])
def test_accept_sent_again_changes_nothing_whatever_was_asked(client: Any, pipeline: Pipeline, option: dict[str, Any]) -> None:
    job = Job(client, pipeline)
    assert job.accept(**option) == "accepted"
    before = job.everything()
    assert job.accept(**option) == "exists"
    assert job.everything() == before


def test_a_request_whose_idempotency_key_is_known_is_told_what_is_known_and_stores_nothing(client: Any, pipeline: Pipeline) -> None:
    job, known = Job(client, pipeline), f"{UUID} digest k"
    job.accept(token="t", known=known)
    assert client.get(keys.idempotency("foo", "t")) == known
    assert 0 < client.pttl(keys.idempotency("foo", "t")) <= 50_000
    before = job.everything()
    assert job.accept(OTHER, token="t", known=f"{OTHER} digest k") == ["known", known]
    assert job.everything() == before
    assert job.accept(OTHER, token="t2", known=f"{OTHER} digest k") == "accepted"


def test_while_a_job_of_a_unique_key_is_unfinished_another_one_is_told_which_and_stores_nothing(client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    job.accept(unique=True)
    before = job.everything()
    assert job.accept(OTHER, unique=True) == ["unfinished", UUID]
    assert job.everything() == before


def test_a_request_that_is_known_and_whose_key_is_taken_is_told_of_its_own_job(client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    job.accept(token="t", known="the first", unique=True)
    assert job.accept(OTHER, token="t", known="the second", unique=True) == ["known", "the first"]


def test_a_queue_that_is_full_takes_no_more_and_what_is_refused_leaves_nothing(client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    assert job.accept(most=1, token="t", known="the first") == "accepted"
    before = job.everything()
    assert job.accept(OTHER, most=1, token="t2", known="the second", unique=True) == ["full", 1]
    assert job.everything() == before
    assert job.accept(OTHER, most=1, token="t", known="the second") == ["known", "the first"]  # there is nothing to take
    assert job.accept(OTHER, most=2) == "accepted"


@pytest.mark.parametrize("race", ["idempotency key", "unique key"])
def test_of_many_requests_at_once_one_is_accepted_and_all_others_are_told_of_it(redis: RedisServer, client: Any, race: str) -> None:
    at_once, answers = threading.Barrier(20), dict[str, Any]()

    def ask(uuid: str) -> None:
        pipeline = Pipeline(redis.url, timeout_s=10.0)
        pipeline.connect()
        at_once.wait(20)
        options: dict[str, Any] = {"unique": True} if race == "unique key" else {"token": "t", "known": uuid}
        answers[uuid] = Job(client, pipeline).accept(uuid, **options)
        pipeline.close()

    uuids = [f"{number:032x}" for number in range(20)]
    threads = [threading.Thread(target=ask, args=(uuid,)) for uuid in uuids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    [winner] = [uuid for uuid, answer in answers.items() if answer == "accepted"]
    word = "unfinished" if race == "unique key" else "known"
    assert [answer for uuid, answer in answers.items() if uuid != winner] == [[word, winner]] * 19
    assert (client.xlen(QUEUE), len(list(client.scan_iter("cameron:record:*")))) == (1, 1)


# the fence, which all begin with that write a job which can be read


@pytest.mark.parametrize("name", FENCED)
@pytest.mark.parametrize(
    ("standing", "expected", "writer", "n", "answer"),
    [
        ("", "", "a 1", 1, "applied"),
        ("a 1 4", "a 1 4", "a 1", 5, "applied"),
        ("a 1 4", "a 1 4", "b 2", 1, "applied"),  # a take-over
        ("a 1 5", "a 1 4", "a 1", 5, "applied already"),
        ("a 1 9", "a 1 4", "a 1", 5, "applied already"),
        ("a 1 10", "a 1 9", "a 1", 10, "applied already"),  # a number, no text
        ("a 1 3", "a 1 4", "a 1", 5, "lost"),
        ("a 1 9", "a 1 10", "a 1", 11, "lost"),
        ("b 2 1", "a 1 4", "a 1", 5, "fenced"),
        ("a 2 4", "a 1 4", "a 1", 5, "fenced"),  # a later runner on the same node
        ("b 2 1", "", "a 1", 1, "fenced"),
        ("", "a 1 4", "a 1", 5, "lost"),  # Redis has forgotten all that was written since the job was accepted
        (None, "a 1 4", "a 1", 5, "gone"),
        (None, "", "a 1", 1, "gone"),
    ],
)
def test_a_write_is_carried_out_once_in_order_and_by_the_owner_alone(
    job: Job, name: str, standing: str | None, expected: str, writer: str, n: int, answer: str
) -> None:
    if name == "end_queued":
        job.client.xack(QUEUE, keys.GROUP, job.entry)  # nobody holds it
    if standing is None:
        job.client.delete(RECORD)
    else:
        job.client.hset(RECORD, "owner", standing)
    before = job.everything()
    write: dict[str, Callable[[], Any]] = {
        "transition": lambda: job.transition(expected, writer, n, "f", "v", begins=True, idle=True),
        "end": lambda: job.end(expected, writer, n, "f", "v", keep_ms=1000, unique=UUID, dead=("why", "x")),
        "end_queued": lambda: job.end(expected, writer, n, "f", "v", keep_ms=1000, unique=UUID, script="end_queued"),
        "hand_back": lambda: job.hand_back(expected, writer, n),
        "hand_over": lambda: job.hand_over(expected, writer, n),
        "revive": lambda: job.revive(expected, writer, n, "f", "v", unique=UUID, dead="1-1"),
    }
    assert write[name]() == answer.split(" ")[0]
    if answer == "applied":
        assert job.owner == f"{writer} {n}"
    else:
        assert job.everything() == before


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 3), st.booleans()), max_size=12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_again_or_late_each_write_of_each_owner_stands_once(job: Job, moves: list[tuple[str, int, bool]]) -> None:
    """Writers that claim the job from one another, each of them sending all from some write on again, as after a cut connection."""
    job.client.hset(RECORD, "owner", "")
    job.client.delete(JOB)
    claims, model = 0, list[str]()
    writers: dict[str, list[tuple[str, str, int]]] = {}  # all that each has sent
    for who, again, claiming in moves:
        if claiming or who not in writers:
            claims += 1
            writers[who] = [(job.owner, f"{who} {claims}", 1)]
        else:
            _, writer, n = writers[who][-1]
            writers[who].append((f"{writer} {n}", writer, n + 1))
        for owner, writer, n in writers[who][-1 - again :]:
            field = f"{writer} {n}"
            answer = job.transition(owner, writer, n, field, "1", "last", field)
            assert (answer == "applied") == (job.owner.rsplit(" ", 1)[0] == writer)
            if answer == "applied" and field not in model:
                model.append(field)
        assert job.client.hget(JOB, "last") == model[-1]
    assert set(job.client.hgetall(JOB)) - {"last"} == set(model)


# transition


def test_a_transition_writes_fields_record_and_errors(job: Job) -> None:
    assert job.transition("", "a 1", 1, "x", "1", "y", "2", record=("task.x.next", "[]"), errors=("x=it failed", "y=too")) == "applied"
    assert job.client.hgetall(JOB) == {"job.key": "k", "x": "1", "y": "2"}
    assert job.client.hgetall(RECORD) == {"request": "{}", "entry": job.entry, "owner": "a 1 1", "task.x.next": "[]"}
    assert [job.client.get(keys.task_error(JOB, task)) for task in ("x", "y")] == ["it failed", "too"]


def test_a_transition_may_write_nothing_but_its_claim(job: Job) -> None:
    assert job.transition("", "a 1", 1) == "applied"
    assert job.client.hgetall(JOB) == {"job.key": "k"}
    assert (job.owner, job.listed()) == ("a 1 1", {"scheduled": 1})


def test_with_the_transition_that_begins_it_a_job_is_listed_as_running(job: Job) -> None:
    assert job.transition("", "a 1", 1, errors=("x=it failed",), begins=True) == "applied"
    assert job.listed() == {"running": 2}
    assert job.client.get(keys.task_error(JOB, "x")) == "it failed"
    job.transition("a 1 1", "a 1", 2)
    assert job.listed() == {"running": 2}


def test_only_a_transition_after_which_no_task_is_under_way_says_so_in_the_record(job: Job) -> None:
    job.transition("", "a 1", 1)
    assert job.client.hget(RECORD, "released") is None
    job.transition("a 1 1", "a 1", 2, idle=True)
    assert job.client.hmget(RECORD, "released", "owner") == ["a 1 2", "a 1 2"]
    job.transition("a 1 2", "a 1", 3)
    assert job.client.hmget(RECORD, "released", "owner") == ["a 1 2", "a 1 3"]


def test_a_transition_may_write_more_than_luas_stack_holds(job: Job) -> None:
    fields = [text for number in range(30_000) for text in (f"field {number}", "v")]
    record = [text for number in range(4_001) for text in (f"record {number}", "v")]
    story = [text for number in range(10_000) for text in ("task.called", f"task {number}")]
    assert job.transition("", "a 1", 1, *fields, record=tuple(record), story=story) == "applied"
    assert (job.client.hlen(JOB), job.client.hlen(RECORD)) == (30_001, 4_004)
    assert [text for entry in job.told() for text in entry] == story


# the events


def test_what_a_write_tells_is_one_entry_in_which_a_word_may_come_twice(job: Job) -> None:
    story = ("task.done", "a", "task.called", "b", "task.called", "c")
    job.transition("", "a 1", 1, story=story, errors=("x=it failed",), begins=True)
    job.transition("a 1 1", "a 1", 2)
    job.end("a 1 2", "a 1", 3, story=("job.ended", "done"), new=("y",))
    assert job.told() == [list(story), ["job.ended", "done"]]
    assert [job.client.get(keys.task_error(JOB, task)) for task in ("x", "y")] == ["it failed", "y failed"]


def test_a_write_sent_again_is_told_once(job: Job) -> None:
    for _ in range(2):
        assert job.transition("", "a 1", 1, story=("job.started", "a")) == "applied"
    for _ in range(2):
        assert job.end("a 1 1", "a 1", 2, story=("job.ended", "done")) == "applied"
    assert job.told() == [["job.started", "a"], ["job.ended", "done"]]


def test_of_a_jobs_events_the_last_ten_thousand_or_a_few_more_are_kept(job: Job) -> None:
    pipeline = job.client.pipeline(transaction=False)
    for number in range(12_000):
        pipeline.xadd(EVENTS, {"task.called": f"task {number}"}, id=f"{number + 1}-0")
    pipeline.execute()
    job.transition("", "a 1", 1, story=("job.started", "a"))
    assert 10_000 <= job.client.xlen(EVENTS) <= 10_200
    assert job.told()[-1] == ["job.started", "a"]


@pytest.mark.parametrize("broken", [EVENTS, SESSION])
def test_what_an_operator_has_put_in_place_of_the_events_or_the_session_costs_no_job(job: Job, broken: str) -> None:
    job.client.set(broken, "none of ours")
    assert job.transition("", "a 1", 1, "x", "1", story=("job.started", "a"), errors=("x=it failed",)) == "applied"
    assert job.hand_back("a 1 1", "a 1", 2) == "applied"
    assert job.given_to("node") == [job.entry]
    assert job.end("a 1 2", "a 1", 3, "x", "2", story=("job.ended", "done"), keep_ms=50_000) == "applied"
    assert (job.queued(), job.client.hget(JOB, "x"), life(job, broken)) == ([], "2", "expires")
    assert job.revive("a 1 3", "nobody 2", 1, "x", "3") == "applied"
    assert (len(job.queued()), job.client.hget(JOB, "x")) == (1, "3")


# end


def test_the_end_takes_the_entry_out_of_the_queue_and_lets_all_keys_expire_together(job: Job) -> None:
    job.transition("", "a 1", 1, errors=("old=it failed",), story=("job.started", "a"))
    job.client.hset(SESSION, "shared", "1")
    entry = job.entry
    ending: dict[str, Any] = {"keep_ms": 50_000, "new": ("x", "y"), "old": ("old",), "record": ("crash", "a died")}
    assert job.end("a 1 1", "a 1", 2, "job.status.current", "done", **ending) == "applied"
    assert job.client.hget(RECORD, "crash") == "a died"
    assert (job.queued(), job.claimed_by("node")) == ([], [])
    assert job.client.hget(JOB, "job.status.current") == "done"
    texts = {task: job.client.get(keys.task_error(JOB, task)) for task in ("x", "y", "old")}
    assert texts == {"x": "x failed", "y": "y failed", "old": "it failed"}
    lives = [job.client.pttl(key) for key in (JOB, RECORD, EVENTS, SESSION, *(keys.task_error(JOB, task) for task in texts))]
    assert all(0 < life <= 50_000 for life in lives)
    assert entry == job.entry
    assert life(job, LISTS["done"]) == "lasts"


def test_the_end_sent_again_changes_nothing(job: Job) -> None:
    assert job.end("", "a 1", 1, "x", "1") == "applied"
    assert job.end("", "a 1", 1, "x", "2") == "applied"
    assert job.client.hget(JOB, "x") == "1"


def test_a_job_that_is_kept_for_ever_does_not_expire(job: Job) -> None:
    job.client.hset(SESSION, "shared", "1")
    job.end("", "a 1", 1, keep_ms=0, new=("x",), story=("job.ended", "done"))
    assert [job.client.pttl(key) for key in (JOB, RECORD, EVENTS, SESSION, keys.task_error(JOB, "x"))] == [-1] * 5


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("status", ["done", "error", "cancelled"])
def test_a_job_that_has_ended_is_listed_under_its_end_alone(job: Job, status: str, begun: bool) -> None:
    job.transition("", "a 1", 1, begins=begun)
    job.end("a 1 1", "a 1", 2, status=status)
    assert job.listed() == {status: 3}
    assert job.client.zscore(keys.jobs_by_key("foo"), MEMBER) == 0


def test_the_end_of_a_job_makes_room_for_another_one_of_its_unique_key(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), UUID)
    job.end("", "a 1", 1, unique=UUID)
    assert job.accept(OTHER, unique=True) == "accepted"
    assert job.client.get(keys.unique("foo", "k")) == OTHER


def test_a_unique_key_that_belongs_to_another_job_by_now_is_left_to_it(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), OTHER)
    job.end("", "a 1", 1, unique=UUID)
    assert job.client.get(keys.unique("foo", "k")) == OTHER


def test_a_job_whose_key_need_not_be_unique_releases_none(job: Job) -> None:
    job.client.set(keys.unique("foo", "k"), UUID)
    job.end("", "a 1", 1)
    assert job.client.get(keys.unique("foo", "k")) == UUID


def test_a_job_given_up_has_an_entry_in_the_dead_letter_that_its_record_names(job: Job) -> None:
    job.end("", "a 1", 1, status="error", keep_ms=50_000, dead=("uuid", UUID, "reason", "five crashes"))
    [(entry, fields)] = job.client.xrange(DEAD)
    assert (fields, job.client.hget(RECORD, "dead")) == ({"uuid": UUID, "reason": "five crashes"}, entry)
    assert (job.listed(), job.queued(), life(job, DEAD)) == ({"error": 3}, [], "lasts")


def test_a_job_that_ends_otherwise_has_none(job: Job) -> None:
    job.end("", "a 1", 1)
    assert (job.client.exists(DEAD), job.client.hget(RECORD, "dead")) == (0, None)


@pytest.mark.parametrize("broken", [*LISTS, "by key"])
def test_a_list_that_an_operator_has_broken_costs_no_job(client: Any, pipeline: Pipeline, broken: str) -> None:
    job, name = Job(client, pipeline), LISTS.get(broken, keys.jobs_by_key("foo"))
    client.set(name, "no sorted set")
    client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)
    assert job.accept() == "accepted"
    assert job.given_to("node") == [job.entry]
    assert job.transition("", "a 1", 1, "x", "1", begins=True) == "applied"
    assert job.end("a 1 1", "a 1", 2, "x", "2", status=broken if broken in ("done", "error", "cancelled") else "done") == "applied"
    assert (job.queued(), job.claimed_by("node"), client.hget(JOB, "x")) == ([], [], "2")
    assert job.revive("a 1 2", "nobody 2", 1, "x", "3", ended=broken if broken in LISTS else "done") == "applied"
    assert (len(job.queued()), client.hget(JOB, "x"), client.get(name)) == (1, "3", "no sorted set")


@pytest.mark.parametrize("name", ["accept", "transition", "end", "end_queued", "end_held", "hand_back", "hand_over", "revive", "signal"])
def test_a_redis_that_is_full_refuses_a_script_whole_and_carries_it_out_when_there_is_room(job: Job, name: str) -> None:
    if name == "end_queued":
        job.client.xack(QUEUE, keys.GROUP, job.entry)
    job.client.set(keys.unique("foo", "k"), UUID)
    options: dict[str, Any] = {"keep_ms": 1000, "new": ("x",), "unique": UUID, "dead": ("uuid", UUID)}
    write: dict[str, Callable[[], Any]] = {
        "accept": lambda: job.accept(OTHER, token="t", known="known"),
        "transition": lambda: job.transition("", "a 1", 1, "x", "1", errors=("x=it failed",), begins=True, idle=True),
        "end": lambda: job.end("", "a 1", 1, "x", "1", **options),
        "end_queued": lambda: job.end("", "a 1", 1, "x", "1", script="end_queued", **options),
        "end_held": lambda: job.end("", "node", 0, "x", "1", script="end_held", **options),
        "hand_back": lambda: job.hand_back("", "a 1", 1),
        "hand_over": lambda: job.hand_over("", "a 1", 1),
        "revive": lambda: job.revive("", "a 1", 1, "x", "1", unique=UUID, removed=("job.key",), errors=("x",)),
        "signal": lambda: signalled(job),
    }
    before = job.everything()
    job.client.config_set("maxmemory", 1)
    with pytest.raises(StoreError) as caught:
        write[name]()
    assert passes(caught.value)
    job.client.config_set("maxmemory", 0)
    assert job.everything() == before
    assert write[name]() in ("accepted", "applied", "told")


def test_the_events_of_a_job_that_ends_take_what_is_in_them_and_not_4_kb(job: Job) -> None:
    job.accept()
    job.transition("", "node 1", 1, "job.status.current", "running", story=("job.started", "node"))
    before, entries = job.client.memory_usage(EVENTS), job.client.xrange(EVENTS)
    job.end("node 1 1", "node 1", 2)
    assert job.client.memory_usage(EVENTS) < 2500 < 4096 < before
    assert job.client.xrange(EVENTS)[: len(entries)] == entries
    assert not job.client.exists(keys.events_copy("foo", UUID))
