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
from cameron.otp import Address, ThreadActor, Timer
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


_ASKED = (Accept, Ping)  # somebody waits for the answer, and would rather be refused than wait long


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
        self._waiting: list[tuple[Any, Any]] = []  # (message, reply handle where it was asked), oldest first
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
                self._waiting.append((message, self.reply_later()))
            case Define():
                self._definitions[message.digest] = message
                self._waiting.append((message, None))
            case _TryAgain():
                self._paused = False
                if not self._pipeline.connected:
                    self._connect()
            case _:
                self._waiting.append((message, None))
        if len(self._waiting) >= MAX_COMMANDS:  # amid a flood
            self.on_drained()

    def on_drained(self) -> None:
        """The mailbox is empty: write what was in it."""
        self._write_all()
        if self._waiting and not self._pipeline.connected and time.monotonic() - self._tried_s > RECONNECT_S[0]:
            self._connect()  # somebody asks: Redis may be back, and the next attempt by the clock a while away
            self._write_all()
        if self._waiting:
            self._refuse_asked()

    def terminate(self, reason: object) -> None:
        """Nothing waits here in an orderly stop: who writes has been stopped before."""
        self._pipeline.close()

    # writing

    def _write_all(self) -> None:
        while self._waiting and self._pipeline.connected and not self._paused:
            self._write(self._waiting[:MAX_COMMANDS])

    def _write(self, batch: list[tuple[Any, Any]]) -> None:
        now_s = time.monotonic()
        live = [(message, later) for message, later in batch if not (isinstance(message, _ASKED) and message.give_up_at_s < now_s)]
        commands: list[Command] = []
        for message, _ in live:
            commands.extend(self._commands(message))
        self._waiting[: len(batch)] = live
        if not live:
            return
        try:
            answers = self._pipeline.run(commands)
        except (*StoreAway, StoreError) as error:
            self._lost_connection(error)
            return
        self._failures = 0
        self._take(live, answers)

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

    def _take(self, batch: list[tuple[Any, Any]], answers: list[Any]) -> None:
        """Tell everyone what came of it. What failed in passing (Redis is full, ...) and every commit after it is kept, to go out again."""
        at, kept = 0, list[tuple[Any, Any]]()
        trouble: Exception | None = None
        for message, later in batch:
            count = 2 if isinstance(message, Define) else len(message.commands) if isinstance(message, Commands) else 1
            mine, at = answers[at : at + count], at + count
            trouble = trouble or next((answer for answer in mine if passes(answer)), None)
            if isinstance(message, _ASKED) and not isinstance(mine[0], ScriptsForgotten):
                self._answer_asked(later, mine[0])
            elif trouble:
                kept.append((message, later))
            else:
                self._tell_answer(message, mine)
        self._waiting[: len(batch)] = kept
        if trouble:
            self._rest(trouble)

    def _answer_asked(self, later: Any, answer: Any) -> None:
        if isinstance(answer, Exception):
            later.set(StoreUnavailable(str(answer)))
        else:
            later.set(None)

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

    def _refuse_asked(self) -> None:
        kept = []
        for message, later in self._waiting:
            if isinstance(message, _ASKED):
                later.set(StoreUnavailable("redis does not answer"))
            else:
                kept.append((message, later))
        self._waiting = kept
