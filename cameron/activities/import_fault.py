"""What is told of a module that cannot be imported: where, why, and what would have been in it."""

import importlib.util
import linecache
import re
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from cameron.activities.python_activity import shown
from cameron.activities.source_place import raised_at, source_of

OURS = "cameron"  # the package that has what activities import
READ_MAX = 1 << 20  # bytes of a module that are looked through


def not_imported(module: str, error: BaseException) -> str:
    """For a person, with file:line; whatever the exception's own methods do."""
    try:
        text = shown(error)
    except BaseException:  # they are the module's code, too
        text = "an exception that cannot be shown"
    if isinstance(error, SyntaxError) and error.filename:
        where = source_of(module, error.filename, error.lineno or 0)
    else:
        where = raised_at(module, error.__traceback__)
    hint = _hint(error) if isinstance(error, ModuleNotFoundError) else ""
    return f"{where or module}: the module {module} cannot be imported, and its activities are missing: {text}{hint}"


def defined_in(module: str) -> list[str]:
    """The functions and classes at the top of a module, by what its file says; none where that cannot be read."""
    try:
        spec = importlib.util.find_spec(module)
        if spec is None or not spec.origin or not spec.has_location:
            return []
        with Path(spec.origin).open("rb") as file:
            text = file.read(READ_MAX).decode("utf-8", "replace")
    except BaseException:  # to find it, what stands above it is imported
        return []
    return re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", text, re.MULTILINE)


def _hint(error: ModuleNotFoundError) -> str:
    """Code that was written for another system may import from that one what stands here under the same name."""
    line = _raising_line(error.__traceback__)
    found = re.match(r"\s*(?:from|import)\s+(\w+)\.([\w.]+)", line)
    if not found or found[1] != error.name or found[1] == OURS:
        return ""
    try:
        is_ours = importlib.util.find_spec(f"{OURS}.{found[2]}") is not None
    except ImportError:
        return ""
    return f": write {OURS} for {found[1]}" if is_ours else ""


def _raising_line(traceback: TracebackType | None) -> str:
    """The innermost one outside of what does imports."""
    steps = [(frame.f_code.co_filename, line) for frame, line in walk_tb(traceback)]
    files = [(file, line) for file, line in steps if not file.startswith("<frozen ")]
    return linecache.getline(*files[-1]) if files else ""
