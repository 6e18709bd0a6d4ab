"""A probe for each test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cameron.otp.probe import Probe


@pytest.fixture
def probe() -> Iterator[Probe]:
    """An actor that keeps what it is sent."""
    probe = Probe()
    yield probe
    probe.stop()
