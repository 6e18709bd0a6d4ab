"""A line of results, as `bench.py` appends them."""

from typing import Any


def side(rate: float, node_ms: float) -> dict[str, Any]:
    return {
        "jobs_per_s": rate,
        "cpu_ms_per_job": {"node": node_ms, "redis": 0.2, "service": 0.1, "clients": 0.05},
        "redis_commands_per_job": 5.2,
        "switches_per_job": {"voluntary": 4.0, "involuntary": 1.0},
        "others_cpu_percent": 2,
        "rounds_jobs_per_s": [rate],
        "peak_rss_mib": {"node": 99.0, "redis": 32.0},
    }


def a_line(cameron: float = 650.0, jobs: tuple[str, ...] = ("500",), two_nodes: float | None = None) -> dict[str, Any]:
    sides = {"cameron": side(cameron, 1.1), "plain_floor": side(1000.0, 0.5), "hard_floor": side(2000.0, 0.3)}
    if two_nodes:
        sides["cameron_nodes"] = side(two_nodes, 1.0)
    return {
        "date": "2026-11-21T19:46:33+00:00",
        "commit": "d0e8acc",
        "machine": {"cpu": "a <fast> one", "cores": 2, "python": "3.11.7", "kernel": "6.18", "libcurl": "8.23.0"},
        "options": {"clients": 20, "nodes": 2},
        "service": "nginx 1.22.1",
        "redis": "6.2.14",
        "alone_ms": {
            "cameron": {"p50": 3.0, "p95": 4.0, "p99": 5.0},
            "plain_floor": {"p50": 1.5, "p95": 2.0, "p99": 3.0},
            "hard_floor": {"p50": 1.0, "p95": 1.5, "p99": 2.0},
            "accept": {"p50": 1.0, "p95": 1.2, "p99": 1.4},
        },
        "jobs": dict.fromkeys(jobs, sides),
        "redis_bytes_per_job": {"hash": 5739.3, "record": 940.2, "events": 4744.3, "others": 0.0, "all": 11423.8},
    }
