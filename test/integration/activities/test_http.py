"""The actor around the loop: messages in, `Replies` out, restarts without leaks."""

import asyncio
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from cameron.activities.call import Congestion, Reply, Report
from cameron.activities.http import Call, Cancel, Failure, HttpCalls, Replies, raise_descriptor_limit
from cameron.otp import Crash, Down, Exit, Ref, ThreadActor

PATIENCE_S = 30.0


class Watcher(ThreadActor):
    """Keeps how another actor ended; to be started before it does."""

    def __init__(self, other: Ref[Any]) -> None:
        super().__init__()
        self.other = other
        self.later: Any = None
        self.reason: Any = None

    def on_start(self) -> None:
        self.monitor(self.other)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.reason = message.reason
        else:
            self.later = self.reply_later()
        if self.later is not None and self.reason is not None:
            self.later.set(self.reason)
            self.exit()


def end_of(watcher: Ref[Watcher]) -> Any:
    """Wait for the watched actor's end; its reason."""
    return watcher.ask("how did it end?", timeout=PATIENCE_S)


@pytest.fixture
def http() -> Iterator[Ref[HttpCalls]]:
    """The actor, stopped in the end."""
    ref = HttpCalls.start(64, 16)
    watcher = Watcher.start(ref)
    yield ref
    ref.exit()
    end_of(watcher)


async def hold(server: Any, request: Any, writer: asyncio.StreamWriter) -> None:
    """Reply when the test says so; paths under /now at once."""
    if "/now" not in request.line:
        await server.released()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_a_call_told_is_replied_to_whom_it_names(serve, http, call, mailbox, whole):
    server = serve(whole(b"{}"))
    http.tell(call(server.url(), reply_to=mailbox, task="t", attempt=2))
    assert mailbox.take() == Reply("t", 2, 200, b"{}", "", None, "")


def test_a_call_that_fails_is_replied_too(http, call, mailbox):
    http.tell(call("gopher://x/", reply_to=mailbox))
    assert mailbox.take().failure is Failure.INVALID_URL


def test_an_unknown_message_and_a_broken_call_harm_nobody(serve, http, call, mailbox, whole):
    http.tell("what?")
    http.tell(call("http://127.0.0.1:1/", reply_to=mailbox, timeout_s=float("nan"), task="broken"))
    http.tell(call("http://127.0.0.1:1/", reply_to=mailbox, headers=None, task="broken"))
    http.tell(call(None, reply_to=mailbox, task="broken"))
    http.tell(call(serve(whole(b"")).url(), reply_to=mailbox, body="text é", task="broken"))
    http.tell(call(serve(whole(b"")).url(), reply_to=mailbox, task="good"))
    replies = [mailbox.take() for _ in range(5)]
    assert sorted((reply.task, reply.failure) for reply in replies if reply.task == "broken") == [("broken", Failure.INVALID_URL)] * 4
    assert http.is_alive()


def test_a_receiver_that_cannot_be_told_harms_nobody(serve, http, call, mailbox, whole):
    server = serve(whole(b""))
    http.tell(call(server.url(), reply_to=object()))
    http.tell(call(server.url(), reply_to=mailbox, task="good"))
    assert mailbox.take().task == "good"
    assert http.is_alive()


def test_many_threads_may_tell_at_once(serve, http, call, mailbox, whole):
    server = serve(whole(b""))

    def tell(number: int) -> None:
        for attempt in range(100):
            http.tell(call(server.url(), reply_to=mailbox, task=f"t{number}", attempt=attempt))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    told = {(reply.task, reply.attempt) for reply in (mailbox.take() for _ in range(800))}
    assert told == {(f"t{number}", attempt) for number in range(8) for attempt in range(100)}
    assert server.most_at_once <= 16
    for thread in threads:
        thread.join()


def test_replies_of_one_receiver_are_told_together(http):
    told: list[Replies] = []
    both = threading.Event()

    class Keeper:
        def tell(self, message: Replies) -> None:
            told.append(message)
            if sum(len(each.replies) for each in told) == 3:
                both.set()

    keeper = Keeper()
    loop_is_busy = threading.Event()

    class Busy:
        def tell(self, message: Replies) -> None:
            assert loop_is_busy.wait(PATIENCE_S)  # the actor's thread stands here while the next three are told

    def invalid(receiver: Any) -> Call:
        return Call(receiver, "t", 1, "POST", "nothing", (), b"", 1.0, 1.0, 1, False)

    http.tell(invalid(Busy()))
    for _ in range(3):
        http.tell(invalid(keeper))
    loop_is_busy.set()
    assert both.wait(PATIENCE_S)
    assert [len(each.replies) for each in told] == [3]


def test_it_tells_which_hosts_have_calls_waiting(serve, http, call, mailbox):
    server = serve(hold)
    reports: SimpleQueue[Any] = SimpleQueue()
    listener = SimpleNamespace(tell=reports.put)
    http.tell(Report(listener))
    assert reports.get(timeout=PATIENCE_S) == Congestion({})
    for number in range(20):
        http.tell(call(server.url(), reply_to=mailbox, task=str(number)))
    server.wait_for_requests(16)
    http.tell(Report(listener))
    assert reports.get(timeout=PATIENCE_S) == Congestion({f"127.0.0.1:{server.port}": (16, 4)})
    server.release()
    for _ in range(20):
        mailbox.take()


def test_a_cancelled_call_is_told_nothing(serve, http, call, mailbox):
    server = serve(hold)
    http.tell(call(server.url("/held"), reply_to=mailbox, task="dropped"))
    server.wait_for_requests(1)
    http.tell(Cancel(mailbox, "dropped"))
    http.tell(call(server.url("/now"), reply_to=mailbox, task="last"))
    assert mailbox.take().task == "last"
    server.release()
    http.tell(call(server.url("/now"), reply_to=mailbox, task="really last"))
    assert mailbox.take().task == "really last"


@pytest.mark.parametrize("way", ["crash", "exit", "kill"])
def test_however_it_ends_its_descriptors_are_closed(serve, call, mailbox, open_files, way, monkeypatch):
    server = serve(hold)
    before = open_files()
    for _ in range(3):
        http = HttpCalls.start(64, 16)
        watcher = Watcher.start(http)
        actor = http.actor_inbox.actor
        thread = next(each for each in threading.enumerate() if str(http) in each.name)
        for number in range(30):
            http.tell(call(server.url(f"/{number}"), reply_to=mailbox))
        server.wait_for_requests(14)
        if way == "crash":
            monkeypatch.setattr(actor, "on_receive", lambda message: 1 / 0)
            http.tell("crash")
        elif way == "exit":
            http.exit()
        else:
            http.kill()
        reason = end_of(watcher)
        assert isinstance(reason, Crash) == (way == "crash")
        with pytest.raises(Exit):
            http.ask("anybody?")
        thread.join(PATIENCE_S)
    server.close()
    assert mailbox.empty()
    left = open_files()
    assert len(left) <= len(before), set(left) - set(before)


def test_an_error_of_the_loop_itself_is_a_crash_of_the_actor(serve, http, call, mailbox, monkeypatch):
    def broken(*_: Any) -> None:
        raise OSError("out of order")

    monkeypatch.setattr(http.actor_inbox.actor._loop, "_act", broken)
    watcher = Watcher.start(http)
    http.tell(call(serve(hold).url("/now"), reply_to=mailbox))
    reason = end_of(watcher)
    assert isinstance(reason, Crash)
    assert "out of order" in reason.traceback


def test_the_soft_limit_of_open_files_is_raised() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (300, 3000))\n"
        "from cameron.activities.http import raise_descriptor_limit as f; print(f(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["3000", "3000", "3000"]


def test_a_limit_high_enough_is_left_alone() -> None:
    raise_descriptor_limit()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_descriptor_limit() == limits[0]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits
