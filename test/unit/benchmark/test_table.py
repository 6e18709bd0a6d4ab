from table import Aim, table

from test.unit.benchmark.figures_of_a_run import a_line


def line_of(text: str, label: str) -> list[str]:
    return next(line.removeprefix(label).split() for line in text.splitlines() if line.startswith(label))


def test_each_figure_stands_beside_those_of_both_floors_with_its_ratio() -> None:
    assert line_of(table(a_line()), "jobs/s ") == ["650", "1,000", "0.65x", "2,000", "0.33x"]


def test_each_number_of_jobs_has_a_block_of_its_own() -> None:
    assert table(a_line(jobs=("500", "5000"))).count("CPU ms a job: redis") == 2


def test_a_figure_without_a_counterpart_stands_alone() -> None:
    assert line_of(table(a_line()), "  of it until its 201: p50") == ["1.00"]


def test_bytes_are_told_by_kind_of_key() -> None:
    text = table(a_line())
    assert [line_of(text, f"  {kind}") for kind in ("hash", "events", "all")] == [["5,739"], ["4,744"], ["11,424"]]


def test_an_aim_holds_at_its_bound_and_is_missed_beyond() -> None:
    assert [str(Aim("share", value, 60, at_least=True)).split()[-1] for value in (59.9, 60.0)] == ["MISSED", "holds"]
    assert [str(Aim("CPU", value, 1.2)).split()[-1] for value in (1.2, 1.3)] == ["holds", "MISSED"]


def test_the_aims_are_held_against_the_plain_floor() -> None:
    text = table(a_line())
    assert line_of(text, "500 jobs: % of plain floor's jobs/s")[0] == "65.00"
    assert line_of(text, "alone: p50 / plain floor's")[0] == "2.00"


def test_several_nodes_stand_beside_one_with_the_cores_that_each_program_had_busy() -> None:
    text = table(a_line(cameron=500.0, two_nodes=900.0), 2)
    block = text[text.index("500 jobs, 2 nodes on one port") :]
    assert line_of(block, "jobs/s ") == ["900", "500", "1.80x", "1,000", "0.90x"]
    assert line_of(block, "cores busy: node")[:2] == ["0.90", "0.55"]
    assert "on one port" not in table(a_line())
