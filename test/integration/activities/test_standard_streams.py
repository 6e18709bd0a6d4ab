"""What an activity closes of the node's standard streams; in a program of its own, as pytest needs its own."""

import subprocess
import sys

import pytest

CLOSES = """
import os, sys
from cameron.activities.standard_streams import keep_open
{closing}
keep_open()
print(sorted(os.readlink(f"/proc/self/fd/{{n}}") == "/dev/null" for n in (0, 1, 2)), file=os.fdopen(9, "w"))
"""


@pytest.mark.parametrize(
    ("closing", "nowhere"),
    [
        ("", [False, False, False]),
        ("os.close(1)", [False, False, True]),
        ("os.close(2)\nos.close(0)", [False, True, True]),
        ("for n in (0, 1, 2): os.close(n)", [True, True, True]),
    ],
)
def test_what_was_closed_leads_nowhere_and_the_rest_is_as_it_was(closing: str, nowhere: list[bool]) -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" 9>&1', sys.executable, CLOSES.format(closing=closing)]
    did = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=60, check=False)
    assert (did.stdout.strip(), did.returncode) == (str(nowhere), 0), did.stderr
