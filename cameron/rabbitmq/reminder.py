"""When a trouble that lasts is to be told: often enough to be found in a log, seldom enough not to fill it."""

EVERY_S = 60.0


class Reminder:
    """Of one trouble at a time; the clock is the caller's."""

    def __init__(self) -> None:
        self._trouble, self._told_s = "", 0.0

    def is_due(self, trouble: str, now_s: float) -> bool:
        """Whether to tell it: when it is new, and then every EVERY_S."""
        if trouble == self._trouble and now_s - self._told_s < EVERY_S:
            return False
        self._trouble, self._told_s = trouble, now_s
        return True

    def over(self) -> None:
        """Should it come again, it is a new one."""
        self._trouble = ""
