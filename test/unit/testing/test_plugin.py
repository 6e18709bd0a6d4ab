"""The plugin in the project of a stranger who has Cameron installed."""

import json
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

DEFINITION = json.dumps({"name": "foo", "start_activity_url": "http://foo.test/start"})
TEST = """
def test_foo(cameron):
    assert cameron.processes == ["foo"]
    assert cameron.run("foo", stubs={"start": {}}).status == "done"
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments, timeout=120)


def define(pytester: pytest.Pytester, folder: str, text: str = DEFINITION) -> None:
    place = pytester.path / folder / "cameron"
    place.mkdir(parents=True)
    (place / "foo.json").write_text(text)


def test_what_lies_where_it_usually_does_is_found_without_settings(pytester: pytest.Pytester) -> None:
    define(pytester, "priv/definitions")
    pytester.makepyfile(TEST)
    run(pytester).assert_outcomes(passed=1)


def test_settings_say_where_else_it_lies(pytester: pytest.Pytester) -> None:
    define(pytester, "defined")
    (pytester.path / "p.config").write_text('{processes, [{bar, {start_activity_url, "http://bar.test"}}]}.')
    (pytester.path / "code" / "work").mkdir(parents=True)
    (pytester.path / "code" / "work" / "__init__.py").write_text(
        "from cameron.activities.activity import activity\n@activity\ndef double(data: int) -> int:\n    return 2 * data\n"
    )
    pytester.makeini(
        "[pytest]\naddopts = --strict-config\ncameron_definitions = defined\ncameron_processes = p.config\n"
        "cameron_activities = work\ncameron_path = code\n"
    )
    pytester.makepyfile("""
    def test_both(cameron):
        assert (cameron.processes, cameron.problems) == (["bar", "foo"], [])
        double = {"name": "two", "kind": "python", "activity": "double"}
        stubs = {"start": {"data": 21, "next_activities": {"definitions": [double]}}}
        assert cameron.run("bar", stubs=stubs).tasks["two"].data == 42
    """)
    run(pytester).assert_outcomes(passed=1)


def test_a_setting_that_leads_nowhere_is_told(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncameron_definitions = nowhere\n")
    pytester.makepyfile(TEST)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*cameron_definitions: {pytester.path}/nowhere is not there: correct it in {pytester.path}/tox.ini*"])


def test_a_failing_test_is_told_its_jobs_and_spared_the_insides(pytester: pytest.Pytester) -> None:
    define(pytester, "priv/definitions")
    pytester.makepyfile("""
    from cameron.testing import FailedWith, Replied

    def test_wrong(cameron):
        job = cameron.run("foo", stubs={"start": Replied(500, "no luck")})
        assert job.tasks["start"].status == "done"

    def test_missing(cameron):
        cameron.run("foo")

    def test_misspelt(cameron):
        cameron.run("foo", stubs={"start": {}}).tasks["strat"]

    def test_impossible(cameron):
        cameron.run("foo", stubs={"start": FailedWith("odd")})

    def test_asserting(cameron):
        def check(data):
            assert data["data"] == 5

        cameron.run("foo", 4, stubs={"start": check})
    """)
    result = run(pytester)
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(
        [
            "*assert 'error' == 'done'*",
            "*jobs of Cameron*",
            "job of foo, key 'test': done after 0 s",
            "  start  http     error: http://foo.test/start replied 500: no luck",
            "*MissingStub: the task 'start' of foo calls POST http://foo.test/start*",
            "*by then: job of foo*",
            "*UnknownTask: the job has no task 'strat' (did you mean start?): it has start",
            "*WrongStub: the stub 'start' answers FailedWith(kind='odd'*",
            "*assert 4 == 5*",
        ]
    )
    result.stdout.no_fnmatch_line("*/cameron/testing/*.py:*")


def test_a_test_may_have_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    define(pytester, "elsewhere")
    pytester.makepyfile(
        """
    from pathlib import Path
    import pytest
    from cameron.testing import Project

    @pytest.fixture(scope="session")
    def cameron_project():
        return Project(definitions=Path("elsewhere"))
    """
        + TEST.replace("\n", "\n    ")
    )
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize("first", ["", "import cameron.testing.simulator"])
def test_a_fixture_of_that_name_may_be_somebody_elses(pytester: pytest.Pytester, first: str) -> None:
    pytester.makepyfile(f"""
    import pytest
    {first}

    class Company:
        jobs = 5

    @pytest.fixture
    def cameron():
        return Company()

    def test_it(cameron):
        assert cameron.jobs == 6
    """)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_activities_can_be_imported_by_tests_and_by_what_they_share(pytester: pytest.Pytester) -> None:
    (pytester.path / "priv" / "activities").mkdir(parents=True)
    (pytester.path / "priv" / "activities" / "orders.py").write_text("def total(data):\n    return sum(data)\n")
    pytester.makeconftest("from activities import orders")
    pytester.makepyfile("""
    from activities.orders import total

    def test_total():
        assert total([1, 2]) == 3
    """)
    run(pytester).assert_outcomes(passed=1)


def test_where_there_are_no_activities_python_looks_where_it_did(pytester: pytest.Pytester) -> None:
    (pytester.path / "priv").mkdir()
    pytester.makepyfile("""
    import sys

    def test_path():
        assert not [place for place in sys.path if place.endswith("priv")]
    """)
    run(pytester).assert_outcomes(passed=1)


def loaded_with(module: str) -> set[str]:
    """All modules that a new Python has after importing that one."""
    script = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout.split())


def test_who_has_no_use_for_it_pays_nothing() -> None:
    ours = {name for name in loaded_with("cameron.testing.plugin") if name.partition(".")[0] == "cameron"}
    assert ours == {"cameron", "cameron.core", "cameron.core.process", "cameron.errors", "cameron.testing", "cameron.testing.plugin"}


def test_what_it_needs_brings_along_neither_actors_nor_redis() -> None:
    loaded = loaded_with("cameron.testing.simulator")
    assert "cameron.testing.simulation" in loaded
    assert {"pykka", "redis", "falcon", "pycurl", "requests", "cameron.otp", "cameron.engine"} & loaded == set()


def test_each_public_name_is_there_and_no_other() -> None:
    import cameron.testing

    assert [name for name in cameron.testing.__all__ if not hasattr(cameron.testing, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        cameron.testing.Nothing  # noqa: B018
