"""Where log lines go and how they look."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from cameron.config import LogConfig
from cameron.log import configure
from cameron.log_writer import LogWriter


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leaves logging as it was found."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, LogWriter)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    structlog.reset_defaults()


def written(capsys: pytest.CaptureFixture[str]) -> Any:
    """All that has been logged so far, as it was written."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    return capsys.readouterr()


def test_the_console_is_readable_and_without_colours_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogConfig(), "development")
    logging.getLogger("cameron.x").info("listening on %s", "http://h:1")
    logging.getLogger("cameron.web.access").info("request", extra={"fields": {"method": "GET", "status": 200}})
    first, second = written(capsys).err.splitlines()
    assert "listening on http://h:1" in first
    assert "request" in second
    assert "method=GET" in second
    assert "status=200" in second
    assert "\x1b" not in first + second


def test_production_writes_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogConfig(format="json"), "production")
    logging.getLogger("cameron.web.access").info("request", extra={"fields": {"path": "/é", "status": 200}})
    try:
        raise ZeroDivisionError("boom")
    except ZeroDivisionError:
        logging.getLogger("cameron.otp").exception("crashed")
    request, crash = map(json.loads, written(capsys).err.splitlines())
    assert request.pop("timestamp").endswith("Z")
    assert request == {
        "event": "request",
        "path": "/é",
        "status": 200,
        "level": "info",
        "logger": "cameron.web.access",
        "environment": "production",
        "pid": os.getpid(),
    }
    assert (crash["event"], crash["level"]) == ("crashed", "error")
    assert crash["exception"].count("ZeroDivisionError: boom") == 1


def test_a_reports_fields_are_for_programs_only(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("console", "json"):
        configure(LogConfig(format=kind), "test")
        logging.getLogger("cameron.otp").error("child died", extra={"child": "web_server"})
    console, line = written(capsys).err.splitlines()
    assert "web_server" not in console
    assert json.loads(line)["child"] == "web_server"


def test_the_level_is_the_configured_one(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogConfig(level="warning"), "development")
    logging.getLogger("cameron.x").info("quiet")
    structlog.stdlib.get_logger("cameron.x").info("quiet")
    structlog.stdlib.get_logger("cameron.x").warning("loud")
    (line,) = written(capsys).err.splitlines()
    assert "loud" in line


def test_configuring_again_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogConfig(), "development")
    configure(LogConfig(), "development")
    logging.getLogger("cameron.x").info("once")
    assert len(written(capsys).err.splitlines()) == 1


def test_a_syslog_gets_the_lines_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        syslog.settimeout(10)
        configure(LogConfig(format="json", syslog=str(path)), "production")
        logging.getLogger("cameron.x").error("hello")
        datagram = syslog.recv(65536).decode()
    assert datagram.startswith("<11>cameron: {")
    assert json.loads(datagram.removeprefix("<11>cameron: "))["event"] == "hello"
    assert json.loads(written(capsys).err)["event"] == "hello"


def test_a_syslog_over_udp(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(10)
        configure(LogConfig(format="json", syslog=f"127.0.0.1:{syslog.getsockname()[1]}"), "production")
        logging.getLogger("cameron.x").warning("hello")
        assert b'"event": "hello"' in syslog.recv(65536)


def test_a_syslog_that_is_not_there_is_one_line_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogConfig(format="json", syslog=str(tmp_path / "none")), "production")
    logging.getLogger("cameron.x").info("hello")
    first, second = map(json.loads, written(capsys).err.splitlines())
    assert first["event"].endswith("logging to stderr only; see syslog under [log]")
    assert second["event"] == "hello"


def test_a_syslog_that_goes_away_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        configure(LogConfig(format="json", syslog=str(path)), "production")
    path.unlink()
    logging.getLogger("cameron.x").info("one")
    logging.getLogger("cameron.x").info("two")
    lines = written(capsys).err.splitlines()
    assert [line.startswith(f"syslog at {path} does not take lines") for line in lines].count(True) == 1
    assert [json.loads(line)["event"] for line in lines if line.startswith("{")] == ["one", "two"]
