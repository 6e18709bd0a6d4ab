"""pika is for those who name a broker: nobody else needs it."""

import subprocess
import sys

WITHOUT_PIKA = "import sys; sys.modules['pika'] = None; import cameron.tree, cameron.cli, cameron.rabbitmq; print('works')"


def test_the_rest_of_cameron_does_without_pika() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PIKA], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("works\n", 0), done.stderr
