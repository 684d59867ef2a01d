"""drain.py: a short run of few sessions, how it fails, and the arithmetic of its table."""

import argparse
import datetime
import os
import re
import socket
import subprocess
import sys

import drain
import pytest
import report
from programs import Failure, Load

_QUICK = ("--part", "drain", "--sessions", "100", "--pace", "200", "--turns", "1")
_MARK = "<!-- drain:begin -->\nold\n<!-- drain:end -->\n"
_WAYS = ("close", "notify", "paced", "haproxy", "nginx")


@pytest.fixture
def drain_page(page):
    """A page with marks for this result too."""
    page.write_text(page.read_text(encoding="utf-8") + _MARK, encoding="utf-8")
    return page


def test_a_run_is_told_and_written_between_its_marks(run_script, drain_page):
    before = drain_page.read_text(encoding="utf-8")
    done = run_script("drain.py", *_QUICK, "--write", drain_page)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"^turn 1/1: close [\d.]+ s, CPU [\d.]+ s, notify .* nginx ", done.stderr, re.M)
    assert "100 idle sessions through one worker. All ways without errors in 1 of 1 turns" in done.stdout
    for title, has_done, has_lag in [
            ("Drover: `close`, all at once", True, False), ("Drover: `notify`, all at once", False, False),
            ("Drover: `close`, 200/s", True, True), ("HAProxy: `shutdown sessions server`", False, False),
            ("nginx: `nginx -s reload`, `worker_shutdown_timeout 1s`", True, False)]:
        cells = re.search(rf"^\| {re.escape(title)} \| (.*) \|$", done.stdout, re.M)[1].split(" | ")
        assert len(cells) == 6, cells
        assert float(cells[0]) >= 0 and float(cells[4]) > 0, cells
        assert float(cells[2]) > 0 or title.startswith("nginx"), cells  # whose CPU is in hundredths of a second
        assert (cells[1] != "-") == has_done, cells
        assert cells[5] != "-" or not has_lag, cells  # so short a run may have had no tick
    # 100 at 200/s: the last goes half a second after the first.
    paced = re.search(r"^\| Drover: `close`, 200/s \| ([\d.]+) ", done.stdout, re.M)[1]
    assert float(paced) > 0.3
    assert re.search(r"^- Evenness at 200/s, .*: [\d.]+ \([\d.]+–[\d.]+\)\.$", done.stdout, re.M)
    assert re.search(r'of HAProxy: "the connection [^"]+" 100 times; of nginx: "the connection [^"]+" 100 times\.$',
                     done.stdout, re.M)
    assert drain_page.read_text(encoding="utf-8") == before.replace(_MARK, _MARK.replace("old\n", done.stdout))


def test_backends_that_answer_nothing_are_told_and_not_written(run_script, build_without_backend, drain_page):
    before = drain_page.read_text(encoding="utf-8")
    done = run_script("drain.py", *_QUICK, "--write", drain_page, build=build_without_backend)
    assert done.returncode == 1
    assert "drain: 5 of 5 runs had errors; turn 1, close: answered 503" in done.stderr
    assert "All ways without errors in 0 of 1 turns" in done.stdout
    assert drain_page.read_text(encoding="utf-8") == before


def test_one_cpu_is_refused(run_script):
    first = min(os.sched_getaffinity(0))
    done = run_script("drain.py", *_QUICK, prepare=lambda: os.sched_setaffinity(0, {first}))
    assert done.returncode == 1
    assert done.stderr.startswith("drain: it takes two CPUs")


def _exactly(connection, size):
    found = b""
    while len(found) < size:
        assert (more := connection.recv(size - len(found))), "the load has ended the connection"
        found += more
    return found


def _message(connection):
    """The first byte of a short frame with a mask, and its payload."""
    first, length = _exactly(connection, 2)
    mask, payload = _exactly(connection, 4), _exactly(connection, length & 0x7f)
    return first, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def test_a_client_of_the_load_counts_a_message_and_answers_a_close(build):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        with Load(build, "--target", f"127.0.0.1:{server.getsockname()[1]}", "--case", "drain",
                  "--path", "/?drover_migrate=1", "--hold") as load:
            connection = server.accept()[0]
            with connection:
                connection.settimeout(20)
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += _exactly(connection, 1)
                assert request.startswith(b"GET /?drover_migrate=1 HTTP/1.1\r\n")
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
                first, payload = _message(connection)
                connection.sendall(bytes([first, len(payload)]) + payload)
                assert load.result()["errors"] == 0
                connection.sendall(b"\x81\x02{}")
                seen = load.result()
                assert (seen["texts"], seen["closes"], seen["ends"], len(seen["told_us"])) == (1, 0, {}, 1)
                connection.sendall(b"\x88\x02\x03\xf4")
                assert _message(connection)[0] == 0x88
            load.release()


@pytest.mark.parametrize("arguments", [["--turns", "0"], ["--sessions", "0"], ["--pace", "0"], ["close"]])
def test_usage(run_script, arguments):
    assert run_script("drain.py", *arguments).returncode == 2


def test_one_at_a_time_is_even():
    assert drain.evenness(range(0, 1_000_000, 1_000)) == pytest.approx(1.0, rel=0.01)


def test_bursts_are_not_even_and_windows_begin_anywhere():
    # 100 every 100 ms are even only where no window has two bursts; two of them 90 ms apart are in one.
    bursts = [moment for moment in range(0, 1_000_001, 100_000) for _ in range(100)]
    assert drain.evenness(bursts) == pytest.approx(1.0 / 1.099, rel=0.01)
    bursts += [moment for moment in (490_000,) for _ in range(100)]
    assert drain.evenness(bursts) == pytest.approx(2.0 / 1.199, rel=0.01)


def test_what_is_over_within_a_window_has_no_evenness():
    assert drain.evenness([5]) is None
    assert drain.evenness([0, 50_000, 100_000]) is None
    # The window is told of from 0 to 2, not from a fixed grid.
    assert drain.evenness([0, 150_000, 240_000]) == pytest.approx(2 / (2 * 100 / 240))


_SCRAPE = """\
# TYPE drover_loop_lag_seconds histogram
drover_loop_lag_seconds_bucket{worker="0",le="0.0001"} %d
drover_loop_lag_seconds_bucket{worker="0",le="0.001"} %d
drover_loop_lag_seconds_bucket{worker="0",le="+Inf"} %d
drover_loop_lag_seconds_bucket{worker="1",le="0.001"} 5
drover_loop_lag_seconds_count{worker="0"} %d
"""


def test_the_lag_is_that_between_two_scrapes():
    before = drain.buckets(_SCRAPE % (10, 40, 50, 50))
    assert before == {0.0001: 10, 0.001: 45, float("inf"): 50}
    # 100 more: 99 of them within the first bound are enough, 98 are not.
    assert drain.lag_p99(before, drain.buckets(_SCRAPE % (109, 140, 150, 150))) == 0.0001
    assert drain.lag_p99(before, drain.buckets(_SCRAPE % (108, 140, 150, 150))) == 0.001
    assert drain.lag_p99(before, before) is None
    assert drain.lag_p99({}, {}) is None


def test_the_cpu_of_a_family_has_those_that_have_ended_in_it():
    before = drain.family_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"], check=True)
    # Two figures, each a hundredth too high or too low, and what this process took itself.
    assert drain.family_cpu_seconds(os.getpid()) - before > 0.18


def test_when_a_plan_was_done():
    log = ("2026-11-26T06:00:00.000Z info drain_started id=d1 state=running\n"
           "2026-11-26T06:00:01.250Z %s drain_ended id=d1 state=%s close=5\n")
    when = datetime.datetime(2026, 11, 26, 6, 0, 1, 250_000, datetime.timezone.utc).timestamp()
    assert drain.ended_at(log % ("info", "done")) == when
    assert drain.ended_at(log.splitlines()[0]) is None
    with pytest.raises(Failure, match="another end: .* state=expired "):
        drain.ended_at(log % ("warn", "expired"))


def test_drover_must_have_said_goodbye_to_everybody():
    known = drain.ways(1_000)
    closes, texts = {"closes": 5, "texts": 0, "ends": {}}, {"closes": 0, "texts": 5, "ends": {}}
    assert known["close"].objection(closes, 5) == known["notify"].objection(texts, 5) == ""
    assert known["close"].objection(texts, 5) and known["notify"].objection(closes, 5)
    assert known["close"].objection(closes, 6)
    cut = {"closes": 5, "texts": 0, "ends": {"the connection was reset": 1}}
    assert "reset" in known["close"].objection(cut, 5)
    assert known["haproxy"].objection({"closes": 0, "texts": 0, "ends": {"the connection ended": 5}}, 5) == ""
    assert known["haproxy"].objection({"closes": 0, "texts": 0, "ends": {"the connection ended": 4}}, 5)


def _run(turn, way, cpu=0.2, **values):
    return {"turn": turn, "case": "drain", "proxy": way, "errors": 0, "first_error": "", "told": 0.5, "done": None,
            "cpu": cpu, "others": 0.25, "lag": None, "evenness": None,
            "seen": {"closes": 0, "texts": 0, "ends": {"the connection ended": 4}}, **values}


def _page(runs):
    return drain.page(argparse.Namespace(sessions=5_000, turns=2, pace=1_000), report.Results(runs), {})


def test_the_table_has_medians_and_ratios_of_the_same_turn():
    text = _page([
        *(_run(1, way) for way in _WAYS), _run(2, "close", 0.4, told=0.7, done=0.9, lag=0.25),
        _run(2, "haproxy", 0.1), _run(2, "paced", evenness=2.0),
        {"turn": 2, "case": "drain", "proxy": "nginx", "errors": 1, "first_error": "lost"}])
    assert "All ways without errors in 1 of 2 turns; medians." in text
    # What one of the turns did not have is not told as if they all had.
    assert "| Drover: `close`, all at once | 0.60 | - | 0.300 | 60.0 | 0.250 | - |" in text
    assert "as a ratio to HAProxy: 2.50 (1.00–4.00); to nginx: 1.00 (1.00–1.00)." in text
    assert "as a ratio to the mean: 2.00 (2.00–2.00)." in text
    assert 'of HAProxy: "the connection ended" 4 times; of nginx: "the connection ended" 4 times.' in text
    assert "| Drover: `close`, all at once | 0.70 | 0.90 | 0.400 | 80.0 | 0.250 | 250 |" in _page(
        [_run(2, "close", 0.4, told=0.7, done=0.9, lag=0.25)])
