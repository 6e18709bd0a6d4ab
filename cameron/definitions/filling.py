"""The templates of one attempt, filled in: with a limit on what they may come to all together.

A definition is small, and what it names may be large; so one that names an input a thousand times must not come to a gigabyte.
"""

from typing import Any

from cameron.core.strict_json import NotJson, compact
from cameron.core.template import RENDERED_MAX, Scope, TemplateFault, render, render_value


class Filling:
    """What is left of `RENDERED_MAX` characters, which `core.template` allows for one text, is left for all that is filled in with it."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self._left = scope, RENDERED_MAX

    def text(self, template: str) -> str:
        """The text with its names filled in. Raises TemplateFault."""
        return self.spend(render(template, self.scope))

    def json(self, said: Any) -> str:
        """A JSON value with the names in its strings filled in, as compact JSON. Raises TemplateFault."""
        return self.spend(as_json(render_value(said, self.scope)))

    def value(self, said: Any) -> Any:
        """The same as a value. Raises TemplateFault."""
        found = render_value(said, self.scope)
        self.spend(as_json(found))
        return found

    def spend(self, text: str) -> str:
        """The text, which is a part of what is sent. Raises TemplateFault."""
        self._left -= len(text)
        if self._left < 0:
            raise TemplateFault(f"with all names filled in, it has more than {RENDERED_MAX} characters")
        return text


def as_json(value: Any) -> str:
    """The value as compact JSON. Raises TemplateFault."""
    try:
        return compact(value)
    except NotJson as error:
        raise TemplateFault(f"what comes of it cannot be sent as JSON: {error}") from None
