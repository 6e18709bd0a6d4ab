"""The scripts: each writes once, in order, by the owner alone, whatever is sent again."""

import re
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameron.store import keys
from cameron.store.queue import Queues
from cameron.store.redis import Pipeline, script_text

from ...acceptance.support.redis_server import RedisServer

NAMES = ("accept", "transition", "end", "hand_back", "release", "take_over")
FENCED = ("transition", "end", "hand_back")
UUID = "0123456789abcdef0123456789abcdef"
JOB, RECORD, QUEUE = keys.job("foo", "k", UUID), keys.record("foo", UUID), keys.queue("foo")
ENTRY = {"process": "foo", "key": "k", "uuid": UUID}
ENTRY_FIELDS = [text for pair in ENTRY.items() for text in pair]


def counted(*texts: str) -> list[str]:
    """Fields and values after their number, as the scripts take them."""
    return [str(len(texts)), *texts]


class Job(NamedTuple):
    """A job in Redis, and the scripts run on it."""

    client: Any
    pipeline: Pipeline

    def run(self, name: str, names: list[str], args: list[Any]) -> Any:
        """The script's answer; an error is raised."""
        [answer] = self.pipeline.run([self.pipeline.script(name, names, args)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def accept(self) -> Any:
        """Accepted as the engine does it."""
        return self.run("accept", [JOB, RECORD, QUEUE], [*counted("job.key", "k"), *counted("request", "{}"), *ENTRY_FIELDS])

    def transition(self, owner: str, writer: str, n: int, *fields: str, record: tuple[str, ...] = (), errors: tuple[str, ...] = ()) -> Any:
        """A transition; each error is `task=text`."""
        tasks, texts = [error.split("=")[0] for error in errors], [error.split("=")[1] for error in errors]
        names = [JOB, RECORD, *(keys.task_error(JOB, task) for task in tasks)]
        return self.run("transition", names, [owner, writer, n, *counted(*fields), *counted(*record), *texts])

    def end(
        self, owner: str, writer: str, n: int, *fields: str, keep_ms: int = 0, new: tuple[str, ...] = (), old: tuple[str, ...] = ()
    ) -> Any:
        """The end, with texts of new errors by task, and tasks of old ones."""
        names = [JOB, RECORD, QUEUE, *(keys.task_error(JOB, task) for task in (*new, *old))]
        texts = [f"{task} failed" for task in new]
        return self.run("end", names, [owner, writer, n, self.entry, keys.GROUP, keep_ms, *counted(*fields), *counted(), *texts])

    def hand_back(self, owner: str, writer: str, n: int) -> Any:
        """Handed back."""
        return self.run("hand_back", [JOB, RECORD, QUEUE], [owner, writer, n, self.entry, keys.GROUP, *ENTRY_FIELDS])

    @property
    def entry(self) -> str:
        """The queue's entry that the record names."""
        return str(self.client.hget(RECORD, "entry"))

    @property
    def owner(self) -> str:
        """The record's owner."""
        return str(self.client.hget(RECORD, "owner"))

    def queued(self) -> list[tuple[str, dict[str, str]]]:
        """All entries of the queue."""
        return list(self.client.xrange(QUEUE))

    def claimed_by(self, node: str) -> list[str]:
        """Entries that the node holds."""
        return [pending["message_id"] for pending in self.client.xpending_range(QUEUE, keys.GROUP, "-", "+", 100, consumername=node)]


@pytest.fixture
def queues(redis: RedisServer, client: Any) -> Queues:
    """The queues, `foo`'s with its group."""
    made = Queues(redis.url, 10.0)
    made.create(["foo"])
    return made


@pytest.fixture
def job(client: Any, pipeline: Pipeline, queues: Queues) -> Job:
    """A job that `node` has claimed and not begun."""
    made = Job(client, pipeline)
    assert made.accept() == "accepted"
    [entry] = queues.take(["foo"], "node", 10, 10)
    assert entry.id == made.entry
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_script_states_its_keys_its_arguments_and_its_returns(name: str) -> None:
    text = script_text(name)
    own = text[text.index(f"-- {name}:") :]
    assert len(re.findall(r"(?m)^-- (KEYS|ARGV|returns): ", own)) == 3


# accept


def test_accept_stores_the_job_its_record_and_its_entry(client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    assert job.accept() == "accepted"
    assert client.hgetall(JOB) == {"job.key": "k"}
    assert client.hgetall(RECORD) == {"request": "{}", "owner": "", "entry": job.entry}
    assert job.queued() == [(job.entry, ENTRY)]


def test_accept_sent_again_changes_nothing(redis: RedisServer, client: Any, pipeline: Pipeline) -> None:
    job = Job(client, pipeline)
    job.accept()
    before = redis.dump()
    assert job.accept() == "exists"
    assert redis.dump() == before


# the fence, which transition, end and hand_back begin with


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
    redis: RedisServer, job: Job, name: str, standing: str | None, expected: str, writer: str, n: int, answer: str
) -> None:
    entry = job.entry
    if standing is None:
        job.client.delete(RECORD)
    else:
        job.client.hset(RECORD, "owner", standing)
    before = redis.dump()
    args: dict[str, list[Any]] = {
        "transition": [*counted("f", "v"), *counted()],
        "end": [entry, keys.GROUP, 0, *counted("f", "v"), *counted()],
        "hand_back": [entry, keys.GROUP, *ENTRY_FIELDS],
    }
    names = [JOB, RECORD] if name == "transition" else [JOB, RECORD, QUEUE]
    assert job.run(name, names, [expected, writer, n, *args[name]]) == answer.split(" ")[0]
    if answer == "applied":
        assert job.owner == f"{writer} {n}"
    else:
        assert redis.dump() == before


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
    assert job.owner == "a 1 1"


def test_a_transition_may_write_more_than_luas_stack_holds(job: Job) -> None:
    fields = [text for number in range(30_000) for text in (f"field {number}", "v")]
    record = [text for number in range(4_001) for text in (f"record {number}", "v")]
    assert job.transition("", "a 1", 1, *fields, record=tuple(record)) == "applied"
    assert (job.client.hlen(JOB), job.client.hlen(RECORD)) == (30_001, 4_004)


# end


def test_the_end_takes_the_entry_out_of_the_queue_and_lets_all_keys_expire_together(job: Job) -> None:
    job.transition("", "a 1", 1, errors=("old=it failed",))
    entry = job.entry
    assert job.end("a 1 1", "a 1", 2, "job.status.current", "done", keep_ms=50_000, new=("x", "y"), old=("old",)) == "applied"
    assert (job.queued(), job.claimed_by("node")) == ([], [])
    assert job.client.hget(JOB, "job.status.current") == "done"
    texts = {task: job.client.get(keys.task_error(JOB, task)) for task in ("x", "y", "old")}
    assert texts == {"x": "x failed", "y": "y failed", "old": "it failed"}
    lives = [job.client.pttl(key) for key in (JOB, RECORD, *(keys.task_error(JOB, task) for task in texts))]
    assert all(0 < life <= 50_000 for life in lives)
    assert entry == job.entry


def test_the_end_sent_again_changes_nothing(job: Job) -> None:
    assert job.end("", "a 1", 1, "x", "1") == "applied"
    assert job.end("", "a 1", 1, "x", "2") == "applied"
    assert job.client.hget(JOB, "x") == "1"


def test_a_job_that_is_kept_for_ever_does_not_expire(job: Job) -> None:
    job.end("", "a 1", 1, keep_ms=0, new=("x",))
    assert [job.client.pttl(key) for key in (JOB, RECORD, keys.task_error(JOB, "x"))] == [-1, -1, -1]


# hand_back and release


def test_a_job_handed_back_waits_in_its_queue_for_anybody(job: Job, queues: Queues) -> None:
    job.transition("", "a 1", 1, "x", "1")
    old = job.entry
    assert job.hand_back("a 1 1", "a 1", 2) == "applied"
    assert job.entry != old
    assert (job.queued(), job.claimed_by("node"), job.owner) == ([(job.entry, ENTRY)], [], "a 1 2")
    assert [entry.id for entry in queues.take(["foo"], "other", 10, 10)] == [job.entry]


def test_a_hand_back_sent_again_makes_no_second_entry(job: Job) -> None:
    entry = job.entry
    args = ["", "a 1", 1, entry, keys.GROUP, *ENTRY_FIELDS]
    assert [job.run("hand_back", [JOB, RECORD, QUEUE], args) for _ in range(2)] == ["applied", "applied"]
    assert len(job.queued()) == 1


def test_an_entry_released_goes_back_and_the_record_follows_it(job: Job) -> None:
    old = job.entry
    new = job.run("release", [RECORD, QUEUE], [old, keys.GROUP, "node", *ENTRY_FIELDS])
    assert (new, job.queued(), job.claimed_by("node")) == (job.entry, [(new, ENTRY)], [])
    assert new != old


def test_only_who_holds_an_entry_can_release_it(redis: RedisServer, job: Job) -> None:
    before = redis.dump()
    assert job.run("release", [RECORD, QUEUE], [job.entry, keys.GROUP, "other", *ENTRY_FIELDS]) is None
    assert redis.dump() == before
    job.end("", "a 1", 1)
    before = redis.dump()
    assert job.run("release", [RECORD, QUEUE], [job.entry, keys.GROUP, "node", *ENTRY_FIELDS]) is None
    assert redis.dump() == before


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


def test_a_dead_nodes_entries_are_taken_a_page_at_a_time_and_then_its_consumer_is_deleted(job: Job, queues: Queues) -> None:
    for number in range(4):
        job.client.xadd(QUEUE, {"uuid": str(number)})
    assert len(queues.take(["foo"], "node", 10, 10)) == 4
    pages = [job.run("take_over", [keys.node("node"), QUEUE], [keys.GROUP, "node", "other", 2]) for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert pages[0][0] == [job.entry, ENTRY_FIELDS]
    assert (len(job.claimed_by("other")), job.claimed_by("node")) == (5, [])
    assert [consumer["name"] for consumer in job.client.xinfo_consumers(QUEUE, keys.GROUP)] == ["other"]
