"""Hints at what may have been meant: where there is one, and that they cost little whatever they are given."""

from itertools import count

from cameron.definitions.hint import COMPARED_MAX, HINTS_MAX, LENGTH_MAX, Hints, nearest, nearest_process


def test_a_name_that_is_near_is_hinted_at() -> None:
    assert nearest("mesage", ["text", "message"]) == " (did you mean message?)"
    assert nearest("mesage", ["text", "title"]) == ""
    assert nearest(5, ["5"]) == ""


def test_a_process_is_hinted_at_in_whatever_name_space() -> None:
    names = ["order", "space:bar", "foo"]
    assert nearest_process("bar", names) == " (did you mean space:bar?)"
    assert nearest_process("space:foo", names) == " (did you mean foo?)"
    assert nearest_process("ordre", names) == " (did you mean order?)"
    assert nearest_process("nothing", names) == ""


def test_only_so_many_names_are_looked_at() -> None:
    endless = (f"name{number}" for number in count())
    assert nearest("namen1", endless) == " (did you mean name1?)"
    assert next(endless) == f"name{COMPARED_MAX}"


def test_a_long_name_is_not_compared() -> None:
    long = "x" * LENGTH_MAX
    assert nearest(f"{long}y", [long, f"{long}y"]) == ""
    assert nearest(long, [f"{long}y"]) == ""
    assert nearest(long, [long[1:] + "y"]) == f" (did you mean {long[1:]}y?)"


def test_only_the_first_names_of_a_document_have_hints() -> None:
    hints = Hints()
    told = [hints.nearest("mesage", ["message"]) for _ in range(HINTS_MAX + 2)]
    assert told == [" (did you mean message?)"] * HINTS_MAX + [""] * 2
