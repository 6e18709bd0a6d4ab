"""The definitions file: the documented layout, and where it says that something else is wrong."""

import re
from pathlib import Path

import pytest

from cameron.core.process import Limits, Process, RetryPolicy
from cameron.definitions.files.config_file import read_config_file
from cameron.definitions.settings import Settings
from cameron.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[4]


def written(folder: Path, text: str) -> Path:
    """A definitions file with that text."""
    file = folder / "test.config"
    file.write_text(text, encoding="utf-8")
    return file


def load(file: Path, settings: Settings | None = None) -> list[Process]:
    """The processes of a file, on a node that is set so."""
    return read_config_file(file, settings or Settings())


def starts(processes: list[Process]) -> list[tuple[str, str]]:
    """The processes' names and what they call first."""
    return [(process.name, process.start_target) for process in processes]


def test_the_documented_layout_is_read_in_its_order(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """%% two processes
        {processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}},   % the sample
                     {'bar.baz', {start_activity_url, "http://bar.com/process/bar/start"}}]}.
        """,
    )
    assert starts(load(file)) == [
        ("foo", "http://localhost:9292/foo/v0.0.1/start"),
        ("bar.baz", "http://bar.com/process/bar/start"),
    ]


@pytest.mark.parametrize("text", ["", "% nothing yet\n", "{processes, []}.", "{workflows, []}. {processes, []}."])
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


# workflows


def workflow(text: str) -> str:
    """A file of one workflow."""
    return f"{{workflows, [{text}]}}."


def test_the_documented_layout_of_workflows_is_read_in_its_order(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
    {workflows, [{workflow, {name, bar},
                            {start_point_url, "http://foo.com/workflow/bar/start/{key}"}},
                 {workflow, {name, zar},
                            {start_point_url, "http://foo.com/workflow/zar/start/{key}"}}]}.
        """,
    )
    assert starts(load(file)) == [
        ("workflow:bar", "http://foo.com/workflow/bar/start/{key}"),
        ("workflow:zar", "http://foo.com/workflow/zar/start/{key}"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{workflow, {start_point_url, "http://a/{key}"}, {name, bar}}',
        "{workflow, {name, 'bar'}, {start_point_url, 'http://a/{key}'}}",
        '{workflow, {name, "bar"}, {start_point_url, <<"http://a/{key}">>}}',
        '{workflow, [{name, bar}, {start_point_url, "http://a/{key}"}]}',
    ],
)
def test_a_workflow_may_be_written_in_any_order_and_its_name_quoted(tmp_path: Path, text: str) -> None:
    assert starts(load(written(tmp_path, workflow(text)))) == [("workflow:bar", "http://a/{key}")]


def test_processes_and_workflows_stand_beside_each_other_in_any_order_and_may_share_names(tmp_path: Path) -> None:
    both = """{workflows, [{workflow, {name, foo}, {start_point_url, "http://b/"}}]}.
    {processes, [{foo, {start_activity_url, "http://a/"}}]}.
    {workflows, [{workflow, {name, bar}, {start_point_url, "http://c/"}}]}."""
    assert starts(load(written(tmp_path, both))) == [("workflow:foo", "http://b/"), ("foo", "http://a/"), ("workflow:bar", "http://c/")]


@pytest.mark.parametrize("options", ["{max_jobs, 7}, {retry, [{attempts, 5}]}", "{retry, [{attempts, 5}]}, {max_jobs, 7}"])
@pytest.mark.parametrize("form", ["[{{name, bar}}, {}, {{start_point_url, {}}}]", "{{name, bar}}, {}, {{start_point_url, {}}}"])
def test_a_workflow_takes_the_options_of_processes(tmp_path: Path, options: str, form: str) -> None:
    text = f"{{workflow, {form.format(options, chr(34) + 'http://a/' + chr(34))}}}"
    [process] = load(written(tmp_path, workflow(text)), Settings(retry=RetryPolicy(attempts=9, delay_s=0.25)))
    assert (process.max_jobs, process.activities[0].retry.attempts, process.activities[0].retry.delay_s) == (7, 5, 0.25)


WORKFLOW = "expected a workflow like {workflow, {name, bar},"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("{workflows, foo}.", ":1:1", "or {workflows, [{workflow, {name, bar},"),
        ("{workflows}.", ":1:1", "or {workflows, ["),
        (workflow("foo"), "", WORKFLOW),
        (workflow('\n {bar, {start_point_url, "http://a/"}}'), ":2:2", WORKFLOW),
        (workflow("{}"), ":1:14", WORKFLOW),
        (workflow("{workflow}"), ":1:14", "a workflow without a name: add {name, bar}"),
        (workflow('{workflow, {start_point_url, "http://a/"}}'), ":1:14", "a workflow without a name"),
        (workflow('{workflow, bar, {start_point_url, "http://a/"}}'), ":1:14", "a workflow without a name"),
        (workflow("{workflow, {name, 7}}"), ":1:25", "a workflow's name must be an atom or a string, not 7"),
        (workflow("{workflow, {name, 'foo bar'}}"), ":1:25", "a process name is 1 to 64 letters"),
        (workflow("{workflow, {name, 'a:b'}}"), ":1:25", "a process name is 1 to 64 letters"),
        (workflow("{workflow, {name, bar}}"), ":1:14", "'bar' has no start_point_url: add {start_point_url,"),
        (workflow("{workflow, {name, bar}, {start_point_url, 7}}"), ":1:38", "start_point_url of 'bar' must be a string such as"),
        (workflow('{workflow, {name, bar}, {start_point_url, "foo.com/"}}'), ":1:38", "must begin with http:// or https://"),
        (workflow('{workflow, {name, bar}, {start_point_url, "http://a/{id}"}}'), ":1:38", "{id} is unknown; the only name here is {key}"),
        (workflow('{workflow, {name, bar}, {name, zar}, {start_point_url, "http://a/"}}'), ":1:38", "name of 'bar' is given twice"),
        (workflow('{workflow, {name, bar}, foo, {start_point_url, "http://a/"}}'), ":1:14", "each option of 'bar' is written with its"),
        (workflow('{workflow, {name, bar}, {start_url, "http://a/"}}'), ":1:38", "no option 'start_url' (did you mean start_point_url?)"),
        (workflow('{workflow, {name, bar}, {start_point_url, "http://a/"}, {max_jobs, 0}}'), ":1:70", "max_jobs of 'bar' must be"),
        (
            workflow('{workflow, {name, bar}, {start_point_url, "http://a/"}},\n{workflow, {name, "bar"}, {start_point_url, "http://b/"}}'),
            ":2:1",
            "a second workflow named 'bar'; names must differ",
        ),
    ],
)
def test_a_workflow_that_cannot_be_used_says_where_and_what_it_expects(tmp_path: Path, text: str, place: str, what: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError, match=f"^{re.escape(str(file) + place)}: .*{re.escape(what)}"):
        load(file)


# faults


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("{activities, []}.", ":1:1", "expected the layout {processes, ["),
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


def test_a_process_is_not_called_like_an_id_of_something_registered(tmp_path: Path) -> None:
    name = "0123456789abcdef" * 2
    file = written(tmp_path, f"{{processes, [{{'{name}', {{start_activity_url, \"http://a/\"}}}}]}}.")
    told = f"{file}:1:14: process '{name}': 32 hex digits are the id of something registered: take another name"
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        load(file)


def test_a_workflow_of_tickets_which_has_a_name_space_of_its_own_may_be(tmp_path: Path) -> None:
    name = "0123456789abcdef" * 2
    [process] = load(written(tmp_path, f"{{workflows, [{{workflow, {{name, '{name}'}}, {{start_point_url, \"http://a/\"}}}}]}}."))
    assert process.name == f"workflow:{name}"
