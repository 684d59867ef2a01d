"""What the tests of the harness share: the build folder, running a script of bench/, a page to write into."""

import os
import pathlib
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_BENCH = _ROOT / "bench"
_PROGRAMS = ("drover", "bench/drover-bench-backend", "bench/drover-bench-load", "bench/drover-bench-relay",
             "bench/drover-balancing-simulation", "bench/drover-rebalancing-simulation")
_TIMEOUT = 300.0

sys.path.insert(0, str(_BENCH))


def _build():
    return pathlib.Path(os.environ.get("DROVER_BUILD", _ROOT / "build/release"))


def pytest_sessionstart(session):
    """A missing program is one clear message, not a failure a test."""
    for program in _PROGRAMS:
        if not os.access(_build() / program, os.X_OK):
            pytest.exit(f"no program at {_build() / program}: build it, or set DROVER_BUILD", returncode=1)


@pytest.fixture(scope="session")
def root():
    """The tree."""
    return _ROOT


@pytest.fixture(scope="session")
def build():
    """The build folder."""
    return _build()


@pytest.fixture(scope="session")
def run_script():
    """Runs compare.py, scale.py, lag.py or drain.py to its end; `prepare` runs in the child first."""
    def run(script, *arguments, build=None, prepare=None):
        return subprocess.run(
            [sys.executable, str(_BENCH / script), "--build", str(build or _build()), *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=_TIMEOUT,
            preexec_fn=prepare, check=False)
    return run


@pytest.fixture(scope="session")
def new_page():
    """Makes a page with the marks of both results."""
    def make(folder):
        page = folder / "page.md"
        page.write_text("# A page\n\n<!-- compare:begin -->\nold\n<!-- compare:end -->\n\nBetween.\n\n"
                        "<!-- scale:begin -->\nold\n<!-- scale:end -->\n\nThe end.\n", encoding="utf-8")
        return page
    return make


@pytest.fixture
def page(new_page, tmp_path):
    """One for a test of its own."""
    return new_page(tmp_path)


@pytest.fixture
def build_without_backend(tmp_path):
    """A build folder whose backend says that it listens and does not."""
    build = tmp_path / "build"
    (build / "bench").mkdir(parents=True)
    for program in _PROGRAMS:
        (build / program).symlink_to(_build() / program)
    backend = build / "bench/drover-bench-backend"
    backend.unlink()
    # Port 1 of an address that nobody else here has.
    backend.write_text('#!/bin/sh\nfor word; do\n  if [ "$word" != --listen ]; then echo "listening ${word%:*}:1"; fi\n'
                       "done\nexec sleep infinity\n", encoding="ascii")
    backend.chmod(0o755)
    return build
