"""How long to wait before an attempt is repeated: exponential, capped, with full jitter."""

from cameron.core.process import RetryPolicy

FUTILE = frozenset(  # kinds that another attempt cannot change
    {"invalid_url", "template", "not_allowed", "cannot_run", "limit", "permanent_failure", "unknown_activity", "invalid_data"}
)
NOT_REACHED = frozenset({"refused", "unknown_host"})  # kinds of failure after which no service can have seen the call


def delay_s(policy: RetryPolicy, attempt: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) has failed.

    `chance` in [0, 1) picks a point below the bound `delay_s * factor ** (attempt - 1)`, itself capped at `cap_s`: full jitter keeps
    many tasks that failed together from coming back together. A service's own `Retry-After` is honoured: never sooner than it says,
    and the jitter goes on top.
    """
    try:
        bound = min(policy.cap_s, policy.delay_s * policy.factor ** (attempt - 1))
    except OverflowError:  # grown beyond what a float can hold, and so beyond any cap
        bound = policy.cap_s if policy.delay_s else 0.0
    return max(retry_after_s or 0.0, 0.0) + bound * (chance if policy.jitter else 1.0)


def may_retry(policy: RetryPolicy, attempt: int, kind: str, at_most_once: bool = False) -> bool:
    """Whether a failure of this kind at attempt number `attempt` is to be followed by another attempt.

    A call that is made `at_most_once` is repeated only where it has not reached a service at all, whatever the policy says.
    """
    is_listed = kind in policy.on or ("*" in policy.on and kind not in FUTILE)
    return attempt < policy.attempts and is_listed and (not at_most_once or kind in NOT_REACHED)
