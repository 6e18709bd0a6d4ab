"""The cores that threads run on, on whatever machine this is."""

import os
from pathlib import Path

import pytest

from cameron import cores
from cameron.errors import ConfigError

ALL = os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("text", "listed"),
    [("0", (0,)), ("2-3,6", (2, 3, 6)), ("6,0-1,1", (0, 1, 6)), ("3-2", (2, 3)), ("7-7", (7,))],
)
def test_cores_are_listed_by_number_and_range(text: str, listed: tuple[int, ...]) -> None:
    assert cores.listed(text) == listed


def test_where_none_are_named_all_may_be_used() -> None:
    assert cores.chosen("auto") == cores.chosen("all") == cores.usable() == tuple(sorted(ALL))
    assert cores.chosen(str(min(ALL))) == (min(ALL),)


def test_a_core_that_is_not_there_is_told_with_the_setting_and_those_there_are() -> None:
    missing = max(ALL) + 1
    with pytest.raises(ConfigError, match=rf"CAMERON_NODE_CORES.* core {missing}: choose among {min(ALL)}"):
        cores.chosen(f"{min(ALL)},{missing}")


def test_many_cores_that_are_not_there_are_told_as_a_setting_writes_them() -> None:
    first = max(ALL) + 1
    with pytest.raises(ConfigError, match=rf"may not use core {first}-9000,9009: choose among"):
        cores.chosen(f"{first}-9000,9009")


@pytest.mark.parametrize("text", ["0", "2-3,6", "0-2,4-5,7-9", "5,9998-9999"])
def test_cores_are_written_as_they_are_listed(text: str) -> None:
    assert cores.written(cores.listed(text)) == text


def group(mounted_at: Path, path: str, **files: str) -> None:
    folder = mounted_at / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_the_tightest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    group(tmp_path, "", cpu__max="max 100000")
    group(tmp_path, "system.slice", cpu__max="150000 100000")
    group(tmp_path, "system.slice/cameron.service", cpu__max="400000 100000")
    assert cores.quota("0::/system.slice/cameron.service\n", tmp_path) == 1.5
    assert cores.quota("0::/\n", tmp_path) == float("inf")


def test_the_quota_of_a_container_is_found_where_it_is_mounted(tmp_path: Path) -> None:
    group(tmp_path, "", cpu__max="50000 100000")
    assert cores.quota("0::/../../kubepods/pod1\n", tmp_path) == 0.5
    group(tmp_path, "cpu,cpuacct", cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
    assert cores.quota("3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n", tmp_path) == 3.0


@pytest.mark.parametrize("text", ["-1", "", "0 x", "nonsense"])
def test_what_is_no_quota_is_no_bound(tmp_path: Path, text: str) -> None:
    group(tmp_path, "cpu", cpu__cfs_quota_us=text, cpu__cfs_period_us="100000")
    assert cores.quota("1:cpu:/\n", tmp_path) == float("inf")


@pytest.mark.parametrize(("allowed", "programs"), [("250000", 3), ("200000", 2), ("10000", 1), ("max", 4), ("900000", 4)])
def test_cores_are_worth_as_many_programs_as_the_quota_lets_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str, programs: int
) -> None:
    group(tmp_path, "", cpu__max=f"{allowed} 100000", own="0::/")
    monkeypatch.setattr(cores, "_CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_OWN_GROUPS", tmp_path / "own")
    assert cores.worth((0, 1, 2, 3)) == programs
