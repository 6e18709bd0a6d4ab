"""The settings of one node: frozen sections, read once at the start.

Later wins: the defaults below, what differs in the environment, `priv/config/<environment>.toml`, `CAMERON_<SECTION>_<KEY>`.
A setting that cannot be used is a ConfigError that names its file or variable, its key and what is allowed.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from cameron.errors import ConfigError

_DAY_S: Final = 86_400.0
_YEAR_S: Final = 365 * _DAY_S
_GIB: Final = 1 << 30
_EVERY_INTERFACE: Final = ("0.0.0.0", "::")


def _listed(text: str) -> tuple[str, ...]:
    """What a comma-joined setting lists."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _number(default: float, low: float, high: float, *, zero: str = "") -> Any:
    """A setting from `low` to `high`, both allowed, or 0 where `zero` says what it means; whole or not is said by the field's own type."""
    return field(default=default, metadata={"low": low, "high": high, "zero": zero})


def _text(default: str, pattern: str, allowed: str, *, secret: bool = False) -> Any:
    """A setting of which the whole text matches; `allowed` tells a person what does. A secret is never shown in an error."""
    return field(default=default, metadata={"pattern": re.compile(pattern), "allowed": allowed, "secret": secret})


def _rabbitmq_name(default: str) -> Any:
    return _text(default, r"[A-Za-z0-9_.:-]{1,127}", "1 to 127 letters, digits, '_', '.', ':' or '-'")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """This node among the others; an empty name is chosen at the start from host, process id and chance."""

    name: str = _text("", r"[A-Za-z0-9_.-]{0,64}", "up to 64 letters, digits, '_', '.' or '-'")
    lease_s: float = _number(10.0, 0.1, 3600)
    max_jobs: int = _number(10_000, 1, 10_000_000)
    max_jobs_per_process: int = _number(8000, 1, 10_000_000)
    shutdown_s: float = _number(10.0, 0, 3600)
    cores: str = _text(
        "auto",
        r"auto|all|[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*",
        "auto (one at a time, chosen by itself), all, or numbers of cores such as 0 or 2-3,6",
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The web API; port 0 takes a free one. `nodes` programs share it, which one parent program starts."""

    host: str = _text("127.0.0.1", r"[^\s/]+", "an address or host name")
    port: int = _number(8080, 0, 65_535)
    threads: int = _number(8, 1, 1024)
    nodes: int = _number(1, 1, 1024, zero="one for each core that the program may use")
    share_port: str = _text("no", "yes|no", "yes or no")  # whether other programs of this user that share it may listen on it too
    max_body_bytes: int = _number(1 << 20, 1, _GIB)
    accept_timeout_s: float = _number(5.0, 0.01, 3600)
    max_wait_s: float = _number(60.0, 0, 3600)  # that a client may have its answer put off until its job has ended
    public_url: str = _text("", r"(https?://[^\s/?#]+(/[^\s?#]*)?)?", "an http:// or https:// address without ? and #, or empty")

    @property
    def shares_port(self) -> bool:
        """Whether others may listen on the port."""
        return self.share_port == "yes"

    @property
    def reached_at(self) -> str:
        """Where services reach the API, without a slash at the end: `public_url`, or else what is listened on; a free port is not known."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "localhost" if self.host in _EVERY_INTERFACE else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """The store. An empty url starts a redis-server of our own: `dir` holds its files, port 0 takes a free one."""

    url: str = _text("", r"((rediss?|unix)://\S+)?", "a redis://, rediss:// or unix:// address, or empty for our own", secret=True)
    dir: Path = field(default=Path("var/redis"))
    port: int = _number(0, 0, 65_535)
    timeout_s: float = _number(5.0, 0.01, 3600)
    durability: str = _text("default", "default|strict", "default or strict")
    strict_replicas: int = _number(0, 0, 100)


@dataclass(frozen=True, slots=True)
class ProcessesConfig:
    """Where the processes are defined."""

    file: Path = field(default=Path("priv/processes"))


@dataclass(frozen=True, slots=True)
class DefinitionsConfig:
    """Where the definitions of the other dialects are, a folder for each."""

    dir: Path = field(default=Path("priv/definitions"))


@dataclass(frozen=True, slots=True)
class TemplatesConfig:
    """What templates in definitions may use: `env` names environment variables, comma-joined."""

    env: str = _text("", r"(\s*[A-Za-z_][A-Za-z0-9_]*\s*(,|$))*", "names of environment variables, comma-joined, such as HOME,LANG")

    @property
    def env_names(self) -> tuple[str, ...]:
        """The names, one by one."""
        return _listed(self.env)


@dataclass(frozen=True, slots=True)
class CommandsConfig:
    """Programs that activities run: of `allowed_binaries` (comma-joined, as definitions write them) and no others."""

    allowed_binaries: str = _text("", r"[^\0]*", "programs, comma-joined, such as /bin/tar,/usr/bin/convert")
    max_commands: int = _number(64, 1, 10_000)
    timeout_s: float = _number(300.0, 0.001, _YEAR_S)
    max_output_bytes: int = _number(1 << 20, 1, _GIB)  # of each of stdout and stderr
    kill_after_s: float = _number(3.0, 0, 3600)  # SIGTERM at the timeout, then SIGKILL

    @property
    def allowed(self) -> frozenset[str]:
        """The programs, one by one."""
        return frozenset(_listed(self.allowed_binaries))


@dataclass(frozen=True, slots=True)
class PythonConfig:
    """Activities in Python: from a package that lies in `path`, or wherever Python finds it; an empty name is none.

    `timeout_s` and `max_memory_bytes` bound one run; the memory, where it has a process of its own.
    """

    activities_package: str = _text("", r"([A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?", "the name of a package, such as my.activities, or empty")
    path: Path = field(default=Path("priv"))
    max_threads: int = _number(32, 1, 10_000)
    max_processes: int = _number(8, 1, 10_000)
    max_zombies: int = _number(100, 0, 100_000)  # threads that have not come back in time; above it, nothing more is run in threads
    timeout_s: float = _number(300.0, 0.001, _YEAR_S)
    kill_after_s: float = _number(3.0, 0, 3600)  # SIGTERM at a process's timeout, then SIGKILL
    max_memory_bytes: int = _number(1 << 30, 1 << 26, 1 << 50, zero="no bound")


@dataclass(frozen=True, slots=True)
class RabbitmqConfig:
    """Starts by message: from `queue`, which is bound to the fanout `exchange`; no broker where `url` is empty."""

    url: str = _text("", r"(amqps?://\S+)?", "an amqp:// or amqps:// address, or empty for no broker", secret=True)
    exchange: str = _rabbitmq_name("start_workflow")
    queue: str = _rabbitmq_name("workflow_starter")
    dead_letter_queue: str = _rabbitmq_name("workflow_starter.dead")
    prefetch: int = _number(100, 1, 65_535)


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Calls to activities."""

    max_calls: int = _number(4096, 1, 1_000_000)
    max_calls_per_host: int = _number(256, 1, 1_000_000)
    connect_timeout_s: float = _number(5.0, 0.001, 3600)
    call_timeout_s: float = _number(300.0, 0.001, _YEAR_S)
    max_reply_bytes: int = _number(1 << 20, 1, _GIB)
    proxy: str = _text("", r"((https?|socks4a?|socks5h?)://\S+)?", "an http://, https:// or socks5:// address, or empty", secret=True)


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """Of calls that HTTP says were not carried out: attempts in all; the wait grows by `factor` from `delay_s` to `cap_s`."""

    attempts: int = _number(3, 1, 1000)
    delay_s: float = _number(0.5, 0, _DAY_S)
    factor: float = _number(2.0, 1, 100)
    cap_s: float = _number(30.0, 0, _YEAR_S)


@dataclass(frozen=True, slots=True)
class JobConfig:
    """Bounds of one job and of a process's backlog, and how long what has ended is kept in Redis."""

    timeout_s: float = _number(7 * _DAY_S, 0.001, 10 * _YEAR_S)
    max_tasks: int = _number(10_000, 1, 10_000_000)
    max_depth: int = _number(1000, 1, 1_000_000)
    max_stored_bytes: int = _number(64 << 20, 1, 16 * _GIB)
    max_backlog: int = _number(1_000_000, 1, 1_000_000_000)  # of one process: jobs that wait or run
    max_crashes: int = _number(5, 1, 1000)  # of whoever runs the job, with the same task called
    callback_timeout_s: float = _number(_DAY_S, 0.001, 10 * _YEAR_S)  # where a 202 promises one, and the definition does not say
    retention_s: float = _number(7 * _DAY_S, 1, 100 * _YEAR_S, zero="for ever")
    idempotency_s: float = _number(_DAY_S, 1, 100 * _YEAR_S)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is told, how, and where besides stderr; an empty `syslog` is none."""

    level: str = _text("info", "debug|info|warning|error|critical", "debug, info, warning, error or critical")
    format: str = _text("console", "console|json", "console or json")
    syslog: str = _text("", r"(/\S+|([^\s:/]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})?", "a socket such as /dev/log, host:port, or empty")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one node; every path in it is absolute."""

    environment: str
    root: Path
    node: NodeConfig
    web: WebConfig
    redis: RedisConfig
    processes: ProcessesConfig
    definitions: DefinitionsConfig
    templates: TemplatesConfig
    http: HttpConfig
    commands: CommandsConfig
    python: PythonConfig
    rabbitmq: RabbitmqConfig
    retry: RetryConfig
    job: JobConfig
    log: LogConfig

    @property
    def has_default_package(self) -> bool:
        """Whether `python.activities_package` is what the environment has by itself; where that is not there, nobody misses it."""
        default = ENVIRONMENTS[self.environment].get("python", {}).get("activities_package", "")
        return self.python.activities_package == default

    @property
    def processes_file(self) -> Path | None:
        """`processes.file`; None where nobody has named or written one, as all definitions are in files of their own."""
        is_default = self.processes.file == self.root / _processes_file(self.environment)
        return None if is_default and not self.processes.file.exists() and self.definitions.dir.is_dir() else self.processes.file


def _processes_file(environment: str) -> Path:
    return Path("priv/processes") / f"{environment}.config"


SECTIONS: Final[Mapping[str, Any]] = {
    "node": NodeConfig,
    "web": WebConfig,
    "redis": RedisConfig,
    "processes": ProcessesConfig,
    "definitions": DefinitionsConfig,
    "templates": TemplatesConfig,
    "http": HttpConfig,
    "commands": CommandsConfig,
    "python": PythonConfig,
    "rabbitmq": RabbitmqConfig,
    "retry": RetryConfig,
    "job": JobConfig,
    "log": LogConfig,
}

# Development's Redis has a port of its own choosing for ever, so that the redis-cli line in the README stays true.
# Production has a folder of definitions of its own, as it has a file: the other one comes with examples.
ENVIRONMENTS: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "development": {"web": {"port": 8080}, "redis": {"port": 6380}, "python": {"activities_package": "activities"}},
    "test": {"web": {"port": 8008}, "python": {"activities_package": "activities"}},
    "production": {
        "web": {"host": "0.0.0.0", "port": 8001, "nodes": 0},
        "definitions": {"dir": Path("priv/definitions.production")},
        "log": {"format": "json", "syslog": "/dev/log"},
    },
}

# Variables that are somebody else's: the client's and curl scripts' address, the long form, the faults and the broker of the tests, what
# ties a node to the program that started it, what a program that an activity runs is told, and what Kubernetes puts into every container
# where a Service is called cameron(-something).
_ELSEWHERE: Final = re.compile(
    r"CAMERON_(URL|SOAK|FAULT|RABBITMQ_REQUIRED|LEASH|PORT|PROCESS|JOB|TASK|ATTEMPT|IDEMPOTENCY_KEY)"
    r"|CAMERON_(.+_)?(SERVICE_HOST|SERVICE_PORT.*|PORT_[0-9]+_(TCP|UDP|SCTP).*)"
)


def load(environment: str, environ: Mapping[str, str], root: Path | None = None) -> Config:
    """The settings of `environment`; `root` is the project's folder, against which relative paths are taken.

    Without a root: the current folder if it has `priv/`, else the checkout this package lies in. The file may be absent.
    """
    if environment not in ENVIRONMENTS:
        near = _nearest(environment, ENVIRONMENTS)
        raise ConfigError(f"there is no environment {environment!r}{near}: it is one of {', '.join(ENVIRONMENTS)}")
    folder = (root or _project_folder()).resolve()
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    values["redis"]["dir"] = Path("var/redis") / environment
    values["processes"]["file"] = _processes_file(environment)
    values["definitions"]["dir"], values["python"]["path"] = Path("priv/definitions"), Path("priv")
    for section, known in ENVIRONMENTS[environment].items():
        values[section].update(known)
    _read_file(folder / "priv" / "config" / f"{environment}.toml", values)
    _read_environ(environ, values)
    for section, key in (("redis", "dir"), ("processes", "file"), ("definitions", "dir"), ("python", "path")):
        values[section][key] = folder / values[section][key]
    return Config(environment, folder, **{section: kind(**values[section]) for section, kind in SECTIONS.items()})


def _project_folder() -> Path:
    here = Path.cwd()
    return here if (here / "priv").is_dir() else Path(__file__).resolve().parent.parent


def _read_file(path: Path, values: dict[str, dict[str, Any]]) -> None:
    """Puts what the file says over `values`; a file that is not there says nothing."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error}): check the file and its permissions") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not TOML: {error or 'nested too deeply'}") from None
    for section, table in document.items():
        if section not in SECTIONS:
            raise ConfigError(f"{path}: unknown section [{section}]{_nearest(section, SECTIONS)}: the sections are {', '.join(SECTIONS)}")
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {section} must be a section: write [{section}] and its keys below")
        keys = _keys(section)
        for key, value in table.items():
            if key not in keys:
                raise ConfigError(f"{path}: [{section}] has no key {key!r}{_nearest(key, keys)}: the keys are {', '.join(keys)}")
            values[section][key] = _checked(keys[key], value, f"{path}: [{section}] {key}")


def _read_environ(environ: Mapping[str, str], values: dict[str, dict[str, Any]]) -> None:
    """Puts the `CAMERON_<SECTION>_<KEY>` variables over `values`; one that is nobody's is an error, for a typing slip would pass unseen."""
    names = {f"CAMERON_{section}_{key}".upper(): (section, key) for section in SECTIONS for key in _keys(section)}
    for name in sorted(name for name in environ if name.startswith("CAMERON_")):
        if name in names:
            section, key = names[name]
            setting = _keys(section)[key]
            values[section][key] = _checked(setting, _from_text(setting, environ[name]), f"the environment variable {name}")
        elif not _ELSEWHERE.fullmatch(name):
            raise ConfigError(f"the environment variable {name} is unknown{_nearest(name, names, 0.8)}: correct or unset it")


def _keys(section: str) -> dict[str, Field[Any]]:
    return {setting.name: setting for setting in fields(SECTIONS[section])}


def _nearest(word: str, known: Mapping[str, object], cutoff: float = 0.5) -> str:
    """Variables need a higher `cutoff`, as all of them begin alike."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f" (did you mean {near[0]}?)" if near else ""


def _from_text(setting: Field[Any], text: str) -> object:
    """What a variable's text stands for; text that is no number stays text, for `_checked` to refuse."""
    reads: Mapping[object, tuple[str, Callable[[str], object]]] = {
        int: (r"[+-]?[0-9]{1,30}", int),
        float: (r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,3})?", float),
    }
    pattern, read = reads.get(setting.type, ("", str))
    return read(text.strip()) if re.fullmatch(pattern, text.strip()) else text


def _checked(setting: Field[Any], value: object, place: str) -> object:
    """The value as the setting's type, or a ConfigError that says what is allowed."""
    if setting.type in (int, float):
        return _checked_number(setting, value, place)
    if not isinstance(value, str):
        raise ConfigError(f"{place}: must be text in quotes, not {value!r}")
    if setting.type is Path:
        if not value or "\0" in value:
            raise ConfigError(f"{place}: must be a path, relative to the project's folder or absolute")
        return Path(value)
    if not setting.metadata["pattern"].fullmatch(value):
        shown = "" if setting.metadata["secret"] else f", not {value!r}"
        raise ConfigError(f"{place}: must be {setting.metadata['allowed']}{shown}")
    return value


def _checked_number(setting: Field[Any], value: object, place: str) -> float:
    low, high, zero = (setting.metadata[about] for about in ("low", "high", "zero"))
    noun = "a whole number" if setting.type is int else "a number"
    right = isinstance(value, int if setting.type is int else (int, float)) and not isinstance(value, bool)
    if not right or not isinstance(value, (int, float)) or not math.isfinite(value) or not (low <= value <= high or (zero and value == 0)):
        also = f", or 0 ({zero})" if zero else ""
        raise ConfigError(f"{place}: must be {noun} from {low:.12g} to {high:.12g}{_unit(setting.name)}{also}, not {value!r}")
    return float(value) if setting.type is float else value


def _unit(key: str) -> str:
    return " seconds" if key.endswith("_s") else " bytes" if key.endswith("_bytes") else ""
