import json
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import service
from static_service import START_PATH, bodies

OPEN = build_opener(ProxyHandler({})).open


def test_the_service_in_python_counts_and_remembers_what_it_is_called_with(tmp_path: Path) -> None:
    with service.start(tmp_path, "python") as serving:
        before = serving.calls()
        with OPEN(Request(serving.start_url, b'{"key": "x"}'), timeout=10) as answer:
            assert json.loads(answer.read())["name"] == "whois"
        assert serving.calls() == before + 1
        assert serving.requests()[START_PATH].endswith('{"key": "x"}')
        assert set(serving.requests()) == set(bodies(serving.port))
