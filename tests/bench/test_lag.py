"""lag.py: a short run of few sessions for each subject, how it fails, and the arithmetic of its table."""

import argparse
import os
import re

import lag
import pytest
import report
from programs import Failure

_QUICK = ("--backends", "10", "--sessions", "50", "--turns", "1", "--seconds", "1")
_MARKS = "<!-- {0}:begin -->\nold\n<!-- {0}:end -->\n"


@pytest.fixture
def lag_page(page):
    """A page with marks for these results too."""
    page.write_text(page.read_text(encoding="utf-8") + "".join(map(_MARKS.format, lag.SUBJECTS)), encoding="utf-8")
    return page


@pytest.mark.parametrize("subject, rows", [
    ("probes", ["supervisor's CPU a probe"]),
    ("admin", ["a scrape, until it is read", "a full listing, until it is read"])])
def test_a_run_is_told_and_written_between_its_marks(run_script, lag_page, subject, rows):
    before = lag_page.read_text(encoding="utf-8")
    done = run_script("lag.py", subject, *_QUICK, "--write", lag_page)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"^turn 1/1: on lag p99 [\d,]+ µs of \d+, message [\d,]+ µs, off lag p99 [\d,]+ µs of \d+, ",
                     done.stderr, re.M)
    assert "50 sessions over 10 backends, 2,000 messages of 64 bytes a second" in done.stdout
    assert "Both without errors in 1 of 1 turns of 1 s." in done.stdout
    for name in ("worker loop lag, p99", "worker loop lag, p50", "message latency, typical p99"):
        assert re.search(rf"^\| {name} \| [\d,]+ \| [\d,]+ \| [\d.]+ \([\d.]+–[\d.]+\) \|$", done.stdout, re.M), name
    for name in rows:
        assert re.search(rf"^\| {name} \| [\d,]+ \|  \|  \|$", done.stdout, re.M), name
    assert re.search(r"^\| worker loop lag p99 ≤ 1.25 × that without \w+ \| [\d.]+ \| (met|\*\*not met\*\*) \|$",
                     done.stdout, re.M)
    mark = _MARKS.format(subject)
    assert lag_page.read_text(encoding="utf-8") == before.replace(mark, mark.replace("old\n", done.stdout))


def test_backends_that_answer_nothing_are_told_and_not_written(run_script, build_without_backend, lag_page):
    before = lag_page.read_text(encoding="utf-8")
    done = run_script("lag.py", "probes", *_QUICK, "--patience", "1", "--write", lag_page, build=build_without_backend)
    assert done.returncode == 1
    assert "lag: 2 of 2 runs had errors; turn 1, probes on: not within 1 s: all 10 backends are up" in done.stderr
    assert "off ERRORS: " in done.stderr and "(answered 503)" in done.stderr
    assert "| - | not all measured |" in done.stdout
    assert lag_page.read_text(encoding="utf-8") == before


def test_one_cpu_is_refused(run_script):
    first = min(os.sched_getaffinity(0))
    done = run_script("lag.py", "probes", *_QUICK, prepare=lambda: os.sched_setaffinity(0, {first}))
    assert done.returncode == 1
    assert done.stderr.startswith("lag: it takes two CPUs")


@pytest.mark.parametrize("arguments", [["--turns", "0"], ["--seconds", "0"], ["--sessions", "0"], ["--backends", "0"],
                                       ["--backends", "255"]])
def test_usage(run_script, arguments):
    assert run_script("lag.py", "probes", *arguments).returncode == 2
    assert run_script("lag.py", "no_such_subject").returncode == 2


def _run(turn, probes_are, p99, errors=0, supervisor=0.008):
    return {"turn": turn, "case": "probes", "proxy": probes_are, "errors": errors, "first_error": "lost",
            "lag_us": {"p50": p99 // 2, "p99": p99, "max": 2 * p99}, "samples": 400, "supervisor": supervisor,
            "latency_us": {"p50": 100.0, "p99": 300.0, "p99.9": 900.0, "p99_typical": 200.0}}


def _page(runs):
    arguments = argparse.Namespace(backends=200, sessions=5_000, seconds=20.0, turns=3)
    return lag.page(lag.SUBJECTS["probes"], arguments, report.Results(runs), {})


def test_the_ratio_is_the_median_of_those_of_the_same_turn():
    # The medians alone would say 200 / 200.
    text = _page([_run(1, "on", 100), _run(1, "off", 200), _run(2, "off", 100), _run(2, "on", 200),
                  _run(3, "on", 400), _run(3, "off", 320)])
    assert "| worker loop lag, p99 | 200 | 200 | 1.25 (0.50–2.00) |" in text
    assert "| worker loop lag p99 ≤ 1.25 × that without probes | 1.250 | met |" in text


def test_a_ratio_above_the_bound_misses_the_target():
    text = _page([_run(1, "on", 126), _run(1, "off", 100)])
    assert "| 1.260 | **not met** |" in text


def test_turns_with_errors_count_for_nothing():
    text = _page([_run(1, "on", 100), _run(1, "off", 100), _run(2, "on", 900, errors=1), _run(2, "off", 100)])
    assert "Both without errors in 1 of 3 turns of 20 s." in text
    assert "| worker loop lag, p99 | 100 | 100 | 1.00 (1.00–1.00) |" in text


def test_what_a_probe_costs_the_supervisor():
    # 40 probes a second: 8 ms a second of the CPU are 200 µs each.
    assert lag.probe_cost(report.Results([_run(1, "on", 100)]), 200) == pytest.approx(200)
    assert lag.probe_cost(report.Results([_run(1, "off", 100)]), 200) is None


def test_the_last_words_of_a_worker():
    log = ("2026-11-26T06:00:00.000Z info stopping\n2026-11-26T06:00:01.000Z debug worker_stopped worker=0 "
           "loop_lag_p50_us=63 loop_lag_p99_us=447 loop_lag_max_us=1023 samples=400\n"
           "2026-11-26T06:00:01.001Z info stopped\n")
    assert lag.last_words(log) == {"lag_us": {"p50": 63, "p99": 447, "max": 1023}, "samples": 400}
    with pytest.raises(Failure, match="did not say how late"):
        lag.last_words("2026-11-26T06:00:01.001Z info stopped\n")
