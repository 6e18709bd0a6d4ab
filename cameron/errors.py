"""What can go wrong for somebody: one error per thing a caller can do about it, each carrying its data.

`cameron.web` maps them to HTTP statuses in one table; the command line prints them as they are.
"""

from collections.abc import Sequence

_STANDING = {  # a task's status, in a sentence
    "scheduled": "has not begun",
    "done": "has ended well",
    "error": "has ended in error",
    "skipped": "was skipped",
}
_LISTS = {"service": "/s", "workflow": "/w"}  # what lists the registered definitions of a kind


class CameronError(Exception):
    """Anything that Cameron tells a caller; its text says what to do."""


class ConfigError(CameronError):
    """The configuration or a definition file cannot be used; the text names the file, the place and the mend."""


class WrongUse(CameronError):
    """What a caller of the client or the command line gave cannot be sent at all: a URL, a LOCATION or a value that is none."""


class ProcessNotFound(CameronError):
    """No process of that name is in the node's catalog: its `/status` has the names there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no process named {name!r} on this node; GET /status lists those there are")
        self.name = name


class JobNotFound(CameronError):
    """No such job: the location is wrong, or the job has outlived its retention."""

    def __init__(self, process: str, uuid: str) -> None:
        super().__init__(f"process {process!r} has no job {uuid!r} under that key: check the Location you were given")
        self.process = process
        self.uuid = uuid


class InvalidRequest(CameronError):
    """The request cannot be read; `code` is a word for programs, `field` the field at fault where there is one."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class StoreUnavailable(CameronError):
    """Redis does not answer, or this node is stopping: try again after `retry_after_s` seconds.

    Where Redis is `silent`, what it was asked for may have been done all the same; `mend` says what to do then.
    """

    def __init__(self, why: str, retry_after_s: int = 2, *, silent: bool = False, mend: str = "") -> None:
        super().__init__(f"{why}: {mend}" if mend else f"the store is unavailable ({why}); try again in {retry_after_s} s")
        self.why = why
        self.retry_after_s = retry_after_s
        self.silent = silent


class Backlogged(CameronError):
    """The process has as many unfinished jobs as it may: try again after `retry_after_s` seconds, or raise `job.max_backlog`."""

    def __init__(self, process: str, limit: int, retry_after_s: int = 10) -> None:
        super().__init__(
            f"process {process!r} has {limit:,} unfinished jobs, and takes no more until some have ended; try again in {retry_after_s} s "
            "(max_backlog under [job] is the limit)"
        )
        self.process = process
        self.limit = limit
        self.retry_after_s = retry_after_s


class IdempotencyKeyReused(CameronError):
    """A start with that Idempotency-Key came before, and asked for something else: take a new one for each new request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the Idempotency-Key {key!r} was used for another request: send the same body again, or take a new key")
        self.key = key


class JobUnreadable(CameronError):
    """What Redis holds of the job is damaged: an operator has to look at it."""

    def __init__(self, process: str, uuid: str, why: str) -> None:
        super().__init__(
            f"the record of job {uuid!r} cannot be read ({why}): look at it with redis-cli hgetall cameron:record:{process}:{uuid}"
        )
        self.process = process
        self.uuid = uuid


class JobFinished(CameronError):
    """The job has ended, so it cannot be cancelled; `status` is what it ended as."""

    def __init__(self, process: str, uuid: str, status: str) -> None:
        super().__init__(f"job {uuid!r} of process {process!r} has ended ({status}): there is nothing left to cancel")
        self.process = process
        self.uuid = uuid
        self.status = status


class JobNotFinished(CameronError):
    """The job has not ended, so it cannot be retried yet; `status` is what it is."""

    def __init__(self, process: str, uuid: str, status: str) -> None:
        super().__init__(f"job {uuid!r} of process {process!r} is still {status}: retry it when it has ended, or cancel it first")
        self.process = process
        self.uuid = uuid
        self.status = status


class NothingToRetry(CameronError):
    """The job has ended with all its tasks done: start another one to run them again."""

    def __init__(self, process: str, uuid: str) -> None:
        super().__init__(f"job {uuid!r} of process {process!r} has no failed task: there is nothing to retry; start another job instead")
        self.process = process
        self.uuid = uuid


class KeyTaken(CameronError):
    """The process runs one job of a key at a time, and another one of this job's key is unfinished: `uuid` is that one's."""

    def __init__(self, process: str, key: str, uuid: str) -> None:
        super().__init__(
            f"process {process!r} has another unfinished job of the key {key!r} ({uuid}): wait until it has ended, or cancel it"
        )
        self.process = process
        self.key = key
        self.uuid = uuid


class NodeNotFound(CameronError):
    """No node of that name lives, nor holds jobs: look at `cameron nodes` for the names there are."""

    def __init__(self, node: str) -> None:
        super().__init__(f"there is no node named {node!r}; `cameron nodes` lists the ones there are")
        self.node = node


class Draining(CameronError):
    """The node has been told to drain: it runs no jobs, so whoever shares out requests should look elsewhere."""

    def __init__(self, node: str, retry_after_s: int = 10) -> None:
        super().__init__(f"node {node!r} is draining: send requests to another one, or put it back with `cameron drain {node} --resume`")
        self.node = node
        self.retry_after_s = retry_after_s


class FieldErrors(InvalidRequest):
    """Members of the body are missing or wrong: `fields` has the messages for each of them."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        told = "; ".join(f"{name}: {message}" for name, messages in fields.items() for message in messages)
        super().__init__("fields_invalid", told, next(iter(fields), None))
        self.fields = fields


class CallbackNotFound(CameronError):
    """Nobody waits at that callback URL: it is wrong, or its job is there no more. It does not tell which."""

    def __init__(self) -> None:
        super().__init__("nobody waits at this callback URL: use it as it came in X-Cameron-Callback, to the letter, while its job is kept")


class CallbackUsed(CameronError):
    """The task has had its callback: a URL takes one, and the first one counts."""

    def __init__(self, uuid: str, task: str) -> None:
        super().__init__(f"task {task!r} of job {uuid!r} has had its callback: the first one counts, there is nothing left to send")
        self.uuid = uuid
        self.task = task


class CallbackLate(CameronError):
    """The task waits for no callback, or not any more; `status` is what it is."""

    def __init__(self, uuid: str, task: str, status: str) -> None:
        super().__init__(f"task {task!r} of job {uuid!r} {_STANDING.get(status, f'is {status}')}: it waits for no callback")
        self.uuid = uuid
        self.task = task
        self.status = status


class DefinitionClash(CameronError):
    """The definition does not go with what is registered or defined besides: the text says with what."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class DefinitionNotFound(CameronError):
    """No definition of that kind and id is registered."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"there is no {kind} registered with the id {id!r}, nor by that name: GET {_LISTS[kind]} lists them")
        self.kind = kind
        self.id = id


class MissingInputs(InvalidRequest):
    """The workflow needs inputs that the request has not given: `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("inputs_missing", f"Missing input parameters: {', '.join(names)}", names[0])
        self.names = tuple(names)
