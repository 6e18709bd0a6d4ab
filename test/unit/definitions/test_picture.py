"""Pictures of processes: well-formed, true to the graph, and nothing in a definition gets out of its text."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from cameron.core.process import Activity, Calling, CommandCall, DelayCall, HttpCall, Process, PythonCall, WaitCall
from cameron.definitions.layered_graph import BOX_WIDTH, END, START, coordinates, edges_of, graph_of
from cameron.definitions.picture import mermaid, svg

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&amp; \x00\x1b ]]> "]; end; %%{init}%% #quot; `x`'


def activity(name: str, *after: str, call: Calling | None = None) -> Activity:
    return Activity(name, call or HttpCall(f"http://service.local/{name}"), after)


def process(*activities: Activity, name: str = "some-process") -> Process:
    return Process(name, "any", activities, "{}", "digest")


CHAIN = process(activity("upper"), activity("reverse", "upper"), activity("space-counter", "reverse"))
DIAMOND = process(activity("a"), activity("b", "a"), activity("c", "a"), activity("d", "a", "b", "c"), activity("alone"))
KINDS = process(
    activity("call"),
    activity("tar", "call", call=CommandCall(("/bin/tar", "-xzf", "it.tar.gz"))),
    activity("ask", "call", call=WaitCall(60.0)),
    activity("rest", "call", call=DelayCall(2.5)),
    activity("charge", "call", call=PythonCall("ChargeActivity", isolation="process")),
)


def drawn(of: Process) -> ElementTree.Element:
    """The picture, read by a parser of XML."""
    return ElementTree.fromstring(svg(of))


def texts(of: Process, style: str) -> list[str]:
    """What is written in that style, in the order of the activities."""
    return [element.text or "" for element in drawn(of).iter(f"{SVG}text") if element.get("class") == style]


# the graph


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert set(edges_of(DIAMOND.activities)) == {(START, 0), (0, 1), (0, 2), (1, 3), (2, 3), (START, 4), (3, END), (4, END)}


def test_a_list_in_which_each_waits_for_all_before_is_drawn_as_a_chain() -> None:
    names = [f"step_{number}" for number in range(50)]
    chained = [activity(name, *names[:number]) for number, name in enumerate(names)]
    assert edges_of(chained) == [(START, 0), *pairwise(range(50)), (49, END)]


def test_each_activity_stands_below_all_that_it_waits_for() -> None:
    graph = graph_of(DIAMOND.activities)
    at = coordinates(graph)
    assert all(at[source][1] < at[target][1] for source, target in graph.edges)


def test_boxes_of_a_row_do_not_overlap_and_arrows_pass_between_them() -> None:
    graph = graph_of(DIAMOND.activities)
    at = coordinates(graph)
    for row in graph.rows:
        boxes = [at[place][0] for place in row if isinstance(place, int)]
        passing = [at[place][0] for place in row if not isinstance(place, int)]
        assert all(right - left >= BOX_WIDTH for left, right in pairwise(boxes))
        assert all(abs(x - box) > BOX_WIDTH / 2 for x in passing for box in boxes)
    assert any(isinstance(place, tuple) for row in graph.rows for place in row)


# SVG


def test_the_picture_shows_every_activity_with_its_kind_and_what_it_calls() -> None:
    assert texts(KINDS, "name") == ["call", "tar", "ask", "rest", "charge"]
    assert texts(KINDS, "kind") == ["HTTP", "COMMAND", "WAIT", "DELAY", "PYTHON"]
    assert texts(KINDS, "detail") == ["http://service.local/call", "/bin/tar -xzf it.tar.gz", "for a callback", "2.5 s", "ChargeActivity"]


def test_the_picture_has_an_arrow_for_every_edge() -> None:
    arrows = [element for element in drawn(DIAMOND).iter(f"{SVG}path") if element.get("class") == "edge"]
    assert len(arrows) == len(edges_of(DIAMOND.activities))


def test_the_picture_tells_its_title_and_the_process_to_those_who_do_not_see_it() -> None:
    picture = drawn(CHAIN)
    assert picture.get("role") == "img"
    labels = str(picture.get("aria-labelledby")).split()
    told = {element.get("id"): element.text for element in picture if element.get("id")}
    assert [told[label] for label in labels] == [
        "some-process",
        "Process some-process: upper (http), reverse (http) after upper, space-counter (http) after reverse.",
    ]


def test_everything_lies_within_the_picture() -> None:
    picture = drawn(DIAMOND)
    width, height = float(str(picture.get("width"))), float(str(picture.get("height")))
    for box in picture.iter(f"{SVG}rect"):
        if box.get("class") == "box":
            assert 0 < float(str(box.get("x"))) < width - BOX_WIDTH
            assert 0 < float(str(box.get("y"))) < height


def test_long_texts_are_shortened_and_whole_where_one_points_at_them() -> None:
    name = "a-very-long-name-of-an-activity" * 3
    long = process(activity(name))
    assert texts(long, "name") == [name[:63] + "…"]
    [detail] = texts(long, "detail")
    assert detail.startswith("…")
    assert detail.endswith(name[-40:])
    assert f"<title>{name}: http http://service.local/{name}</title>" in svg(long)


@pytest.mark.parametrize("kind", [HttpCall("http://a/"), CommandCall(("a",)), WaitCall(1.0), DelayCall(1.0), PythonCall("a")])
def test_a_name_of_the_longest_that_processes_have_is_shown_whole_beside_its_kind(kind: Calling) -> None:
    name = "W" + "n" * 63
    picture = drawn(process(activity(name, call=kind), activity("short", name)))
    shown = {element.get("class"): element for element in picture.iter(f"{SVG}text") if (element.text or "") != "short"}
    left = float(str(next(element.get("x") for element in picture.iter(f"{SVG}text") if element.text == name)))
    right = next(float(str(e.get("x"))) for e in picture.iter(f"{SVG}text") if e.get("class") == "kind")
    assert "name" in shown
    assert right - left > 64 * 8.5 + 20
    boxes = [element for element in picture.iter(f"{SVG}rect") if element.get("class") == "box"]
    assert len({(box.get("x"), box.get("width")) for box in boxes}) == 1


def test_what_stands_under_a_long_title_stands_in_the_middle() -> None:
    picture = drawn(process(activity("a"), activity("b", "a"), name="n" * 64))
    middle = float(str(picture.get("width"))) / 2
    assert [float(str(dot.get("cx"))) for dot in picture.iter(f"{SVG}circle")] == [middle] * 3
    boxes = [element for element in picture.iter(f"{SVG}rect") if element.get("class") == "box"]
    assert [float(str(box.get("x"))) + float(str(box.get("width"))) / 2 for box in boxes] == [middle] * 2


def test_a_password_in_a_url_is_not_shown() -> None:
    guarded = process(activity("a", call=HttpCall("http://ann:s3cret@service.local/a@b")))
    assert texts(guarded, "detail") == ["http://***@service.local/a@b"]
    assert "s3cret" not in svg(guarded) + mermaid(guarded)


def test_what_is_hostile_stays_text() -> None:
    hostile = process(
        activity(HOSTILE, call=HttpCall(f"http://x/{HOSTILE}")), activity("c", HOSTILE, call=CommandCall((HOSTILE,))), name=HOSTILE
    )
    picture = drawn(hostile)
    assert list(picture.iter(f"{SVG}script")) == []
    assert "\x00" not in svg(hostile)
    title = picture.find(f"{SVG}title")
    assert title is not None
    assert str(title.text).startswith('</text><script>alert("1")</script>&amp;')


# mermaid


def test_the_text_for_mermaid_has_the_same_graph() -> None:
    lines = [line.strip() for line in mermaid(CHAIN).splitlines()]
    assert lines[0] == "flowchart TD"
    assert [line for line in lines if "-->" in line] == ["start --> a0", "a0 --> a1", "a1 --> a2", "a2 --> finish"]
    assert 'a1["reverse<br/><small>http http://service.local/reverse</small>"]' in lines


@pytest.mark.parametrize("opening", ['a0["', 'a1[["', 'a2(["', 'a3{{"', 'a4[/"'])
def test_kinds_have_their_shapes_in_mermaid(opening: str) -> None:
    assert any(line.strip().startswith(opening) for line in mermaid(KINDS).splitlines())


def test_what_is_hostile_stays_text_in_mermaid() -> None:
    hostile = process(activity(HOSTILE, call=HttpCall(f"http://x/{HOSTILE}")), name=HOSTILE)
    lines = mermaid(hostile).splitlines()
    [node] = [line.strip() for line in lines if line.strip().startswith("a0[")]
    label = re.fullmatch(r'a0\["(.*)<br/><small>(.*)</small>"\]', node)
    assert label is not None
    assert not set('<>"[]{}%`&|') & set("".join(label.groups()))
    assert len(lines) == len(mermaid(process(activity("a"))).splitlines())
