"""Until when this node may be sure of what it holds, and from when on it may take what others held.

Pure: times are monotonic seconds that come in as arguments. A renewal counts from before its command went out: Redis counts from later.
"""

from math import inf

OUTAGE = 0.5  # of a lease: Redis away for longer may have cost others their leases, who are as alive as we are


class Lease:
    """One node's lease of `lease_s` seconds. After an outage the others get one lease's time to come back for what is theirs."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._until_s = -inf
        self._failing_since_s: float | None = None
        self._grace_until_s = -inf

    def is_held(self, now_s: float) -> bool:
        """Whether nobody may have taken from us what we hold."""
        return now_s < self._until_s

    def grace_s(self, now_s: float) -> float:
        """How long nothing may be taken over from others; 0: it may."""
        return max(0.0, self._grace_until_s - now_s)

    def kept(self, asked_s: float) -> None:
        """Redis was asked at that time, and has given or prolonged the lease."""
        since_s, self._failing_since_s = self._failing_since_s, None
        if since_s is not None and asked_s - since_s > OUTAGE * self._lease_s:
            self._grace_until_s = asked_s + self._lease_s
        self._until_s = asked_s + self._lease_s

    def failed(self, asked_s: float) -> None:
        """Redis was asked at that time, and has not answered."""
        if self._failing_since_s is None:
            self._failing_since_s = asked_s

    def lost(self, asked_s: float) -> None:
        """Redis was asked at that time, and knew of no lease.

        Where it should have lasted longer, Redis has lost it, or its clock has leapt: so with the leases of all others.
        """
        if asked_s < self._until_s:
            self._grace_until_s = asked_s + self._lease_s
        self._until_s = -inf
