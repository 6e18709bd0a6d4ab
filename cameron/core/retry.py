"""How long to wait before an attempt is repeated: exponential, capped, with full jitter."""

from cameron.core.process import RetryPolicy


def delay_s(policy: RetryPolicy, attempt: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) has failed.

    `chance` in [0, 1) picks a point below the bound `delay_s * factor ** (attempt - 1)`, itself capped at `cap_s`: full jitter keeps
    many tasks that failed together from coming back together. A service's own `Retry-After` is honoured: never sooner than it says,
    and the jitter goes on top.
    """
    bound = policy.cap_s
    if policy.factor <= 1 or attempt < 64:  # beyond that any growth has met its cap, and a float might overflow
        bound = min(policy.cap_s, policy.delay_s * policy.factor ** (attempt - 1))
    return max(retry_after_s or 0.0, 0.0) + bound * chance


def may_retry(policy: RetryPolicy, attempt: int, kind: str) -> bool:
    """Whether a failure of this kind at attempt number `attempt` is to be followed by another attempt."""
    return attempt < policy.attempts and kind in policy.on
