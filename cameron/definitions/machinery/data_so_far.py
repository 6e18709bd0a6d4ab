"""The data of an event as they are when a service is called: what the event brought, and on top of it what each service before has given.

They are kept from call to call, so that a chain does not read all that was given before once more for each of its services. What is kept
follows from the job: where it is gone, or the job has come to something else, the data are read again.
"""

from collections.abc import Sequence
from typing import Any, Final

from cameron.core.job import Job, Task
from cameron.core.strict_json import NotJson, parse

KEPT_MAX_BYTES: Final = 8 * 1024 * 1024  # of JSON text that has been read, of all events; as values it takes several times that
KEPT_MAX: Final = 1000  # events
SHORT: Final = 16  # texts, and
SMALL: Final = 64 * 1024  # characters in all: what is less is read again, which costs little, and leaves the place to the others


class DataSoFar:
    """For any thread, as one dialect serves all jobs of a node: each step is one operation of a dict, which no other thread comes between.

    Between two of them another may; then something is forgotten that could have stayed.
    """

    def __init__(self, kept_max_bytes: int = KEPT_MAX_BYTES) -> None:
        self._kept: dict[str, _Merged] = {}  # by the job's uuid, the one used last at the end
        self._most = kept_max_bytes

    def before(self, job: Job, task: Task) -> dict[str, Any]:
        """The data that a task is called with; the caller's own, but for what is within its values."""
        texts = _texts_before(job, task)
        if len(texts) <= SHORT and sum(map(len, texts)) <= SMALL:
            return _Merged().extended(texts).data
        kept = self._kept.pop(job.uuid, None)  # nobody else has it until it is kept again
        if kept is None or not kept.is_of(texts):
            kept = _Merged()
        data = dict(kept.extended(texts).data)
        self._keep(job.uuid, kept)
        return data

    def _keep(self, uuid: str, merged: "_Merged") -> None:
        self._kept[uuid] = merged
        size = sum(one.size for one in list(self._kept.values()))
        for oldest in list(self._kept):
            if size <= self._most and len(self._kept) <= KEPT_MAX:
                break
            gone = self._kept.pop(oldest, None)
            size -= gone.size if gone else 0


class _Merged:
    """Objects that were read from JSON texts, the later over the earlier; the texts themselves are the job's."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.size = 0  # characters of the texts of which something is left
        self._marks: list[tuple[int, int]] = []  # what the texts are known by: length and hash, which Python computes once for each
        self._givers: dict[str, int] = {}  # a member of the data -> which text it is from
        self._left: dict[int, int] = {}  # a text -> how many members it has among the data

    def is_of(self, texts: Sequence[str | bytes]) -> bool:
        """Whether it was read from the first of these texts."""
        return self._marks == [(len(text), hash(text)) for text in texts[: len(self._marks)]]

    def extended(self, texts: Sequence[str | bytes]) -> "_Merged":
        """The same, with those of the texts read that are new."""
        for text in texts[len(self._marks) :]:
            self._marks.append((len(text), hash(text)))
            values = read_object(text)
            for name in values:
                self._take_over(name)
            if values:
                self._left[len(self._marks) - 1] = len(values)
                self.size += len(text)
            self.data |= values
        return self

    def _take_over(self, name: str) -> None:
        giver = self._givers.get(name)
        self._givers[name] = len(self._marks) - 1
        if giver is None:
            return
        self._left[giver] -= 1
        if not self._left[giver]:
            del self._left[giver]
            self.size -= self._marks[giver][0]


def read_object(text: str | bytes) -> dict[str, Any]:
    """The object of a JSON text; empty where it is none, such as a delay's null, or what an operator has left."""
    try:
        values = parse(text.encode() if isinstance(text, str) else text)
    except NotJson:
        return {}
    return values if isinstance(values, dict) else {}


def _texts_before(job: Job, task: Task) -> list[str | bytes]:
    texts: list[str | bytes] = [task.payload]
    for earlier in job.tasks.values():
        if earlier.name == task.name:
            break
        if earlier.output:
            texts.append(earlier.output.data)
    return texts
