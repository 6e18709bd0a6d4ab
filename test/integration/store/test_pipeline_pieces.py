"""However much there is to write, it goes out in pieces that a timeout can bound."""

from typing import Any

import pytest

from cameron.store.redis import SEND_AT_ONCE, Pipeline


def test_much_to_write_goes_out_in_pieces_and_the_answers_come_in_order(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    connection: Any = pipeline._connection
    send, sizes = connection.send_packed_command, list[int]()

    def sent(packed: list[bytes], check_health: bool) -> None:
        sizes.append(sum(map(len, packed)))
        send(packed, check_health=check_health)

    monkeypatch.setattr(connection, "send_packed_command", sent)
    texts = [f"{n:04d}" + "x" * 1_000_000 for n in range(20)]
    assert pipeline.run([("ECHO", text) for text in texts]) == texts
    assert max(sizes) < SEND_AT_ONCE + 1_000_100
    assert sum(sizes) > 20_000_000


def test_nothing_to_write_is_no_trouble(pipeline: Pipeline) -> None:
    assert pipeline.run([]) == []
