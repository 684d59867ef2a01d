"""GET /metrics: promtool finds nothing to say, counts are the clients' own, and what is documented moves when it is
provoked. What an operator reads from it is in docs/metrics.md."""

import collections
import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, SLOW, TEXT, AnsweringBackend, backend_frame, client_frame, close_body,
    connect, documented_types, moved, open_tunnel, plain_request, scrape, upgrade_request, wait_until)
from harness.sides import Flood, open_sides

_OPCODES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong", CLOSE: "close"}


@pytest.fixture
def quiet(start, backend):
    """Drover in front of `backend`, without pings of its own."""
    return start({"backends": [backend.address], "workers": 2, "ping": {"clients": "0s"}, "timeouts": {"close": "1s"}})


@pytest.fixture
def answering():
    """A backend that upgrades whoever comes."""
    with contextlib.closing(AnsweringBackend("only")) as made:
        yield made


class TestText:
    """The format, and that the document agrees."""

    def test_promtool_finds_nothing_to_say(self, quiet, backend):
        client, server = open_tunnel(quiet.port, backend)
        client.send(client_frame(TEXT, b"hello") + client_frame(CLOSE, close_body(1000)))
        server.read_frame(), server.read_frame()
        server.close()
        client.read_to_end()
        connect(quiet.port, plain_request("GET / HTTP/1.1", "Host: localhost")).read_to_end()
        living = open_tunnel(quiet.port, backend)
        moved(quiet, "closes_total", 2)
        promtool = shutil.which("promtool")
        assert promtool, "package prometheus is missing: scripts/setup test"
        done = subprocess.run([promtool, "check", "metrics"], input=scrape(quiet).text, capture_output=True, text=True,
                              timeout=30, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not any(stream.readable() for stream in living)

    def test_what_is_documented_is_told_from_the_start(self, quiet):
        assert scrape(quiet).types == documented_types()

    def test_head_is_that_of_get(self, quiet):
        with contextlib.closing(connect(quiet.admin_port, plain_request(
                "GET /metrics HTTP/1.1", "Host: localhost"))) as asked:
            head = asked.read_head()
        assert head.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        assert quiet.admin("/metrics", "POST")[0] == 405


class Account:
    """What the peers of some tunnels have sent themselves, by direction."""

    def __init__(self):
        self.frames = collections.Counter()  # (direction, opcode): messages and control frames
        self.bytes = collections.Counter()
        self.sizes = {"in": [], "out": []}

    def note(self, direction, raw, opcode=None, size=None):
        """`opcode`: of the message or control frame that `raw`, any number of whole frames, makes up."""
        self.bytes[direction] += len(raw)
        if opcode is not None:
            self.frames[direction, _OPCODES[opcode]] += 1
        if size is not None:
            self.sizes[direction].append(size)


def _conversation(rounds):
    """(frames of a side, made by its frame function) as (opcode or None, size or None, pieces)."""
    for number in range(rounds):
        text, large = b"t" * (number * 37), bytes(300 * number)
        yield TEXT, len(text), [(TEXT, text, True)]
        yield BINARY, len(large), [(BINARY, large, True)]
        yield TEXT, 30, [(TEXT, b"a" * 10, False), (CONTINUATION, b"b" * 20, False), (CONTINUATION, b"", True)]
        yield PING, None, [(PING, b"%d" % number, True)]
        yield PONG, None, [(PONG, b"unasked", True)]
    yield BINARY, 70_000, [(BINARY, bytes(70_000), True)]


def _talk(sender, reader, make, direction, account):
    """Says all of the conversation, with a ping between the fragments of each message of several."""
    for opcode, size, pieces in _conversation(4):
        raw = [make(kind, payload, fin=fin) for kind, payload, fin in pieces]
        for index, frame in enumerate(raw):
            last = index == len(raw) - 1
            account.note(direction, frame, opcode if last else None, size if last else None)
            sender.send(frame)
            assert reader.read_frame().raw == frame
            if not last:
                between = make(PING, b"between")
                account.note(direction, between, PING)
                sender.send(between)
                assert reader.read_frame().raw == between


def _say_goodbye(client, server, account):
    """Both Closes; returns when Drover has ended both connections."""
    ways = ((client, server, client_frame, "in"), (server, client, backend_frame, "out"))
    for sender, reader, make, direction in ways:
        closing = make(CLOSE, close_body(1000, "bye"))
        account.note(direction, closing, CLOSE)
        sender.send(closing)
        assert reader.read_frame().raw == closing
    server.close()
    client.read_to_end()
    client.close()


def _cumulated(sizes, bound):
    return sum(size <= float(bound) for size in sizes)


class TestCounts:
    """Messages and bytes are those that the peers counted themselves."""

    def test_they_are_exact(self, quiet, backend):
        account = Account()
        for _ in range(6):
            client, server = open_tunnel(quiet.port, backend)
            _talk(client, server, client_frame, "in", account)
            _talk(server, client, backend_frame, "out", account)
            _say_goodbye(client, server, account)
        moved(quiet, "closes_total", 6)
        told = scrape(quiet)
        for direction in ("in", "out"):
            assert told.value("bytes_total", pool="default", direction=direction) == account.bytes[direction]
            for opcode in _OPCODES.values():
                assert told.value("messages_total", pool="default", direction=direction, opcode=opcode) == \
                    account.frames[direction, opcode], (direction, opcode)
            sizes = account.sizes[direction]
            assert told.value("message_size_bytes_count", direction=direction) == len(sizes)
            assert told.value("message_size_bytes_sum", direction=direction) == sum(sizes)
            buckets = told.series("message_size_bytes_bucket", direction=direction)
            assert [labels["le"] for labels, _ in buckets][:3] == ["64", "256", "1024"]
            assert [value for _, value in buckets] == [_cumulated(sizes, labels["le"]) for labels, _ in buckets]
        assert told.value("upgrades_total", pool="default", code="101", source="backend") == 6
        assert told.value("backend_upgrades_total", result="upgraded") == 6
        assert told.value("upgrade_duration_seconds_count", pool="default") == 6
        assert told.value("session_duration_seconds_count", pool="default") == 6
        assert told.value("closes_total", pool="default", code="1000", initiator="client", why="normal") == 6

    def test_they_move_while_a_session_lives(self, quiet, backend):
        client, server = open_tunnel(quiet.port, backend)
        client.send(client_frame(TEXT, b"hello"))
        server.read_frame()
        assert moved(quiet, "bytes_total", direction="in") == len(client_frame(TEXT, b"hello"))
        assert scrape(quiet).value("messages_total", direction="in", opcode="text") == 1

    def test_pings_of_drovers_own_are_nobodys(self, start, backend):
        drover = start({"backends": [backend.address], "ping": {"clients": "100ms", "timeout": "10s"}})
        client, server = open_tunnel(drover.port, backend)
        for _ in range(3):
            ping = client.read_frame()
            assert ping.opcode == PING
            client.send(client_frame(PONG, ping.payload))
        client.send(client_frame(TEXT, b"behind the last pong"))
        server.read_frame()
        size = len(client_frame(TEXT, b"behind the last pong"))
        assert moved(drover, "bytes_total", size) == size
        assert scrape(drover).sum("messages_total") == 1

    def test_what_breaks_a_rule_is_not_counted(self, quiet, backend):
        client, server = open_tunnel(quiet.port, backend)
        client.send(client_frame(TEXT, b"good") + client_frame(TEXT, b"bad", rsv=4))
        server.drain()
        server.close()
        client.close()
        moved(quiet, "closes_total", why="protocol_error")
        assert scrape(quiet).value("bytes_total", direction="in") == len(client_frame(TEXT, b"good"))
        assert scrape(quiet).value("messages_total", direction="in", opcode="text") == 1


class TestProcess:
    """What is told of Drover itself."""

    def test_build_start_connections_descriptors_and_memory(self, quiet, backend):
        _, health = quiet.admin("/health")
        tunnel = open_tunnel(quiet.port, backend)
        told = scrape(quiet)
        assert told.series("build_info") == [({"version": health["version"]}, 1)]
        assert 0 <= time.time() - told.value("start_time_seconds") < 60
        assert told.value("start_time_seconds") == scrape(quiet).value("start_time_seconds")
        assert told.value("connections_active") == 1
        assert told.value("connections_limit") == int(quiet.events("limits")[0]["max_connections"])
        assert 0 <= told.value("descriptors_used") - quiet.descriptors() <= 2  # those of the scrape itself
        assert told.value("descriptors_limit") == int(quiet.events("limits")[0]["descriptors"])
        assert not any(stream.readable() for stream in tunnel)
        assert SLOW or 0.5 < told.value("resident_memory_bytes") / quiet.resident_bytes() < 2

    def test_the_lag_of_each_worker(self, start, answering):
        drover = start({"workers": 2, "backends": [answering.address]})
        assert [labels["worker"] for labels, _ in scrape(drover).series("loop_lag_seconds_count")] == ["0", "1"]
        clients = [connect(drover.port, upgrade_request()) for _ in range(20)]
        assert all(client.read_head().status == 101 for client in clients)
        for worker in "01":
            moved(drover, "loop_lag_seconds_count", worker=worker)
        assert 0 < scrape(drover).sum("loop_lag_seconds_sum") < 60

    def test_the_hash_is_that_of_the_configuration(self, start):
        settings = [{"backends": ["127.0.0.1:1"]}, {"backends": ["127.0.0.1:1"]}, {"backends": ["127.0.0.1:2"]}]
        ((one, _),), ((same, _),), ((other, _),) = [scrape(start(each)).series("config_info") for each in settings]
        assert one == same != other

    def test_a_reload_that_is_refused(self, quiet):
        assert scrape(quiet).value("config_last_reload_successful") == 1
        quiet.write_file("nothing: of the sort")
        assert quiet.reload()[0] == "reload_refused"
        assert scrape(quiet).value("config_last_reload_successful") == 0

    def test_a_slow_reader_pauses_a_relay_and_has_bytes_wait(self, quiet, backend):
        sides = open_sides("client", quiet, backend, receive_buffer=8192)
        flood = Flood(sides.far, sides.far_frame)
        moved(quiet, "paused_relays")
        assert scrape(quiet).value("paused_relays") == 1
        assert 64 * 1024 <= scrape(quiet).value("buffered_bytes") < 64 * 1024 + 64 * 1024 + 14
        flood.stop()
        sides.far.close()
        sides.near.drain()
        wait_until(lambda: (told := scrape(quiet)).value("paused_relays") == told.value("buffered_bytes") == 0,
                   "nothing waits any more")

    def test_a_paused_session_that_is_reset_leaves_nothing_behind(self, quiet, backend):
        sides = open_sides("client", quiet, backend, receive_buffer=8192)
        flood = Flood(sides.far, sides.far_frame)
        moved(quiet, "paused_relays")
        sides.near.reset()
        wait_until(lambda: (told := scrape(quiet)).value("paused_relays") == told.value("buffered_bytes") == 0,
                   "nothing waits any more")
        flood.stop()

    def test_running_out_of_descriptors(self, start, answering):
        drover = start({"backends": [answering.address]})
        assert scrape(drover).value("resources_exhausted_total") == 0
        soft, hard = resource.prlimit(drover.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (drover.descriptors(), hard))
        client = connect(drover.port, upgrade_request())
        wait_until(lambda: drover.events("resources_exhausted"), "it is told")
        resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (soft, hard))
        moved(drover, "resources_exhausted_total")
        client.reset()

    def test_log_lines_that_nobody_takes(self, start, tmp_path):
        fifo = tmp_path / "access.log"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        drover = start({"backends": ["127.0.0.1:1"], "log": {"access": str(fifo)}})
        sessions = 0
        while not (lost := scrape(drover).value("log_lines_dropped_total")):
            assert sessions < 20_000
            for _ in range(500):
                sessions += 1
                connect(drover.port, b"nonsense\r\n\r\n").read_to_end()
        assert 0 < lost <= sessions
        os.close(reader)

    def test_sessions_that_a_shutdown_waits_for(self, start, backend):
        drover = start({"backends": [backend.address], "timeouts": {"close": "20s"},
                        "shutdown": {"deadline": "30s", "pace": "1000/s"}})
        tunnels = [open_tunnel(drover.port, backend) for _ in range(3)]
        assert scrape(drover).value("drain_left") == 0
        drover.signal(signal.SIGTERM)
        wait_until(lambda: scrape(drover).value("drain_left") == 3, "all are left")
        for left, (client, server) in zip((2, 1), tunnels):
            for stream, frame in ((client, client_frame), (server, backend_frame)):
                assert stream.read_frame().close_code == 1001
                stream.send(frame(CLOSE, close_body(1001)))
            for stream in (client, server):
                stream.drain()
                stream.close()
            wait_until(lambda left=left: scrape(drover).value("drain_left") == left, f"{left} are left")
        assert scrape(drover).value("closes_total", code="1001", initiator="drover", why="shutdown") == 2
        for stream in tunnels[2]:
            stream.reset()
        assert drover.wait() == 0
