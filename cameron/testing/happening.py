"""What comes of one attempt, and when: an answer as the reply that the engine would be told."""

import socket
import ssl
from typing import Any, NamedTuple

from cameron.activities.activity import PermanentFailure, TemporaryFailure
from cameron.activities.annotation import WrongValue
from cameron.activities.base_activity import BaseActivity
from cameron.activities.call import Call, Failure, Reply, Run
from cameron.core.strict_json import NotJson, compact, parse
from cameron.definitions.hint import nearest
from cameron.testing.answers import CalledBack, Exited, FailedWith, NoCallback, Replied, Returned
from cameron.testing.errors import WrongStub
from cameron.testing.python_code import Manners
from cameron.testing.simulated_call import SimulatedCall

__tracebackhide__ = True

ACCEPTED = Replied(202, {})
_SAYS = {  # what stubs of a kind may answer, besides plain values
    "http": "Replied(...), FailedWith(...), or an exception such as ConnectionRefusedError",
    "command": "Exited(...), FailedWith(...), or an exception such as FileNotFoundError",
    "python": "Returned(...), Real(), FailedWith(...), or any exception",
    "wait": "CalledBack(...) or NoCallback()",
}
_RAISED = {  # the first one that fits
    "http": (
        (ConnectionRefusedError, Failure.REFUSED),
        (socket.gaierror, Failure.UNKNOWN_HOST),
        (ssl.SSLError, Failure.TLS),
        (TimeoutError, Failure.TIMEOUT),
        (ConnectionError, Failure.CONNECTION),
    ),
    "command": (
        (FileNotFoundError, Failure.CANNOT_RUN),
        (PermissionError, Failure.CANNOT_RUN),
        (TimeoutError, Failure.TIMEOUT),
    ),
    "python": (
        (TemporaryFailure, Failure.TEMPORARY),
        (PermanentFailure, Failure.PERMANENT),
        (BaseException, Failure.EXCEPTION),
    ),
}
_WORDS = {  # what an activity that is a class returns
    BaseActivity.TEMPORARY_FAILURE: Failure.TEMPORARY,
    BaseActivity.PERMANENT_FAILURE: Failure.PERMANENT,
}


class Happening(NamedTuple):
    """What comes of an attempt."""

    reply: Reply | None  # None: of a wait that calls nobody, there is none
    lasts_s: float | None = None  # until the reply; None: the stub does not say, it is there at once
    callback: bytes | None = None  # the body of it, if one comes
    callback_after_s: float = 0.0  # the call


class Translator:
    """Of the answers of one stub to one call; `run` is the call as the engine would have it made, None for a wait that calls nobody.

    `manners` are those of the Python activity that is called, where the project has it.
    """

    def __init__(self, stub: str, call: SimulatedCall, run: Run | None, max_reply_bytes: int, manners: Manners | None = None) -> None:
        self._stub, self._call, self._run, self._max_reply_bytes, self._manners = stub, call, run, max_reply_bytes, manners
        self._kind = "http" if isinstance(run, Call) else call.kind  # a wait may call somebody, too

    def happening(self, answer: Any, lasts_s: float | None, takes_callback: bool) -> Happening:
        """What the answer comes to. `takes_callback`: the task waits for one, or its service may promise one. Raises WrongStub."""
        is_wait, is_outcome = self._call.kind == "wait", isinstance(answer, Replied | Exited | FailedWith | BaseException)
        if isinstance(answer, CalledBack | NoCallback):
            if not takes_callback:
                raise self._wrong(answer, "the task is offered no callback")
            return self._called_back(answer, lasts_s)
        if is_wait and not is_outcome:
            return self._called_back(CalledBack(answer), lasts_s)
        if is_wait and self._run is None:
            raise self._wrong(answer, "it waits for a callback, and nobody is called")
        if isinstance(answer, FailedWith):
            return self._failed(self._failure(answer), answer.text, lasts_s)
        if isinstance(answer, BaseException):
            return self._raised(answer, lasts_s)
        if isinstance(answer, str) and answer in _WORDS and self._returns_words:
            return self._failed(_WORDS[answer], f"returned {answer!r}", lasts_s)
        return self.in_time(self._reply(answer), lasts_s)

    # replies

    def in_time(self, reply: Reply, lasts_s: float | None) -> Happening:
        """The reply, unless it takes longer than it may, or is too large; a timeout that was one has taken as long as it may."""
        if reply.failure is Failure.TIMEOUT:
            return Happening(reply, self._timeout_s)
        if lasts_s is not None and lasts_s > self._timeout_s:
            return self._failed(Failure.TIMEOUT, "", lasts_s)
        if len(reply.body) > self._max_reply_bytes and self._kind != "command":
            return self._failed(Failure.TOO_LARGE, "", lasts_s)
        return Happening(reply, lasts_s)

    def _reply(self, answer: Any) -> Reply:
        call, kind = self._call, self._kind
        match answer:
            case Replied(status, body, retry_after) if kind == "http":
                return Reply(call.task, call.attempt, status, self._bytes(body), retry_after, None, "")
            case Exited(status, stdout, stderr) if kind == "command":
                return Reply(call.task, call.attempt, status, self._bytes(stdout), "", None, "", self._bytes(stderr))
            case Replied() | Exited():
                raise self._wrong(answer, f"the task is of kind {kind}")
        value = self._plain(answer)
        if kind == "command":
            return self._reply(Exited(0, "" if value is None else value))
        body = self._returned(value) if self._manners else self._json(value)
        return Reply(call.task, call.attempt, 200 if kind == "http" else 0, body, "", None, "")

    @property
    def _returns_words(self) -> bool:
        return self._kind == "python" and (self._manners is None or self._manners.is_class)

    def _returned(self, value: Any) -> bytes:
        """By the activity whose place the stub takes."""
        assert self._manners is not None
        try:
            return self._manners.returned(value)
        except WrongValue as wrong:
            source = self._manners.activity.source
            raise self._wrong(value, f"a node would not take that from {self._call.target} ({source}): {wrong}") from None

    def _plain(self, answer: Any) -> Any:
        return answer.value if isinstance(answer, Returned) else answer

    def _bytes(self, body: Any) -> bytes:
        if isinstance(body, bytes):
            return body
        return body.encode("utf-8", "surrogateescape") if isinstance(body, str) else self._json(body)

    def _json(self, value: Any) -> bytes:
        try:
            return compact(value).encode()
        except (NotJson, TypeError) as error:
            raise WrongStub(f"the stub {self._stub!r} answers {value!r}, which is no JSON ({error}): {self._may_say}") from None

    # failures

    def _failure(self, answer: FailedWith) -> Failure:
        if answer.kind in list(Failure):
            return Failure(answer.kind)
        say = "Replied(503), say, or Exited(1)" if answer.kind.startswith(("http_", "exit_", "signal_")) else ", ".join(Failure)
        raise self._wrong(answer, f"there is no such kind of failure{nearest(answer.kind, list(Failure))}: say {say}")

    def _raised(self, error: BaseException, lasts_s: float | None) -> Happening:
        kind = self._kind
        failure = next((failure for raised, failure in _RAISED[kind] if isinstance(error, raised)), None)
        if failure is None:
            raise WrongStub(f"the stub {self._stub!r} raises {type(error).__name__}: {error}; {self._may_say}") from error
        text = str(error) if failure in (Failure.TEMPORARY, Failure.PERMANENT) else f"{type(error).__name__}: {error}"
        return self._failed(failure, text if kind == "python" else str(error), lasts_s)

    def _failed(self, failure: Failure, why: str, lasts_s: float | None) -> Happening:
        if failure is Failure.TIMEOUT or (lasts_s is not None and lasts_s > self._timeout_s):
            failure, lasts_s = Failure.TIMEOUT, self._timeout_s
        text = f"{self._call.target}: {why}" if why and self._kind == "python" else why or self._text(failure)
        return Happening(Reply(self._call.task, self._call.attempt, 0, b"", "", failure, text), lasts_s)

    def _text(self, failure: Failure) -> str:
        """As the engine words it, more or less."""
        target, words = self._call.target, failure.replace("_", " ")
        match failure:
            case Failure.TIMEOUT:
                return f"timeout: nothing whole came of {target} within {self._timeout_s:g} s"
            case Failure.TOO_LARGE:
                return f"what came of {target} is too large: at most {self._max_reply_bytes} bytes are taken"
            case Failure.REFUSED:
                return f"connection refused by {target}"
            case Failure.UNKNOWN_HOST:
                return f"unknown host ({target})"
        return f"{words} ({target})"

    @property
    def _timeout_s(self) -> float:
        assert self._run is not None
        return self._run.timeout_s

    # callbacks

    def _called_back(self, answer: CalledBack | NoCallback, lasts_s: float | None) -> Happening:
        accepted = answer.replied if isinstance(answer, CalledBack) else ACCEPTED
        happening = Happening(None)
        if self._run is not None:
            body = self._bytes(accepted.body)
            reply = Reply(self._call.task, self._call.attempt, accepted.status, body, accepted.retry_after, None, "")
            happening = self.in_time(reply, lasts_s)
        if isinstance(answer, NoCallback):
            return happening
        after_s = answer.after_s + (lasts_s or 0.0 if self._run is None else 0.0)
        return happening._replace(callback=self._callback(answer), callback_after_s=after_s)

    def _callback(self, answer: CalledBack) -> bytes:
        """The body, which nodes take only where it is JSON."""
        body = answer.body if isinstance(answer.body, bytes) else self._json(self._plain(answer.body))
        try:
            parse(body)
        except NotJson as error:
            raise self._wrong(answer, f"a callback brings JSON ({error})") from None
        return body

    # errors

    def _wrong(self, answer: Any, why: str) -> WrongStub:
        return WrongStub(f"the stub {self._stub!r} answers {answer!r} to {self._call.task!r}, but {why}: {self._may_say}")

    @property
    def _may_say(self) -> str:
        return f"a stub of this kind ({self._call.kind}) answers a value that JSON has, {_SAYS[self._call.kind]}"
