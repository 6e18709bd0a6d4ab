"""Random plans for property tests: trees of replies that grow, fail and repeat one another's names."""

from hypothesis import strategies as st

from cameron.core.process import Activity

from .run import Plan, activity

NAMES = st.sampled_from(["start", "a", "b", "c"])  # few, so that many tasks want the same one
FAILURES = st.sampled_from(["", "", "refused", "http_503", "timeout", "http_500", "invalid_reply"])


def plans(failures: st.SearchStrategy[str] = FAILURES) -> st.SearchStrategy[Plan]:
    """A tree of at most about 20 tasks."""

    def plan(children: st.SearchStrategy[tuple[tuple[str, Plan], ...]]) -> st.SearchStrategy[Plan]:
        return st.tuples(failures, st.integers(1, 4), st.booleans(), children).map(Plan._make)

    return st.recursive(plan(st.just(())), lambda inner: plan(st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple)), max_leaves=15)


@st.composite
def static(draw: st.DrawFn, required: bool = True, at_most_once: bool = True) -> tuple[Activity, ...]:
    """Activities of one definition, each after some of the earlier ones."""
    names = [f"act_{number}" for number in range(draw(st.integers(1, 4)))]
    return tuple(
        activity(
            name,
            after=tuple(earlier for earlier in names[:at] if draw(st.booleans())),
            required=required and draw(st.booleans()),
            at_most_once=at_most_once and draw(st.booleans()),
        )
        for at, name in enumerate(names)
    )
