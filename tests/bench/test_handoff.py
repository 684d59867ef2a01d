"""drain.py --part handoff: a short run of few sessions, how it fails, its backend's and its clients' parts."""

import argparse
import contextlib
import json
import re
import socket

import handoff
import pytest
import report
import scrape
from programs import Failure, Load

_QUICK = ("--part", "handoff", "--sessions", "100", "--busy", "10", "--pace", "200", "--turns", "1")
_MARK = "<!-- handoff:begin -->\nold\n<!-- handoff:end -->\n"
_KEY = "0123456789abcdef" * 2
_ENTER = f'{{"drover":"enter","key":"{_KEY}","why":"left","state":{{"moves":4}},"from":"a"}}'
_LEAVE = f'{{"drover":"leave","key":"{_KEY}"}}'


@pytest.fixture
def handoff_page(page):
    """A page with marks for this result too."""
    page.write_text(page.read_text(encoding="utf-8") + _MARK, encoding="utf-8")
    return page


def test_a_run_is_told_and_written_between_its_marks(run_script, handoff_page):
    before = handoff_page.read_text(encoding="utf-8")
    done = run_script("drain.py", *_QUICK, "--write", handoff_page)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"^turn 1/1: plain [\d,]+ B, idle [\d.]+ s, CPU [\d.]+ s, .* busy-paced ", done.stderr, re.M)
    assert "All ways without errors in 1 of 1 turns; medians." in done.stdout
    for title, sessions in [("idle, all at once", 100), ("idle, 200/s", 100), ("busy, all at once", 10),
                            ("busy, 200/s", 10)]:
        cells = re.search(rf"^\| {title} \| {sessions} \| (.*) \|$", done.stdout, re.M)[1].split(" | ")
        assert len(cells) == 10, cells
        assert float(cells[2]) > 0 and float(cells[4]) > 0 and float(cells[5]) > 0, cells
        assert (cells[3] == "-") == title.startswith("idle"), cells
    # 100 at 200/s: the last goes half a second after the first.
    assert float(re.search(r"^\| idle, 200/s \| 100 \| ([\d.]+) ", done.stdout, re.M)[1]) > 0.3
    assert len(re.findall(r"^\| busy, .* \| [\d.]+ / [\d.]+ / [\d.]+ \| [\d.]+ / [\d.]+ / [\d.]+ \|$", done.stdout,
                          re.M)) == 2
    for what in ("its backend takes no part", "with a retained head", "after it was handed off"):
        assert re.search(rf"^\| .*{what} \| [\d,]+ \|$", done.stdout, re.M)
    assert handoff_page.read_text(encoding="utf-8") == before.replace(_MARK, _MARK.replace("old\n", done.stdout))


def test_backends_that_answer_nothing_are_told_and_not_written(run_script, build_without_backend, handoff_page):
    before = handoff_page.read_text(encoding="utf-8")
    done = run_script("drain.py", *_QUICK, "--write", handoff_page, build=build_without_backend)
    assert done.returncode == 1
    assert "drain: 5 of 5 runs had errors; turn 1, plain: answered 503" in done.stderr
    assert handoff_page.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("arguments", [["--part", "other"], ["--busy", "0"], ["--rate", "0"]])
def test_usage(run_script, arguments):
    assert run_script("drain.py", *arguments).returncode == 2


def _exactly(connection, size):
    found = b""
    while len(found) < size:
        if not (more := connection.recv(size - len(found))):
            raise EOFError
        found += more
    return found


def _head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(connection, 1)
    return head.decode()


def _frame(connection):
    """The first byte of a short frame and its payload, whether it has a mask or not."""
    first, length = _exactly(connection, 2)
    mask = _exactly(connection, 4) if length & 0x80 else bytes(4)
    payload = _exactly(connection, length & 0x7f)
    return first, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def _masked(first, payload):
    """A client's frame, with a mask of zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | 126, *len(payload).to_bytes(2)])
    return bytes([first]) + length + bytes(4) + payload


@contextlib.contextmanager
def _session(backend, *lines):
    """A connection to it and the head of its answer."""
    host, port = backend.addresses[1].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join([
            "GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *lines, "", ""]).encode())
        yield connection, _head(connection)


_OFFER = f"X-Drover-Handoff: v1; key={_KEY}"


def test_a_backend_takes_part_where_it_is_asked_to(build):
    with handoff.TakingPart(build, None, takes_part=True) as backend:
        with _session(backend, _OFFER) as (connection, head):
            assert "\r\nX-Drover-Handoff: v1\r\n" in head
            connection.sendall(_masked(0x82, b"one") + _masked(0x81, _LEAVE.encode()))
            assert _frame(connection) == (0x82, b"one")
            assert json.loads(_frame(connection)[1]) == {"drover": "left", "key": _KEY, "state": {"moves": 0}}
        with _session(backend, _OFFER, "X-Drover-Resumed: 1") as (connection, _):
            connection.sendall(_masked(0x81, _ENTER.encode()) + _masked(0x82, b"two") + _masked(0x81, _LEAVE.encode()))
            assert _frame(connection) == (0x82, b"two")
            assert json.loads(_frame(connection)[1])["state"] == {"moves": 5}
        with _session(backend, _OFFER, "X-Drover-Resumed: 1") as (connection, _):
            connection.sendall(_masked(0x82, b"before enter"))
            with pytest.raises((EOFError, ConnectionResetError)):
                _frame(connection)
        with _session(backend) as (connection, head):
            assert "X-Drover" not in head
            connection.sendall(_masked(0x81, _LEAVE[:100].encode()))
            assert _frame(connection) == (0x81, _LEAVE[:100].encode())
        entered = backend.entered()
        assert (entered["count"], entered["stateless"]) == (1, 0) and entered["last_us"] > 0


def test_a_backend_takes_no_part_unless_it_is_asked_to(build):
    with handoff.TakingPart(build, None, takes_part=False) as backend, _session(backend, _OFFER) as (connection, head):
        assert "X-Drover" not in head
        connection.sendall(_masked(0x81, _LEAVE.encode()))
        assert _frame(connection) == (0x81, _LEAVE.encode())


@contextlib.contextmanager
def _busy_client(build):
    """A client of the load that sends without end, after its first message has been echoed, and its connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        with Load(build, "--target", f"127.0.0.1:{server.getsockname()[1]}", "--case", "busy", "--rate", 200,
                  "--warmup", 0, "--seconds", 0.05, "--hold") as load:
            connection = server.accept()[0]
            with connection:
                connection.settimeout(20)
                _head(connection)
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
                yield load, connection
            load.release()


def _echo(connection, count):
    for _ in range(count):
        first, payload = _frame(connection)
        connection.sendall(bytes([first, len(payload)]) + payload)


def test_a_busy_client_checks_its_echoes_and_goes_on_behind_the_window(build):
    with _busy_client(build) as (load, connection):
        _echo(connection, 50)  # a quarter of a second: five windows
        assert load.result()["errors"] == 0
        seen = load.seen()
        assert seen["messages"] >= 40 and seen["ends"] == {}
        assert len(seen["before_us"]) == len(seen["since_us"]) == 1 and seen["since_us"][0] > 0


def test_a_busy_client_notices_an_echo_that_is_missing(build):
    with _busy_client(build) as (load, connection):
        _echo(connection, 30)
        assert load.result()["errors"] == 0
        _frame(connection)  # which gets no echo
        _echo(connection, 3)
        assert load.seen()["ends"]["an echo that was not its turn"] >= 1


_SEEN = {"ends": {}, "before_us": [1], "since_us": [2], "waiting_us": 0}
_ENTERED = {"count": 5, "stateless": 0, "last_us": 1}


@pytest.mark.parametrize("moved, entered, seen", [
    (4, _ENTERED, _SEEN), (5, {**_ENTERED, "count": 4}, _SEEN), (5, {**_ENTERED, "stateless": 1}, _SEEN),
    (5, _ENTERED, {**_SEEN, "ends": {"the connection ended": 1}}), (5, _ENTERED, {**_SEEN, "closes": 1}),
    (5, _ENTERED, {**_SEEN, "texts": 1}), (5, _ENTERED, {**_SEEN, "waiting_us": 3_000_000})])
def test_every_session_must_have_gone_without_its_client_noticing(moved, entered, seen):
    busy = handoff.ways(1_000)["busy"]
    assert handoff.objection(busy, 5, 5, _ENTERED, _SEEN) == ""
    assert handoff.objection(busy, 5, moved, entered, seen)


_SCRAPE = """\
drover_migration_pause_seconds_bucket{pool="x",le="0.001"} %d
drover_migration_pause_seconds_bucket{pool="x",le="0.01"} %d
drover_migration_pause_seconds_bucket{pool="x",le="+Inf"} %d
drover_migration_pause_seconds_sum{pool="x"} %g
drover_migration_pause_seconds_count{pool="x"} %d
drover_migrations_total{pool="x",mode="handoff",result="ok"} %d
drover_migrations_total{pool="x",mode="close",result="ok"} 7
"""


def test_the_pause_is_that_between_two_scrapes():
    before, after = _SCRAPE % (1, 1, 1, 0.5, 1, 0), _SCRAPE % (51, 101, 101, 0.7, 101, 100)
    assert handoff.pauses(before, after) == pytest.approx({"mean": 2.0, "p50": 1.0, "p99": 10.0, "longest": 10.0})
    assert scrape.total(after, "drover_migrations_total", 'mode="handoff",result="ok"') == 100
    with pytest.raises(Failure, match="no session was held"):
        handoff.pauses(before, before)


def test_spreads_are_of_nearest_rank():
    assert handoff.spread_of(range(1_000, 101_000, 1_000)) == [50.0, 99.0, 100.0]
    assert handoff.spread_of([7_000]) == [7.0, 7.0, 7.0]


def test_the_table_has_medians():
    def run(turn, way, **values):
        pauses = {"mean": 2.0 * turn, "p50": 2.5, "p99": 10.0, "longest": 25.0}
        return {"turn": turn, "case": "handoff", "proxy": way, "errors": 0, "first_error": "", "bytes": 1_000.0 * turn,
                "bytes_after": 4_000.0, "moved": 1.0, "done": 2.0, "cpu": 0.5 * turn, "traffic": 0.25, "pauses": pauses,
                "lag": 0.005, "usual": [1.0, 2.0, 3.0], "meanwhile": [4.0, 5.0, 6.0 * turn], **values}
    text = handoff.page(argparse.Namespace(sessions=5_000, busy=500, rate=10, turns=3, pace=1_000), report.Results(
        [run(turn, way) for turn in (1, 3) for way in handoff.ways(1_000)]), {})
    assert "All ways without errors in 2 of 3 turns" in text
    assert "| idle, all at once | 5,000 | 1.00 | 2.00 | 1.000 | - | 200.0 | 4.00 | 2.5 | 10 | 25 | 5 |" in text
    assert "| busy, 1,000/s | 500 | 1.00 | 2.00 | 1.000 | 0.250 | 2000.0 | 4.00 | 2.5 | 10 | 25 | 5 |" in text
    assert "| busy, all at once | 1.0 / 2.0 / 3.0 | 4.0 / 5.0 / 12.0 |" in text
    assert "| its backend takes no part | 2,000 |" in text and "| after it was handed off | 4,000 |" in text
