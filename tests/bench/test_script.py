"""scripts/bench: what it has set up and built, and what it runs, with stand-ins for all of it."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture
def bench(root, tmp_path):
    """Runs a copy of it; returns the process and the calls it made, the tree's path left out."""
    (tmp_path / "scripts/lib").mkdir(parents=True)
    shutil.copy(root / "scripts/bench", tmp_path / "scripts")
    shutil.copy(root / "scripts/lib/common.sh", tmp_path / "scripts/lib")
    log = tmp_path / "log"
    for name in ("scripts/setup", "bin/cmake", "bin/python3"):
        stand_in = tmp_path / name
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(f'#!/bin/sh\necho "{stand_in.name} $*" >>{log}\n', encoding="utf-8")
        stand_in.chmod(0o755)

    def run(*arguments):
        done = subprocess.run(["bash", tmp_path / "scripts/bench", *arguments], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}, check=False)
        calls = log.read_text(encoding="utf-8").replace(f"{tmp_path}/", "").splitlines() if log.exists() else []
        return done, calls
    return run


def test_it_compares_the_cases_given(bench):
    done, calls = bench("64", "--turns", "3")
    assert done.returncode == 0
    assert calls[0] == "setup bench"
    assert "--target drover drover-bench-backend drover-bench-load drover-bench-relay" in calls[2]
    assert calls[3:] == [
        "python3 bench/compare.py --build build/release --json build/release/compare.json 64 --turns 3"]


def test_it_writes_when_told(bench):
    assert bench("--write")[1][-1].endswith(" --write docs/benchmarks.md")


def test_it_runs_the_scale_run(bench):
    assert bench("scale", "--sessions", "5")[1][-1] == "python3 bench/scale.py --build build/release --sessions 5"


@pytest.mark.parametrize("subject", ["probes", "admin"])
def test_it_runs_the_lag_run(bench, subject):
    assert bench(subject, "--write", "--turns", "9")[1][-1] == (
        f"python3 bench/lag.py --build build/release {subject} --write docs/benchmarks.md --turns 9")


def test_it_runs_the_drain_run(bench):
    assert bench("drain", "--write", "--turns", "9")[1][-1] == (
        "python3 bench/drain.py --build build/release --write docs/benchmarks.md --turns 9")


def test_help_does_nothing(bench):
    done, calls = bench("--help")
    assert "Usage: scripts/bench" in done.stdout and calls == []
