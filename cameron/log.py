"""Logging: structlog over the standard library's, so that Cameron's lines and its libraries' look alike.

Lines go to stderr, and to syslog as well where one is configured.
"""

import errno
import json
import logging
import logging.handlers
import socket
import sys
from typing import Any

import structlog

from cameron.config import LogConfig

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]
_FOREIGN: list[Any] = [*_SHARED, structlog.stdlib.ExtraAdder()]  # lines of the standard library's loggers bring `extra` fields


def configure(config: LogConfig, environment: str) -> None:
    """Send all logging of this program where `config` says; may be called again, the last call counts.

    A syslog that is not there is no reason not to start: one line on stderr says so.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,  # by far the dearest part of an access line otherwise
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if getattr(handler, "is_camerons", False):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(config.level.upper())
    _add(root, logging.StreamHandler(sys.stderr), _console() if config.format == "console" else _json(environment))
    if config.syslog:
        _add_syslog(root, config.syslog, environment)


def _add(root: logging.Logger, handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.is_camerons = True  # type: ignore[attr-defined]  # tells ours from a test runner's or an embedder's
    handler.setFormatter(formatter)
    root.addHandler(handler)


class _Syslog(logging.handlers.SysLogHandler):
    """Tells once, not with a traceback a line, that syslog has gone away; and is used again when it is back."""

    ident = "cameron: "
    append_nul = False
    _is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        if not self._is_told:
            self._is_told = True
            print(f"syslog at {self.address} does not take lines ({sys.exc_info()[1]}): they are on stderr only", file=sys.stderr)


def _add_syslog(root: logging.Logger, address: str, environment: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        if address.startswith("/"):
            _probe(address)
            handler = _Syslog(address)
        else:
            handler = _Syslog((host.strip("[]"), int(port)))
    except OSError as error:
        logging.getLogger(__name__).warning("no syslog at %s (%s): logging to stderr only; see syslog under [log]", address, error.strerror)
    else:
        _add(root, handler, _json(environment))


def _probe(path: str) -> None:
    """Raise the OSError of a socket that is not there: the standard library's handler keeps it to itself until the first line."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as probe:
            try:
                probe.connect(path)
            except OSError as error:
                if error.errno != errno.EPROTOTYPE:  # a stream's socket: tried next
                    raise
            else:
                return


def _console() -> logging.Formatter:
    """For people: time, level, text; colours where a person looks. Reports' texts say it all, so their `extra` is left to programs."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
            ),
        ],
    )


def _json(environment: str) -> logging.Formatter:
    """For programs: one object a line, its time in UTC."""
    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # json.dumps would make one for every line

    def add_environment(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["environment"] = environment
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_FOREIGN,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_environment,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: encode(event)),
        ],
    )
