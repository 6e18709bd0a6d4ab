"""The README of this library is true: its example runs, its tables name tests that there are, and no rule is without one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import cameron.otp
from cameron.otp.probe import PATIENCE_S

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
README = (ROOT / "cameron" / "otp" / "README.md").read_text(encoding="utf-8")
TESTS = {path.name: re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE) for path in HERE.glob("test_*.py")}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def files_of(rule: int) -> list[str]:
    named = re.compile(rf"test_rules?_(\d+_and_)?{rule}_")
    return sorted(file for file, tests in TESTS.items() if any(map(named.match, tests)))


def test_the_example_prints_what_the_readme_says() -> None:
    command = [sys.executable, "-c", block("python")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == block("text")
    assert done.stderr.count("ZeroDivisionError: ") >= 1


def test_the_example_has_about_twenty_lines() -> None:
    assert len([line for line in block("python").splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("rule", range(1, 17))
def test_each_rule_has_the_tests_that_the_readme_says(rule: int) -> None:
    row = re.search(rf"^\| {rule} \|.*\|(.*)\|$", README, re.MULTILINE)
    assert row is not None
    assert re.findall(r"`(\w+\.py)`", row[1]) == files_of(rule)
    assert files_of(rule) != []


def test_the_tests_that_the_readme_names_are_there() -> None:
    there = {test for tests in TESTS.values() for test in tests}
    assert [name for name in re.findall(r"`(test_\w+)`", README) if name not in there] == []


def test_the_readme_names_what_the_library_offers() -> None:
    table = README.partition("## What there is")[2].partition("\n## ")[0]
    names = re.findall(r"\b[A-Z][A-Za-z]+\b|\b[a-z]+_children?\b", " ".join(re.findall(r"`([^`]*)`", table)))
    missing = [name for name in names if not hasattr(cameron.otp, name) and not name.isupper() and name not in ("Probe", "ThreadingActor")]
    assert missing == []


def test_what_is_offered_is_there() -> None:
    assert [name for name in cameron.otp.__all__ if not hasattr(cameron.otp, name)] == []
