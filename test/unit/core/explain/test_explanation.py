"""Why a job is not moving: what holds of it, the most important first."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.event import (
    Event,
    Failure,
    JobEnded,
    JobStarted,
    TaskBegun,
    TaskCalled,
    TaskDelayed,
    TaskDue,
    TaskInterrupted,
    TaskReplied,
)
from cameron.core.explain.explanation import Explanation, explain
from cameron.core.explain.reason import State
from cameron.core.explain.situation import DeadLetter, Node, Place, Situation
from cameron.core.job import Job, apply, new_job
from cameron.core.process import Activity, Calling, CommandCall, HttpCall, Process, PythonCall, RetryPolicy
from cameron.core.status import Status

from ..plans import plans, static
from ..run import BEGIN_MS, Plan, Run, activity, process

NOW_MS = BEGIN_MS
NODE = Node("n1", 9_000, 10_000)
WAITING = Situation(Place.WAITING, running_nodes=1)
AT_WORK = Situation(Place.HELD, node=NODE, running_nodes=1, owner="n1")
LEAF = Plan()
SEQUENCE = Plan(parallel=False, children=(("a", LEAF), ("b", LEAF), ("c", LEAF)))
PARALLEL = Plan(children=tuple((name, LEAF) for name in "abcde"))
RETRIED = activity("start", retry=RetryPolicy(attempts=3, delay_s=8.0))


def scheduled() -> Job:
    return Run.planned(process(), LEAF).job


def started(plan: Plan = LEAF, *replied: str, of: Any = None) -> Run:
    """A job that was begun, and to which these tasks have replied."""
    run = Run.planned(of or process(), plan).start()
    for task in replied:
        run.reply(task)
    return run


def ended(plan: Plan = LEAF) -> Job:
    return started(plan).to_the_end().job


def crashed(times: int) -> Job:
    """A job whose node has died that often with its task under way."""
    job = started().job
    for _ in range(times):
        job, _ = apply(job, TaskInterrupted("start"))
    return job


def delayed() -> Job:
    """A job whose task's first attempt has failed; the next one is due in 4 s."""
    return started(Plan("refused"), "start", of=process(RETRIED)).job


def called_again() -> Job:
    """And the same when that attempt is under way."""
    run = started(Plan("refused"), "start", of=process(RETRIED))
    run.step(min)
    return run.job


def required_failed() -> Job:
    """A job in which one of two tasks has failed, without which it cannot go on."""
    run = Run.planned(
        process(activity("slow"), activity("bad", required=True), activity("next", after=("slow",))), LEAF, Plan("http_500"), LEAF
    )
    run.start().reply("bad")
    return run.job


def without_reasons(explanation: Explanation) -> dict[str, Any]:
    return {name: value for name, value in explanation.details.items() if name != "reasons"}


class Case(NamedTuple):
    job: Job
    situation: Situation
    state: State
    sentence: str


CASES = {
    "it is the next": Case(
        scheduled(), WAITING, State.QUEUED,
        "It waits in the queue of process 'foo': it is the next, and 1 node takes jobs as they have room.",
    ),
    "another one is before it": Case(
        scheduled(), WAITING._replace(ahead=1, running_nodes=2), State.QUEUED,
        "It waits in the queue of process 'foo': 1 job is before it, and 2 nodes take jobs as they have room.",
    ),
    "very many are before it": Case(
        scheduled(), WAITING._replace(ahead=1001), State.QUEUED,
        "It waits in the queue of process 'foo': more than 1000 jobs are before it, and 1 node takes jobs as they have room.",
    ),
    "no node runs": Case(
        scheduled(), WAITING._replace(running_nodes=0), State.NO_NODE,
        "It waits in the queue of process 'foo', and no node is running: start one.",
    ),
    "the only node drains": Case(
        scheduled(), WAITING._replace(running_nodes=0, draining_nodes=1), State.NO_NODE,
        "It waits in the queue of process 'foo', and the only node that lives is draining: start another one, or resume it.",
    ),
    "no node reads its queue": Case(
        scheduled(), WAITING._replace(queue_read=False), State.UNREAD,
        "It waits in the queue of process 'foo', which no node knows of: start one whose definitions have 'foo'.",
    ),
    "its entry is lost": Case(
        scheduled(), Situation(), State.LOST,
        "Its entry is no longer in the queue of process 'foo', so no node will go on with it: Redis has lost it, or somebody has deleted "
        "it. Start the job once more.",
    ),
    "it was handed back": Case(
        started().job, WAITING._replace(owner="n1", released=True), State.QUEUED,
        "It was handed back, and waits in the queue of process 'foo': it is the next, and 1 node takes jobs as they have room. "
        "Task 'start' was being called, and is called again then.",
    ),
    "it was put back": Case(
        scheduled(), WAITING._replace(owner="nobody", released=True), State.QUEUED,
        "It was put back to be retried, and waits in the queue of process 'foo': it is the next, and 1 node takes jobs as they have room.",
    ),
    "its node has not begun": Case(
        scheduled(), AT_WORK._replace(owner=""), State.HELD,
        "Node n1 holds it, and has not begun with it yet (its lease was renewed 1 s ago).",
    ),
    "another node has just taken it over": Case(
        started().job, AT_WORK._replace(owner="n2"), State.HELD,
        "Node n1 holds it, and has not begun with it yet (its lease was renewed 1 s ago). "
        "Task 'start' was being called, and is called again then.",
    ),
    "its node is dead": Case(
        started().job, AT_WORK._replace(node=Node("n1"), running_nodes=1), State.OWNER_DEAD,
        "Its node n1 is dead; another node takes it over within 2 s, or as soon as one has room. "
        "Task 'start' was being called, and is called again then.",
    ),
    "its node is dead and there is no other": Case(
        started(of=process(activity("start", at_most_once=True))).job, AT_WORK._replace(node=Node("n1"), running_nodes=0), State.OWNER_DEAD,
        "Its node n1 is dead; no node is running: start one. "
        "Task 'start' was being called, and will end in error then: called at most once, and what came of it is unknown.",
    ),
    "its node gives no sign": Case(
        started().job, AT_WORK._replace(node=Node("n1", 4_000, 10_000), running_nodes=2, called_ms={"start": NOW_MS - 60_000}),
        State.OWNER_SILENT,
        "Its node n1 has not renewed its lease for 6 s; if it is dead, another node takes the job over by "
        "1970-01-01 00:16:46 UTC. When node n1 was last heard of, it was calling task 'start' at http://service/start, "
        "for 1 min (it may take 5 min).",
    ),
    "its node gives no sign and there is no other": Case(
        scheduled(), AT_WORK._replace(node=Node("n1", 4_000, 10_000), owner=""), State.OWNER_SILENT,
        "Its node n1 has not renewed its lease for 6 s; if it is dead, no other node is running to take the job over: start "
        "one. Node n1 holds it, and has not begun with it yet (its lease was renewed 6 s ago).",
    ),
    "its node drains": Case(
        started().job, AT_WORK._replace(node=Node("n1", 9_000, 10_000, "draining")), State.DRAINING,
        "Its node n1 is draining: it calls nothing new, and hands the job back when its calls have ended. "
        "Node n1 is calling task 'start' at http://service/start (it may take 5 min).",
    ),
    "a task is called": Case(
        started().job, AT_WORK._replace(called_ms={"start": NOW_MS - 12_000}), State.CALLING,
        "Node n1 is calling task 'start' at http://service/start, for 12 s (it may take 5 min).",
    ),
    "a task is called again": Case(
        called_again(), AT_WORK._replace(called_ms={"start": NOW_MS - 12_000}), State.CALLING,
        "Node n1 is calling task 'start' at http://service/start, attempt 2 of 3 (first called 12 s ago; an attempt may take 5 min).",
    ),
    "many tasks are called": Case(
        started(PARALLEL, "start").job, AT_WORK._replace(called_ms={"c": NOW_MS - 90_000, "a": NOW_MS - 1_000}), State.CALLING,
        "Node n1 is calling 5 tasks ('c', 'a', 'b' and 2 more), the longest, 'c', at http://service/c, for 1 min 30 s (it may take 5 min).",
    ),
    "a password is not shown": Case(
        started(of=process(activity("start")._replace(call=HttpCall("http://me:secret@service:81/x")))).job, AT_WORK, State.CALLING,
        "Node n1 is calling task 'start' at http://service:81/x (it may take 5 min).",
    ),
    "the host has its limit": Case(
        started().job, AT_WORK._replace(node=NODE._replace(calls={"service:80": (2, 7), "other:80": (1, 1)})), State.HOST_LIMIT,
        "Task 'start' waits for its turn to be called, or has just got it; node n1's calls to service:80: 2 in flight, 7 waiting "
        "(limits: http.max_calls_per_host, http.max_calls).",
    ),
    "an attempt is to come": Case(
        delayed(), AT_WORK, State.RETRYING,
        "Task 'start' has failed and is called again in 4 s, at 1970-01-01 00:16:44 UTC (attempt 2 of 3).",
    ),
    "an attempt is to come, and nobody runs it": Case(
        delayed(), WAITING._replace(owner="n1", released=True), State.QUEUED,
        "It was handed back, and waits in the queue of process 'foo': it is the next, and 1 node takes jobs as they have room. "
        "Task 'start' has failed and is called again in 4 s, at 1970-01-01 00:16:44 UTC (attempt 2 of 3).",
    ),
    "tasks wait for earlier ones": Case(
        started(SEQUENCE, "start").job, AT_WORK, State.CALLING,
        "Node n1 is calling task 'a' at http://service/a (it may take 5 min). 2 tasks wait for earlier ones: 'b' for 'a'; 'c' for 'b'.",
    ),
    "a task waits for what grew from another": Case(
        started(Plan(parallel=False, children=(("a", PARALLEL), ("b", LEAF))), "start", "a").job, AT_WORK, State.CALLING,
        "Node n1 is calling 5 tasks ('a#2', 'b#2', 'c' and 2 more), the longest, 'a#2', at http://service/a (it may take 5 min). "
        "Task 'b' waits for 'a#2', 'b#2', 'c' and 2 more.",
    ),
    "a required task has failed": Case(
        required_failed(), AT_WORK, State.CALLING,
        "Node n1 is calling task 'slow' at http://service/slow (it may take 5 min). "
        "Task 'bad' is required and failed: nothing new starts, and the job ends in error when what is under way has ended.",
    ),
    "nothing is under way": Case(
        scheduled()._replace(status=Status.RUNNING), AT_WORK, State.STARTING, "Node n1 is about to call task 'start'.",
    ),
    "it has just been begun": Case(scheduled(), AT_WORK, State.STARTING, "Its node is just going on with it."),
    "its node has died with it before": Case(
        crashed(1), AT_WORK._replace(crash="node n0 died"), State.CALLING,
        "Node n1 is calling task 'start' at http://service/start (it may take 5 min). "
        "Whoever ran it has died 1 time while task 'start' was called (the last crash: node n0 died); at 5 it is given up.",
    ),
    "it is suspected": Case(
        crashed(3), AT_WORK._replace(crash="node n0 died", released=True), State.SUSPECTED,
        "It waits for node n1's one place for jobs with which nodes have died. "
        "Whoever ran it has died 3 times while task 'start' was called (the last crash: node n0 died); at 5 it is given up.",
    ),
    "somebody wants its end": Case(
        started().job, AT_WORK._replace(cancel_ms=NOW_MS - 3_000), State.CANCELLING,
        "Somebody asked 3 s ago to cancel it; its node has yet to do so. "
        "Node n1 is calling task 'start' at http://service/start (it may take 5 min).",
    ),
    "somebody wants the end of an orphan": Case(
        scheduled(), AT_WORK._replace(node=Node("n1"), cancel_ms=NOW_MS - 3_000), State.OWNER_DEAD,
        "Its node n1 is dead; another node takes it over within 2 s, or as soon as one has room. "
        "Somebody asked 3 s ago to cancel it; whichever node takes it up next does so.",
    ),
    "its deadline is near": Case(
        scheduled()._replace(deadline_ms=NOW_MS + 60_000), WAITING, State.QUEUED,
        "It waits in the queue of process 'foo': it is the next, and 1 node takes jobs as they have room. "
        "Its deadline is in 1 min, at 1970-01-01 00:17:40 UTC: then it ends in error.",
    ),
    "its deadline has passed": Case(
        scheduled()._replace(deadline_ms=NOW_MS - 60_000), WAITING._replace(running_nodes=0), State.NO_NODE,
        "It waits in the queue of process 'foo', and no node is running: start one. "
        "Its deadline was 1 min ago: it ends in error as soon as a node goes on with it.",
    ),
    "it is done": Case(
        ended(SEQUENCE), Situation(since_ms=NOW_MS, accepted_ms=NOW_MS - 2_500, left_ms=60_000), State.DONE,
        "It was done at 1970-01-01 00:16:40 UTC, 2.5 s after it was accepted: 4 tasks, none failed. "
        "It is kept until 1970-01-01 00:17:40 UTC.",
    ),
    "it is done, but for some": Case(
        ended(Plan(children=(("a", Plan("timeout")), ("b", LEAF)))), Situation(), State.DONE,
        "It was done: 3 tasks, of which 1 failed ('a'; with the text: it was timeout). A retry runs it again.",
    ),
    "it has ended in error": Case(
        started(Plan("http_500"), of=process(activity("start", required=True))).to_the_end().job, Situation(since_ms=NOW_MS), State.ERROR,
        "It ended in error at 1970-01-01 00:16:40 UTC: 1 task, of which 1 failed ('start'; with the text: it was http_500). "
        "A retry runs it again.",
    ),
    "it has ended without a word": Case(
        ended()._replace(status=Status.ERROR), Situation(), State.ERROR, "It ended in error.",
    ),
    "it is cancelled": Case(
        apply(scheduled(), JobEnded(Status.CANCELLED, "cancelled"))[0], Situation(since_ms=NOW_MS), State.CANCELLED,
        "It was cancelled at 1970-01-01 00:16:40 UTC.",
    ),
    "it has just ended": Case(started().job, Situation(status="cancelled"), State.CANCELLED, "It was cancelled."),
    "it is in the dead letter": Case(
        crashed(5)._replace(status=Status.ERROR),
        Situation(dead_letter=DeadLetter(NOW_MS, "start", 5, "given up: whoever ran it has died", "node n1 died")), State.DEAD_LETTER,
        "It was given up at 1970-01-01 00:16:40 UTC, and is in the dead letter: whoever ran it has died. The last crash: node n1 died. "
        "Retry it once that is mended.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_sentence_says_what_holds(case: Case) -> None:
    explanation = explain(case.job, case.situation, NOW_MS)
    assert (explanation.state, explanation.sentence) == (case.state, case.sentence)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_reasons_make_up_the_sentence(case: Case) -> None:
    explanation = explain(case.job, case.situation, NOW_MS)
    reasons = explanation.details["reasons"]
    assert reasons[0]["state"] == explanation.state
    assert " ".join(reason["sentence"] for reason in reasons) == explanation.sentence


def test_the_details_of_a_job_that_waits_in_its_queue() -> None:
    situation = WAITING._replace(ahead=1001, status="scheduled", since_ms=NOW_MS, accepted_ms=NOW_MS)
    assert without_reasons(explain(scheduled(), situation, NOW_MS)) == {
        "status": "scheduled",
        "since": "1970-01-01T00:16:40.000Z",
        "accepted": "1970-01-01T00:16:40.000Z",
        "deadline": "1970-01-12T14:03:20.000Z",
        "place": "waiting",
        "queue": {"before": 1000, "more": True, "read": True},
        "nodes": {"running": 1, "draining": 0},
        "tasks": {"scheduled": 1, "running": 0, "done": 0, "skipped": 0, "error": 0},
        "next": ["start"],
    }


def test_the_details_of_a_job_that_runs() -> None:
    run = started(Plan(children=(("slow", LEAF), ("bad", Plan("refused")), ("seq", SEQUENCE))), "start", "bad", "seq")
    node = NODE._replace(calls={"service:80": (1, 2)})
    details = without_reasons(explain(run.job, AT_WORK._replace(node=node, called_ms={"slow": NOW_MS}), NOW_MS))
    slow = {"task": "slow", "url": "http://service/slow", "attempt": 1, "attempts": 3, "since": "1970-01-01T00:16:40.000Z"}
    a = {"task": "a", "url": "http://service/a", "attempt": 1, "attempts": 3}
    assert details == {
        "status": "running",
        "deadline": "1970-01-12T14:03:20.000Z",
        "place": "held",
        "node": {"node": "n1", "state": "running", "begun": True, "lease_s": 10.0, "lease_age_s": 1.0},
        "nodes": {"running": 1, "draining": 0},
        "tasks": {"scheduled": 2, "running": 3, "done": 2, "skipped": 0, "error": 0},
        "calling": [task | {"host": {"host": "service:80", "in_flight": 1, "waiting": 2}} for task in (slow, a)],
        "retrying": [{"task": "bad", "at": "1970-01-01T00:16:40.250Z", "attempt": 2, "attempts": 3}],
        "waiting": [{"task": "b", "after": ["a"]}, {"task": "c", "after": ["b"]}],
    }


def test_the_details_of_a_dead_node_say_when_its_jobs_are_taken_over() -> None:
    details = explain(started().job, AT_WORK._replace(node=Node("n1")), NOW_MS).details
    assert details["node"] == {"node": "n1", "state": "dead", "begun": True, "taken_over_by": "1970-01-01T00:16:42.000Z"}


def test_the_details_of_a_job_that_has_ended() -> None:
    letter = DeadLetter(NOW_MS, "start", 5, "given up", "node n1 died")
    job = apply(crashed(5), JobEnded(Status.ERROR, "given up", "start"))[0]
    situation = Situation(dead_letter=letter, crash="node n1 died", left_ms=1000, cancel_ms=NOW_MS)
    assert without_reasons(explain(job, situation, NOW_MS)) == {
        "status": "error",
        "deadline": "1970-01-12T14:03:20.000Z",
        "cancel": "1970-01-01T00:16:40.000Z",
        "tasks": {"scheduled": 0, "running": 0, "done": 0, "skipped": 0, "error": 1},
        "failed": ["start"],
        "expires": "1970-01-01T00:16:41.000Z",
        "crash": "node n1 died",
        "dead_letter": {"time": "1970-01-01T00:16:40.000Z", "task": "start", "crashes": 5, "reason": "given up", "crash": "node n1 died"},
    }


def test_thousands_of_tasks_are_counted_and_the_first_are_listed() -> None:
    many = tuple((f"t{number}", LEAF) for number in range(3_000))
    explanation = explain(started(Plan(parallel=False, children=many), "start").job, AT_WORK, NOW_MS)
    assert explanation.details["tasks"]["scheduled"] == 2_999
    assert len(explanation.details["waiting"]) == 100
    assert len(explanation.sentence) < 500


NODES = st.one_of(
    st.none(),
    st.builds(
        Node,
        st.text(),
        st.none() | st.integers(0, 20_000),
        st.integers(0, 20_000),
        st.sampled_from(["running", "draining", "drained"]),
        st.dictionaries(st.sampled_from(["service:80", "x:1"]), st.tuples(st.integers(0, 9), st.integers(0, 9))),
        st.dictionaries(st.sampled_from(["commands", "python_threads", "x"]), st.tuples(*[st.integers(0, 9)] * 3)),
        st.none() | st.frozensets(st.text()),
    ),
)
MOMENTS = st.just(0) | st.integers(NOW_MS - 10**9, NOW_MS + 10**9)
SITUATIONS = st.builds(
    Situation,
    place=st.sampled_from(Place),
    ahead=st.integers(0, 1001),
    queue_read=st.booleans(),
    node=NODES,
    running_nodes=st.integers(0, 3),
    draining_nodes=st.integers(0, 3),
    owner=st.sampled_from(["", "n1"]) | st.text(),
    released=st.booleans(),
    status=st.sampled_from(["", *Status]),
    since_ms=MOMENTS,
    accepted_ms=MOMENTS,
    cancel_ms=MOMENTS,
    crash=st.text(),
    dead_letter=st.none() | st.builds(DeadLetter, MOMENTS, st.text(), st.integers(0), st.text(), st.text()),
    called_ms=st.dictionaries(st.sampled_from(["start", "a", "b", "act_0"]), MOMENTS),
    left_ms=st.none() | st.integers(0, 10**10),
)


@given(st.data(), static(), SITUATIONS, st.integers(0, 30), MOMENTS)
def test_whatever_the_job_and_its_situation_there_is_a_sentence(
    data: st.DataObject, activities: tuple[Any, ...], situation: Situation, steps: int, now_ms: int
) -> None:
    run = Run.planned(process(*activities), *(data.draw(plans()) for _ in activities))
    if steps:
        run.start()
    for _ in range(steps - 1):
        run.step(min)
    crashes = data.draw(st.integers(0, 5)) if run.under_way else 0
    job = run.job
    for _ in range(crashes):
        job, _ = apply(job, TaskInterrupted(run.under_way[0]))
    explanation = explain(job, situation, now_ms)
    assert explanation.state in set(State)
    assert explanation.sentence.endswith(".")
    assert json.loads(json.dumps(explanation.details)) == explanation.details


COMMAND, PYTHON = CommandCall(("/bin/df",)), PythonCall("charge")
CHARGED = "task 'start' (Python activity 'charge')"


def run_here(*calls: Calling, events: Sequence[Event] = (TaskBegun("start"),)) -> Job:
    """A job whose tasks, the first called `start`, are run by its node."""
    names = ["start", *(f"other{number}" for number in range(1, len(calls)))]
    activities = tuple(Activity(name, call) for name, call in zip(names, calls, strict=True))
    job = new_job(Process("foo", "cameron", activities, "{}", "digest"), "key", "uuid", b"", BEGIN_MS + 1_000_000_000)
    for event in (JobStarted(), *map(TaskCalled, names), *events):
        job, _ = apply(job, event)
    return job


def sentence_of(job: Job) -> str:
    return explain(job, AT_WORK, NOW_MS).sentence


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (COMMAND._replace(timeout_s=20.0), "task 'start' at /bin/df (it may take 20 s)"),
        (COMMAND, "task 'start' at /bin/df (the node's setting commands.timeout_s bounds it)"),
        (PYTHON._replace(timeout_s=20.0), f"{CHARGED} (it may take 20 s)"),
        (PYTHON, f"{CHARGED} (the activity, or else the node's setting python.timeout_s, bounds it)"),
    ],
)
def test_what_a_node_runs_itself_is_told_with_its_own_bound(call: Calling, told: str) -> None:
    assert sentence_of(run_here(call)) == f"Node n1 is calling {told}."


@pytest.mark.parametrize(
    ("call", "limits"),
    [
        (COMMAND, "limit: commands.max_commands"),
        (PYTHON._replace(isolation="thread"), "limit: python.max_threads"),
        (PYTHON._replace(isolation="process"), "limit: python.max_processes"),
        (PYTHON, "limits: python.max_threads, python.max_processes"),
    ],
)
def test_what_has_not_begun_waits_for_a_free_place(call: Calling, limits: str) -> None:
    explanation = explain(run_here(call, events=()), AT_WORK, NOW_MS)
    assert explanation.state == State.FREE_PLACE
    assert explanation.sentence == f"Task 'start' waits for a free place on node n1, or has just got it ({limits})."
    assert explanation.details["calling"][0]["free_place"] == {"limits": limits.partition(": ")[2].split(", ")}


RUNS = {"commands": (64, 1, 64), "python_threads": (32, 3, 32), "python_processes": (8, 20, 8)}


@pytest.mark.parametrize(
    ("call", "isolated", "limit", "whose"),
    [
        (COMMAND, None, "commands.max_commands", "commands"),
        (PYTHON, frozenset({"another"}), "python.max_threads", "python_threads"),
        (PYTHON, frozenset({"charge"}), "python.max_processes", "python_processes"),
        (PYTHON._replace(isolation="thread"), frozenset({"charge"}), "python.max_threads", "python_threads"),
        (PYTHON._replace(isolation="process"), None, "python.max_processes", "python_processes"),
    ],
)
def test_how_many_run_and_wait_there_is_told_where_the_node_says_so(
    call: Calling, isolated: frozenset[str] | None, limit: str, whose: str
) -> None:
    running, waiting, places = RUNS[whose]
    numbers = {"running": running, "waiting": waiting, "places": places}
    situation = AT_WORK._replace(node=NODE._replace(runs=RUNS, isolated=isolated))
    explanation = explain(run_here(call, events=()), situation, NOW_MS)
    full = f"{running} of {places} running, {waiting} waiting"
    assert explanation.sentence == f"Task 'start' waits for a free place on node n1, or has just got it: {full} (limit: {limit})."
    assert explanation.details["calling"][0]["free_place"] == {"limits": [limit], **numbers}


def test_what_the_node_has_said_while_there_was_room_is_out_of_date() -> None:
    node = NODE._replace(runs={"commands": (63, 0, 64)})
    explanation = explain(run_here(COMMAND, events=()), AT_WORK._replace(node=node), NOW_MS)
    assert explanation.sentence == "Task 'start' waits for a free place on node n1, or has just got it (limit: commands.max_commands)."
    assert explanation.details["calling"][0]["free_place"] == {"limits": ["commands.max_commands"]}


def test_where_it_waits_is_unknown_where_the_node_does_not_say_what_wants_a_process() -> None:
    explanation = explain(run_here(PYTHON, events=()), AT_WORK._replace(node=NODE._replace(runs=RUNS)), NOW_MS)
    limits = ["python.max_threads", "python.max_processes"]
    assert explanation.sentence == f"Task 'start' waits for a free place on node n1, or has just got it (limits: {', '.join(limits)})."
    assert explanation.details["calling"][0]["free_place"] == {"limits": limits}


def test_what_has_begun_and_what_waits_for_a_place_are_told_apart() -> None:
    job = run_here(PYTHON, COMMAND, COMMAND, HttpCall("http://service/x"), PYTHON, PYTHON)
    sentence = sentence_of(job)
    assert "'other1' and 'other2' wait for a free place on node n1, or have just got it (limit: commands.max_commands)." in sentence
    assert "'other4' and 'other5' wait for a free place on node n1, or have just got it (limits: python.max_threads" in sentence
    assert "is calling 2 tasks ('start' and 'other3'), the longest, 'start' (Python activity 'charge') (the activity" in sentence


def test_another_attempt_waits_for_a_place_of_its_own() -> None:
    again = (TaskBegun("start"), TaskReplied("start", Failure("temporary_failure", "try again")), TaskDelayed("start", 1))
    second = run_here(PYTHON, events=(*again, TaskDue("start"), TaskCalled("start")))
    assert explain(second, AT_WORK, NOW_MS).state == State.FREE_PLACE
    assert sentence_of(apply(second, TaskBegun("start"))[0]) == (
        f"Node n1 is calling {CHARGED}, attempt 2 of 3 (the activity, or else the node's setting python.timeout_s, bounds an attempt)."
    )


def test_the_details_of_a_python_activity_name_it() -> None:
    details = explain(run_here(PYTHON), AT_WORK, NOW_MS).details
    assert details["calling"] == [{"task": "start", "activity": "charge", "attempt": 1, "attempts": 3}]
