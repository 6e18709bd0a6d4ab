"""Moments and durations as people read them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameron.core.moment import duration, in_words, rfc3339


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59), timezones=st.just(UTC)))
def test_every_moment_reads_as_datetime_says(moment: datetime) -> None:
    ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000)
    assert rfc3339(ms) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_leap_day_is_one() -> None:
    assert rfc3339(1_709_164_800_001) == "2024-02-29T00:00:00.001Z"


def test_a_sentence_has_seconds_and_names_the_zone() -> None:
    assert in_words(1_709_164_800_999) == "2024-02-29 00:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"), (0, "0 s"), (0.44, "0.4 s"), (9.94, "9.9 s"), (9.99, "10 s"), (59.9, "59 s"), (60, "1 min"), (61, "1 min 1 s"),
        (3599, "59 min 59 s"), (3600, "1 h"), (3660, "1 h 1 min"), (86_399, "23 h 59 min"), (86_400, "1 day"), (90_000, "1 day 1 h"),
        (604_800, "7 days"),
    ],
)  # fmt: skip
def test_a_duration_has_one_or_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
