"""The list of activities: what a definition says of each, and when each of them starts."""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.event import Failure, Outcome, Success
from cameron.core.job import Job, Task
from cameron.core.process import Activity, CommandCall, DelayCall, HttpCall, Limits, Process, PythonCall, RetryPolicy, Timeouts, WaitCall
from cameron.core.status import Status
from cameron.core.strict_json import NotJson, parse
from cameron.definitions.libero.activity_list import near_misses, read_activities, task_names, waits
from cameron.definitions.settings import Settings

from ...core.run import Run

SETTINGS = Settings(RetryPolicy(attempts=7, delay_s=1.5, cap_s=20.0), Timeouts(call_s=40.0), callback_timeout_s=3600.0)


def read(*activities: dict[str, Any], config: dict[str, Any] | None = None) -> tuple[Activity, ...]:
    """The activities of a definition."""
    return read_activities({"name": "flow", "activities": list(activities), "config": config or {}}, SETTINGS)


def only(said: dict[str, Any], config: dict[str, Any] | None = None) -> Activity:
    """The one activity, which is called `Charge` where it does not say."""
    [activity] = read({"name": "Charge", **said}, config=config)
    return activity


# one activity


def test_an_activity_is_a_class_or_function_of_that_name_and_required_unless_it_says_otherwise() -> None:
    activity = only({})
    assert (activity.name, activity.call, activity.required, activity.after) == ("Charge", PythonCall("Charge"), True, ())
    assert (activity.own.name, activity.own.independent, activity.own.config) == ("Charge", False, b"{}")
    assert only({"required": False}).required is False


def test_its_name_may_be_another_than_that_of_the_class() -> None:
    activity = only({"name": "Charge the card", "kind": "python", "activity": "ChargeActivity"})
    assert (activity.name, activity.call) == ("Charge the card", PythonCall("ChargeActivity"))


def test_the_activitys_config_lies_over_the_workflows() -> None:
    own = only({"config": {"b": 2, "c": [3]}}, {"a": {"x": 1}, "b": 1}).own
    assert parse(own.config) == {"a": {"x": 1}, "b": 2, "c": [3]}


def test_an_activity_that_is_listed_again_has_a_task_of_its_own_each_time() -> None:
    activities = read({"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "a", "independent": True}, {"name": "b"})
    assert [activity.name for activity in activities] == ["a", "b", "a#2", "a#3", "b#2"]
    assert [activity.call.target for activity in activities] == ["a", "b", "a", "a", "b"]
    assert activities[-1].after == ("a#2", "a#3")


@pytest.mark.parametrize(
    ("beside", "own", "common", "call"),
    [
        ({}, {}, {}, PythonCall("Charge")),
        ({}, {}, {"timeout_s": 3, "isolation": "process"}, PythonCall("Charge", 3.0, "process")),
        ({}, {"timeout_s": 2}, {"timeout_s": 3, "isolation": "process"}, PythonCall("Charge", 2.0, "process")),
        ({"timeout_s": 1}, {"timeout_s": 2, "isolation": "thread"}, {"isolation": "process"}, PythonCall("Charge", 1.0, "thread")),
        ({"isolation": "process"}, {"isolation": "thread"}, {}, PythonCall("Charge", 0.0, "process")),
    ],
)
def test_what_stands_beside_the_name_wins_over_its_config_and_that_over_the_workflows(
    beside: dict[str, Any], own: dict[str, Any], common: dict[str, Any], call: PythonCall
) -> None:
    assert only({**beside, "config": own}, common).call == call


@pytest.mark.parametrize(
    ("beside", "own", "common", "attempts"),
    [({}, {}, {}, 4), ({}, {}, {"max_retries": 9}, 10), ({}, {"max_retries": 0}, {"max_retries": 9}, 1), ({"max_retries": 5}, {}, {}, 6)],
)
def test_max_retries_are_further_attempts_after_temporary_failures_alone(
    beside: dict[str, Any], own: dict[str, Any], common: dict[str, Any], attempts: int
) -> None:
    policy = only({**beside, "config": own}, common).retry
    assert policy == SETTINGS.retry._replace(attempts=attempts, on=frozenset({"temporary_failure"}))


@pytest.mark.parametrize(("delay_s", "cap_s"), [(5, 20.0), (60, 60.0), (0, 20.0)])
def test_a_delay_that_is_given_is_the_first_wait_and_grows_as_the_node_is_set(delay_s: float, cap_s: float) -> None:
    policy = only({"retry_delay_s": delay_s}).retry
    assert (policy.delay_s, policy.factor, policy.cap_s, policy.jitter) == (delay_s, SETTINGS.retry.factor, cap_s, False)


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ({"kind": "http", "url": "http://a/"}, HttpCall("http://a/")),
        ({"kind": "command", "command": ["tar", "-t"]}, CommandCall(("tar", "-t"))),
        ({"kind": "command", "command": ["tar"], "timeout_s": 5}, CommandCall(("tar",), 5.0)),
        ({"kind": "command", "command": ["tar"], "config": {"timeout_s": 6}}, CommandCall(("tar",), 6.0)),
        ({"kind": "wait"}, WaitCall(3600.0)),
        ({"kind": "wait", "timeout_s": 60, "url": "http://a/"}, WaitCall(60.0, "http://a/")),
        ({"kind": "delay", "delay_s": 5, "config": {"timeout_s": 5, "isolation": "process"}}, DelayCall(5.0)),
    ],
)
def test_an_activity_may_be_of_another_kind(said: dict[str, Any], call: Any) -> None:
    assert only(said).call == call


def test_a_call_takes_as_long_as_it_may_and_is_repeated_where_it_was_not_carried_out() -> None:
    activity = only({"kind": "http", "url": "http://a/", "max_retries": 1}, {"timeout_s": 9})
    assert activity.timeouts == SETTINGS.timeouts._replace(call_s=9.0)
    assert activity.retry == SETTINGS.retry._replace(attempts=2)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "http"}, ".url: is missing"),
        ({"kind": "command"}, ".command: is missing"),
        ({"kind": "command", "command": []}, ".command: is no list of a program and its arguments"),
        ({"kind": "delay"}, ".delay_s: is missing"),
        ({"kind": "delay", "delay_s": 1, "timeout_s": 5}, ".timeout_s: is of another kind than delay, which has delay_s"),
        ({"kind": "http", "url": "http://a/", "isolation": "process"}, ".isolation: is of another kind than http"),
        ({"kind": "http", "url": "http://a/", "activity": "a"}, ".activity: is of another kind than http"),
        ({"url": "http://a/"}, '.url: belongs to the kind http or wait: add "kind": "http"'),
        ({"delay_s": 5}, '.delay_s: belongs to the kind delay: add "kind": "delay"'),
        ({"activity": "\ud800"}, ": a lone surrogate"),
    ],
)
def test_what_does_not_go_with_its_kind_is_told_with_its_place(said: dict[str, Any], told: str) -> None:
    with pytest.raises(NotJson) as raised:
        read({"name": "First"}, {"name": "Charge", **said})
    assert str(raised.value).startswith(f"$.activities[1]{told}")


def test_what_is_called_nearly_as_a_setting_is_noticed() -> None:
    slips = {"max_retry": 1, "retry_delay": 1, "timeout": 1}
    others = {"max_retries": 1, "location": "x", "currency": "x", "credit_limit": 1, "most": 1, "stock": {"max_retry": 1}, "delay": 1}
    document = {"config": slips, "activities": [{"name": "a"}, {"name": "b", "config": {**others, "timeout_sec": 5}}]}
    assert list(near_misses(document)) == [
        ("$.config", "max_retry", "max_retries"),
        ("$.config", "retry_delay", "retry_delay_s"),
        ("$.config", "timeout", "timeout_s"),
        ("$.activities[1].config", "timeout_sec", "timeout_s"),
    ]


# the order


@pytest.mark.parametrize(
    ("independent", "expected"),
    [
        ([False], [[]]),
        ([False, False, False], [[], [0], [1]]),
        ([True, True, False], [[], [], [0, 1]]),
        ([False, True, False], [[], [], [0, 1]]),
        ([False, True, True, False, True, False], [[], [], [], [0, 1, 2], [], [3, 4]]),
        ([True, True], [[], []]),
    ],
)
def test_whom_each_waits_for(independent: list[bool], expected: list[list[int]]) -> None:
    assert [list(edges) for edges in waits(independent)] == expected


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_one_that_is_not_independent_waits_by_way_of_others_for_all_before_it(independent: list[bool]) -> None:
    edges = waits(independent)
    before: list[set[int]] = []
    for at, is_independent in enumerate(independent):
        before.append({earlier for edge in edges[at] for earlier in (edge, *before[edge])})
        assert before[at] == (set() if is_independent else set(range(at)))


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_list_has_no_more_than_two_edges_an_activity(independent: list[bool]) -> None:
    assert sum(map(len, waits(independent))) <= 2 * len(independent)


@given(st.lists(st.sampled_from(["a", "b", "c"])))
def test_every_task_has_a_name_of_its_own(names: list[str]) -> None:
    assert len(set(task_names(names))) == len(names)


class Item(NamedTuple):
    """An activity of a list, and how it goes."""

    independent: bool
    required: bool
    temporary: int  # failures before it comes to an end
    succeeds: bool


ITEMS = st.lists(st.builds(Item, st.booleans(), st.booleans(), st.sampled_from([0, 0, 0, 1, 2, 5]), st.booleans()), min_size=1, max_size=8)


def ends_well(item: Item) -> bool:
    return item.succeeds and item.temporary <= 3


class Model:
    """The document's rules at their plainest: whom a list lets start, as its activities end one after another."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items, self.started, self.ended, self.is_failing = items, set[int](), set[int](), False
        self._start_due()

    def end(self, at: int) -> None:
        self.ended.add(at)
        self.is_failing = self.is_failing or (self.items[at].required and not ends_well(self.items[at]))
        self._start_due()

    def _start_due(self) -> None:
        if not self.is_failing:
            self.started |= {at for at, item in enumerate(self.items) if item.independent or self.ended >= set(range(at))}

    @property
    def status(self) -> Status:
        if self.ended != self.started or not (self.is_failing or len(self.ended) == len(self.items)):
            return Status.RUNNING
        return Status.ERROR if self.is_failing else Status.DONE


def answer(items: Sequence[Item], task: Task) -> Outcome:
    item = items[int(task.name)]
    if task.attempts <= item.temporary:
        return Failure("temporary_failure", "later")
    return Success('"Succeeded"') if item.succeeds else Failure("permanent_failure", "never")


@given(ITEMS, st.randoms(use_true_random=False))
def test_activities_start_exactly_when_the_documents_rules_let_them(items: list[Item], order: Random) -> None:
    listed = [{"name": str(at), "independent": item.independent, "required": item.required} for at, item in enumerate(items)]
    process = Process("flow", "libero", read(*listed), "{}", "digest", Limits())
    run = Run(process, lambda _job, task: answer(items, task)).start()
    model, is_under_way = Model(items), True
    while is_under_way:
        started = {int(name) for name, task in run.job.tasks.items() if task.status is not Status.SCHEDULED}
        assert (started, run.job.status) == (model.started, model.status)
        before = ended(run.job)
        is_under_way = run.step(order.choice)
        for at in ended(run.job) - before:
            model.end(at)
    assert all(run.called.count(str(at)) == min(items[at].temporary, 3) + 1 for at in model.started)


def ended(job: Job) -> set[int]:
    return {int(name) for name, task in job.tasks.items() if task.status in (Status.DONE, Status.ERROR)}
