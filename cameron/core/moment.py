"""Moments as people and programs read them: RFC 3339, UTC. Arithmetic on epoch milliseconds; no clock is read."""

DAY_MS = 86_400_000
_DAYS_TO_MARCH_0000 = 719_468  # days from 1 March of the year 0 to the epoch
_DAYS_IN_400_YEARS = 146_097


def rfc3339(epoch_ms: int) -> str:
    """`2026-11-21T00:47:00.123Z`."""
    day, ms = divmod(epoch_ms, DAY_MS)
    year, month, of_month = _date(day)
    seconds, ms = divmod(ms, 1000)
    return f"{year:04d}-{month:02d}-{of_month:02d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}Z"


def in_words(epoch_ms: int) -> str:
    """`2026-11-21 00:47:00 UTC`, for a sentence."""
    return f"{rfc3339(epoch_ms)[:-5].replace('T', ' ')} UTC"


def _date(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month of a day counted from the epoch: with years that begin in March, the leap day comes last."""
    era, of_era = divmod(day + _DAYS_TO_MARCH_0000, _DAYS_IN_400_YEARS)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153  # 0 is March
    of_month = of_year - (153 * month + 2) // 5 + 1
    return era * 400 + year + (month >= 10), month + 3 if month < 10 else month - 9, of_month


def duration(seconds: float) -> str:
    """About how long, in one or two units: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `6 days 3 h`."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}".removesuffix(".0") + " s"
    whole = max(10, int(seconds))
    for size, unit, smaller_size, smaller_unit in ((86_400, "days", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            count, rest = divmod(whole, size)
            name = "day" if unit == "days" and count == 1 else unit
            return f"{count} {name}" + (f" {rest // smaller_size} {smaller_unit}" if rest >= smaller_size else "")
    return f"{whole} s"
