"""Probes take a backend out and bring it back: http, tcp and websocket, against servers that are stopped, killed, or
say 500; what its sessions meet with meanwhile; and how even the probes of many are."""

import collections
import contextlib
import resource
import socket
import threading
import time

import pytest
from harness import (
    TEXT, RawBackend, client_frame, connect, refused_port, slack, upgrade_request, wait_until)

INTERVAL, TIMEOUT, FALL, RISE = 0.4, 0.3, 2, 2
CHECK = {"type": "http", "interval": "400ms", "timeout": "300ms", "fall": FALL, "rise": RISE}
# RULES: out within fall × (interval + timeout). The timer wheel is up to two ticks late, each time.
OUT_WITHIN = FALL * (INTERVAL + TIMEOUT) + 0.1 * (FALL + 1)


def wait_for_probe(drover, name, state):
    """Until the backend's probe state is that."""
    return wait_until(lambda: drover.backends()[name]["probe"] == state, f"{name} is {state}")


def pool_of(*servers, **settings):
    """A configuration with backends a, b, …"""
    return {"backends": [{"name": name, "address": server.address} for name, server in zip("abcdef", servers)],
            **settings}


def session(drover):
    """A tunnel that works; where it leads is in the access line."""
    client = connect(drover.port, upgrade_request())
    head = client.read_head()
    assert head.status == 101, head.start_line
    return client


@pytest.mark.parametrize("fault", ["hang", "kill", "500"])
def test_http_probes_take_it_out_in_time(start, servers, fault):
    first, second = servers(), servers()
    drover = start(pool_of(first, second, health_check=CHECK))
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "up")
    begun = time.monotonic()
    if fault == "500":
        first.tell(status=500)
    else:
        getattr(first, fault)()
    wait_for_probe(drover, "a", "down")
    assert time.monotonic() - begun < slack(OUT_WITHIN)
    reason = {"hang": "no answer within 300ms", "kill": "connection refused",
              "500": "answered 500 to GET /health, expected 200"}[fault]
    wait_until(lambda: drover.events("backend_down"), "it is told")
    (event,) = drover.events("backend_down")  # once, with its reason
    assert event["backend"] == "a" and event["reason"] == reason
    before = second.tell()["upgrades"]
    sessions = [session(drover) for _ in range(6)]
    assert second.tell()["upgrades"] == before + 6
    assert len(sessions) == 6


@pytest.mark.parametrize("fault", ["hang", "kill", "500"])
def test_it_returns_through_slow_start(start, servers, fault):
    first, second = servers(), servers()
    drover = start(pool_of(first, second, health_check=CHECK, slow_start="1h", policy="least_connections"))
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "up")
    first.tell(status=500) if fault == "500" else getattr(first, fault)()
    wait_for_probe(drover, "a", "down")
    if fault == "kill":
        first = servers(first.port)
    elif fault == "hang":
        first.go_on()
    else:
        first.tell(status=200)
    wait_for_probe(drover, "a", "up")
    wait_until(lambda: [event["backend"] for event in drover.events("backend_up")].count("a") == 2, "it is told")
    sessions = [session(drover) for _ in range(40)]
    shares = {name: backend["active"] for name, backend in drover.backends().items()}
    # 5 % of its weight at first: (1 + 1) / 0.05 = 40 for the first session, so b has 39 before a has its second.
    assert shares["a"] in (1, 2) and shares["a"] + shares["b"] == 40, shares
    assert len(sessions) == 40


def test_a_hung_backend_keeps_its_sessions_until_the_ping_timeout(start, servers):
    first, second = servers(), servers()
    drover = start(pool_of(first, second, health_check=CHECK, policy="round_robin", on_down="keep",
                           ping={"backends": "3s", "timeout": "1s", "clients": "0s"}))
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "up")
    clients = [session(drover) for _ in range(4)]
    first.hang()
    begun = time.monotonic()
    wait_for_probe(drover, "a", "down")
    # Out of the pool, but its sessions stay.
    assert drover.backends()["a"]["active"] == 2
    assert not drover.sessions()

    def told():
        return [client for client in clients if client.readable(0)]

    wait_until(lambda: len(told()) == 2, "both clients are told")
    # 3 s of silence and 1 s for the pong; RULES: ± 0.5 s.
    assert 3.5 <= time.monotonic() - begun <= slack(4.5)
    for client in told():
        assert client.read_frame().close_code == 1012
        client.close()
    ended = drover.wait_for_sessions(2)
    assert {(line["initiator"], line["why"]) for line in ended} == {("backend", "ping_timeout")}
    wait_until(lambda: drover.backends()["a"]["active"] == 0, "its places are free")
    assert drover.backends()["b"]["active"] == 2
    assert len(clients) == 4


def test_tcp_probes_see_a_port_that_refuses(start, servers):
    server, refused = servers(), refused_port()
    drover = start({"backends": [{"name": "a", "address": server.address},
                                 {"name": "b", "address": f"127.0.0.1:{refused}"}], "health_check": {"type": "tcp"}})
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "down")
    wait_until(lambda: drover.events("backend_down"), "it is told")
    assert drover.events("backend_down")[0]["reason"] == "connection refused"
    for _ in range(4):
        session(drover)
    assert drover.backends()["b"]["totals"]["failures"] == 0


def test_websocket_probes(start, servers):
    """A program that hangs behind its kernel is found by its missing pong; one that refuses upgrades by its status."""
    good, hung, refusing = servers(), servers(), servers(upgrade=403)
    check = CHECK | {"type": "websocket", "path": "/anything"}
    drover = start(pool_of(good, hung, refusing, health_check=check))
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "up")
    wait_for_probe(drover, "c", "down")
    hung.hang()
    wait_for_probe(drover, "b", "down")
    wait_until(lambda: len(drover.events("backend_down")) == 2, "both are told")
    reasons = {event["backend"]: event["reason"] for event in drover.events("backend_down")}
    assert reasons == {"b": "no answer within 300ms", "c": "answered 403 to the upgrade of /anything, expected 101"}
    hung.go_on()
    wait_for_probe(drover, "b", "up")
    assert drover.backends()["a"]["latency_ms"] > 0


def test_the_probes_host_and_body(start, servers):
    first, second = servers(body="state: fine"), servers(body="state: tired")
    check = CHECK | {"expect_body": "fine", "host": "chat.example.com"}
    drover = start(pool_of(first, second, health_check=check))
    wait_for_probe(drover, "a", "up")
    wait_for_probe(drover, "b", "down")
    wait_until(lambda: drover.events("backend_down"), "it is told")
    assert drover.events("backend_down")[0]["reason"] == "the body of GET /health has no 'fine'"
    assert set(first.tell()["hosts"]) == {"chat.example.com"}


def test_without_an_interval_nobody_is_probed_and_everybody_is_up(start, servers):
    server = servers()
    drover = start({"backends": [server.address, f"127.0.0.1:{refused_port()}"],
                    "health_check": {"type": "http", "interval": "0s"}})
    assert {backend["probe"] for backend in drover.backends().values()} == {"up"}
    session(drover)
    assert server.tell()["probes"] == 0


def test_the_smallest_configuration_works_at_once(start):
    """Before any probe has ended: nothing is up, so those that are still being checked are used."""
    with contextlib.closing(RawBackend()) as backend:
        drover = start({"backends": [backend.address], "health_check": {"type": "http", "timeout": "1h"}})
        client = connect(drover.port, upgrade_request())
        assert drover.admin("/ready")[0] == 200
        assert drover.backends()[backend.address]["probe"] == "checking"
        # The probe's connection comes too: the session's is the one that asks for an upgrade.
        for stream in (backend.accept(), backend.accept()):
            head = stream.read_head()
            if head.get("Upgrade"):
                break
        assert head.get("Sec-WebSocket-Key")
        client.close()


def test_probes_without_descriptors_are_no_verdict_and_are_told_once(start, servers):
    server = servers()
    drover = start(pool_of(server, health_check=CHECK | {"interval": "100ms", "fall": 1}))
    wait_for_probe(drover, "a", "up")
    soft, hard = resource.prlimit(drover.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (0, hard))
    wait_until(lambda: drover.events("probe_not_possible"), "it is told")
    before = server.tell()["probes"]
    time.sleep(0.5)  # several looks that come to nothing: the window is the measurement
    assert server.tell()["probes"] == before
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: server.tell()["probes"] > before, "probes again")
    assert len(drover.events("probe_not_possible")) == 1
    assert not drover.events("backend_down")


def test_a_pool_without_an_eligible_backend_says_why_once(start):
    first, second = refused_port(), refused_port()
    drover = start({"backends": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"],
                    "health_check": {"interval": "200ms", "timeout": "100ms"}})
    wait_until(lambda: drover.events("pool_has_no_backend"), "the summary")
    (event,) = drover.events("pool_has_no_backend")
    assert event["summary"] == (f"pool default: 0 of 2 backends up; 127.0.0.1:{first}: connection refused; "
                                f"127.0.0.1:{second}: connection refused")
    status, body = drover.admin("/ready")
    assert status == 503 and body["reason"] == "no pool has an eligible backend"
    assert connect(drover.port, upgrade_request()).read_head().status == 503


def test_the_summary_of_a_large_pool_is_short(start):
    backends = [f"127.0.0.{number}:{refused_port()}" for number in range(1, 13)]
    drover = start({"backends": backends, "health_check": {"interval": "200ms", "timeout": "100ms"}})
    wait_until(lambda: drover.events("pool_has_no_backend"), "the summary")
    (event,) = drover.events("pool_has_no_backend")
    assert event["summary"].startswith(f"pool default: 0 of 12 backends up; {backends[0]}: connection refused; ")
    assert event["summary"].endswith(f"; {backends[9]}: connection refused; and 2 more")


def test_sessions_go_on_while_their_backend_is_down(start, servers):
    first = servers()
    drover = start(pool_of(first, health_check=CHECK))
    wait_for_probe(drover, "a", "up")
    client = session(drover)
    first.tell(status=500)
    wait_for_probe(drover, "a", "down")
    client.send(client_frame(TEXT, b"still here"))
    assert client.read_frame().payload == b"still here"


class Everywhere:
    """Listens on one port of every address and notes when connections come."""

    def __init__(self):
        self.listener = socket.create_server(("", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.arrivals = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.listener.accept()[0].close()
                self.arrivals.append(time.monotonic())

    def close(self):
        """Ends its thread too."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_probes_of_many_are_spread_over_the_interval(start):
    """200 backends, an interval of 2 s: in no tenth of it come many more probes than in another."""
    with contextlib.closing(Everywhere()) as backends:
        addresses = [f"127.0.{index // 100}.{index % 100 + 1}:{backends.port}" for index in range(200)]
        drover = start({"backends": addresses, "health_check": {"interval": "2s", "timeout": "1s"}})
        wait_until(lambda: len(backends.arrivals) >= 1000, "five rounds")
        # The first round comes quickly, after the start.
        steady = [moment - backends.arrivals[0] for moment in backends.arrivals]
        tenths = collections.Counter(int(moment / 0.2) for moment in steady if moment >= 4)
        whole = list(tenths.values())[:-1]
        # 20 each, give or take the jitter and the ticks of the timer wheel.
        assert len(whole) >= 8 and min(whole) >= 8 and max(whole) <= 35, tenths
        assert {backend["probe"] for backend in drover.backends().values()} == {"up"}
