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

from cameron import fault
from cameron.activities.call import PERFORMERS
from cameron.errors import ConfigError, StoreUnavailable
from cameron.misconfigured import Misconfigured
from cameron.otp import Address, Later, ThreadActor, Timer
from cameron.store import keys
from cameron.store.health import Health, Unfit
from cameron.store.redis import Command, Pipeline, ScriptsForgotten, StoreAway, StoreError, passes, place

log = logging.getLogger("cameron.job_data")

MAX_COMMANDS = 512  # in one pipeline: a bound on how long the first of them waits for the last
NEW_WORK = ("accept", "revive")  # what is not done where Redis is unfit to keep it; what is under way goes on
RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # waits between attempts to connect; the last one repeats
LOOK_S = (5.0, 1.0)  # between looks how Redis is set: while it is fit to take jobs, and while it is not
PAUSE_S = 0.2  # before Redis is asked again that answers, but cannot write (it is full, failing over, ...)


class Sender(Protocol):
    """Whoever can be told an answer."""

    def tell(self, message: Any) -> None: ...


class Define(NamedTuple):
    """Store a definition for the jobs that start with it: from now on these are all that start of the process."""

    process: str
    digest: str
    document: str


class Undefine(NamedTuple):
    """No more jobs of that process start. What is stored stays, for those that have."""

    process: str


class StoreDefinitions(NamedTuple):
    """Told where Redis has forgotten definitions: store those again with which jobs start."""


class Ask(NamedTuple):
    """Asked: run this script, which depends on nothing that has been told. Answered with its answer, or StoreUnavailable."""

    script: str  # accept | end_queued | revive | signal
    keys: Sequence[str]
    args: Sequence[str | int]
    give_up_at_s: float  # monotonic: nobody waits for the answer after that


class AskAll(NamedTuple):
    """Asked: run these scripts in one pipeline. Answered with the list of their answers, each as an `Ask` is answered."""

    asks: tuple[Ask, ...]  # none empty; all of one script
    give_up_at_s: float  # as in each of them

    @property
    def script(self) -> str:
        """The script of them all."""
        return self.asks[0].script


class Ping(NamedTuple):
    """Asked: could a job be accepted now? Answered as `Ask` is."""

    give_up_at_s: float


class Commit(NamedTuple):
    """Told by a job's owner: write, and then make the calls that the write releases."""

    script: str  # transition | end | end_held | hand_back | callback
    keys: list[str]
    args: Sequence[str | int]
    sender: Sender  # is told `Refused`, or `Committed` where it asked for that
    release: Sequence[Any] = ()  # calls, each for the actor that is its `performer`
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


class _Look(NamedTuple):
    """A message to oneself: is Redis still fit to take jobs?"""


class JobData(ThreadActor):
    """Has its own thread, which is the only one that writes job state. Name: `job_data`."""

    def __init__(self, url: str, timeout_s: float, health: Health | None = None) -> None:
        """Without a `health`, any Redis will do."""
        super().__init__()
        self._url, self._health = url, health
        self._pipeline = Pipeline(url, timeout_s)
        self._performers = {name: Address(name) for name in PERFORMERS}
        self._definitions: dict[str, Define] = {}  # by process: what jobs start with now
        self._asked: list[tuple[Any, Later]] = []  # Asks and Pings with whom to answer; they depend on nothing else
        self._told: list[Any] = []  # everything else, oldest first
        self._failures = 0  # since Redis last answered
        self._paused = False
        self._silent = False  # what was asked last has been sent, and the connection was lost before the answer came
        self._refuses = False  # Redis has answered that it cannot write, and not written since
        self._tried_s = 0.0  # monotonic: the last attempt to connect
        self._again: Timer | None = None  # the next one by the clock

    # hooks of the actor, all on its own thread

    def on_start(self) -> None:
        """Redis may be away at the start: the node waits for it. Where it is there and unfit, the node does not start."""
        self._connect()
        if self._health is None:
            return
        if why_not := self._health.stops_the_start():
            self._pipeline.close()
            self.exit(Misconfigured(ConfigError(why_not)))
            return
        self.send_after(LOOK_S[0], _Look())

    def on_receive(self, message: Any) -> None:
        """Only collect; `on_drained` writes."""
        match message:
            case Ask() | AskAll() | Ping():
                self._asked.append((message, self.reply_later()))
            case _TryAgain():
                self._paused = False
                if not self._pipeline.connected:
                    self._connect()
            case _Look():
                self._look()
            case StoreDefinitions():
                self._told += [definition for definition in self._definitions.values() if definition not in self._told]
            case Undefine(process):
                self._definitions.pop(process, None)
            case _:
                if isinstance(message, Define):
                    self._definitions[message.process] = message
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
            later.set(StoreUnavailable(self._refusal or "redis does not answer", silent=self._silent))
        self._silent = False

    def terminate(self, reason: object) -> None:
        """Nothing waits here in an orderly stop: who writes has been stopped before."""
        self._pipeline.close()

    # writing

    def _write_all(self) -> None:
        while (self._asked or self._told) and self._pipeline.connected and not self._paused:
            self._write()

    def _write(self) -> None:
        """Write as much of what is asked, and of what is told, as goes into one pipeline."""
        self._asked = self._in_time(self._asked)
        asked = self._first_asked()
        messages = [*(message for message, _ in asked), *self._told[:MAX_COMMANDS]]
        if not messages:  # all who asked have given up: nothing is to be learnt of Redis
            return
        commands = [self._commands(message) for message in messages]
        try:
            answers = iter(self._pipeline.run([command for some in commands for command in some]))
        except (*StoreAway, StoreError) as error:
            self._silent = bool(asked)
            self._lost_connection(error)
            return
        self._failures = 0
        del self._asked[: len(asked)]
        self._take(asked, messages, [[next(answers) for _ in some] for some in commands])

    def _first_asked(self) -> list[tuple[Any, Later]]:
        """The first of those that ask; a batch of many starts may be all there is room for."""
        count, commands = 0, 0
        while count < len(self._asked) and commands < MAX_COMMANDS:
            message = self._asked[count][0]
            commands += len(message.asks) if isinstance(message, AskAll) else 1
            count += 1
        return self._asked[:count]

    def _in_time(self, asked: list[tuple[Any, Later]]) -> list[tuple[Any, Later]]:
        """What somebody still waits for, and Redis is fit for; everybody else is answered too, or their answers would be owed for ever."""
        now_s, live = time.monotonic(), []
        for message, later in asked:
            if message.give_up_at_s < now_s:
                later.set(StoreUnavailable("redis has not answered in time", silent=True))
            elif self._refusal and (isinstance(message, Ping) or message.script in NEW_WORK):
                later.set(StoreUnavailable(self._refusal))
            else:
                live.append((message, later))
        return live

    def _commands(self, message: Any) -> Sequence[Command]:
        match message:
            case Commit() | Ask():
                fault.at(message.script + ".sent")
                return (self._pipeline.script(message.script, message.keys, message.args),)
            case AskAll(asks):
                return [command for ask in asks for command in self._commands(ask)]
            case Ping():
                return (("PING",),)
            case Commands():
                return message.commands
            case Define():
                stored = keys.definition(message.process, message.digest)
                return (("SADD", keys.QUEUES, message.process), ("SET", stored, message.document))
        raise TypeError(f"job_data does not know {message!r}")

    def _take(self, asked: list[tuple[Any, Later]], messages: list[Any], answers: list[list[Any]]) -> None:
        """Tell everyone what came of it.

        Where something failed in passing (Redis is full, ...), it and all that is told after it is kept, to go out again in order.
        """
        trouble: Exception | None = None
        for (message, later), mine in zip(asked, answers, strict=False):
            forgotten = next((answer for answer in mine if isinstance(answer, ScriptsForgotten)), None)
            if forgotten:
                trouble = forgotten
                self._asked.append((message, later))
            else:
                self._answer(message, mine, later)
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
        elif self._refuses and len(messages) > len(asked):
            self._refuses = False
            log.warning("redis at %s writes again", place(self._url))

    @staticmethod
    def _answer(message: Any, answers: list[Any], later: Later) -> None:
        for _ in answers if not isinstance(message, Ping) else ():
            fault.at(message.script + ".written")
        told = [StoreUnavailable(str(answer)) if isinstance(answer, Exception) else answer for answer in answers]
        later.set(told if isinstance(message, AskAll) else told[0])

    def _tell_answer(self, message: Any, answers: list[Any]) -> None:
        match message:
            case Commit():
                if answers[0] == "applied":
                    fault.at(message.script + ".written")
                    for call in message.release:
                        self._performers[call.performer].tell(call)
                    if message.confirm:
                        message.sender.tell(Committed(message.script))
                else:
                    message.sender.tell(Refused(str(answers[0])))
            case Commands():
                message.sender.tell(Answers(answers))

    # the connection

    @property
    def _refusal(self) -> str:
        """Why Redis is not fit to take jobs; empty where it is."""
        return self._health.refusal if self._health else ""

    def _look(self) -> None:
        """Its settings may change at any time, a failover may make another Redis of it."""
        if self._health is None:
            return
        try:
            if self._pipeline.connected:
                self._health.look(self._pipeline)
        except (*StoreAway, StoreError) as error:
            self._lost_connection(error)
        self.send_after(LOOK_S[bool(self._refusal)], _Look())

    def _connect(self) -> None:
        self._tried_s = time.monotonic()
        try:
            if self._health:
                self._health.connect(self._pipeline)
            else:
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
        is_away = not isinstance(error, Unfit)  # else it is there, and `health` has said what is wrong with it
        if self._failures == 1 and is_away:
            self._connect()
            return
        if self._failures == 2 and is_away:
            log.warning("redis is away at %s (%s): no job is accepted until it is back", place(self._url), error)
        if self._again:  # one attempt by the clock, however many have been made because somebody asked
            self._again.cancel()
        self._again = self.send_after(RECONNECT_S[min(max(self._failures - 2, 0), len(RECONNECT_S) - 1)], _TryAgain())

    def _rest(self, error: Exception) -> None:
        """Redis answers, but cannot carry out what we ask at the moment; scripts that it has forgotten it can have at once."""
        if isinstance(error, ScriptsForgotten):
            self._lost_connection(error)
            return
        if not self._refuses:
            log.warning("redis at %s refuses to write (%s): trying again until it does", place(self._url), error)
        self._paused = self._refuses = True
        self.send_after(PAUSE_S, _TryAgain())
