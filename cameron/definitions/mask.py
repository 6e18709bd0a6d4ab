"""What of a text nobody is shown: the values of the environment that templates may use, which are secrets as a rule.

What a job sent and what went wrong is shown to whoever may look at the job, so these values stand there as ***.
"""

import html
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from cameron.core.strict_json import NotJson, compact

HIDDEN: Final = "***"
LENGTH_MIN: Final = 6  # characters: shorter values stand in any text by chance


class Mask:
    """Hides values of an environment, as they are and as templates and messages write them: encoded for a URL, for HTML, in JSON."""

    def __init__(self, env: Mapping[str, str]) -> None:
        forms = {form for value in env.values() if len(value) >= LENGTH_MIN for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)  # one may be a part of another

    def __call__(self, text: str) -> str:
        """The text without them; before it is cut, else a part of one could be left."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _forms(value: str) -> set[str]:
    forms = {value, quote(value, safe="", errors="replace"), html.escape(value), repr(value)[1:-1]}
    try:
        return forms | {compact(value)[1:-1]}
    except NotJson:
        return forms


NOTHING_HIDDEN: Final = Mask({})
