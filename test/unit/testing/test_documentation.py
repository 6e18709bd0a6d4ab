"""docs/testing.md: the project that it builds up, block by block, is a project whose tests pass."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "testing.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_every_block_is_a_file_of_the_project() -> None:
    assert len(FILES) == len(re.findall(r"^```\w+$", TEXT, re.MULTILINE)) == 7


def test_the_tests_that_it_shows_pass(pytester: pytest.Pytester) -> None:
    for name, text in FILES:
        file = pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (pytester.path / "priv" / "activities" / "__init__.py").touch()
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", timeout=120)
    count = sum(text.count("\ndef test_") for _, text in FILES)
    result.assert_outcomes(passed=count)
    assert count == 19


def test_each_name_that_tests_may_import_is_in_it() -> None:
    import cameron.testing

    helpers = {
        "BadDefinition",
        "SimulatedCall",
        "SimulatedJob",
        "SimulatedTask",
        "SimulationError",
        "TooManyCalls",
        "UnknownActivity",
        "UnknownProcess",
        "UnknownTask",
        "WrongStub",
    }
    assert {name for name in cameron.testing.__all__ if name not in TEXT} <= helpers


def test_each_link_leads_to_a_heading() -> None:
    links = re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", TEXT)
    assert links
    for file, anchor in links:
        headings = re.findall(r"^#+ (.*)$", (DOCS / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert "](../README.md)" not in TEXT
