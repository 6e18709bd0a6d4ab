"""Logging: structlog over the standard library's, so that Cameron's lines and its libraries' look alike.

Lines go to stderr, and to syslog as well where one is configured.
"""

import errno
import logging
import logging.handlers
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

import structlog

from cameron.config import LogConfig
from cameron.log_line import Console, Json, LineFormatter, encode, utc
from cameron.log_writer import Lines, LogWriter

log = logging.getLogger(__name__)

CHATTY = ("redis", "urllib3", "asyncio")  # whose own steps nobody asks for at `debug`


def _keep_exception(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Lines are formatted later and in another thread: the exception that is being handled has to be taken along."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


_SHARED: list[Any] = [
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
            _keep_exception,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,  # by far the dearest part of an access line otherwise
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, LogWriter):  # not a test runner's or an embedder's
            root.removeHandler(handler)
            handler.close()
    root.setLevel(config.level.upper())
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.INFO)
    lines = Lines(_of_our_own(sys.stderr))
    lines.setFormatter(_console() if config.format == "console" else _json(environment))
    syslog, refusal = _syslog(config.syslog, environment) if config.syslog else (None, "")
    root.addHandler(LogWriter([lines, syslog] if syslog else [lines]))
    if refusal:
        log.warning("no syslog at %s (%s): logging to stderr only; see syslog under [log]", config.syslog, refusal)


def _of_our_own(stream: TextIO) -> TextIO:
    """The same by a descriptor of our own: an activity may close the standard one, and a connection get its number."""
    try:
        return os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors=stream.errors)
    except (OSError, ValueError):  # a stream without a descriptor, or one that is closed
        return stream


class _Syslog(logging.handlers.SysLogHandler):
    """Tells once, not with a traceback a line, that syslog has gone away; and is used again when it is back."""

    ident = "cameron: "
    append_nul = False
    _is_told = False

    def write_all(self, records: Sequence[logging.LogRecord]) -> None:
        for record in records:
            self.handle(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        if not self._is_told:
            self._is_told = True
            print(f"syslog at {self.address} does not take lines ({sys.exc_info()[1]}): they are on stderr only", file=sys.stderr)


def _syslog(address: str, environment: str) -> tuple[_Syslog | None, str]:
    """The handler, or why there is none."""
    host, _, port = address.rpartition(":")
    try:
        if address.startswith("/"):
            _probe(address)
            handler = _Syslog(address)
        else:
            handler = _Syslog((host.strip("[]"), int(port)))
    except OSError as error:
        return None, str(error.strerror)
    handler.setFormatter(_json(environment))
    return handler, ""


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


def _local_time(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["timestamp"] = time.strftime("%H:%M:%S", time.localtime(event["_record"].created))
    return event


def _console() -> logging.Formatter:
    """For people: time, level, text; colours where a person looks. Reports' texts say it all, so their `extra` is left to programs."""
    is_terminal = sys.stderr.isatty()
    others = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            _local_time,
            _show_fields,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.dev.ConsoleRenderer(
                colors=is_terminal, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
            ),
        ],
    )
    return others if is_terminal else LineFormatter(Console(), others)


def _show_fields(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event.update(getattr(event["_record"], "fields", {}))
    return event


def _json(environment: str) -> logging.Formatter:
    """For programs: one object a line, its time in UTC; and which of several nodes on one stream has written it."""

    def add_origin(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        record = event["_record"]
        event.update(timestamp=utc(record.created), environment=environment, pid=record.process)
        return event

    others = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_FOREIGN,
        processors=[
            add_origin,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: encode(event)),
        ],
    )
    return LineFormatter(Json(environment), others)
