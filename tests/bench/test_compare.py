"""compare.py end to end: every case with every proxy, what it writes, and how it fails."""

import json
import os
import re
import shutil

import pytest

_QUICK = ("--turns", "1", "--seconds", "0.1")
_CASES = ("64", "64x16", "1k", "16k", "64k", "rate", "fanout", "churn", "idle", "workers", "tls-64", "tls-64k",
          "tls-full", "tls-resumed", "tls-idle")
_PROXIES = ("relay", "drover", "haproxy", "haproxy-tuned", "nginx", "nginx-tuned")
_SECTIONS = ("CPU of the proxy", "CPU as a ratio", "Drover as a ratio", "Messages", "Latency", "User memory",
             "Two workers", "TLS: CPU of the proxy", "TLS: Drover as a ratio", "TLS: messages", "TLS: latency",
             "TLS: user memory", "TLS: protocol, cipher and group", "Targets", "Machine")
_AGREED = "TLSv1.3 TLS_AES_256_GCM_SHA384 x25519"


@pytest.fixture(scope="module")
def whole(run_script, new_page, tmp_path_factory):
    """One run of everything: (the process, its JSON, the page it wrote)."""
    folder = tmp_path_factory.mktemp("whole")
    page = new_page(folder)
    done = run_script("compare.py", *_QUICK, "--json", folder / "compare.json", "--write", page)
    assert done.returncode == 0, done.stderr + done.stdout
    return done, json.loads((folder / "compare.json").read_text(encoding="utf-8")), page.read_text(encoding="utf-8")


def _runs_of(case):
    if case == "workers":
        return ("1 worker", "2 workers")
    return _PROXIES[1:] if case.startswith("tls-") else _PROXIES


def test_every_cell_has_a_figure(whole):
    summary = whole[1]["summary"]
    assert list(summary) == list(_CASES)
    for case in _CASES:
        assert list(summary[case]) == list(_runs_of(case))
        for proxy, cell in summary[case].items():
            assert cell["errors"] == 0, (case, proxy)
            if case.endswith("idle"):
                assert cell["bytes_a_session"] >= 0, proxy
            else:
                numbers = [cell["cpu_us"], cell["per_second"], *cell["latency_us"].values()]
                assert len(numbers) == 6 and all(number > 0 for number in numbers), (case, proxy, cell)


def test_every_run_is_kept(whole):
    runs = whole[1]["runs"]
    assert [(run["case"], run["proxy"]) for run in runs] == [(case, proxy) for case in _CASES
                                                             for proxy in _runs_of(case)]
    assert all(run["turn"] == 1 and run["operations"] > 0 for run in runs)


def test_tls_is_full_or_resumed_as_the_case_says(whole):
    runs = [run for run in whole[1]["runs"] if run["case"].startswith("tls-")]
    assert len(runs) == 25
    for run in runs:
        tls = run["tls"]
        if run["case"] == "tls-resumed":
            assert tls["full"] == run["sessions"] and tls["resumed"] > 0, run
        else:
            assert tls["full"] >= run["sessions"] and tls["resumed"] == 0, run
        assert tls["agreed"] == [_AGREED], run
    assert f"### TLS: protocol, cipher and group that were agreed on\n\n- {_AGREED}: drover, haproxy," in whole[0].stdout


def test_the_page_has_all_sections_without_gaps(whole):
    text = whole[0].stdout
    assert len(re.findall(r"^### ", text, re.M)) == len(_SECTIONS)
    for section in _SECTIONS:
        assert f"### {section}" in text
    assert "| - " not in text and "not all measured" not in text
    assert "| no case with errors | 0 of 81 runs had some | met |" in text
    for row in _CASES[:8]:
        assert re.search(rf"^\| {row} \|( [\d,.]+ \|){{6}}$", text, re.M), row
    for row in _CASES[10:]:
        assert re.search(rf"^\| {row} \|( [\d,.]+ \|){{5}}$", text, re.M), row


def test_every_target_has_a_verdict(whole):
    targets = whole[1]["targets"]
    assert len(targets) == 15
    assert all(target["met"] in (True, False) and target["figure"] != "-" for target in targets)


def test_the_machine_is_named(whole):
    machine = whole[1]["machine"]
    assert machine["Drover"].startswith("drover ")
    assert machine["HAProxy"].startswith("HAProxy version ") and machine["nginx"].startswith("nginx version: ")
    assert machine["compiler"] != "unknown" and machine["kernel"].startswith("Linux ")


def test_the_page_is_replaced_between_its_marks_alone(whole):
    done, _, page = whole
    assert page == (f"# A page\n\n<!-- compare:begin -->\n{done.stdout.strip()}\n<!-- compare:end -->\n\nBetween.\n\n"
                    "<!-- scale:begin -->\nold\n<!-- scale:end -->\n\nThe end.\n")


def test_the_order_of_the_proxies_rotates(run_script, tmp_path):
    file = tmp_path / "compare.json"
    done = run_script("compare.py", "--turns", "2", "--seconds", "0.1", "--proxies", "drover,relay", "--json", file,
                      "1k")
    assert done.returncode == 0, done.stderr
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    assert [(run["turn"], run["proxy"]) for run in runs] == [(1, "relay"), (1, "drover"), (2, "drover"), (2, "relay")]
    assert "haproxy, every" in done.stdout and "not all measured" in done.stdout


@pytest.mark.skipif(shutil.which("perf") is None, reason="there is no perf")
def test_a_run_can_be_profiled(run_script, tmp_path):
    done = run_script("compare.py", *_QUICK, "--proxies", "drover", "--profile", tmp_path / "profiles", "64")
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "profiles/64-drover-1.data").read_bytes().startswith(b"PERFILE2")


def test_errors_are_told_and_not_written(run_script, build_without_backend, page, tmp_path):
    before, file = page.read_text(encoding="utf-8"), tmp_path / "compare.json"
    done = run_script("compare.py", *_QUICK, "--proxies", "relay,nginx", "--json", file, "--write", page,
                      "64", "churn", "idle", build=build_without_backend)
    assert done.returncode == 1
    assert "compare: 6 of 6 runs had errors" in done.stderr
    assert re.search(r"turn 1/1, 64: relay ERRORS: \d+ \(.+\), nginx ERRORS: \d+ \(answered 502\)", done.stderr)
    assert re.search(r"^- nginx, churn, turn 1: errors: [\d,]+, first: answered 502$", done.stdout, re.M)
    assert re.search(r"^\| 64 \| - \(errors: \d+\) \| - \(errors: \d+\) \|$", done.stdout, re.M)
    assert "| no case with errors | 6 of 6 runs had some | **not met** |" in done.stdout
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    assert len(runs) == 6 and all(run["errors"] > 0 and run["first_error"] for run in runs)
    assert page.read_text(encoding="utf-8") == before


def test_a_proxy_that_does_not_start_is_an_error_of_its_own(run_script, build_without_backend):
    relay = build_without_backend / "bench/drover-bench-relay"
    relay.unlink()
    relay.write_text("#!/bin/sh\nexit 3\n", encoding="ascii")
    relay.chmod(0o755)
    done = run_script("compare.py", *_QUICK, "--proxies", "relay", "64", build=build_without_backend)
    assert done.returncode == 1
    assert "drover-bench-relay did not say where it listens" in done.stdout


def test_one_cpu_is_refused(run_script):
    first = min(os.sched_getaffinity(0))
    done = run_script("compare.py", *_QUICK, "64", prepare=lambda: os.sched_setaffinity(0, {first}))
    assert done.returncode == 1
    assert done.stderr.startswith("compare: it takes two CPUs")


@pytest.mark.parametrize("arguments", [["65"], ["--proxies", "relay,varnish"], ["--turns", "0"], ["--seconds", "0"]])
def test_usage(run_script, arguments):
    assert run_script("compare.py", *arguments).returncode == 2
