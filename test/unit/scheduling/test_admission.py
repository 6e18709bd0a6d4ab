"""What a node holds, whose turn it is, and how much more there may be."""

from collections import Counter
from time import monotonic
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cameron.job_ledger import Claim
from cameron.scheduling import admission
from cameron.scheduling.admission import Admission, claim_of
from cameron.store.queue import Entry

LIMITS = {"foo": 3, "bar": 1}
ENTRY = {"process": "foo", "key": "k", "uuid": "u", "accepted": "5"}
RIDING = {**ENTRY, "request": "{}", "definition": "d", "deadline": "12"}


def claim(uuid: str, process: str = "foo", entry: str = "1-0") -> Claim:
    return Claim(process, "k", uuid, entry, "node")


def admission_of(max_jobs: int = 10, limit: int = 10) -> Admission:
    return Admission(max_jobs, lambda process: LIMITS.get(process, limit))


def admitted(held: Admission, *claims: Claim) -> Admission:
    assert all(held.admit(each) for each in claims)
    return held


def run_all(held: Admission) -> list[str]:
    """Start all whose turn it is, each with its uuid for a ref; in order."""
    started = []
    while (each := held.next()) is not None:
        assert held.started(each, each.uuid)
        started.append(each.uuid)
    return started


# claims


def test_a_new_entry_brings_along_what_its_runner_needs() -> None:
    made = claim_of(Entry("foo", "1-0", RIDING), "node", fresh=True)
    assert made == Claim("foo", "k", "u", "1-0", "node", "d", 12, "{}", 5)


def test_an_entry_that_was_given_before_does_not_as_the_job_may_have_moved_on() -> None:
    made = claim_of(Entry("foo", "1-0", RIDING), "node", "node x died")
    assert made == Claim("foo", "k", "u", "1-0", "node", accepted_ms=5, crash="node x died")


@pytest.mark.parametrize("field", ["request", "definition", "deadline", "accepted"])
@pytest.mark.parametrize("text", [None, "", "soon", "-1", "9" * 5000, "1.5"])
def test_whatever_an_entry_says_it_makes_a_claim(field: str, text: str | None) -> None:
    fields = {name: value for name, value in RIDING.items() if name != field} | ({} if text is None else {field: text})
    made = claim_of(Entry("foo", "1-0", fields), "node", fresh=True)
    assert (made.process, made.entry, made.node) == ("foo", "1-0", "node")
    if field in ("deadline", "accepted"):
        assert made.request is None
    if field == "accepted":
        assert made.accepted_ms == 0


def test_an_entry_without_anything_makes_one_too() -> None:
    assert claim_of(Entry("foo", "1-0", {}), "node") == Claim("foo", "", "", "1-0", "node")


# limits


def test_a_node_starts_as_many_as_it_may_and_goes_on_as_they_end() -> None:
    held = admitted(admission_of(max_jobs=2), *(claim(uuid, "baz") for uuid in "abc"))
    assert run_all(held) == ["a", "b"]
    held.forget(held.ended("a") or claim("none"))
    assert run_all(held) == ["c"]


def test_a_process_has_a_limit_of_its_own_and_holds_up_nobody_else() -> None:
    held = admitted(admission_of(), *(claim(f"bar {number}", "bar") for number in range(3)), claim("a"), claim("b"))
    assert run_all(held) == ["bar 0", "a", "b"]
    assert held.ended("bar 0") == claim("bar 0", "bar")
    assert run_all(held) == ["bar 1"]


def test_processes_take_turns() -> None:
    claims = [claim(f"{process} {number}", process) for process in ("foo", "baz") for number in range(3)]
    assert run_all(admitted(admission_of(), *claims)) == ["foo 0", "baz 0", "foo 1", "baz 1", "foo 2", "baz 2"]


def test_there_is_room_for_what_neither_the_node_nor_the_process_has_yet() -> None:
    held = admission_of(max_jobs=4)
    assert held.rooms(["foo", "bar", "baz"]) == {"foo": 3, "bar": 1, "baz": 4}
    admitted(held, claim("a", "bar"), claim("b", "baz"))
    assert (held.room, held.rooms(["foo", "bar", "baz"])) == (2, {"foo": 2, "baz": 2})
    admitted(held, claim("c", "baz"), claim("d", "baz"), claim("e", "baz"))
    assert (held.room, held.rooms(["foo", "bar", "baz"]), held.room_of("foo")) == (0, {}, 0)


# how they come and go


def test_a_job_is_admitted_once_whatever_its_entry() -> None:
    held = admitted(admission_of(), claim("a"))
    assert not held.admit(claim("a", entry="2-0"))
    assert (len(held), held.has(claim("a")), held.has(claim("a", entry="2-0"))) == (1, True, False)


def test_a_runner_is_found_by_its_job() -> None:
    held = admitted(admission_of(), claim("a"))
    assert held.runner("a") is None
    started = held.next()
    assert started is not None
    assert held.started(started, "ref")
    assert (held.runner("a"), held.runners, held.idle) == ("ref", ["ref"], [])
    held.ended("ref")
    assert (held.runner("a"), held.runners, held.idle) == (None, [], [claim("a")])


def test_what_came_with_an_entry_is_kept_until_the_runner_has_started_and_no_longer() -> None:
    new = claim_of(Entry("foo", "1-0", RIDING), "node", fresh=True)
    held = admitted(admission_of(), new)
    assert held.next() == new
    assert held.held == [new]
    assert held.started(new, "ref")
    kept = Claim("foo", "k", "u", "1-0", "node", deadline_ms=12, accepted_ms=5)
    assert held.held == [kept]
    assert held.ended("ref") == kept


def test_no_more_than_so_many_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_READING", 2)
    held = admitted(Admission(10, lambda _: 10), *map(claim, "abcdefg"))
    assert run_all(held) == ["a", "b"]
    held.was_read("a")
    held.was_read("a")
    assert run_all(held) == ["c"]
    held.ended("b")  # without having read its job
    assert run_all(held) == ["d"]
    held.was_read("c")
    lost = held.next()
    assert lost == claim("e")
    held.forget(lost)
    failed = held.next()
    assert failed == claim("f")
    assert held.not_started(failed)
    assert run_all(held) == ["g"]


def test_what_need_not_be_read_takes_no_place_of_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_READING", 1)
    news = [claim_of(Entry("foo", "1-0", {**RIDING, "uuid": uuid}), "node", fresh=True) for uuid in "abc"]
    held = admitted(Admission(10, lambda _: 10), *news, claim("d"), claim("e"))
    assert run_all(held) == ["a", "b", "c", "d"]


def test_a_crowd_that_waits_is_let_go_one_by_one_without_looking_at_all_each_time() -> None:
    crowd = [claim(f"{number:032x}") for number in range(30_000)]
    held = admitted(Admission(100_000, lambda _: 100_000), *crowd)
    began_s = monotonic()
    for each in held.idle:
        held.forget(each)
    assert monotonic() - began_s < 5.0, "a node stops or drains meanwhile"
    assert (len(held), held.next()) == (0, None)


def test_one_that_rests_has_no_turn_until_it_waits_again() -> None:
    held = admitted(admission_of(max_jobs=1), claim("a", "baz"), claim("b", "baz"))
    assert run_all(held) == ["a"]
    assert held.ended("a") == claim("a", "baz")
    assert run_all(held) == ["b"]
    held.ended("b")
    assert run_all(held) == []
    held.wait_again(claim("b", "baz")._replace(crash="it crashed"))
    assert run_all(held) == ["b"]
    assert [each.crash for each in held.held] == ["", "it crashed"]


def test_one_that_is_held_no_more_or_by_another_entry_does_not_wait_again() -> None:
    held = admitted(admission_of(), claim("a"), claim("b"))
    run_all(held)
    for uuid in "ab":
        held.forget(held.ended(uuid) or claim("none"))
    admitted(held, claim("b", entry="2-0"))
    held.wait_again(claim("a"))
    held.wait_again(claim("b"))
    assert [each.entry for each in held.held] == ["2-0"]
    assert run_all(held) == ["b"]


def test_a_runner_that_comes_for_one_that_is_held_no_more_is_none() -> None:
    held = admitted(admission_of(max_jobs=1), claim("a", "baz"), claim("b", "baz"))
    started = held.next()
    assert started is not None
    held.forget(started)
    assert not held.started(started, "ref")
    assert not held.not_started(started)
    assert held.ended("ref") is None
    assert run_all(held) == ["b"]


class Life(RuleBasedStateMachine):
    """Anything may happen to a handful of jobs, in any order; the limits hold, and what is counted is what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.held = admission_of(max_jobs=4, limit=2)
        self.starting: list[Claim] = []
        self.running: dict[Any, Claim] = {}
        self.resting: list[Claim] = []
        self.numbers = 0

    @rule(uuid=st.sampled_from("abcdefgh"), process=st.sampled_from(["foo", "bar", "baz"]))
    def admit(self, uuid: str, process: str) -> None:
        self.numbers += 1
        was_held = self.held.holds(uuid)
        assert self.held.admit(claim(uuid, process, f"{self.numbers}-0")) is not was_held

    @rule()
    def start(self) -> None:
        if (each := self.held.next()) is not None:
            self.starting.append(each)

    @precondition(lambda self: self.starting)
    @rule(works=st.booleans())
    def answer(self, works: bool) -> None:
        each, ref = self.starting.pop(0), object()
        is_held = self.held.has(each)
        if works:
            assert self.held.started(each, ref) is is_held
            if is_held:
                self.running[ref] = each
        else:
            assert self.held.not_started(each) is is_held
            self.resting += [each] if is_held else []

    @precondition(lambda self: self.running)
    @rule(for_good=st.booleans())
    def end(self, for_good: bool) -> None:
        ref, each = self.running.popitem()
        assert self.held.ended(ref) == each
        if for_good:
            self.held.forget(each)
        else:
            self.resting.append(each)

    @precondition(lambda self: self.resting)
    @rule()
    def wake(self) -> None:
        self.held.wait_again(self.resting.pop(0))

    @precondition(lambda self: self.held.held)
    @rule(number=st.integers(0, 100))
    def lose(self, number: int) -> None:
        each = self.held.held[number % len(self.held)]
        if self.held.runner(each.uuid) is None:
            self.held.forget(each)

    @invariant()
    def the_limits_hold(self) -> None:
        busy = Counter(each.process for each in [*self.running.values(), *filter(self.held.has, self.starting)])
        assert busy.total() <= 4
        assert all(count <= LIMITS.get(process, 2) for process, count in busy.items())

    @invariant()
    def what_is_counted_is_there(self) -> None:
        held = Counter(each.process for each in self.held.held)
        assert self.held.room == max(0, 4 - held.total())
        for process in ("foo", "bar", "baz"):
            assert self.held.room_of(process) == max(0, min(self.held.room, LIMITS.get(process, 2) - held[process]))
        assert set(self.held.runners) == set(self.running)
        assert self.held.is_busy == bool(self.running or any(map(self.held.has, self.starting)))
        assert {each.uuid for each in self.held.idle} == {each.uuid for each in self.held.held} - {
            each.uuid for each in [*self.running.values(), *filter(self.held.has, self.starting)]
        }


TestLife = Life.TestCase


def test_a_job_that_is_read_again_before_its_runners_end_is_known_comes_next() -> None:
    held = admitted(Admission(10, lambda _: 10), claim("a"))
    first = held.next()
    assert first is not None
    held.started(first, "runner")
    again = first._replace(entry="another")
    assert not held.admit(again)
    ended = held.ended("runner")
    assert ended is not None
    held.forget(ended)
    assert held.next() == again


def test_suspects_that_wait_for_their_turn_take_nobodys_place() -> None:
    held = admitted(Admission(2, lambda _: 2), claim("a"), claim("b"))
    for ref in ("runner a", "runner b"):
        following = held.next()
        assert following is not None
        held.started(following, ref)
    assert (held.room, held.room_of("foo")) == (0, 0)
    held.hold_up("runner b")
    assert (held.room, held.room_of("foo")) == (1, 1)
    assert held.admit(claim("c"))
    third = held.next()
    assert third == claim("c")
    held.let_go_on("runner b")
    assert (held.room, held.next()) == (0, None)
