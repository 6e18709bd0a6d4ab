"""What comes next, in simulated time."""

from cameron.testing.timeline import Timeline


def never(_: str) -> bool:
    return False


def test_what_comes_first_comes_first_and_at_one_time_what_was_put_first() -> None:
    line = Timeline(1000)
    for at_ms, what in ((3000, "c"), (2000, "a"), (2000, "b"), (500, "past")):
        line.at(at_ms, what)
    line.soon("any", "now")
    line.at_the_latest(10_000, "end")
    seen = [(line.next(never), line.now_ms) for _ in range(6)]
    assert seen == [("past", 1000), ("now", 1000), ("a", 2000), ("b", 2000), ("c", 3000), ("end", 10_000)]


def test_what_is_held_back_comes_when_its_turn_has_come_however_long_that_takes() -> None:
    line, ended = Timeline(0, ["b", "a"]), set[str]()
    line.at_the_latest(10_000, "end")
    line.soon("a", "a")
    line.at(5000, "then b is called")
    assert (line.next(ended.__contains__), line.now_ms) == ("then b is called", 5000)
    line.soon("b", "b")
    assert line.next(ended.__contains__) == "b"
    ended.add("b")
    assert (line.next(ended.__contains__), line.now_ms) == ("a", 5000)


def test_nothing_is_held_back_until_the_end() -> None:
    line = Timeline(0, ["b", "a"])
    line.at_the_latest(10_000, "end")
    line.soon("a", "a")
    line.at(20_000, "too late")
    assert [line.next(never), line.next(never), line.now_ms] == ["a", "end", 10_000]
