"""What a Call becomes, against a real server on real sockets."""

import asyncio
import errno
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.call import Failure, Reply
from cameron.activities.curl_loop import CurlLoop


async def hold(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
    """Reply when the test says so; paths under /now at once."""
    if "/now" not in request.line:
        await server.released()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


async def drop(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- a call and its reply ---------------------------------------------------------------------------------------------


def test_a_post_brings_status_body_and_its_own_tags(serve, loop, call, run, whole):
    server = serve(whole(b'{"data":1}', "200 OK", "Content-Type: application/json"))
    [reply] = run(loop, call(server.url("/start"), task="t", attempt=3))
    assert reply == Reply("t", 3, 200, b'{"data":1}', "", None, "")


def test_the_request_is_sent_as_it_was_given(serve, loop, call, run, whole):
    server = serve(whole(b""))
    headers = ("Content-Type: application/json", "Idempotency-Key: job/é", "X-Cameron-Attempt: 1")
    run(loop, call(server.url("/a/../b/(id,007)?x=%2F"), headers=headers, body='{"é":1}'.encode()))
    [request] = server.requests
    assert request.line == "POST /a/../b/(id,007)?x=%2F HTTP/1.1"
    assert request.body == '{"é":1}'.encode()
    assert request.headers["idempotency-key"] == "job/é"
    assert "expect" not in request.headers
    assert "accept-encoding" not in request.headers


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 429, 500, 503, 599])
def test_any_status_is_a_reply_and_no_failure(serve, loop, call, run, whole, status):
    server = serve(whole(b"" if status == 204 else b"why", f"{status} Whatever", "Location: http://127.0.0.1:1/"))
    [reply] = run(loop, call(server.url()))
    assert (reply.status, reply.body, reply.failure) == (status, b"" if status == 204 else b"why", None)
    assert len(server.requests) == 1  # the redirect was not followed


def test_retry_after_comes_back_as_sent(serve, loop, call, run, whole):
    server = serve(whole(b"", "503 Busy", "reTRY-After:  Wed, 21 Oct 2015 07:28:00 GMT "))
    [reply] = run(loop, call(server.url()))
    assert reply.retry_after == "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", b"", None),
        ("DELETE", b"", None),
        ("PUT", b"{}", "2"),
        ("PATCH", b"", "0"),
        ("GET", b"{}", "2"),
        ("put", b"x", "1"),
        ("HEAD", b"", None),
    ],
)
def test_other_methods_leave_nothing_behind_for_the_next_call(serve, call, run, whole, method, body, length):
    server, loop = serve(whole(b"")), CurlLoop(1, 1)  # one at a time: one handle
    run(loop, call(server.url("/one"), method=method, body=body), call(server.url("/two")))
    loop.close()
    one, two = server.requests
    assert (one.line, one.body, one.headers.get("content-length")) == (f"{method.upper()} /one HTTP/1.1", body, length)
    assert (two.line, two.body) == ("POST /two HTTP/1.1", b'{"key":"k"}')


def test_a_head_reply_tells_a_length_beyond_the_cap(serve, loop, call, run):
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
    [reply] = run(loop, call(server.url(), method="HEAD", body=b""))
    assert (reply.status, reply.failure) == (200, None)


def test_a_long_body_arrives_whole(serve, loop, call, run, whole):
    server, body = serve(whole(b"")), os.urandom(3_000_000)
    run(loop, call(server.url(), body=body))
    assert server.requests[0].body == body


def test_a_chunked_reply_is_put_together(serve, loop, call, run):
    server = serve(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n')
    [reply] = run(loop, call(server.url()))
    assert (reply.body, reply.failure) == (b'{"a":1}', None)


def test_a_reply_without_length_ends_with_its_connection(serve, loop, call, run):
    async def answer(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall")
        writer.close()

    [reply] = run(loop, call(serve(answer).url()))
    assert (reply.body, reply.failure) == (b"all", None)


def test_interim_replies_and_trailers_are_no_part_of_the_reply(serve, loop, call, run):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    server = serve(early + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n")
    [reply] = run(loop, call(server.url()))
    assert (reply.status, reply.body, reply.error) == (200, b"{}", "")


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_refused_connection_says_who_refused(loop, call, run):
    port = closed_port()
    [reply] = run(loop, call(f"http://127.0.0.1:{port}/x"))
    assert (reply.status, reply.failure) == (0, Failure.REFUSED)
    assert reply.error == f"connection refused by 127.0.0.1:{port} (http://127.0.0.1:{port}/x)"


def test_an_unknown_host_is_named(loop, call, run):
    [reply] = run(loop, call("http://no-such-host.invalid/x"))
    assert reply.failure is Failure.UNKNOWN_HOST
    assert reply.error == "unknown host no-such-host.invalid:80 (http://no-such-host.invalid/x)"


def test_an_unknown_host_fails_all_its_calls_and_no_others(serve, loop, call, run, whole):
    server = serve(whole(b""))
    unknown = [call(f"http://no-such-host.invalid/{number}", task=f"u{number}") for number in range(300)]
    known = [call(server.url(f"/{number}", host="localhost"), task=f"k{number}") for number in range(300)]
    replies = run(loop, *unknown, *known)
    assert {reply.task for reply in replies if reply.failure is Failure.UNKNOWN_HOST} == {one.task for one in unknown}
    assert {reply.task for reply in replies if reply.status == 200} == {one.task for one in known}
    assert {reply.error for reply in replies if reply.task == "u7"} == {
        "unknown host no-such-host.invalid:80 (http://no-such-host.invalid/7)"
    }


def test_cancelling_the_call_that_looks_a_name_up_lets_the_others_go_on(serve, loop, call, run, mailbox, whole):
    server = serve(whole(b""))
    for name in ("first", "second", "third", "fourth"):
        loop.add(call(server.url(host="localhost"), reply_to=mailbox, task=name))
    loop._start_what_may_run()
    loop.cancel(mailbox, "first")
    loop.cancel(mailbox, "third")
    replies = run(loop, until=2)
    assert sorted(reply.task for reply in replies) == ["fourth", "second"]


def test_a_call_that_cannot_be_sent_does_not_keep_the_others_from_the_name(serve, loop, call, run, whole):
    server = serve(whole(b""))
    bad = call(server.url(host="localhost"), task="bad", method="no method")
    replies = run(loop, bad, call(server.url(host="localhost"), task="good"), bad, call(server.url(host="localhost"), task="good"))
    assert sorted((reply.task, reply.failure) for reply in replies if reply.failure) == [("bad", Failure.INVALID_URL)] * 2
    assert [reply.status for reply in replies if reply.task == "good"] == [200, 200]


def test_a_connection_closed_before_the_reply_is_a_connection_failure(serve, loop, call, run):
    server = serve(drop)
    [reply] = run(loop, call(server.url()))
    assert reply.failure is Failure.CONNECTION
    assert f"127.0.0.1:{server.port}" in reply.error


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
    ],
)
def test_a_connection_closed_in_the_middle_of_the_reply_is_a_connection_failure(serve, loop, call, run, start):
    async def answer(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        writer.close()

    [reply] = run(loop, call(serve(answer).url()))
    assert (reply.failure, reply.body) == (Failure.CONNECTION, b"")


@pytest.mark.parametrize(
    "nonsense",
    [b"SSH-2.0-OpenSSH_9.2\r\n" * 5, b"\x00" * 400, b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n"],
)  # fmt: skip
def test_what_is_not_http_is_a_connection_failure(serve, loop, call, run, nonsense):
    async def answer(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(nonsense)
        writer.close()

    [reply] = run(loop, call(serve(answer).url()))
    assert (reply.failure, bool(reply.error)) == (Failure.CONNECTION, True)


def test_a_reply_that_does_not_come_is_a_timeout(serve, loop, call, run):
    server = serve(hold)
    [reply] = run(loop, call(server.url(), timeout_s=0.2))
    assert reply.failure is Failure.TIMEOUT
    assert reply.error == f"timeout: no whole reply from 127.0.0.1:{server.port} within 0.2 s ({server.url()})"


def test_a_connection_that_does_not_come_about_is_a_timeout(loop, call, run):
    with socket.socket() as full:  # nobody accepts, and its backlog is full
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            assert other.connect_ex(full.getsockname()) in (0, errno.EINPROGRESS)
        port = full.getsockname()[1]
        [reply] = run(loop, call(f"http://127.0.0.1:{port}/", connect_timeout_s=0.3, timeout_s=5))
        for other in others:
            other.close()
    assert reply.failure is Failure.TIMEOUT
    assert reply.error.startswith(f"timeout: no connection to 127.0.0.1:{port} within 0.3 s")


def test_waiting_for_a_free_connection_is_no_timeout(serve, call, run):
    async def slow(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server, loop = serve(slow), CurlLoop(8, 1)
    replies = run(loop, *(call(server.url(), timeout_s=1.0) for _ in range(8)))  # 1.6 s in all, one after another
    loop.close()
    assert [reply.failure for reply in replies] == [None] * 8
    assert server.most_at_once == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_reply_over_the_cap_is_too_large(serve, loop, call, run, whole, chunked):
    body = b"x" * 20_001
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"4e21\r\n" + body + b"\r\n0\r\n\r\n"
    server = serve(chunks if chunked else whole(body))
    [large] = run(loop, call(server.url(), max_reply_bytes=20_000))
    [fits] = run(loop, call(server.url(), max_reply_bytes=20_001))
    assert (large.failure, large.status, large.body) == (Failure.TOO_LARGE, 200, b"")
    assert "at most 20000 bytes" in large.error
    assert (fits.failure, len(fits.body)) == (None, 20_001)


@pytest.mark.parametrize("header", [b"X-Endless: " + b"x" * 200 + b"\r\n", b"x" * 1000])
def test_endless_headers_are_too_large(serve, loop, call, run, header):
    async def answer(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(header)
            await writer.drain()

    [reply] = run(loop, call(serve(answer).url()))
    assert (reply.failure, reply.error[:12]) == (Failure.TOO_LARGE, "the reply he")


@pytest.mark.parametrize(
    "changes",
    [{"url": "ftp://127.0.0.1/x"}, {"url": ""}, {"url": "http://"}, {"url": "http://a b/"}, {"url": "http://127.0.0.1:70000/"},
     {"url": "http://x/\r\nA: b"},
     {"url": "file:///etc/passwd"}, {"url": "http://[::g]/"}, {"url": "http://%zz%/"}, {"headers": ("A: b\r\nC: d",)},
     {"headers": ("A: \ud800",)}, {"method": "G T"}, {"method": ""}, {"method": "GET /x HTTP/1.1\r\nA:"}],
)  # fmt: skip
def test_a_call_that_cannot_be_sent_is_told_and_harms_no_other(serve, loop, call, run, whole, changes):
    server = serve(whole(b""))
    bad, good = call(server.url(), task="bad")._replace(**changes), call(server.url(), task="good")
    replies = {reply.task: reply for reply in run(loop, bad, good)}
    assert (replies["bad"].failure, replies["bad"].status) == (Failure.INVALID_URL, 0)
    assert replies["bad"].error
    assert replies["good"].failure is None
    assert len(server.requests) == 1


def test_a_proxy_in_the_environment_is_not_used(serve, call, run, whole, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    loop = CurlLoop(2, 2)
    [reply] = run(loop, call(serve(whole(b"")).url()))
    loop.close()
    assert reply.status == 200


def test_a_proxy_that_is_configured_is_used(serve, call, run, whole):
    proxy = serve(whole(b"from the proxy"))
    loop = CurlLoop(2, 2, proxy=proxy.url())
    [reply] = run(loop, call("http://no-such-host.invalid/x"))
    loop.close()
    assert reply.body == b"from the proxy"
    assert proxy.requests[0].line == "POST http://no-such-host.invalid/x HTTP/1.1"


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate for localhost that nobody else has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with the openssl command, which is not installed")
    made = tmp_path / "localhost.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "req", *options, "-keyout", key, "-out", made], check=True, capture_output=True)
    with made.open("ab") as file:
        file.write(key.read_bytes())
    return made


def test_a_certificate_nobody_vouches_for_is_a_tls_failure(serve, loop, call, run, whole, certificate):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = serve(whole(b""), tls=tls)
    [reply] = run(loop, call(server.url(host="localhost", scheme="https")))
    assert reply.failure is Failure.TLS
    assert server.requests == []


def test_the_certificates_python_trusts_are_trusted(serve, call, run, whole, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server, loop = serve(whole(b"safe"), tls=tls), CurlLoop(2, 2)
    [reply] = run(loop, call(server.url(host="localhost", scheme="https")))
    loop.close()
    assert (reply.body, reply.error) == (b"safe", "")


def test_https_to_a_server_without_tls_is_a_tls_failure(serve, loop, call, run, whole):
    async def answer(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("nothing readable was sent")

    server = serve(answer)

    def greet(one: socket.socket) -> None:
        connection, _ = one.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=greet, args=(plain,))
        thread.start()
        [reply] = run(loop, call(f"https://127.0.0.1:{plain.getsockname()[1]}/"))
        thread.join()
    assert server.requests == []
    assert reply.failure is Failure.TLS


# --- connections ------------------------------------------------------------------------------------------------------


def test_connections_are_kept_and_used_again(serve, call, run, whole):
    server, loop = serve(whole(b"")), CurlLoop(8, 2)
    run(loop, *(call(server.url()) for _ in range(50)))
    loop.close()
    assert len(server.requests) == 50
    assert server.connections <= 2


def test_a_fresh_call_has_a_connection_of_its_own(serve, call, run, whole):
    server, loop = serve(whole(b"")), CurlLoop(8, 1)
    run(loop, call(server.url()), call(server.url(), fresh=True), call(server.url(), fresh=True))
    loop.close()
    assert server.connections == 3


def test_a_fresh_call_is_never_sent_again_where_another_is(serve, call, run):
    async def answer_first(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.close()

    for fresh, requests in ((True, 2), (False, 3)):  # libcurl sends again, once, where a kept connection turns out closed
        server, loop = serve(answer_first), CurlLoop(8, 8)
        run(loop, call(server.url()))
        [reply] = run(loop, call(server.url(), fresh=fresh))
        loop.close()
        assert reply.failure is Failure.CONNECTION
        assert len(server.requests) == requests


def test_a_call_sent_on_a_kept_connection_is_not_refused(call, run):
    """Whoever retries what was refused would carry it out twice."""

    def answer_once_then_go(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(65536)
        listening.close()
        connection.close()

    listening, loop = socket.create_server(("127.0.0.1", 0)), CurlLoop(4, 4)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    thread = threading.Thread(target=answer_once_then_go, args=(listening,))
    thread.start()
    run(loop, call(url))
    [again] = run(loop, call(url))
    thread.join()
    [refused] = run(loop, call(url))
    loop.close()
    assert again.failure is Failure.CONNECTION
    assert "closed after the request had been sent" in again.error
    assert refused.failure is Failure.REFUSED


def test_the_limit_a_host_holds(serve, call, run):
    server, loop = serve(hold), CurlLoop(40, 5)
    for number in range(30):
        loop.add(call(server.url(f"/{number}")))
    thread = threading.Thread(target=lambda: (server.wait_for_requests(5), server.release()))
    thread.start()
    replies = run(loop, until=30)
    thread.join()
    loop.close()
    assert {reply.status for reply in replies} == {200}
    assert server.most_at_once == 5
    assert server.connections == 5


def test_a_slow_host_with_a_thousand_calls_holds_up_no_other(serve, loop, call, run, poll_until, whole):
    slow, quick = serve(hold), serve(whole(b"quick"))
    for number in range(2000):  # 500 of them wait
        loop.add(call(slow.url(f"/{number}"), task="slow"))
    poll_until(loop, lambda: loop.in_flight == 1500 and slow.most_at_once == 1500)
    [reply] = run(loop, call(quick.url(), task="quick"))
    assert reply.task == "quick"
    slow.release()
    replies = run(loop, until=2000)
    assert {reply.failure for reply in replies} == {None}
    assert slow.most_at_once == 1500


def test_descriptors_above_1024_work(serve, loop, call, run, whole):
    blank = os.open("/dev/null", os.O_RDONLY)
    taken = [os.dup(blank) for _ in range(1100)]
    try:
        [reply] = run(loop, call(serve(whole(b"high")).url()))
    finally:
        for one in [blank, *taken]:
            os.close(one)
    assert reply.body == b"high"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_localhost_reaches_a_server_on_either_family(serve, loop, call, run, whole, address):
    try:
        server = serve(whole(b"here"), host=address)
    except AssertionError:
        pytest.skip(f"this machine has no {address}")
    [reply] = run(loop, call(server.url(host="localhost")))
    assert (reply.body, reply.error) == (b"here", "")


def test_connecting_to_many_hosts_keeps_no_more_connections_than_calls(serve, call, run, whole, open_files):
    servers, loop = [serve(whole(b"")) for _ in range(12)], CurlLoop(4, 4)
    before = len(open_files())
    run(loop, *(call(server.url()) for server in servers))
    ours = len(open_files()) - before
    loop.close()
    assert ours <= 2 * 4 + 2  # both ends are in this process


# --- cancel, wake, close ----------------------------------------------------------------------------------------------


def test_a_cancelled_call_in_flight_is_dropped_and_frees_its_slot(serve, call, run, poll_until, mailbox):
    server, loop = serve(hold), CurlLoop(8, 1)
    loop.add(call(server.url("/held"), reply_to=mailbox, task="dropped"))
    loop.add(call(server.url("/now"), reply_to=mailbox, task="next"))
    poll_until(loop, lambda: bool(server.requests))
    loop.cancel(mailbox, "dropped")
    [reply] = run(loop, until=1)
    loop.close()
    assert reply.task == "next"


def test_a_cancelled_call_that_waits_is_never_sent(serve, call, run, mailbox):
    server, loop = serve(hold), CurlLoop(8, 1)
    loop.add(call(server.url("/now/1"), reply_to=mailbox, task="first"))
    loop.add(call(server.url("/now/2"), reply_to=mailbox, task="dropped"))
    loop.add(call(server.url("/now/3"), reply_to=mailbox, task="last"))
    loop.cancel(mailbox, "dropped")
    loop.cancel(mailbox, "unknown")
    replies = run(loop, until=2)
    loop.close()
    assert [reply.task for reply in replies] == ["first", "last"]
    assert [request.line for request in server.requests] == ["POST /now/1 HTTP/1.1", "POST /now/3 HTTP/1.1"]


def test_cancelling_is_for_one_receiver_alone(serve, loop, call, run, mailbox, whole):
    server = serve(whole(b""))
    loop.add(call(server.url(), reply_to=mailbox, task="t", attempt=1))
    loop.add(call(server.url(), task="t", attempt=2))
    loop.cancel(mailbox, "t")
    [reply] = run(loop, until=1)
    assert reply.attempt == 2


def test_a_wake_ends_the_wait_each_time(loop):
    for _ in range(3):
        thread = threading.Thread(target=loop.wake)
        thread.start()
        assert loop.poll(None) == {}
        thread.join()
    loop.wake()
    assert loop.poll(None) == {}


def test_an_idle_loop_sleeps(serve, loop, call, run, whole):
    run(loop, call(serve(whole(b"")).url()))
    while loop._deadline_s is not None:  # libcurl may look after its connections once more
        loop.poll(5.0)
    began, cpu = time.monotonic(), time.thread_time()
    assert loop.poll(0.5) == {}
    assert time.monotonic() - began >= 0.5
    assert time.thread_time() - cpu < 0.1


def test_closing_with_calls_in_flight_leaves_no_descriptor(serve, call, poll_until, open_files):
    server, before = serve(hold), open_files()
    for _ in range(3):
        loop = CurlLoop(40, 20)
        for number in range(30):
            loop.add(call(server.url(f"/{number}")))
        poll_until(loop, lambda: server.most_at_once == 20)
        loop.close()
        loop.close()
        loop.wake()
    server.close()
    assert len(open_files()) < len(before)  # the server's own are gone too


def test_closing_drops_everything_and_a_late_wake_touches_nobody(call):
    loop = CurlLoop(4, 4)
    loop.add(call(f"http://127.0.0.1:{closed_port()}/"))
    loop.close()
    reader, writer = os.pipe()
    loop.wake()
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)
