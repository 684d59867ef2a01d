"""What a client keeps secret is in neither log, at no level and in no format, whatever becomes of its request."""

import base64
import json

import pytest
from harness import (
    CLOSE, TEXT, backend_frame, client_frame, close_body, connect, open_tunnel, plain_request, switching,
    upgrade_request, wait_until)

_SECRET = "hunter2hunter2hunter2"
_IN_BASE64 = base64.b64encode(f"me:{_SECRET}".encode()).decode()
_QUERY = f"session_token={_SECRET}&drover_migrate=1&access_token={_SECRET}&{_SECRET}"
_TOKEN = f"drover.token.{_SECRET}"
_TOKEN_SPELLED_OTHERWISE = f"Drover.Token.{_SECRET}"
_HEADERS = (
    f"Authorization: Bearer {_SECRET}", f"Proxy-Authorization: Basic {_IN_BASE64}", f"Cookie: session={_SECRET}",
    f"X-Session-Token: {_SECRET}", f"Referer: https://me:{_SECRET}@localhost/?{_QUERY}", f"X-Request-ID: {_SECRET}",
    f"X-Forwarded-For: {_SECRET}", f"X-Drover-Session: {_SECRET}", f"X-{_SECRET}: 1")
_OFFER = f"mqtt, {_TOKEN}, {_TOKEN_SPELLED_OTHERWISE}"


def _upgrade(path=f"/ws?{_QUERY}", *headers, **options):
    return upgrade_request(path, *_HEADERS, f"Sec-WebSocket-Protocol: {_OFFER}", *headers, **options)


def _plain(line, *headers):
    return plain_request(line, *_HEADERS, *headers)


_HOST = "Host: localhost"

# What Drover answers itself, or does not answer: (name, bytes).
_REFUSED = {
    "ordinary": _plain(f"GET /ws?{_QUERY} HTTP/1.1", _HOST),
    "no_route": _upgrade(f"/elsewhere?{_QUERY}"),
    "origin": _upgrade(f"/ws?{_QUERY}", f"Origin: https://{_SECRET}.example.com"),
    "version": _upgrade().replace(b"Version: 13", f"Version: {_SECRET}".encode()),
    "key": _upgrade(key=_SECRET),
    "subprotocol_twice": _upgrade(f"/ws?{_QUERY}", f"Sec-WebSocket-Protocol: {_TOKEN}"),
    "extension": _upgrade(f"/ws?{_QUERY}", f"Sec-WebSocket-Extensions: ={_SECRET}"),
    "body": _upgrade(f"/ws?{_QUERY}", "Content-Length: 5") + _SECRET.encode(),
    "userinfo": _upgrade(f"http://me:{_SECRET}@localhost/ws?{_QUERY}"),
    "userinfo_in_both": _upgrade(f"http://me:{_SECRET}@localhost/ws", host=f"me:{_SECRET}@localhost"),
    "authority": _upgrade(f"http://{_SECRET}.example.com/ws?{_QUERY}"),
    "host": _upgrade(host=f"{_SECRET}/"),
    "fragment": _upgrade(f"/ws#access_token={_SECRET}"),
    "connect": _plain(f"CONNECT me:{_SECRET}@localhost:80 HTTP/1.1", _HOST),
    "method": _plain(f"{_SECRET} /ws?{_QUERY} HTTP/1.1", _HOST),
    "http_version": _plain(f"GET /ws?{_QUERY} HTTP/{_SECRET}", _HOST),
    "no_http_version": _plain(f"GET /ws?{_QUERY}", _HOST),
    "no_target": _plain(f"{_SECRET}", _HOST),
    "escape": _upgrade(f"/ws\x1b[2J?{_QUERY}"),
    "header_escape": _upgrade(f"/ws?{_QUERY}", f"X-A: \x1b[2J{_SECRET}"),
    "no_colon": _upgrade(f"/ws?{_QUERY}", _SECRET),
    "no_name": _upgrade(f"/ws?{_QUERY}", f": {_SECRET}"),
    "folded": _upgrade(f"/ws?{_QUERY}", f" {_SECRET}"),
    "bare_lf": _upgrade().replace(b"\r\nCookie", b"\nCookie"),
    "two_lengths": _upgrade(f"/ws?{_QUERY}", "Content-Length: 1", f"Content-Length: {_SECRET}"),
    "coding": _upgrade(f"/ws?{_QUERY}", f"Transfer-Encoding: {_SECRET}"),
    "long_target": _upgrade("/ws?" + _SECRET * 500),
    "long_head": _upgrade(f"/ws?{_QUERY}", f"X-Long: {_SECRET * 1000}"),
    "cut_short": _upgrade()[:-40],
    "tls": b"\x16\x03\x01" + _SECRET.encode() + b"\r\n\r\n",
}

# What a backend answers to an upgrade.
_ANSWERS = {
    "403": lambda head: plain_request(f"HTTP/1.1 403 {_SECRET}", f"Set-Cookie: {_SECRET}", "Content-Length: 0"),
    "500": lambda head: plain_request(f"HTTP/1.1 500 {_SECRET}", "Content-Length: 30") + _SECRET.encode(),
    "subprotocol": lambda head: switching(head, f"Sec-WebSocket-Protocol: {_SECRET}"),
    "extension": lambda head: switching(head, f"Sec-WebSocket-Extensions: {_SECRET}"),
    "accept": lambda head: plain_request("HTTP/1.1 101 x", "Upgrade: websocket", "Connection: Upgrade",
                                         f"Sec-WebSocket-Accept: {_SECRET}"),
    "status_line": lambda head: f"{_SECRET}\r\n\r\n".encode(),
    "header": lambda head: switching(head, f": {_SECRET}"),
    "load": lambda head: switching(head, f"endpoint-load-metrics: TEXT {_SECRET}=1, cpu_utilization={_SECRET}"),
    "nothing": lambda head: b"",
}


def _said(drover):
    return drover.output() + drover.log()


def _sessions(drover, count):
    """The access lines in either format, once there are so many."""
    def lines():
        return [line for line in drover.output().splitlines() if '"event":"session"' in line or "Z session " in line]
    return wait_until(lambda: len(lines()) >= count and lines(), f"{count} access lines")


def _finish(client):
    client.shutdown_write()
    client.drain()
    client.close()


@pytest.fixture(params=["json", "text"])
def debugging(request, start, backend):
    """Drover in front of `backend`, with all that it ever logs."""
    return start({
        "pools": {"chat": {"backends": [backend.address], "timeouts": {"close": "500ms"}}},
        "routes": [{"match": {"path": "/ws"}, "pool": "chat", "allowed_origins": ["https://localhost"]}],
        "log": {"level": "debug", "format": request.param}})


def _stop_and_check(drover):
    drover.stop()
    said = _said(drover)
    for secret in (_SECRET, _IN_BASE64, "session_token", "drover_migrate", "access_token", "?"):
        assert secret not in said, [line for line in said.splitlines() if secret in line]


def test_of_refused_and_malformed_requests_no_secret_is_logged(debugging):
    for request in _REFUSED.values():
        client = connect(debugging.port)
        client.send_if_open(request)
        _finish(client)
    _sessions(debugging, len(_REFUSED))
    _stop_and_check(debugging)


def test_of_what_backends_answer_no_secret_is_logged(debugging, backend):
    for answer in _ANSWERS.values():
        client = connect(debugging.port, _upgrade())
        server = backend.accept()
        server.send(answer(server.read_head()))
        server.close()
        _finish(client)
    _sessions(debugging, len(_ANSWERS))
    _stop_and_check(debugging)


# A token that is all of the offer is Drover's to choose; one that is spelled otherwise is the backend's.
@pytest.mark.parametrize("offer, chosen", [(_TOKEN, None), (_OFFER, _TOKEN_SPELLED_OTHERWISE)], ids=["ours", "theirs"])
@pytest.mark.parametrize("target", [f"/ws?{_QUERY}", f"http://localhost/ws?{_QUERY}"], ids=["path", "absolute"])
def test_of_a_tunnel_no_secret_is_logged_or_listed(debugging, backend, target, offer, chosen):
    request = upgrade_request(target, *_HEADERS, f"Sec-WebSocket-Protocol: {offer}")
    client, server = open_tunnel(
        debugging.port, backend, request, [f"Sec-WebSocket-Protocol: {chosen}"] if chosen else [])
    client.send(client_frame(TEXT, _SECRET.encode()))
    assert server.read_frame().payload == _SECRET.encode()
    status, listing = debugging.admin("/api/v1/sessions")
    assert status == 200 and listing["sessions"][0]["subprotocol"] == "drover.token.***"
    assert _SECRET not in json.dumps(listing)
    client.send(client_frame(CLOSE, close_body(4000, _SECRET)))
    server.read_frame()
    server.send(backend_frame(CLOSE, close_body(4000, _SECRET)))
    server.close()
    client.drain()
    client.close()
    (line,) = _sessions(debugging, 1)
    assert "/ws" in line and "drover.token.***" in line
    _stop_and_check(debugging)


def test_of_a_frame_that_breaks_the_protocol_no_secret_is_logged(debugging, backend):
    client, server = open_tunnel(debugging.port, backend, _upgrade(), ["Sec-WebSocket-Protocol: mqtt"])
    client.send(backend_frame(TEXT, _SECRET.encode()))  # unmasked
    client.drain()
    server.drain()
    client.close(), server.close()
    _sessions(debugging, 1)
    _stop_and_check(debugging)


def test_of_requests_to_the_admin_port_no_secret_is_logged(start, backend):
    token = "t0ken-of-the-operator"
    drover = start({"backends": [backend.address], "log": {"level": "debug"},
                    "admin": {"bind": "127.0.0.1:0", "token": token}})
    name = backend.address
    for authorization in (f"Bearer {_SECRET}", f"Basic {_IN_BASE64}", f"Bearer {token}"):
        for line in (f"GET /api/v1/sessions?token={_SECRET}", f"GET /{_SECRET}", f"{_SECRET} /",
                     f"POST /api/v1/backends/default/{name}/load?token={_SECRET}",
                     f"DELETE /api/v1/sessions/{_SECRET}"):
            client = connect(drover.admin_port, plain_request(
                f"{line} HTTP/1.1", "Host: localhost", f"Authorization: {authorization}", f"Cookie: {_SECRET}",
                "Content-Length: 0", "Connection: close"))
            client.drain()
            client.close()
    wait_until(lambda: drover.events("admin_unauthorized"), "a refusal is logged")
    drover.stop()
    said = _said(drover)
    assert token not in said and _IN_BASE64 not in said
    assert _SECRET not in said, [line for line in said.splitlines() if _SECRET in line]
