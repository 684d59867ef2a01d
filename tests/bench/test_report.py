"""The arithmetic of a comparison: medians, ratios of the same turn, targets; and the place in a page."""

import pytest
import report
from programs import Failure


def _run(turn, proxy, cpu, case="64", errors=0, tail=100.0):
    return {"turn": turn, "case": case, "proxy": proxy, "errors": errors, "first_error": "lost" if errors else "",
            "cpu_us": cpu, "per_second": 1e6 / cpu, "latency_us": {"p50": 50.0, "p99": tail, "p99.9": 2 * tail, "p99_typical": tail}}


def _target(runs, text):
    return next(target for target in report.targets(report.Results(runs)) if text in target["target"])


def test_ratios_are_of_the_same_turn():
    # The medians alone would say 20 / 20.
    results = report.Results([_run(1, "relay", 10.0), _run(1, "drover", 20.0), _run(2, "relay", 20.0),
                              _run(2, "drover", 10.0), _run(3, "relay", 40.0), _run(3, "drover", 80.0)])
    assert results.ratios("64", "drover", "relay", report.cpu) == [2.0, 0.5, 2.0]
    assert results.median("64", "drover", report.cpu) == 20.0
    assert "| 64 | 2.00 (0.50–2.00) |" in report.comparison(results, {})


def test_runs_with_errors_are_counted_not_measured():
    results = report.Results([_run(1, "relay", 10.0), _run(1, "drover", 1.0, errors=7), _run(2, "relay", 10.0),
                              _run(2, "drover", 11.0)])
    assert results.ratios("64", "drover", "relay", report.cpu) == [1.1]
    text = report.comparison(results, {})
    assert "| 64 | 10.00 | 11.00 (errors: 7) |" in text
    assert "- drover, 64, turn 1: errors: 7, first: lost" in text
    assert _target(results.runs, "no case with errors")["met"] is False


@pytest.mark.parametrize("drover,met", [(11.0, True), (11.1, False)])
def test_a_target_is_met_by_all_cases_or_not(drover, met):
    runs = [_run(1, proxy, cpu, case) for case in report.MESSAGE_CASES
            for proxy, cpu in (("relay", 10.0), ("drover", drover if case == "64k" else 10.0))]
    target = _target(runs, "× the relay, every message case")
    assert target["met"] is met
    assert target["figure"] == f"{drover / 10:.3f} (64k)"


def test_a_target_that_was_not_measured_has_no_verdict_but_may_be_missed():
    assert _target([_run(1, "relay", 10.0), _run(1, "drover", 10.0)], "every message case")["met"] is None
    assert _target([_run(1, "relay", 10.0), _run(1, "drover", 12.0)], "every message case")["met"] is False


def test_the_tail_is_held_against_the_worst_peer():
    runs = [_run(1, "drover", 10.0, "rate", tail=104.0)]
    runs += [_run(1, peer, 10.0, "rate", tail=tail) for peer, tail in zip(report.PEERS, (100.0, 200.0, 120.0, 110.0))]
    for name, target in (("p99_typical", "typical p99 at"), ("p99", "p99 of the whole window")):
        assert _target(runs, target)["met"] is True
        runs[0]["latency_us"][name] = 106.0
        assert _target(runs, target)["figure"] == "1.060 (haproxy)"


def test_two_workers_are_two_cpus_at_their_own_cost():
    runs = [_run(1, report.ONE_WORKER, 10.0, "workers"), _run(1, report.TWO_WORKERS, 12.5, "workers")]
    assert report.capacities(report.Results(runs)) == [1.6]
    assert _target(runs, "two workers carry")["met"] is False


def _tls(proxy, agreed, case="tls-64"):
    return {**_run(1, proxy, 10.0, case), "tls": {"full": 1, "resumed": 0, "agreed": agreed}}


def test_tls_has_tables_of_its_own_without_the_relay():
    runs = [_run(1, "relay", 10.0), _run(1, "drover", 10.0), _tls("drover", ["TLS x"]), _tls("nginx", ["TLS x"])]
    text = report.comparison(report.Results(runs), {})
    assert "| 64 | 10.00 | 10.00 | - |" in text and "| tls-64 | 10.00 | 10.00 |" in text
    assert text.count("bare relay: median") == 1
    assert "agreed on\n\n- TLS x: drover, nginx\n" in text


def test_proxies_that_agree_on_different_ciphers_are_told():
    runs = [_tls("drover", ["TLS x"]), _tls("nginx", ["TLS x", "TLS y"])]
    text = report.comparison(report.Results(runs), {})
    assert "**Not the same for all**" in text and "- TLS x: drover, nginx\n- TLS y: nginx\n" in text


@pytest.mark.parametrize("case,peer,bound,text", [
    ("tls-64", "nginx", 1.05, "TLS: CPU a message of 64 bytes"),
    ("tls-64k", "haproxy", 1.00, "TLS: CPU a message of 64 KiB"),
    ("tls-resumed", "nginx", 1.05, "TLS: CPU a connection"),
])
def test_tls_has_targets_of_its_own(case, peer, bound, text):
    runs = [_run(1, peer, 10.0, name) for name in (case, "tls-full")]
    runs += [_run(1, "drover", 10.0 * bound, case), _run(1, "drover", 1.0, "tls-full")]
    assert _target(runs, text)["met"] is True
    runs[2]["cpu_us"] += 0.1
    assert _target(runs, text)["met"] is False


@pytest.mark.parametrize("size,met", [(16_000, True), (16_001, False)])
def test_an_idle_session_with_tls_has_a_bound(size, met):
    run = {"turn": 1, "case": "tls-idle", "proxy": "drover", "errors": 0, "bytes_a_session": size}
    assert _target([run], "TLS: an idle session")["met"] is met


def test_writing_twice_is_writing_once(page):
    report.write_into(page, "compare", "new")
    once = page.read_text(encoding="utf-8")
    assert "<!-- compare:begin -->\nnew\n<!-- compare:end -->" in once
    assert "<!-- scale:begin -->\nold\n<!-- scale:end -->" in once
    report.write_into(page, "compare", "new")
    assert page.read_text(encoding="utf-8") == once


@pytest.mark.parametrize("text", ["none", "<!-- x:end --> <!-- x:begin -->", "<!-- x:begin -->" * 2 + "<!-- x:end -->"])
def test_a_page_without_the_marks_is_left_alone(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(Failure, match="once each"):
        report.write_into(page, "x", "new")
    assert page.read_text(encoding="utf-8") == text
