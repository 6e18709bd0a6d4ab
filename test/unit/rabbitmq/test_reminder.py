"""How often a trouble that lasts is told."""

from itertools import pairwise

from cameron.rabbitmq.reminder import EVERY_S, Reminder


def test_a_trouble_is_told_once_and_then_now_and_then() -> None:
    reminder = Reminder()
    told_s = [now_s for now_s in range(1000, 1200, 7) if reminder.is_due("away", now_s)]
    assert [after_s - before_s for before_s, after_s in pairwise(told_s)] == [63, 63, 63]
    assert told_s[0] == 1000
    assert EVERY_S == 60


def test_another_trouble_is_told_at_once() -> None:
    reminder = Reminder()
    assert [reminder.is_due(text, 0.0) for text in ("away", "refused", "refused", "away")] == [True, True, False, True]


def test_a_trouble_that_comes_again_is_told_again() -> None:
    reminder = Reminder()
    assert reminder.is_due("away", 0.0)
    reminder.over()
    assert reminder.is_due("away", 1.0)
