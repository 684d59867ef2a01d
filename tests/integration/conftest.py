"""Fixtures that every integration test shares."""

import contextlib
import os
import sys

import pytest
from harness import Drover, RawBackend, ReportingServer, drover_binary
from harness.handoff import Moves

# A test's own threads play both sides of a handshake: each hand-over would otherwise wait for 5 ms.
sys.setswitchinterval(0.0002)


def pytest_sessionstart(session):
    """A missing program is one clear message, not a hundred failures."""
    if not os.access(drover_binary(), os.X_OK):
        pytest.exit(f"no program at {drover_binary()}: build it, or set DROVER_BIN", returncode=1)


@pytest.fixture
def start():
    """Starts Drovers that end, cleanly, with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(Drover(*arguments, **options))


@pytest.fixture
def backend():
    """One raw backend, fresh for each test."""
    raw = RawBackend()
    yield raw
    raw.close()


@pytest.fixture
def drover(start, backend):
    """Drover in front of `backend`, with timeouts short enough to be waited for."""
    return start({"backends": [backend.address], "timeouts": {"upgrade": "5s", "close": "1s"}})


@pytest.fixture
def servers():
    """Makes servers that report how they are."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **state: stack.enter_context(ReportingServer(*arguments, **state))


@pytest.fixture
def moves(start):
    """Makes Drovers before contract backends, between which a session can be moved step by step."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **config: stack.enter_context(Moves(start, *arguments, **config))
