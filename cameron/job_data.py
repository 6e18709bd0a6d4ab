"""The only writer of job state: everything that waits in its mailbox goes to Redis in one pipeline (group commit).

Round trips dominate, so the actor never makes one for one message. What is written is one script call a message; each sender is told only
what it has to know. A commit carries the calls that it releases, which go out once it is applied: no service is called for a step that
could be lost.

When Redis does not answer, what was sent and not answered is sent again, in order, once it does (the scripts tell a repetition from a
first time), while requests to accept a job are refused at once, so that a client learns it and nothing piles up.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cameron.errors import StoreUnavailable
from cameron.otp import Address, Later, ThreadActor, Timer
from cameron.store import keys
from cameron.store.redis import Command, Pipeline, ScriptsForgotten, StoreAway, StoreError, passes, place

log = logging.getLogger("cameron.job_data")

MAX_COMMANDS = 512  # in one pipeline: a bound on how long the first of them waits for the last
RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # waits between attempts to connect; the last one repeats
PAUSE_S = 0.2  # before Redis is asked again that answers, but cannot write (it is full, failing over, ...)


class Sender(Protocol):
    """Whoever can be told an answer."""

    def tell(self, message: Any) -> None: ...


class Define(NamedTuple):
    """Store a definition for the jobs that start with it."""

    process: str
    digest: str
    document: str


class Accept(NamedTuple):
    """Asked: store a new job. Answered None once it is safe, or StoreUnavailable."""

    keys: tuple[str, ...]
    args: list[str]
    give_up_at_s: float  # monotonic: nobody waits for the answer after that


class Ping(NamedTuple):
    """Asked: could a job be accepted now? Answered as `Accept` is."""

    give_up_at_s: float


class Commit(NamedTuple):
    """Told by a job's owner: write, and then make the calls that the write releases."""

    script: str  # transition | end | hand_back
    keys: list[str]
    args: Sequence[str | int]
    sender: Sender  # is told `Refused`, or `Committed` where it asked for that
    release: Sequence[Any] = ()  # calls for the actor of activities
    confirm: bool = False


class Commands(NamedTuple):
    """Told: carry out these plain commands, in order after all that was committed before; they may be carried out twice."""

    commands: tuple[Command, ...]
    sender: Sender  # is told `Answers`


class Committed(NamedTuple):
    """The commit is in Redis."""

    script: str


class Refused(NamedTuple):
    """The commit is not in Redis and never will be: `fenced`, `lost` or `gone`, or the text of an error."""

    why: str


class Answers(NamedTuple):
    """The answers to `Commands`, in their order; an error stands there as an exception."""

    answers: list[Any]


class _TryAgain(NamedTuple):
    """A message to oneself."""


class JobData(ThreadActor):
    """Has its own thread, which is the only one that writes job state. Name: `job_data`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        self._url = url
        self._pipeline = Pipeline(url, timeout_s)
        self._calls = Address("http")
        self._definitions: dict[str, Define] = {}
        self._asked: list[tuple[Any, Later]] = []  # Accepts and Pings with whom to answer; they depend on nothing else
        self._told: list[Any] = []  # everything else, oldest first
        self._failures = 0  # since Redis last answered
        self._paused = False
        self._tried_s = 0.0  # monotonic: the last attempt to connect
        self._again: Timer | None = None  # the next one by the clock

    # hooks of the actor, all on its own thread

    def on_start(self) -> None:
        """Redis may be away at the start: the node waits for it."""
        self._connect()

    def on_receive(self, message: Any) -> None:
        """Only collect; `on_drained` writes."""
        match message:
            case Accept() | Ping():
                self._asked.append((message, self.reply_later()))
            case _TryAgain():
                self._paused = False
                if not self._pipeline.connected:
                    self._connect()
            case _:
                if isinstance(message, Define):
                    self._definitions[message.digest] = message
                self._told.append(message)
        if len(self._asked) + len(self._told) >= MAX_COMMANDS:  # amid a flood
            self._write_all()

    def on_drained(self) -> None:
        """The mailbox is empty: write what was in it."""
        self._write_all()
        if not self._asked:
            return
        if not self._pipeline.connected and time.monotonic() - self._tried_s > RECONNECT_S[0]:
            self._connect()  # somebody asks: Redis may be back, and the next attempt by the clock a while away
            self._write_all()
        asked, self._asked = self._asked, []
        for _, later in asked:
            later.set(StoreUnavailable("redis does not answer"))

    def terminate(self, reason: object) -> None:
        """Nothing waits here in an orderly stop: who writes has been stopped before."""
        self._pipeline.close()

    # writing

    def _write_all(self) -> None:
        while (self._asked or self._told) and self._pipeline.connected and not self._paused:
            self._write()

    def _write(self) -> None:
        """Write what is asked, and as much of what is told as goes into one pipeline."""
        self._asked = self._in_time(self._asked)
        messages = [*(message for message, _ in self._asked), *self._told[:MAX_COMMANDS]]
        commands = [self._commands(message) for message in messages]
        try:
            answers = iter(self._pipeline.run([command for some in commands for command in some]))
        except (*StoreAway, StoreError) as error:
            self._lost_connection(error)
            return
        self._failures = 0
        self._take(messages, [[next(answers) for _ in some] for some in commands])

    def _in_time(self, asked: list[tuple[Any, Later]]) -> list[tuple[Any, Later]]:
        """What somebody still waits for; those who have given up are answered too, or their answers would be owed for ever."""
        now_s, live = time.monotonic(), []
        for message, later in asked:
            if message.give_up_at_s < now_s:
                later.set(StoreUnavailable("redis has not answered in time"))
            else:
                live.append((message, later))
        return live

    def _commands(self, message: Any) -> Sequence[Command]:
        match message:
            case Commit():
                return (self._pipeline.script(message.script, message.keys, message.args),)
            case Accept():
                return (self._pipeline.script("accept", message.keys, message.args),)
            case Ping():
                return (("PING",),)
            case Commands():
                return message.commands
            case Define():
                stored = keys.definition(message.process, message.digest)
                return (("SADD", keys.QUEUES, message.process), ("SET", stored, message.document))
        raise TypeError(f"job_data does not know {message!r}")

    def _take(self, messages: list[Any], answers: list[list[Any]]) -> None:
        """Tell everyone what came of it.

        Where something failed in passing (Redis is full, ...), it and all that is told after it is kept, to go out again in order.
        """
        trouble: Exception | None = None
        asked, self._asked = self._asked, []
        for (message, later), (answer,) in zip(asked, answers, strict=False):
            if isinstance(answer, ScriptsForgotten):
                trouble = answer
                self._asked.append((message, later))
            else:
                later.set(StoreUnavailable(str(answer)) if isinstance(answer, Exception) else None)
        kept: list[Any] = []
        for message, mine in zip(messages[len(asked) :], answers[len(asked) :], strict=True):
            trouble = trouble or next((answer for answer in mine if passes(answer)), None)
            if trouble:
                kept.append(message)
            else:
                self._tell_answer(message, mine)
        self._told[: len(messages) - len(asked)] = kept
        if trouble:
            self._rest(trouble)

    def _tell_answer(self, message: Any, answers: list[Any]) -> None:
        match message:
            case Commit():
                if answers[0] == "applied":
                    for call in message.release:
                        self._calls.tell(call)
                    if message.confirm:
                        message.sender.tell(Committed(message.script))
                else:
                    message.sender.tell(Refused(str(answers[0])))
            case Commands():
                message.sender.tell(Answers(answers))

    # the connection

    def _connect(self) -> None:
        self._tried_s = time.monotonic()
        try:
            self._pipeline.connect()
            for definition in self._definitions.values():
                self._pipeline.run(self._commands(definition))
        except (*StoreAway, StoreError) as error:
            self._lost_connection(error)
            return
        if self._failures > 1:
            log.warning("redis is back at %s", place(self._url))
            self._failures = 1

    def _lost_connection(self, error: Exception) -> None:
        """Connect again: the first time at once, as most often only the connection was cut."""
        self._pipeline.close()
        self._failures += 1
        if self._failures == 1:
            self._connect()
            return
        if self._failures == 2:
            log.warning("redis is away at %s (%s): no job is accepted until it is back", place(self._url), error)
        if self._again:  # one attempt by the clock, however many have been made because somebody asked
            self._again.cancel()
        self._again = self.send_after(RECONNECT_S[min(self._failures - 2, len(RECONNECT_S) - 1)], _TryAgain())

    def _rest(self, error: Exception) -> None:
        """Redis answers, but cannot carry out what we ask at the moment; scripts that it has forgotten it can have at once."""
        if isinstance(error, ScriptsForgotten):
            self._lost_connection(error)
            return
        log.warning("redis at %s refuses to write (%s): trying again", place(self._url), error)
        self._paused = True
        self.send_after(PAUSE_S, _TryAgain())
