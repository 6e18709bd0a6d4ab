"""A run's own way to its job's session, which is closed when the run counts no longer: its thread may go on, but leaves no trace."""

from cameron.activities.session import Session


class RunIsOver(RuntimeError):
    """What the activity is told then, if it comes back to ask."""


class RevocableSession:
    """For any thread, as the session behind it is."""

    def __init__(self, session: Session) -> None:
        self._session, self._is_revoked = session, False

    def revoke(self) -> None:
        """Let nothing more through; what is being read or written at this very moment may still be."""
        self._is_revoked = True

    def get(self, key: str) -> str | None:
        """As every Session; raises RunIsOver once it is revoked."""
        return self._open().get(key)

    def set(self, key: str, value: str) -> None:
        """As every Session; raises RunIsOver once it is revoked."""
        self._open().set(key, value)

    def _open(self) -> Session:
        if self._is_revoked:
            raise RunIsOver(
                "the time of this run is over, or it was cancelled: the session is closed to it, and what it returns is not read"
            )
        return self._session
