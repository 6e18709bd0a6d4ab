"""Definition files of the dialects whose definitions say where a process starts, and its options: `{"name", "<url>", "options"?}`."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cameron.core.process import Process
from cameron.definitions.options import Options, flat_options, stored_options
from cameron.errors import ConfigError


class StartFile(NamedTuple):
    """See `cameron.definitions.files.folder.ReadsFiles`."""

    process: Callable[[str, str, str, Options], Process]  # name, URL, where it stands, checked options by full name
    url: str  # the member that holds the URL

    def from_file(self, document: dict[str, Any], where: str) -> Process:
        """The process; what else the document has (its version, a description) is for people and for the folder."""
        name = document["name"]
        try:
            options = stored_options(flat_options(document.get("options", {})), name)
        except ConfigError as error:  # the schema has let pass what the options' own table does not
            raise ConfigError(f"{where}: $.options: {error}") from None
        return self.process(name, document[self.url], where, options)
