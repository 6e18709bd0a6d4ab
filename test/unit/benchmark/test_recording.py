from recording import ENTRY, UUID, Recording, recording, sent

JOB = "0123456789abcdef" * 2
HASH = f"cameron:process:foo:key:(id,007):job:{JOB}"


def line(*words: str, by: str = "127.0.0.1:4711") -> bytes:
    quoted = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"' for word in words)
    return f"+1795290364.342375 [0 {by}] {quoted}\r\n".encode()


def request(task: str) -> str:
    head = ["POST /foo/start HTTP/1.1", "Host: 127.0.0.1:1", "Content-Length: 2", f"X-Cameron-Job: {JOB}", f"X-Cameron-Task: {task}"]
    return "\r\n".join([*head, f"Idempotency-Key: {JOB}/{task}", "", "{}"])


LINES = [
    line("EVALSHA", "a" * 40, "1", HASH, f"(id,007)\t1795289868693\t{JOB}"),
    line("EVALSHA", "b" * 40, "1", HASH, "task.start.status.current", "running"),
    line("HSET", HASH, "task.start.status.current", "running", by="lua"),
    line("EVALSHA", "c" * 40, "1", HASH, "task.start.status.current", "done", "1795289868696-0", 'data: "x"\\'),
]


def test_a_job_is_its_commands_in_order_with_the_replies_they_record_and_the_calls_they_release() -> None:
    found = recording(LINES, {"/foo/start": request("start")}, "127.0.0.1:2")
    assert [(command.replies, command.calls) for command in found.jobs[0]] == [([], []), ([], ["start"]), (["start"], [])]


def test_what_is_the_jobs_own_is_a_placeholder() -> None:
    (job,) = recording(LINES, {"/foo/start": request("start")}, "127.0.0.1:2").jobs
    assert job[0].words[3:] == [HASH.replace(JOB, UUID), f"(id,007)\t1795289868693\t{UUID}"]
    assert job[2].words[-2:] == [ENTRY, 'data: "x"\\']


def test_a_call_goes_to_the_service_that_is_measured() -> None:
    call = recording(LINES, {"/foo/start": request("start")}, "127.0.0.1:2").requests["start"]
    assert (call.url, call.body) == ("http://127.0.0.1:2/foo/start", "{}")
    assert call.headers == [f"X-Cameron-Job: {UUID}", "X-Cameron-Task: start", f"Idempotency-Key: {UUID}/start"]


def test_it_is_read_back_as_it_was_written() -> None:
    found = recording(LINES, {"/foo/start": request("start")}, "127.0.0.1:2")
    assert Recording.from_json(found.as_json()) == found


def test_what_scripts_carry_out_is_sent_by_nobody() -> None:
    assert sent([*LINES, line("XREADGROUP", "GROUP"), b"+OK\r\n"]) == {"evalsha": 3, "xreadgroup": 1}
