"""GET /metrics: how sessions begin and end, by pool, backend, reason and who it was."""

import contextlib
import time

import pytest
from harness import (
    BINARY, CLOSE, TEXT, AnsweringBackend, DnsServer, RawBackend, backend_frame, client_frame, close_body, connect,
    moved, open_tunnel, plain_request, refused_port, scrape, switching, upgrade_request, wait_until)


@pytest.fixture
def quiet(start, backend):
    """Drover in front of `backend`, without pings of its own."""
    return start({"backends": [backend.address], "ping": {"clients": "0s"}, "timeouts": {"close": "1s"}})


@pytest.fixture
def answering():
    """A backend that upgrades whoever comes."""
    with contextlib.closing(AnsweringBackend("only")) as made:
        yield made


class TestUpgrades:
    """How requests and sessions of different pools are told apart."""

    def test_times_are_seconds(self, quiet, backend):
        began = time.monotonic()
        client = connect(quiet.port, upgrade_request())
        server = backend.accept()
        head = server.read_head()
        wait_until(lambda: time.monotonic() - began > 0.2, "the backend takes its time")
        server.send(switching(head))
        assert client.read_head().status == 101
        assert 0.15 < scrape(quiet).value("upgrade_duration_seconds_sum") <= time.monotonic() - began
        wait_until(lambda: time.monotonic() - began > 1.1, "a second of a session")
        client.reset()
        moved(quiet, "session_duration_seconds_count")
        assert 1 <= scrape(quiet).value("session_duration_seconds_sum") <= time.monotonic() - began

    def test_a_refusal_of_the_backends_is_its_own(self, quiet, backend):
        client = connect(quiet.port, upgrade_request())
        server = backend.accept()
        server.read_head()
        server.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        assert client.read_head().status == 401
        told = scrape(quiet)
        assert told.value("upgrades_total", pool="default", code="401", source="backend") == 1
        assert told.value("backend_upgrades_total", result="refused") == 1
        assert told.value("backend_upgrades_total", result="failed") == 0
        assert told.sum("rejected_total") == 0

    def test_pools_have_series_of_their_own(self, start, backend, answering):
        drover = start({
            "pools": {"chat": {"backends": [backend.address]}, "mail": {"backends": [answering.address]}},
            "routes": [{"match": {"path": "/chat"}, "pool": "chat"}, {"match": {"path": "/mail"}, "pool": "mail"}]})
        client = connect(drover.port, upgrade_request("/mail"))
        assert client.read_head().status == 101
        assert connect(drover.port, upgrade_request("/elsewhere")).read_head().status == 404
        told = scrape(drover)
        assert told.series("upgrades_total") == [
            ({"pool": "", "code": "404", "source": "drover"}, 1),
            ({"pool": "mail", "code": "101", "source": "backend"}, 1)]
        assert {labels["pool"] for labels, _ in told.series("bytes_total")} == {"chat", "mail"}
        assert told.value("upgrade_duration_seconds_count", pool="mail") == 1
        assert told.value("upgrade_duration_seconds_count", pool="chat") == 0
        assert told.value("backend_active", pool="mail") == 1
        client.close()


def _bad_gateway(drover, backend):
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    server.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    return client, server


def _over_the_limit(drover, backend):
    first = open_tunnel(drover.port, backend)
    return connect(drover.port, upgrade_request()), *first


# reason: (status, settings, the request as bytes, or a function of (drover, backend) that returns the client and
# whatever else must live on).
_REJECTIONS = {
    "bad_request": (400, {}, plain_request("GET / HTTP/1.1")),
    "unauthorized": (401, {"resume": {"on_invalid_token": "reject"}}, upgrade_request("/chat?session_token=v1.forged")),
    "forbidden": (403, {"routes": [{"match": {"path": "/chat"}, "pool": "default",
                                    "allowed_origins": ["https://example.com"]}]},
                  upgrade_request("/chat", "Origin: https://elsewhere.example")),
    "no_route": (404, {"routes": [{"match": {"path": "/mail"}, "pool": "default"}]}, upgrade_request()),
    "method_not_allowed": (405, {}, plain_request("CONNECT a:1 HTTP/1.1", "Host: a:1")),
    "request_timeout": (408, {"limits": {"head_timeout": "200ms"}}, upgrade_request()[:30]),
    "target_too_long": (414, {}, upgrade_request("/" + "a" * 9000)),
    "upgrade_required": (426, {}, plain_request("GET / HTTP/1.1", "Host: localhost")),
    "unsupported_version": (426, {}, upgrade_request().replace(b"Version: 13", b"Version: 8")),
    "head_too_large": (431, {}, upgrade_request("/chat", "X-Large: " + "a" * 20_000)),
    "bad_gateway": (502, {}, _bad_gateway),
    "connection_limit": (503, {"limits": {"max_connections": 1}}, _over_the_limit),
    "unavailable": (503, {"backends": [f"127.0.0.1:{refused_port()}"]}, upgrade_request()),
    "gateway_timeout": (504, {"timeouts": {"upgrade": "200ms", "close": "1s"}}, upgrade_request()),
}
_LATER = {"too_many_requests"}  # no limit answers this yet


class TestRejections:
    """Requests that Drover itself answers."""

    @pytest.mark.parametrize("reason", _REJECTIONS)
    def test_it_is_counted_by_its_reason(self, start, backend, reason):
        status, settings, request = _REJECTIONS[reason]
        drover = start({"backends": [backend.address]} | settings)
        given = isinstance(request, bytes)
        client, *others = [connect(drover.port, request)] if given else request(drover, backend)
        assert client.read_head().status == status
        told = scrape(drover)
        assert [series for series in told.series("rejected_total") if series[1]] == [({"reason": reason}, 1)]
        assert told.sum("upgrades_total", code=str(status), source="drover") == 1
        for stream in (client, *others):
            stream.reset()
        moved(drover, "closes_total", initiator="drover", why="rejected", code="none")

    def test_every_reason_is_among_them(self, quiet):
        reasons = {labels["reason"] for labels, _ in scrape(quiet).series("rejected_total")}
        assert reasons == set(_REJECTIONS) | _LATER


def _client_says(code, reason=""):
    def end(client, server):
        client.send(client_frame(CLOSE, close_body(code, reason) if code else b""))
        server.read_frame()
        server.send(backend_frame(CLOSE))
    return end


def _backend_says(code):
    def end(client, server):
        server.send(backend_frame(CLOSE, close_body(code)))
        client.read_frame()
        client.send(client_frame(CLOSE))
    return end


_ENDS = {
    "client, normal": (("1000", "client", "normal"), _client_says(1000)),
    "client, without a code": (("1005", "client", "normal"), _client_says(None)),
    "client, registered by a library": (("3xxx", "client", "normal"), _client_says(3210)),
    "backend, going away": (("1001", "backend", "normal"), _backend_says(1001)),
    "backend, of its own": (("4xxx", "backend", "normal"), _backend_says(4004)),
    "client lost": (("none", "client", "client_lost"), lambda client, server: client.reset()),
    "backend lost": (("none", "backend", "backend_lost"), lambda client, server: server.reset()),
    "protocol error": (("1002", "drover", "protocol_error"),
                       lambda client, server: client.send(client_frame(3, b"reserved"))),
    "too big": (("1009", "drover", "too_big"), lambda client, server: client.send(client_frame(BINARY, bytes(2000)))),
}


class TestEnds:
    """Sessions by who ended them, and how."""

    @pytest.mark.parametrize("end", _ENDS)
    def test_it_is_counted_by_code_initiator_and_why(self, start, backend, end):
        drover = start({"backends": [backend.address], "limits": {"max_message_size": "1KiB"},
                        "timeouts": {"close": "200ms"}})
        client, server = open_tunnel(drover.port, backend)
        expected, provoke = _ENDS[end]
        provoke(client, server)
        moved(drover, "closes_total")
        ((labels, value),) = scrape(drover).series("closes_total")
        assert (labels["code"], labels["initiator"], labels["why"]) == expected
        assert (labels["pool"], value) == ("default", 1)

    def test_a_connection_without_a_word_is_none(self, quiet, backend):
        connect(quiet.port).close()
        client, server = open_tunnel(quiet.port, backend)
        client.reset()
        server.drain()
        server.close()
        assert moved(quiet, "closes_total") == 1


class TestBackends:
    """Series of backends."""

    def test_up_eligible_active_score_and_latency(self, start, servers):
        fleet = [servers(), servers(status=500)]
        drover = start({
            "backends": [{"name": name, "address": server.address} for name, server in zip("ab", fleet)],
            "health_check": {"type": "http", "interval": "200ms", "timeout": "2s"}, "panic_threshold": "0%"})
        wait_until(lambda: drover.backends()["a"]["probe"] == "up" and drover.backends()["b"]["probe"] == "down",
                   "both have been looked at")
        client = connect(drover.port, upgrade_request())
        assert client.read_head().status == 101
        told = scrape(drover)
        assert [told.value("backend_up", backend=name) for name in "ab"] == [1, 0]
        assert [told.value("backend_eligible", backend=name) for name in "ab"] == [1, 0]
        assert [told.value("backend_active", backend=name) for name in "ab"] == [1, 0]
        assert [labels["backend"] for labels, _ in told.series("backend_score")] == ["a"]
        assert 0 < told.value("backend_score", backend="a") <= 1
        assert 0 < told.value("backend_latency_seconds", backend="a") < 1
        client.reset()
        wait_until(lambda: scrape(drover).value("backend_active", backend="a") == 0, "it is given back")

    def test_failures_are_the_backends_that_failed(self, start, answering):
        drover = start({"policy": "round_robin", "backends": [
            {"name": "gone", "address": f"127.0.0.1:{refused_port()}"},
            {"name": "there", "address": answering.address}]})
        for _ in range(4):
            assert connect(drover.port, upgrade_request()).read_head().status == 101
        told = scrape(drover)
        assert told.value("backend_upgrades_total", backend="there", result="upgraded") == 4
        assert told.value("backend_upgrades_total", backend="gone", result="failed") >= 1
        assert told.value("backend_upgrades_total", backend="there", result="failed") == 0
        assert told.value("upgrades_total", code="101") == 4

    def test_one_that_leaves_a_name_takes_its_series_and_leaves_its_counts(self, start):
        with contextlib.ExitStack() as stack:
            dns = stack.enter_context(DnsServer())
            first = stack.enter_context(contextlib.closing(RawBackend(host="127.0.0.11")))
            second = stack.enter_context(contextlib.closing(RawBackend(host="127.0.0.12", port=first.port)))
            dns.set("web.test", a=["127.0.0.11"], ttl=1)
            drover = start({"nameservers": [dns.address], "ping": {"clients": "0s"},
                            "backends": [{"name": "web", "address": f"web.test:{first.port}"}]})
            client, server = open_tunnel(drover.port, first)
            client.send(client_frame(TEXT, b"from the first"))
            server.read_frame()
            counted = moved(drover, "bytes_total")
            drover.admin("/api/v1/freeze", "POST")  # the drain of what has left is not the matter here
            dns.set("web.test", a=["127.0.0.12"], ttl=1)
            names = [f"web@127.0.0.{number}:{first.port}" for number in (11, 12)]
            wait_until(lambda: [labels["backend"] for labels, _ in scrape(drover).series("backend_up")] == names[1:],
                       "the new address alone")
            told = scrape(drover)
            assert names[0] not in told.text
            assert told.sum("bytes_total") == counted
            other, other_server = open_tunnel(drover.port, second)
            for stream, reader in ((client, server), (other, other_server)):
                stream.send(client_frame(TEXT, b"from the first"))
                reader.read_frame()
            moved(drover, "bytes_total", 3 * counted)
            assert scrape(drover).value("backend_active", backend=names[1]) == 1
