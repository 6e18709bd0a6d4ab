"""Lines written behind the back of whoever logs them: none lost, none out of order."""

import io
import logging
import subprocess
import sys
import threading
from select import PIPE_BUF

import pytest

from cameron.log_writer import Lines, LogWriter, pieces


class Stream(io.StringIO):
    """Counts its writes, and tells of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.written = threading.Event()

    def write(self, text: str) -> int:
        self.writes += 1
        count = super().write(text)
        self.written.set()
        return count


def writer_to(stream: Stream) -> tuple[LogWriter, logging.Logger]:
    writer = LogWriter([Lines(stream)])
    logger = logging.Logger("a test")
    logger.addHandler(writer)
    return writer, logger


def test_lines_are_written_by_themselves() -> None:
    stream = Stream()
    writer, logger = writer_to(stream)
    logger.info("hello %s", "world")
    assert stream.written.wait(10)
    writer.close()
    assert stream.getvalue() == "hello world\n"


def test_lines_of_one_batch_go_out_in_one_write_and_in_order() -> None:
    stream = Stream()
    writer, logger = writer_to(stream)
    for number in range(1000):
        logger.info("%d", number)
    writer.flush()
    writer.close()
    assert stream.getvalue().split() == [str(number) for number in range(1000)]
    assert stream.writes < 100


def test_flush_returns_when_all_lines_before_it_are_written() -> None:
    stream = Stream()
    writer, logger = writer_to(stream)
    for _ in range(50):
        logger.info("line")
        before = stream.getvalue().count("line")
        writer.flush()
        assert stream.getvalue().count("line") > 0
        assert stream.getvalue().count("line") >= before
    writer.close()
    assert stream.getvalue().count("line") == 50


def test_what_is_logged_is_what_it_was_then() -> None:
    stream = Stream()
    writer, logger = writer_to(stream)
    names = ["before"]
    logger.info("%s", names)
    names[0] = "after"
    writer.close()
    assert stream.getvalue() == "['before']\n"


def test_a_line_that_cannot_be_formatted_costs_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    class Bad(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            if record.msg == "bad":
                raise ValueError("this one")
            return super().format(record)

    stream = Stream()
    lines = Lines(stream)
    lines.setFormatter(Bad())
    writer = LogWriter([lines])
    logger = logging.Logger("a test")
    logger.addHandler(writer)
    for message in ("good", "bad", "better"):
        logger.info(message)
    writer.close()
    assert stream.getvalue() == "good\nbetter\n"
    assert "this one" in capsys.readouterr().err


def test_many_threads_lose_nothing() -> None:
    stream = Stream()
    writer, logger = writer_to(stream)
    threads = [threading.Thread(target=lambda: [logger.info("line") for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert stream.getvalue().count("line\n") == 4000


def test_the_last_lines_are_written_when_the_program_ends() -> None:
    program = (
        "import logging, sys; from cameron.log_writer import Lines, LogWriter; "
        "logging.getLogger().addHandler(LogWriter([Lines(sys.stderr)])); logging.getLogger().warning('the last words')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "the last words\n")


def test_no_piece_is_larger_than_what_a_pipe_takes_in_one_unless_a_single_line_is() -> None:
    lines = [f"{number} {'é' * 90}\n" for number in range(100)]
    long = "x" * 2 * PIPE_BUF + "\n"
    cut = list(pieces([*lines, long, *lines]))
    assert "".join(cut) == "".join([*lines, long, *lines])
    assert all(piece.endswith("\n") for piece in cut)
    assert [piece for piece in cut if len(piece.encode()) > PIPE_BUF] == [long]
    assert len(cut) < 20
    assert list(pieces([])) == []
