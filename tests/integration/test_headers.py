"""DESIGN section 4: which headers a backend and a client get to read, and what Drover sets itself."""
# ctest: tls

import re

import pytest
from harness import KEY, accept_of, connect, plain_request, secured, switching, upgrade_request, wait_until

_SCHEME = "https" if secured("client") else "http"

def _forwarded(drover, backend, *headers, path="/chat", host="localhost"):
    """The head that the backend gets for an upgrade with these headers."""
    client = connect(drover.port, upgrade_request(path, *headers, host=host))
    server = backend.accept()
    head = server.read_head()
    server.send(switching(head))
    assert client.read_head().status == 101
    return head


@pytest.fixture
def trusting(start, backend):
    """Drover that trusts its clients' X-Forwarded-*."""
    return start({"backends": [backend.address], "trusted_proxies": ["10.0.0.0/8", "127.0.0.1"]})


def test_host_and_the_upgrades_own_headers_are_unchanged(drover, backend):
    head = _forwarded(drover, backend, "Sec-WebSocket-Protocol: chat, superchat",
                      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", host="Chat.Example:8443")
    assert head.get("Host") == "Chat.Example:8443"
    assert head.get("Upgrade").lower() == "websocket" and head.get("Connection").lower() == "upgrade"
    assert head.get("Sec-WebSocket-Key") == KEY  # the first dial of a session carries the client's own
    assert head.get("Sec-WebSocket-Version") == "13"
    assert head.get("Sec-WebSocket-Protocol") == "chat, superchat"
    assert head.get("Sec-WebSocket-Extensions") == "permessage-deflate; client_max_window_bits"


def test_other_headers_pass_as_written(drover, backend):
    own = ("User-Agent: x/1", "COOKIE: a=1; b=\"2\"", "Authorization: Basic Zm9v", "Origin: https://a.example",
           "X-Twice: 1", "X-Twice: 2", "my_header: 3", "X-Empty:", "X-Latin: caf\xe9",
           "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate: a=b")
    lines = [f"{name}:{' ' if value else ''}{value}" for name, value in _forwarded(drover, backend, *own).headers]
    assert [line for line in lines if line in own] == list(own)


def test_hop_by_hop_headers_are_dropped(drover, backend):
    client = connect(drover.port, plain_request(
        "GET /chat HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: keep-alive, X-Secret",
        "Connection: Upgrade , x-other", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", "Keep-Alive: 5",
        "Proxy-Connection: keep-alive", "TE: trailers", "X-Secret: 1", "X-Other: 2", "X-Stays: 3"))
    head = backend.accept().read_head()
    assert head.get("Connection").lower() == "upgrade" and head.get("X-Stays") == "3"
    for name in ("Keep-Alive", "Proxy-Connection", "TE", "X-Secret", "X-Other"):
        assert head.get(name) is None, name
    client.close()


def test_an_untrusted_clients_forwarding_headers_are_replaced(drover, backend):
    head = _forwarded(
        drover, backend, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 7.7.7.7", "X-Forwarded-Proto: wss",
        "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1", "X-Real-IP: 6.6.6.6", "X-Request-ID: forged",
        host="chat.example:99")
    assert head.get("X-Forwarded-For") == "127.0.0.1"
    assert head.get("X-Forwarded-Proto") == _SCHEME
    assert head.get("X-Forwarded-Host") == "chat.example:99"
    assert head.get("X-Forwarded-Port") == str(drover.port)
    assert head.get("X-Real-IP") == "127.0.0.1"
    assert head.get("X-Request-ID") not in (None, "", "forged")
    assert "6.6.6.6" not in str(head.headers)


def test_ignored_forwarding_headers_are_logged_once_a_minute(drover, backend):
    for _ in range(3):
        _forwarded(drover, backend, "X-Forwarded-For: 6.6.6.6")

    def warnings():
        return [line for line in drover.log().splitlines() if " warn " in line and "forward" in line.lower()]

    wait_until(warnings, "a warning about ignored headers")
    drover.stop()
    assert len(warnings()) == 1 and "127.0.0.1" in warnings()[0]


def test_a_trusted_proxys_forwarding_headers_are_kept(trusting, backend):
    head = _forwarded(
        trusting, backend, "X-Forwarded-For: 203.0.113.7, 10.1.1.1", "X-Forwarded-Proto: https",
        "X-Forwarded-Host: chat.example", "X-Forwarded-Port: 443", "X-Real-IP: 203.0.113.7", "X-Request-ID: kept-1")
    assert head.get("X-Forwarded-For") == "203.0.113.7, 10.1.1.1, 127.0.0.1"
    assert head.get("X-Forwarded-Proto") == "https"
    assert head.get("X-Forwarded-Host") == "chat.example"
    assert head.get("X-Forwarded-Port") == "443"
    assert head.get("X-Real-IP") == "203.0.113.7"
    assert head.get("X-Request-ID") == "kept-1"


def test_a_trusted_proxy_that_says_nothing_is_a_client(trusting, backend):
    head = _forwarded(trusting, backend)
    assert head.get("X-Forwarded-For") == head.get("X-Real-IP") == "127.0.0.1"
    assert head.get("X-Forwarded-Proto") == _SCHEME
    assert head.get("X-Request-ID")


def test_a_network_that_does_not_hold_the_peer_is_not_trusted(start, backend):
    drover = start({"backends": [backend.address], "trusted_proxies": ["10.0.0.0/8", "::1"]})
    assert _forwarded(drover, backend, "X-Forwarded-For: 6.6.6.6").get("X-Forwarded-For") == "127.0.0.1"


def test_underscore_twins_are_dropped(trusting, backend):
    names = _forwarded(
        trusting, backend, "X_Forwarded_For: 6.6.6.6", "X-Forwarded_Proto: https", "x_forwarded_host: evil.example",
        "X_Forwarded_Port: 1", "X_Real_IP: 6.6.6.6", "X_Request_ID: forged", "X_Drover_Session: forged").names()
    assert not [name for name in names if "_" in name]


@pytest.mark.parametrize("name", [
    "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "X-Request-ID",
    "X-Drover-Session"])
def test_connection_does_not_strip_what_drover_sets(drover, backend, name):
    client = connect(drover.port, upgrade_request("/", f"Connection: {name}", f"{name}: forged"))
    assert backend.accept().read_head().get(name) not in (None, "", "forged")
    client.close()


@pytest.mark.parametrize("name", ["Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_connection_does_not_strip_what_the_upgrade_needs(drover, backend, name):
    client = connect(drover.port, upgrade_request("/", f"Connection: {name}"))
    server = backend.accept()
    head = server.read_head()
    assert head.get(name)
    server.send(switching(head))
    assert client.read_head().status == 101


def test_request_id_is_a_new_one_each_time_and_is_logged(drover, backend):
    first, second = (_forwarded(drover, backend).get("X-Request-ID") for _ in range(2))
    assert first != second
    assert {record["request_id"] for record in drover.wait_for_sessions(2)} == {first, second}


def test_session_header_is_the_resume_id(drover, backend):
    head = _forwarded(drover, backend, "X-Drover-Session: forged", "x-drover-anything: 1", "X-Drover-Resumed: 1",
                      "X-Drover-Handoff: v1; key=" + "0" * 32)
    assert [name for name in head.names() if name.startswith("x-drover-")] == ["x-drover-session", "x-drover-handoff"]
    record = drover.session()
    assert head.get("X-Drover-Session") == record["resume_id"] != "forged"
    assert re.fullmatch(r"[\w.-]+", record["resume_id"])
    key = re.fullmatch(r"v1; key=([0-9a-f]{32})", head.get("X-Drover-Handoff"))
    assert key and key[1] != "0" * 32


def test_answer_passes_but_for_drovers_own_and_hop_by_hop_headers(drover, backend):
    client = connect(drover.port, upgrade_request("/chat", "Sec-WebSocket-Protocol: a, b"))
    server = backend.accept()
    server.send(switching(
        server.read_head(), "Server: x/1", "Set-Cookie: a=1", "Set-Cookie: b=2", "Sec-WebSocket-Protocol: b",
        "X-Drover-Handoff: v1", "x-drover-session: 1", "Keep-Alive: 5", "Date: Thu, 01 Jan 1970 00:00:00 GMT"))
    head = client.read_head()
    assert head.start_line == "HTTP/1.1 101 Switching Protocols"
    assert head.get("Sec-WebSocket-Accept") == accept_of(KEY)
    assert head.get("Upgrade").lower() == "websocket" and head.get("Connection").lower() == "upgrade"
    assert head.get("Sec-WebSocket-Protocol") == "b"
    assert (head.get("Server"), head.all("Set-Cookie")) == ("x/1", ["a=1", "b=2"])
    assert head.get("Date") and head.get("Keep-Alive") is None
    assert not [name for name in head.names() if name.startswith("x-drover-")]


def test_refusal_passes_without_drovers_own_headers(drover, backend):
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    server.send(plain_request("HTTP/1.1 403 Forbidden", "X-Drover-Session: 1", "WWW-Authenticate: Basic",
                              "Connection: keep-alive, X-Hop", "X-Hop: 1", "Content-Length: 0"))
    head = client.read_head()
    assert head.get("Connection") == "close" and head.get("WWW-Authenticate") == "Basic"
    assert head.get("X-Drover-Session") is None and head.get("X-Hop") is None
