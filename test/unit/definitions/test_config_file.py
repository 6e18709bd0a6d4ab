"""The definitions file: the documented layout, and where it says that something else is wrong."""

import re
from pathlib import Path

import pytest

from cameron.core.process import Limits, RetryPolicy
from cameron.definitions import Settings, load
from cameron.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent


def written(folder: Path, text: str) -> Path:
    """A definitions file with that text."""
    file = folder / "test.config"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_documented_layout_is_read_in_its_order(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """%% two processes
        {processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}},   % the sample
                     {'bar.baz', {start_activity_url, "http://bar.com/process/bar/start"}}]}.
        """,
    )
    assert [(process.name, process.start_url) for process in load(file)] == [
        ("foo", "http://localhost:9292/foo/v0.0.1/start"),
        ("bar.baz", "http://bar.com/process/bar/start"),
    ]


@pytest.mark.parametrize("text", ["", "% nothing yet\n", "{processes, []}."])
def test_a_file_may_define_nothing(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == []


def test_several_terms_are_read_together(tmp_path: Path) -> None:
    term = '{{processes, [{{{}, {{start_activity_url, "http://a/"}}}}]}}.\n'
    assert [process.name for process in load(written(tmp_path, term.format("a") + term.format("b")))] == ["a", "b"]


def test_settings_reach_every_process(tmp_path: Path) -> None:
    file = written(tmp_path, '{processes, [{foo, {start_activity_url, "http://a/"}}]}.')
    [process] = load(file, Settings(retry=RetryPolicy(attempts=9), limits=Limits(max_depth=3)))
    assert (process.activities[0].retry.attempts, process.limits.max_depth) == (9, 3)


@pytest.mark.parametrize("environment", ["development", "test", "production"])
def test_the_shipped_files_are_read(environment: str) -> None:
    processes = load(CHECKOUT / f"priv/processes/{environment}.config")
    assert len({process.name for process in processes}) == len(processes)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("{workflows, []}.", ":1:1", "expected the layout {processes, ["),
        ("\n  {processes}.", ":2:3", "expected the layout {processes, ["),
        ("{processes, foo}.", ":1:1", "expected the layout {processes, ["),
        ("[].", "", "expected the layout {processes, ["),
        ("{processes, [foo]}.", "", "expected a process like {foo, {start_activity_url,"),
        ("{processes, [\n {foo}]}.", ":2:2", "expected a process like {foo,"),
        ('{processes, [{"foo", {start_activity_url, "http://a/"}}]}.', ":1:14", "expected a process like {foo,"),
        ('{processes, [{foo, {start_url, "http://a/"}}]}.', ":1:14", "expected a process like {foo,"),
        ("{processes, [{foo, {start_activity_url, http}}]}.", ":1:14", "must begin with http:// or https://"),
        ("{processes, [{foo, {start_activity_url, 7}}]}.", ":1:14", "expected a process like {foo,"),
        ('{processes, [{foo, {start_activity_url, "localhost/start"}}]}.', ":1:14", "must begin with http:// or https://"),
        ("{processes, [{'foo bar', {start_activity_url, \"http://a/\"}}]}.", ":1:14", "a process name is 1 to 64 letters"),
        (
            '{processes, [{foo, {start_activity_url, "http://a/"}},\n{foo, {start_activity_url, "http://b/"}}]}.',
            ":2:1",
            "a second process named 'foo'",
        ),
        ("{processes, [", ":1:", ""),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_it_expects(tmp_path: Path, text: str, place: str, what: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError, match=f"^{re.escape(str(file) + place)}.*{re.escape(what)}"):
        load(file)


def test_a_file_that_cannot_be_read_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.config: No such file or directory: .* setting processes\.file"):
        load(tmp_path / "none.config")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_utf8_says_where(tmp_path: Path) -> None:
    file = tmp_path / "latin.config"
    file.write_bytes(b"% caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.config: not UTF-8 at byte 5"):
        load(file)
