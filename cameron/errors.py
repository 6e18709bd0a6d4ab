"""What can go wrong for somebody: one error per thing a caller can do about it, each carrying its data.

`cameron.web` maps them to HTTP statuses in one table; the command line prints them as they are.
"""


class CameronError(Exception):
    """Anything that Cameron tells a caller; its text says what to do."""


class ConfigError(CameronError):
    """The configuration or a definition file cannot be used; the text names the file, the place and the mend."""


class ProcessNotFound(CameronError):
    """No process of that name is in the catalog: look at `cameron check` for the names there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no process named {name!r}; `cameron check` lists the ones there are")
        self.name = name


class JobNotFound(CameronError):
    """No such job: the location is wrong, or the job has outlived its retention."""

    def __init__(self, process: str, uuid: str) -> None:
        super().__init__(f"process {process!r} has no job {uuid!r} under that key: check the Location you were given")
        self.process = process
        self.uuid = uuid


class InvalidRequest(CameronError):
    """The request cannot be read; `code` is a word for programs, `field` the field at fault where there is one."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class StoreUnavailable(CameronError):
    """Redis does not answer, or this node is stopping: try again after `retry_after_s` seconds.

    Where the connection was lost in the middle of a start, the job may be in Redis all the same.
    """

    def __init__(self, why: str, retry_after_s: int = 2) -> None:
        super().__init__(f"the store is unavailable ({why}); try again in {retry_after_s} s")
        self.why = why
        self.retry_after_s = retry_after_s
