from pathlib import Path

import nginx_service
import pytest


def test_each_path_is_answered_its_body_in_quotes_that_nginx_reads() -> None:
    text = nginx_service.configuration(Path("/folder"), 8123, {"/a": '{"key": "it\'s"}', "/b": r'{"path": "\\"}'})
    assert r"""location = /a { return 200 '{"key": "it\'s"}'; }""" in text
    assert r"""location = /b { return 200 '{"path": "\\\\"}'; }""" in text
    assert "listen 127.0.0.1:8123 " in text


def test_it_writes_nowhere_but_in_its_folder() -> None:
    text = nginx_service.configuration(Path("/folder"), 8123, {})
    written = [
        line.split()[1] for line in text.splitlines() if line.split()[:1] and line.split()[0].endswith(("_temp_path", "pid", "error_log"))
    ]
    assert len(written) == 7
    assert all(path.startswith("/folder/") for path in written)


def test_braces_open_and_close_as_often() -> None:
    text = nginx_service.configuration(Path("/folder"), 8123, {})
    assert (text.count("{"), text.count("{")) == (4, text.count("}"))


def test_a_body_that_nginx_would_change_is_refused() -> None:
    with pytest.raises(ValueError, match="variable"):
        nginx_service.configuration(Path("/folder"), 8123, {"/a": "$host"})


def test_the_number_of_requests_is_read_from_its_status() -> None:
    status = "Active connections: 1 \nserver accepts handled requests\n 7 8 9 \nReading: 0 Writing: 1 Waiting: 0 \n"
    assert nginx_service.requests(status) == 9
    with pytest.raises(RuntimeError, match="something else"):
        nginx_service.requests("404")
