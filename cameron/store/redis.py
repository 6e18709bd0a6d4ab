"""The connections to Redis: the only module that imports redis.

`Pipeline` is the writer's: commands packed and sent together on one connection, without redis-py's retries, as its user re-sends what
was not answered, in order. `reader` gives an ordinary client for everything else.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from cameron.errors import StoreUnavailable

StoreError = RedisError  # any failure of a command
StoreAway = (RedisConnectionError, RedisTimeoutError, OSError)  # no answer: nothing is known of what was sent last
ScriptsForgotten = NoScriptError
StoreRefused = ResponseError  # Redis answered, with an error

Command = tuple[str | bytes | int, ...]
PASSING_TYPES = (NoScriptError, OutOfMemoryError, ReadOnlyError, ClusterDownError, TryAgainError)  # redis-py takes the word off their text
PASSING_WORDS = frozenset({"OOM", "NOSCRIPT", "READONLY", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS"})
_IN_SCRIPT = re.compile(r"@user_script: \d+: -([A-Z]+) ")  # before Redis 7 the word of a command in a script stands amid the text
MAX_READERS = 10_000  # at once, with one client; redis-py's own bound is lower than the threads that the web server may have
SEND_AT_ONCE = 4 * 1024 * 1024  # bytes, before answers are awaited: a timeout bounds each such piece, however much there is to write
_SCRIPTS: Mapping[str, tuple[str, ...]] = {  # of what files in `scripts` each one is made
    "accept": ("writing", "accept"),
    "transition": ("writing", "fence", "transition"),
    "end": ("writing", "fence", "end"),
    "end_queued": ("writing", "fence", "queued", "end"),
    "end_held": ("writing", "held", "end"),
    "hand_back": ("writing", "fence", "hand_back"),
    "hand_over": ("writing", "fence", "hand_over", "hand_back"),
    "forget": ("writing", "forget"),
    "revive": ("writing", "fence", "revive"),
    "signal": ("signal",),
    "callback": ("callback",),
    "release": ("release",),
    "take_over": ("take_over",),
    "leave": ("leave",),
    "whereabouts": ("whereabouts",),
    "register": ("register",),
    "session": ("session",),
}
_NOT_THE_WRITERS = ("release", "take_over", "leave", "whereabouts", "register", "session")


def passes(answer: object) -> bool:
    """Whether an answer is an error that will pass by itself (Redis is full, failing over, ...): the command may be sent again."""
    if not isinstance(answer, ResponseError):
        return False
    in_script = _IN_SCRIPT.search(str(answer))
    word = in_script[1] if in_script else str(answer).split(" ", 1)[0]
    return isinstance(answer, PASSING_TYPES) or word in PASSING_WORDS


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_keepalive": True,
        "protocol": 3,  # maps come as such; the default differs among versions of redis-py
        "decode_responses": True,
        "encoding_errors": "replace",
        "retry": Retry(NoBackoff(), 0),
    }


def reader(url: str, timeout_s: float) -> "redis.Redis":
    """A client for reads and single commands, safe for many threads; `timeout_s` bounds every answer."""
    return redis.Redis.from_url(url, max_connections=MAX_READERS, **_options(timeout_s))


def place(url: str) -> str:
    """The URL without its password, for people's eyes."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


@contextmanager
def asking() -> Iterator[None]:
    """What is read in here raises StoreUnavailable where Redis does not answer, or answers with an error."""
    try:
        yield
    except (*StoreAway, StoreError) as error:
        raise StoreUnavailable(f"redis does not answer: {error}") from None


def redis_cli(url: str) -> str:
    """How a person looks into that Redis from a shell; the password is theirs to add."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis-cli -s {parts.path}"
    return f"redis-cli{' --tls' if parts.scheme == 'rediss' else ''} -h {parts.hostname or 'localhost'} -p {parts.port or 6379}"


def script_text(name: str) -> str:
    """A script's source."""
    folder = files("cameron.store") / "scripts"
    return "".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in _SCRIPTS[name])


class Pipeline:
    """One connection on which commands go out together. For one thread."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._options = url, _options(timeout_s)
        self._connection: Any = None
        self._shas: dict[str, str] = {}

    @property
    def connected(self) -> bool:
        """Whether a connection stands; it may have died since it was last used."""
        return self._connection is not None

    def connect(self) -> None:
        """Connect and load the scripts. Raises one of StoreAway, or StoreError."""
        self.open()
        self.load_scripts()

    def open(self) -> None:
        """Connect, for plain commands alone. Raises as `connect` does."""
        self.close()
        connection: Any = redis.ConnectionPool.from_url(self._url, **self._options).make_connection()  # a pool counts all that it ever made
        connection.connect()
        self._connection = connection

    def load_scripts(self) -> None:
        """Load the scripts (again, where Redis has forgotten them)."""
        names = [name for name in _SCRIPTS if name not in _NOT_THE_WRITERS]
        answers = self.run([("SCRIPT", "LOAD", script_text(name)) for name in names])
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, Exception):
                raise answer
            self._shas[name] = str(answer)

    def script(self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Command:
        """The command that runs a script by its name."""
        return ("EVALSHA", self._shas[name], len(keys), *keys, *args)

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands and take all answers, in order; an answer that is an error stands in the list as an exception.

        Raises one of StoreAway when the connection fails; how many of the commands were carried out is then unknown.
        """
        connection, answers = self._connection, list[Any]()
        try:
            for piece, count in _pieces(commands):
                connection.send_packed_command([piece], check_health=False)
                for _ in range(count):
                    try:
                        answers.append(connection.read_response())
                    except ResponseError as error:
                        answers.append(error)
        except BaseException:
            self.close()
            raise
        return answers

    def close(self) -> None:
        """Close the connection; the next `connect` opens a new one."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None


def _pieces(commands: Sequence[Command]) -> Iterator[tuple[bytes, int]]:
    """The commands packed, in pieces of about SEND_AT_ONCE bytes at most, each with the number of commands in it."""
    packed, size = list[bytes](), 0
    for command in commands:
        packed.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub: 1-tuples
        size += len(packed[-1])
        if size >= SEND_AT_ONCE:
            yield b"".join(packed), len(packed)
            packed, size = [], 0
    if packed:
        yield b"".join(packed), len(packed)
