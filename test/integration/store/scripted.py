"""A job in Redis, and the scripts as they are run on it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from cameron.store import keys
from cameron.store.redis import Pipeline, script_text

SCRIPTS = files("cameron.store") / "scripts"
NAMES = sorted(path.name.removesuffix(".lua") for path in SCRIPTS.iterdir())
FENCED = ("transition", "end", "end_queued", "hand_back", "hand_over", "revive")
UUID = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
JOB, RECORD, QUEUE, DEAD = keys.job("foo", "k", UUID), keys.record("foo", UUID), keys.queue("foo"), keys.dead("foo")
EVENTS, SESSION = keys.events("foo", UUID), keys.session("foo", UUID)
LISTS = {status: keys.jobs("foo", status) for status in ("scheduled", "running", "done", "error", "cancelled")}
MEMBER = keys.job_member("k", 1_700_000_000_123, UUID)
ENTRY = {"process": "foo", "key": "k", "uuid": UUID}
ENTRY_FIELDS = [text for pair in ENTRY.items() for text in pair]
NO_STORY: Sequence[str] = ()


def counted(*texts: str) -> list[str]:
    """Fields and values after their number, as the scripts take them."""
    return [str(len(texts)), *texts]


def life(job: "Job", key: str) -> str:
    """Whether a key expires or lasts."""
    return {-1: "lasts", -2: "is not there"}.get(job.client.pttl(key), "expires")


class Job(NamedTuple):
    """A job in Redis, and the scripts run on it."""

    client: Any
    pipeline: Pipeline

    def run(self, name: str, names: list[str], args: list[Any]) -> Any:
        """The script's answer; an error is raised."""
        [answer] = self.pipeline.run([("EVAL", script_text(name), len(names), *names, *args)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def accept(self, uuid: str = UUID, *, token: str = "", known: str = "", unique: bool = False, most: int = 100) -> Any:
        """Accepted as the engine does it, at the time 1."""
        names = [keys.job("foo", "k", uuid), keys.record("foo", uuid), QUEUE, LISTS["scheduled"], keys.jobs_by_key("foo")]
        names += [keys.idempotency("foo", token), keys.unique("foo", "k")]
        args = [most, MEMBER.replace(UUID, uuid), 1, known, 50_000, uuid if unique else ""]
        entry = [uuid if text == UUID else text for text in ENTRY_FIELDS]
        return self.run("accept", names, [*args, *counted("job.key", "k"), *counted("request", "{}"), *entry])

    def transition(
        self,
        owner: str,
        writer: str,
        n: int,
        *fields: str,
        record: tuple[str, ...] = (),
        errors: tuple[str, ...] = (),
        begins: bool = False,
        idle: bool = False,
        story: Sequence[str] = NO_STORY,
    ) -> Any:
        """A transition, at the time 2; each error is `task=text`, `story` words and texts in turn."""
        tasks, texts = [error.split("=")[0] for error in errors], [error.split("=")[1] for error in errors]
        names = [JOB, RECORD, EVENTS, *(keys.task_error(JOB, task) for task in tasks)]
        names += [LISTS["scheduled"], LISTS["running"]] if begins else []
        args = [owner, writer, n, MEMBER if begins else "", 2, int(idle)]
        return self.run("transition", names, [*args, *counted(*fields), *counted(*record), *counted(*story), *texts])

    def end(
        self,
        owner: str,
        writer: str,
        n: int,
        *fields: str,
        keep_ms: int = 0,
        new: tuple[str, ...] = (),
        old: tuple[str, ...] = (),
        script: str = "end",
        status: str = "done",
        unique: str = "",
        dead: tuple[str, ...] = (),
        record: tuple[str, ...] = (),
        story: Sequence[str] = NO_STORY,
    ) -> Any:
        """The end, at the time 3, with texts of new errors by task, and tasks of old ones."""
        names = [JOB, RECORD, QUEUE, LISTS["scheduled"], LISTS["running"], LISTS[status], DEAD, keys.unique("foo", "k")]
        names += [keys.events_copy("foo", UUID), EVENTS, SESSION, *(keys.task_error(JOB, task) for task in (*new, *old))]
        args = [owner, writer, n, self.entry, keys.GROUP, keep_ms, MEMBER, 3, unique, *counted(*dead), *counted(*fields), *counted(*record)]
        return self.run(script, names, [*args, *counted(*story), *(f"{task} failed" for task in new)])

    def hand_back(self, owner: str, writer: str, n: int, entry: str = "") -> Any:
        """Handed back; `entry` is the one that the record names, unless that was another one when this was first sent."""
        args = [owner, writer, n, entry or self.entry, keys.GROUP, "job.handed_back", "node", *ENTRY_FIELDS]
        return self.run("hand_back", [JOB, RECORD, QUEUE, EVENTS], args)

    def hand_over(self, owner: str, writer: str, n: int, to: str = "other") -> Any:
        """Handed over to that node."""
        args = [owner, writer, n, self.entry, keys.GROUP, "job.handed_back", "node", *ENTRY_FIELDS, UUID, to]
        return self.run("hand_over", [JOB, RECORD, QUEUE, EVENTS, keys.node(to), keys.inbox(to)], args)

    def forget(self) -> Any:
        """Its entry is taken out of the queue."""
        names = [JOB, RECORD, QUEUE, LISTS["scheduled"], LISTS["running"], keys.jobs_by_key("foo"), keys.unique("foo", "k")]
        return self.run("forget", [*names, EVENTS, SESSION], [self.entry, keys.GROUP, MEMBER, UUID])

    def revive(
        self,
        owner: str,
        writer: str,
        n: int,
        *fields: str,
        ended: str = "done",
        unique: str = "",
        dead: str = "",
        record: tuple[str, ...] = (),
        errors: tuple[str, ...] = (),
        removed: tuple[str, ...] = (),
        removed_record: tuple[str, ...] = (),
    ) -> Any:
        """A finished job goes on, at the time 4; `errors` are the tasks whose errors count no longer."""
        names = [JOB, RECORD, QUEUE, LISTS["scheduled"], LISTS[ended], DEAD, keys.unique("foo", "k")]
        names += [EVENTS, SESSION, *(keys.task_error(JOB, task) for task in errors)]
        args = [owner, writer, n, MEMBER, 4, unique, dead, "job.retried", "", *counted(*fields), *counted(*record)]
        return self.run("revive", names, [*args, *counted(*removed), *counted(*removed_record), *ENTRY_FIELDS])

    @property
    def entry(self) -> str:
        """The queue's entry that the record names."""
        return str(self.client.hget(RECORD, "entry"))

    @property
    def owner(self) -> str:
        """The record's owner."""
        return str(self.client.hget(RECORD, "owner"))

    def told(self) -> list[list[str]]:
        """All entries of the job's events: words and texts in turn."""
        [entries] = self.pipeline.run([("XRANGE", EVENTS, "-", "+")])
        return [pairs for _, pairs in entries]

    def queued(self) -> list[tuple[str, dict[str, str]]]:
        """All entries of the queue."""
        return list(self.client.xrange(QUEUE))

    def listed(self) -> dict[str, float]:
        """In which lists of jobs it stands, and since when."""
        scores = {status: self.client.zscore(name, MEMBER) for status, name in LISTS.items()}
        return {status: score for status, score in scores.items() if score is not None}

    def everything(self) -> dict[str, tuple[bytes, bool]]:
        """Every key as Redis would write it into a file, and whether it expires: to show that nothing has changed."""
        return {key: (self.client.dump(key), self.client.pttl(key) > 0) for key in sorted(self.client.scan_iter("*"))}

    def given_to(self, node: str) -> list[str]:
        """All that the node holds, after it was given what is new."""
        self.client.xreadgroup(keys.GROUP, node, {QUEUE: ">"})
        return self.claimed_by(node)

    def claimed_by(self, node: str) -> list[str]:
        """Entries that the node holds."""
        return [pending["message_id"] for pending in self.client.xpending_range(QUEUE, keys.GROUP, "-", "+", 100, consumername=node)]


def signalled(job: Job, node: str = "node") -> Any:
    """Somebody wants the job of that node cancelled."""
    names = [JOB, RECORD, QUEUE, keys.node(node), keys.inbox(node)]
    return job.run("signal", names, [job.entry, keys.GROUP, node, "cancel", "17", "signal", "cancel", "uuid", UUID])
