import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from report import Round, append, figures, percentiles_ms


def a_round(seconds: float, node_s: float = 0.2, others_s: float = 0.0, commands: int = 500) -> Round:
    return Round(100, seconds, {"node": node_s, "redis": 0.05}, commands, others_s, voluntary=1200, involuntary=300)


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles_ms([number / 1000 for number in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_a_few_slow_ones_show_in_the_last_percentile_alone() -> None:
    cuts = percentiles_ms([0.001] * 97 + [0.1] * 3)
    assert (cuts["p50"], cuts["p95"]) == (1.0, 1.0)
    assert cuts["p99"] == pytest.approx(100.0)


def test_figures_are_the_medians_of_the_rounds() -> None:
    found = figures([a_round(1.0, 0.2), a_round(0.5, 0.4), a_round(2.0, 0.3)])
    assert (found["jobs_per_s"], found["rounds_jobs_per_s"]) == (100.0, [100.0, 200.0, 50.0])
    assert found["cpu_ms_per_job"] == {"node": 3.0, "redis": 0.5}
    assert found["redis_commands_per_job"] == 5.0
    assert found["switches_per_job"] == {"voluntary": 12.0, "involuntary": 3.0}


def test_other_programs_are_told_as_a_share_of_one_core_over_all_rounds() -> None:
    assert figures([a_round(1.0, others_s=0.5), a_round(3.0, others_s=0.5)])["others_cpu_percent"] == 25


def test_a_line_tells_when_on_what_and_of_which_commit(tmp_path: Path) -> None:
    file = tmp_path / "var" / "bench.jsonl"
    append(file, {"figure": 1})
    append(file, {"figure": 2})
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["figure"] for line in lines] == [1, 2]
    assert abs((datetime.now(UTC) - datetime.fromisoformat(lines[0]["date"])).total_seconds()) < 60
    assert lines[0]["commit"]
    assert set(lines[0]["machine"]) == {"cpu", "cores", "python", "kernel", "libcurl"}
