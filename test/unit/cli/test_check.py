"""`cameron check`."""

from pathlib import Path

from .run import cameron


def test_check_lists_the_processes(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text('{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.\n')
    status, out, err = cameron("check", "--env", "test", CAMERON_PROCESSES_FILE=str(file))
    assert (status, err) == (0, "")
    assert "foo" in out
    assert "http://localhost:9292/foo/v0.0.1/start" in out
    assert "1 process, no problems" in out


def test_check_tells_a_problem_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text("{processes,\n  [}.\n")
    status, out, err = cameron("check", "--env", "test", CAMERON_PROCESSES_FILE=str(file))
    assert (status, out) == (1, "")
    assert f"{file}:2:4" in err


def test_check_tells_a_bad_setting() -> None:
    status, _, err = cameron("check", CAMERON_WEB_PORT="lots")
    assert status == 2
    assert "CAMERON_WEB_PORT" in err


def test_check_of_an_unknown_environment_is_a_2() -> None:
    status, out, err = cameron("check", "--env", "prod")
    assert (status, out) == (2, "")
    assert err.startswith("cameron: there is no environment 'prod'")


def test_check_shows_the_options_of_a_process(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text('{processes, [{foo, [{start_activity_url, "http://localhost/"}, {unique, key}, {retry, [{attempts, 5}]}]}]}.\n')
    status, out, err = cameron("check", "--env", "test", CAMERON_PROCESSES_FILE=str(file))
    assert (status, err) == (0, "")
    assert "retry.attempts 5; unique key" in out
