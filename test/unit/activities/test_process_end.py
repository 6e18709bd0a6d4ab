"""How a process has ended, and the last it wrote."""

import pytest

from cameron.activities import process_end
from cameron.activities.process_end import QUOTED_MAX, ending, last_words

DUMP = f"""Fatal Python error: Segmentation fault

Current thread 0x00007f (most recent call first):
  File "{__import__("ctypes").__file__}", line 519 in string_at
  File "/srv/priv/activities/orders.py", line 12 in charge
  File "{process_end.__file__}", line 5 in perform
  File "<frozen runpy>", line 88 in _run_code
"""


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (0, "ended by itself, with status 0"),
        (3, "ended by itself, with status 3"),
        (-11, "was ended by signal 11 (SIGSEGV)"),
        (-64, "was ended by signal 64 (SIGRTMAX)"),
        (-33, "was ended by signal 33"),
    ],
)
def test_an_exit_status_in_words(status: int, told: str) -> None:
    assert ending(status) == told


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("", ""),
        (" two\nlines\n", "two\nlines"),
        ("x" * 5000 + "the end", "…" + "x" * (QUOTED_MAX - 7) + "the end"),
        (DUMP, "it stood at /srv/priv/activities/orders.py:12"),
        ("about to die\n" + DUMP, "about to die; it stood at /srv/priv/activities/orders.py:12"),
        (DUMP.replace("/srv/priv", process_end.OURS), ""),
        ('  File "/srv/a.py", line 1 in f', 'File "/srv/a.py", line 1 in f'),
    ],
)
def test_the_last_it_wrote(output: str, told: str) -> None:
    assert last_words(output) == told
