import sys
from pathlib import Path

from programs import Program, cpu_s

from ...acceptance.support.waiting import eventually

CHILD = "import sys; sys.stdin.readline()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.readline()
child.communicate()
"""


def test_a_programs_family_is_itself_and_what_it_has_started(tmp_path: Path) -> None:
    with Program(tmp_path, "parent", [sys.executable, "-c", PARENT]) as parent:
        child = int(parent.hear())
        assert parent.family() == [parent.pid, child]
        assert parent.cpu_s() > 0
        eventually(lambda: cpu_s(child) > 0, "the child to have run")  # it may only just have been forked
        assert parent.peak_rss_mib() > 1
        parent.tell("end")
