import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import chart
import pytest

from test.unit.benchmark.figures_of_a_run import a_line

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines: dict[str, Any], jobs: str = "") -> Any:
    return ElementTree.fromstring(chart.picture(chart.results(map(json.dumps, lines), jobs)))


def texts(picture: Any) -> list[str]:
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


def bars(picture: Any) -> list[float]:
    return [float(bar.attrib["width"]) for bar in picture.iter(f"{SVG}rect") if bar.attrib["class"] != "back"]


def test_every_rate_stands_beside_its_bar_with_its_share_of_the_floor_of_its_own_run() -> None:
    found = texts(drawn(a_line()))
    assert "650 (65 %)" in found
    assert "2,000 (200 %)" in found
    assert "310 (24 %)" in found


def test_bars_are_as_long_as_what_they_show() -> None:
    cameron, plain, hard, bull, *_ = bars(drawn(a_line()))
    assert [cameron / hard, plain / hard, bull / hard] == pytest.approx([0.325, 0.5, 0.155], abs=0.001)


def test_nothing_reaches_beyond_the_edge() -> None:
    picture = drawn(a_line(cameron=9000.0))
    width, height = int(picture.attrib["width"]), int(picture.attrib["height"])
    rects = [{name: float(value) for name, value in rect.attrib.items() if name != "class"} for rect in picture.iter(f"{SVG}rect")]
    assert all(rect.get("x", 0) + rect["width"] <= width and rect.get("y", 0) + rect["height"] <= height for rect in rects)
    assert all(float(text.attrib["y"]) < height for text in picture.iter(f"{SVG}text"))


def test_what_the_machine_calls_itself_may_hold_any_character() -> None:
    assert any("a <fast> one, 2 cores" in text for text in texts(drawn(a_line())))


def test_the_last_run_is_shown_and_of_it_the_fewest_jobs() -> None:
    found = texts(drawn(a_line(cameron=100.0), a_line(cameron=200.0, jobs=("5000", "500")), {"scenario": "waiting"}))
    assert "200 (20 %)" in found
    assert any(text.startswith("500 jobs") for text in found)


def test_another_number_of_jobs_may_be_asked_for() -> None:
    found = texts(drawn(a_line(cameron=100.0, jobs=("500", "5000")), a_line(cameron=200.0), jobs="5000"))
    assert any(text.startswith("5,000 jobs") for text in found)
    assert "100 (10 %)" in found


def test_several_nodes_are_shown_where_they_were_measured() -> None:
    assert not any("2 nodes" in text for text in texts(drawn(a_line())))
    found = texts(drawn(a_line(two_nodes=900.0)))
    assert found[found.index("Cameron, 2 nodes") + 1] == "900 (90 %)"


def test_it_has_colours_for_dark_backgrounds() -> None:
    assert "prefers-color-scheme: dark" in chart.picture(chart.results([json.dumps(a_line())]))


def test_lines_of_an_earlier_form_and_no_lines_at_all_are_told_as_no_figures() -> None:
    for lines in ([], [json.dumps({"cameron": {}, "floor": {}})]):
        with pytest.raises(LookupError, match="make bench"):
            chart.results(lines)


def test_the_picture_goes_where_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "bench.jsonl").write_text(json.dumps(a_line()) + "\n")
    chart.write(tmp_path / "bench.jsonl", tmp_path / "speed.svg")
    assert ElementTree.parse(tmp_path / "speed.svg").getroot().tag == f"{SVG}svg"
