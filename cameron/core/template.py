"""Templates in definitions: `{key}` in URLs."""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class UnknownName(ValueError):
    """The template names what is not there."""


def fill_url(template: str, values: Mapping[str, str]) -> str:
    """The URL with each `{name}` replaced by its value, percent-encoded. Raises UnknownName."""
    if "{" not in template:
        return template

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise UnknownName(f"{{{name}}} in {template!r} is none of: {', '.join(sorted(values)) or 'no names at all'}")
        return quote(values[name], safe="")

    return _PLACEHOLDER.sub(value_of, template)
