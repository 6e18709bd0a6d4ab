from plain_floor import Job, Now, Step
from recording import ENTRY, UUID, Command

NOW = Now("11-21-2026 19:37:48", "1795289868693")
REPLY = {
    "name": "whois",
    "data": {"who": "Zoë"},
    "next_activities": {"parallelizable": "yes", "definitions": [{"name": "act_1", "url": "http://h/act_1"}]},
}


def step(*words: str, replies: list[str] | None = None) -> Step:
    return Step(Command(list(words), replies or [], []))


def test_what_is_the_jobs_own_is_built_for_each_job() -> None:
    one, two = Job([]), Job([])
    one.entry = "1-1"
    built = step("EVALSHA", f"job:{UUID}", ENTRY, "field", "value").words(one, NOW)
    assert built == ["EVALSHA", f"job:{one.uuid}", "1-1", "field", "value"]
    assert one.uuid != two.uuid


def test_times_are_those_of_the_write() -> None:
    built = step("job.status.done.time", "01-02-2020 03:04:05", "score", "1600000000000").words(Job([]), NOW)
    assert built == ["job.status.done.time", NOW.text, "score", NOW.ms]


def test_what_was_replied_is_written_as_compact_json() -> None:
    job = Job([])
    job.take("start", REPLY)
    job.take("act_1", {"name": "foo_act_1", "data": [1, 2]})
    built = step("task.start.output.data", "x", "task.start.output.next_activities", "x", "task.act_1.output.next_activities", "x").words(
        job, NOW
    )
    assert built[1] == '{"who":"Zo\\u00eb"}'
    assert built[3] == '{"parallelizable":"yes","definitions":[{"name":"act_1","url":"http://h/act_1"}]}'
    assert built[5] == "undefined"


def test_what_a_reply_names_is_called_there_with_its_data_and_its_name() -> None:
    job = Job([])
    job.take("start", REPLY)
    assert job.calls == {"act_1": ("http://h/act_1", '{"key":"(id,007)","data":{"who":"Zo\\u00eb"},"requestor":"whois"}')}
