"""The options of a process: what each may be and sets, what is said of any other, and that a stored definition bears them."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameron.activities import call
from cameron.core.event import Success
from cameron.core.job import new_job
from cameron.core.process import HttpCall, Limits, Process, RetryPolicy, Timeouts
from cameron.core.strict_json import compact, parse
from cameron.definitions import Settings, load, read_document
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.options import FAILURES, OPTIONS, describe
from cameron.errors import ConfigError

SETTINGS = Settings(RetryPolicy(attempts=7, delay_s=1.25), Timeouts(connect_s=3.5, call_s=1.5), Limits(max_tasks=5, max_crashes=3))
URL = '{start_activity_url, "http://service/start"}'


def written(folder: Path, options: str) -> Path:
    """A definitions file with one process, foo, of these options besides its URL; they begin on line 2, column 2."""
    file = folder / "test.config"
    file.write_text(f"{{processes, [{{foo, [{URL}" + (f",\n {options}" if options else "") + "]}]}.", encoding="utf-8")
    return file


def process(folder: Path, options: str) -> Process:
    """The process of that file."""
    [read] = load(written(folder, options), SETTINGS).processes
    return read


def value_of(read: Process, option: str) -> Any:
    """What an option has set, wherever in the process it is kept."""
    [start] = read.activities
    return {
        "unique": read.unique,
        "retention_s": read.retention_ms,
        "max_jobs": read.max_jobs,
        "timeout_s": read.limits.timeout_s,
        "max_tasks": read.limits.max_tasks,
        "at_most_once": start.at_most_once,
        "call_timeout_s": start.timeouts.call_s,
        "connect_timeout_s": start.timeouts.connect_s,
        "retry.attempts": start.retry.attempts,
        "retry.delay_s": start.retry.delay_s,
        "retry.factor": start.retry.factor,
        "retry.cap_s": start.retry.cap_s,
        "retry.on": start.retry.on,
    }[option]


GOOD = [
    ("unique", "{unique, key}", True),
    ("unique", '{unique, "key"}', True),
    ("retention_s", "{retention_s, 1}", 1_000),
    ("retention_s", "{retention_s, 1.5}", 1_500),
    ("retention_s", "{retention_s, 3153600000}", 3_153_600_000_000),
    ("retention_s", "{retention_s, forever}", 0),
    ("retention_s", "{retention_s, 0}", 0),
    ("max_jobs", "{max_jobs, 1}", 1),
    ("max_jobs", "{max_jobs, 10000000}", 10_000_000),
    ("timeout_s", "{timeout_s, 0.001}", 0.001),
    ("timeout_s", "{timeout_s, 3600}", 3600.0),
    ("max_tasks", "{max_tasks, 100}", 100),
    ("at_most_once", "{at_most_once, true}", True),
    ("at_most_once", "{at_most_once, false}", False),
    ("call_timeout_s", "{call_timeout_s, 30}", 30.0),
    ("connect_timeout_s", "{connect_timeout_s, 2}", 2.0),
    ("retry.attempts", "{retry, [{attempts, 1}]}", 1),
    ("retry.attempts", "{retry, {attempts, 4}}", 4),
    ("retry.delay_s", "{retry, [{delay_s, 0}]}", 0.0),
    ("retry.factor", "{retry, [{factor, 1.5}]}", 1.5),
    ("retry.cap_s", "{retry, [{cap_s, 60}]}", 60.0),
    ("retry.on", "{retry, [{on, []}]}", frozenset()),
    ("retry.on", "{retry, [{on, [refused, http_500, refused]}]}", {"refused", "http_500"}),
    ("retry.on", "{retry, [{on, [\"timeout\", 'tls']}]}", {"timeout", "tls"}),
    ("retry.on", "{retry, [{on, [exit_75, signal_9]}]}", {"exit_75", "signal_9"}),
    ("retry.on", "{retry, [{on, [http_5xx, http_429]}]}", {"http_429", *(f"http_{status}" for status in range(500, 600))}),
]


@pytest.mark.parametrize(("option", "text", "value"), GOOD)
def test_an_option_sets_what_it_says_and_nothing_else(tmp_path: Path, option: str, text: str, value: object) -> None:
    plain, read = process(tmp_path, ""), process(tmp_path, text)
    assert value_of(read, option) == value
    assert {other for other in OPTIONS if value_of(read, other) != value_of(plain, other)} <= {option}
    assert read_document(read.document, SETTINGS) == read


def test_the_table_of_good_values_knows_every_option() -> None:
    assert {option for option, _, _ in GOOD} == set(OPTIONS)


def test_all_options_together_are_read_and_described(tmp_path: Path) -> None:
    read = process(
        tmp_path,
        """{unique, key}, {retention_s, forever}, {max_jobs, 100}, {at_most_once, true}, {timeout_s, 3600}, {call_timeout_s, 30},
           {connect_timeout_s, 2}, {max_tasks, 100},
           {retry, [{attempts, 5}, {delay_s, 0.5}, {factor, 2}, {cap_s, 30},
                    {on, [refused, unknown_host, http_429, http_503, http_500, timeout]}]}""",
    )
    [start] = read.activities
    assert start.retry == RetryPolicy(
        5, 0.5, 2.0, 30.0, frozenset({"refused", "unknown_host", "http_429", "http_503", "http_500", "timeout"})
    )
    assert (start.timeouts, start.at_most_once) == (Timeouts(2.0, 30.0), True)
    assert read.limits == SETTINGS.limits._replace(timeout_s=3600.0, max_tasks=100)
    assert (read.unique, read.retention_ms, read.max_jobs) == (True, 0, 100)
    assert describe(read) == [
        "at_most_once true",
        "call_timeout_s 30",
        "connect_timeout_s 2",
        "max_jobs 100",
        "max_tasks 100",
        "retention_s forever",
        "retry.attempts 5",
        "retry.cap_s 30",
        "retry.delay_s 0.5",
        "retry.factor 2",
        "retry.on http_429, http_500, http_503, refused, timeout, unknown_host",
        "timeout_s 3600",
        "unique key",
    ]


WHOLE = "must be a whole number from 1 to"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{unique, name}", ":2:2: unique of 'foo' must be key, not 'name'"),
        ("{unique, true}", ":2:2: unique of 'foo' must be key, not true"),
        ("{retention_s, 0.5}", ":2:2: retention_s of 'foo' must be a number from 1 to 3153600000 seconds, or forever, not 0.5"),
        ("{retention_s, false}", "retention_s of 'foo' must be a number from 1 to 3153600000 seconds, or forever, not false"),
        ("{retention_s, for_ever}", "or forever, not 'for_ever'"),
        ("{max_jobs, 0}", f":2:2: max_jobs of 'foo' {WHOLE} 10000000, not 0"),
        ("{max_jobs, 1.0}", f"max_jobs of 'foo' {WHOLE} 10000000, not 1"),
        ("{max_jobs, true}", f"max_jobs of 'foo' {WHOLE} 10000000, not true"),
        ('{max_jobs, "5"}', f"max_jobs of 'foo' {WHOLE} 10000000, not '5'"),
        ("{max_jobs, []}", f"max_jobs of 'foo' {WHOLE} 10000000, not an empty list"),
        ("{max_jobs, [{a, 1}]}", f"max_jobs of 'foo' {WHOLE} 10000000, not a list"),
        ("{max_jobs, {a, 1}}", f"max_jobs of 'foo' {WHOLE} 10000000, not {{a, ...}}"),
        ("{max_jobs, {1, 2}}", f"max_jobs of 'foo' {WHOLE} 10000000, not a tuple"),
        ("{max_jobs, 1" + "0" * 300 + "}", f"max_jobs of 'foo' {WHOLE} 10000000, not 1" + "0" * 59),
        ("{timeout_s, 0}", "timeout_s of 'foo' must be a number from 0.001 to 315360000 seconds, not 0"),
        ("{timeout_s, 1" + "0" * 350 + "}", "timeout_s of 'foo' must be a number"),
        ("{max_tasks, -1}", f"max_tasks of 'foo' {WHOLE} 10000000, not -1"),
        ("{at_most_once, yes}", ":2:2: at_most_once of 'foo' must be true or false, not 'yes'"),
        ('{at_most_once, "true"}', "at_most_once of 'foo' must be true or false, not 'true'"),
        ("{at_most_once, 1}", "at_most_once of 'foo' must be true or false, not 1"),
        ("{call_timeout_s, 31536001}", "call_timeout_s of 'foo' must be a number from 0.001 to 31536000 seconds, not 31536001"),
        ("{connect_timeout_s, soon}", "connect_timeout_s of 'foo' must be a number from 0.001 to 3600 seconds, not 'soon'"),
        ("{retry, 5}", ":2:2: retry of 'foo' is written as a list like [{attempts, 5}, {delay_s, 0.5}], not 5"),
        ("{retry, [5]}", ":2:2: retry of 'foo' is written as a list"),
        ("{retry, [{attempts, 0}]}", f":2:11: retry.attempts of 'foo' {WHOLE} 1000, not 0"),
        ("{retry,\n  [{delay_s, -1}]}", ":3:4: retry.delay_s of 'foo' must be a number from 0 to 86400 seconds, not -1"),
        ("{retry, [{factor, 0.5}]}", "retry.factor of 'foo' must be a number from 1 to 100, not 0.5"),
        ("{retry, [{cap_s, 31536001}]}", "retry.cap_s of 'foo' must be a number from 0 to 31536000 seconds, not 31536001"),
        ("{retry, [{on, refused}]}", ":2:11: retry.on of 'foo' must be a list of refused, unknown_host,"),
        ("{retry, [{on, [refused, tiemout]}]}", "not 'tiemout' (did you mean timeout?)"),
        ("{retry, [{on, [7]}]}", "not 7"),
        (
            "{retry, [{on, [http_200]}]}",
            "a status such as http_503, or http_5xx for all of those, exit_1 or signal_9 of commands, not 'http_200'",
        ),
        ("{retry, [{on, [http_600]}]}", "not 'http_600'"),
        ("{retry, [{on, [http_50]}]}", "not 'http_50'"),
        ("{retry, [{on, [limit]}]}", "not 'limit'"),
        ("{retry, [{on, [invalid_url]}]}", "not 'invalid_url'"),
    ],
)
def test_another_value_is_refused_with_its_place_its_option_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"test\.config:\d+:\d+: .*{re.escape(told.lstrip(':0123456789 '))}") as caught:
        process(tmp_path, text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{max_job, 5}", ":2:2: 'foo' has no option 'max_job' (did you mean max_jobs?): the options here are start_activity_url, unique,"),
        ("{zzz, 5}", ":2:2: 'foo' has no option 'zzz': the options here are"),
        ("{attempts, 5}", ":2:2: 'foo' has no option 'attempts'"),
        ("{'retry.attempts', 5}", ":2:2: 'foo' has no option 'retry.attempts'"),
        (
            "{retry, [{atempts, 5}]}",
            ":2:11: 'foo' has no option 'retry.atempts' (did you mean attempts?): the options here are attempts, delay_s,",
        ),
        ("{retry, [{unique, key}]}", ":2:11: 'foo' has no option 'retry.unique'"),
        ("{unique, key}, {unique, key}", ":2:17: unique of 'foo' is given twice: remove one"),
        ("{retry, []}, {retry, []}", ":2:15: retry of 'foo' is given twice: remove one"),
        ("{retry, [{attempts, 2}, {attempts, 2}]}", ":2:26: retry.attempts of 'foo' is given twice"),
        (URL, ":2:2: start_activity_url of 'foo' is given twice: remove one"),
        ("at_most_once", ":1:14: each option of 'foo' is written with its value, like {max_jobs, 100}, not 'at_most_once'"),
        ("{max_jobs}", ":1:14: each option of 'foo' is written with its value, like {max_jobs, 100}, not a tuple"),
        ('{"max_jobs", 5}', ":1:14: each option of 'foo' is written with its value"),
    ],
)
def test_what_is_no_option_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        process(tmp_path, text)
    assert f"test.config{told}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", ":1:14: 'foo' has no start_activity_url: add {start_activity_url, \"http://...\"} to it"),
        ("[{max_jobs, 5}]", ":1:14: 'foo' has no start_activity_url"),
        ("[{start_activity_ulr, 5}]", ":1:21: 'foo' has no option 'start_activity_ulr' (did you mean start_activity_url?)"),
        ("[{start_activity_url, 7}]", ":1:21: start_activity_url of 'foo' must be a string such as \"http://...\", not 7"),
        ('[{start_activity_url, "ftp://a/"}]', ":1:21: start_activity_url of 'foo' must begin with http:// or https://"),
        ("{max_jobs, 5}", ":1:14: expected a process like {foo, {start_activity_url,"),
    ],
)
def test_a_process_with_options_needs_its_url_too(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "test.config"
    file.write_text(f"{{processes, [{{foo, {text}}}]}}.", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(f"test.config{told}")):
        load(file)


def test_the_example_in_the_shipped_file_shows_every_option(tmp_path: Path) -> None:
    shipped = (Path(__file__).resolve().parents[3] / "priv/processes/development.config").read_text(encoding="utf-8")
    example = "\n".join(line.removeprefix("%%") for line in shipped.splitlines() if line.startswith("%%   "))
    file = tmp_path / "test.config"
    file.write_text(f"{{processes, [{example}\n]}}.", encoding="utf-8")
    assert {line.split(" ")[0] for read in load(file).processes for line in describe(read)} == set(OPTIONS)


def test_every_kind_of_failure_is_known_to_retries_or_cannot_be_helped_by_one() -> None:
    assert {*FAILURES, "invalid_url", "cannot_run", "unknown_activity", "invalid_data"} == {*call.Failure, "invalid_reply"}


def test_next_activities_have_the_options_of_the_process_that_they_grow_in(tmp_path: Path) -> None:
    read = process(tmp_path, "{at_most_once, true}, {call_timeout_s, 9}, {retry, [{attempts, 2}]}")
    dialect = CameronDialect(SETTINGS)
    job = new_job(read, "k", "uuid", b"", 1)
    growth = '{"definitions":[{"name":"a","url":"http://a/"}]}'
    recorded = dialect.recorded(job, job.tasks["start"], "null", growth, '["start",["a"]]')
    assert isinstance(recorded, Success)
    assert recorded.growth is not None
    [start] = read.activities
    assert recorded.growth.activities == (start._replace(name="a", call=HttpCall("http://a/")),)


# stored definitions


def test_a_process_without_options_keeps_the_digest_that_running_jobs_know(tmp_path: Path) -> None:
    url = "http://localhost:9292/foo/v0.0.1/start"
    document = f'{{"dialect":"cameron","name":"foo","start_activity_url":"{url}"}}'
    for text in (
        f'{{start_activity_url, "{url}"}}',
        f'[{{start_activity_url, "{url}"}}]',
        f'[{{start_activity_url, "{url}"}}, {{retry, []}}]',
    ):
        file = tmp_path / "test.config"
        file.write_text(f"{{processes, [{{foo, {text}}}]}}.", encoding="utf-8")
        [read] = load(file, SETTINGS).processes
        assert (read.document, read.digest) == (document, "e526b735a9e4f372")
    assert read_document(document, Settings()).digest == "e526b735a9e4f372"
    assert describe(read) == []


def test_the_order_of_options_makes_no_difference(tmp_path: Path) -> None:
    one = process(tmp_path, "{max_jobs, 5}, {retry, [{attempts, 2}, {on, [tls, timeout]}]}, {timeout_s, 7}")
    other = process(tmp_path, "{timeout_s, 7.0}, {retry, [{on, [timeout, tls, tls]}, {attempts, 2}]}, {max_jobs, 5}")
    assert one == other


def test_a_stored_definition_bears_what_was_given_and_leaves_the_rest_to_the_node(tmp_path: Path) -> None:
    read = process(tmp_path, "{max_jobs, 5}, {retry, [{attempts, 2}]}")
    assert parse(read.document.encode())["options"] == {"max_jobs": 5, "retry.attempts": 2}
    elsewhere = read_document(read.document, Settings())
    assert elsewhere.digest == read.digest
    assert (elsewhere.activities[0].retry, elsewhere.limits) == (RetryPolicy(attempts=2), Limits())


def test_a_stored_definition_that_a_later_cameron_wrote_says_so() -> None:
    document = {"dialect": "cameron", "name": "foo", "start_activity_url": "http://a/", "options": {"max_jobs": 5, "colour": "red"}}
    with pytest.raises(ConfigError, match=r"the stored definition of 'foo' has options unknown here \(colour\): upgrade this node"):
        read_document(compact(document), SETTINGS)
    with pytest.raises(ConfigError, match="a stored definition: max_jobs of 'foo' must be a whole number"):
        read_document(compact({**document, "options": {"max_jobs": "many"}}), SETTINGS)


SECONDS = st.integers(1, 3600) | st.floats(1, 3600)
TEXTS = {
    "unique": st.just("key"),
    "retention_s": st.just("forever") | SECONDS,
    "max_jobs": st.integers(1, 10_000_000),
    "timeout_s": SECONDS,
    "max_tasks": st.integers(1, 10_000_000),
    "at_most_once": st.sampled_from(["true", "false"]),
    "call_timeout_s": SECONDS,
    "connect_timeout_s": SECONDS,
    "attempts": st.integers(1, 1000),
    "delay_s": SECONDS,
    "factor": st.integers(1, 100) | st.floats(1, 100),
    "cap_s": SECONDS,
    "on": st.lists(st.sampled_from([*FAILURES, "http_500", "http_4xx", "http_301"])).map(lambda words: f"[{', '.join(words)}]"),
}
RETRY = ("attempts", "delay_s", "factor", "cap_s", "on")


@st.composite
def options(draw: st.DrawFn) -> str:
    """Some options in any order, as they are written in a file."""
    names = draw(st.lists(st.sampled_from(sorted(TEXTS)), unique=True))
    given_options = {name: f"{{{name}, {draw(TEXTS[name])}}}" for name in names}
    retry = [text for name, text in given_options.items() if name in RETRY]
    return ", ".join(
        [text for name, text in given_options.items() if name not in RETRY] + ([f"{{retry, [{', '.join(retry)}]}}"] if retry else [])
    )


@settings(deadline=None)
@given(options())
def test_a_stored_definition_reads_as_the_very_same_process(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    read = process(tmp_path_factory.getbasetemp(), text)
    assert read_document(read.document, SETTINGS) == read
    assert read_document(read.document, Settings()).digest == read.digest
