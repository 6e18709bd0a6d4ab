"""The request to a process that runs one activity, and its result, as bytes."""

import pytest

from cameron.activities.call import Failure
from cameron.activities.isolated_run import ENVELOPE_BYTES, IsolatedRun, read_request, read_result, request_text, result_text
from cameron.activities.python_activity import ERROR_MAX, PythonActivity, PythonTask, Result

ACTIVITY = PythonActivity("pay", "acts.pay", "pay", 5.0, "process", "acts/pay.py:3")
TASK = PythonTask("foo", "ü\n", "123", "pay#2", 2, '{"a":\n"ü"}'.encode(), b'{"b":\n1}', 1000, 1 << 30)


@pytest.mark.parametrize("path", ["/a path/of ours", "/not\udcff/utf-8", ""])
def test_a_request_is_read_as_it_was_written(path: str) -> None:
    run = IsolatedRun(ACTIVITY, TASK, path, "redis://:secret@host:1/2", 5.0)
    assert read_request(request_text(run)) == run


def test_what_is_no_request_is_refused() -> None:
    text = request_text(IsolatedRun(ACTIVITY, TASK, "", "", 5.0))
    for broken in (b"", b"hello\n", b"{}\n", b"[]\n", b"null", text[:-1], text + b" ", text[:20], b'{"task": 5}', b"\xff\n"):
        with pytest.raises(ValueError, match="this is no request"):
            read_request(broken)


@pytest.mark.parametrize(
    "result",
    [
        Result(b"null"),
        Result('{"a":\n"ü"}'.encode()),
        Result(b"[" + b"1," * 100_000 + b"1]"),
        *(Result(b"", failure, "ü\n'\"") for failure in Failure),
    ],
)
def test_a_result_is_read_as_it_was_written(result: Result) -> None:
    assert read_result(result_text(result)) == result


def test_what_is_no_whole_result_is_none() -> None:
    text = result_text(Result(b'{"a":1}'))
    broken = (
        b"",
        b"hello\n",
        b"{}\n",
        b"[]\n",
        b"null",
        b"5\n",
        b"\xff\n",
        text[:-1],
        text + b" ",
        text[:20],
        text.replace(b"null", b'"odd"'),
    )
    assert [read_result(one) for one in broken] == [None] * len(broken)


def test_besides_its_body_a_result_has_so_many_bytes_at_most() -> None:
    assert len(result_text(Result(b"", Failure.UNKNOWN_ACTIVITY, "\U0001f600" * ERROR_MAX))) < ENVELOPE_BYTES
