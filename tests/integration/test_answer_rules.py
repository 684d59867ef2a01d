"""RULES 'The backend's answer': every line of it, with backends that answer in raw bytes."""
# ctest: tls both

import contextlib
import socket
import time

import pytest
from harness import (
    KEY, TEXT, RawBackend, accept_of, backend_frame, client_frame, connect, plain_request, refused_port, slack,
    switching, upgrade_request)

_UPGRADE_TIMEOUT = 1.0
_CONNECT_TIMEOUT = 0.4


@pytest.fixture
def drover(start, backend):
    return start({"backends": [backend.address], "timeouts": {"upgrade": "1s", "connect": "400ms", "close": "1s"}})


def _first_then_second(start, first, second, **pool):
    """Drover whose first candidate is `first`: round robin begins with the heaviest backend."""
    config = {"backends": [{"address": first, "weight": 1000}, second], "policy": "round_robin",
              "timeouts": {"upgrade": "1s", "connect": "400ms"}}
    return start(config | pool)


@contextlib.contextmanager
def _black_hole():
    """An address whose listen queue is full, so that the kernel drops every SYN: a connect that times out."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield f"127.0.0.1:{port}"


def _answered(drover, backend, answer):
    """Client and backend of a request that the backend has answered with these bytes."""
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    server.send(answer)
    return client, server


def test_nothing_of_the_client_reaches_the_backend_while_its_refusal_is_passed_on(drover, backend):
    client, server = _answered(drover, backend, plain_request("HTTP/1.1 403 Forbidden", "Content-Length: 8") + b"half")
    assert client.read_head().status == 403
    client.send(b"GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n")
    assert not server.readable(timeout=0.2)
    server.send(b"done")
    assert client.read_to_end() == b"halfdone"
    assert server.read_to_end() == b""


def test_a_client_that_has_said_all_is_not_lingered_for(start, backend):
    drover = start({"backends": [backend.address], "timeouts": {"close": "60s"}})
    client, server = _answered(drover, backend, plain_request("HTTP/1.1 403 Forbidden", "Content-Length: 8") + b"half")
    assert client.read_head().status == 403
    client.shutdown_write()
    server.send(b"done")
    assert client.read_to_end() == b"halfdone"
    # The session ends now, with the socket of the test still open, and not after timeouts.close.
    assert drover.session()["why"] == "rejected"


@pytest.mark.parametrize("status,reason", [
    (200, "OK"), (204, "No Content"), (302, "Found"), (403, "Forbidden"), (426, "Upgrade Required"),
    (429, "Too Many Requests"), (500, "Internal Server Error"), (503, "Of Its Own Kind")])
def test_other_answers_are_passed_on_as_they_are(drover, backend, status, reason):
    body = b"" if status == 204 else b"the backend's own words"
    headers = ["Content-Type: text/x-odd", "Set-Cookie: a=1", "Set-Cookie: b=2", "Location: /elsewhere"]
    if body:
        headers.append(f"Content-Length: {len(body)}")
    client, server = _answered(drover, backend, plain_request(f"HTTP/1.1 {status} {reason}", *headers) + body)
    head = client.read_head()
    assert head.start_line == f"HTTP/1.1 {status} {reason}"
    assert set(headers) <= {f"{name}: {value}" for name, value in head.headers}
    client.send_if_open(b"GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n")
    assert client.read_to_end() == body
    assert server.read_to_end() == b""
    client.close()
    record = drover.session()
    assert (record["status"], record["messages_in"]) == (status, 0)


def test_chunked_answer_is_passed_on(drover, backend):
    body = b"5\r\nhello\r\n3\r\n wo\r\n0\r\n\r\n"
    answer = plain_request("HTTP/1.1 403 Forbidden", "Transfer-Encoding: chunked") + body
    client, _ = _answered(drover, backend, answer)
    assert client.read_head().get("Transfer-Encoding") == "chunked"
    assert client.read_to_end() == body


def test_answer_that_lasts_until_the_end_is_passed_on(drover, backend):
    client, server = _answered(drover, backend, plain_request("HTTP/1.1 200 OK") + b"a" * 100_000)
    server.close()
    assert client.read_head().status == 200
    assert client.read_to_end() == b"a" * 100_000


_ACCEPT = f"Sec-WebSocket-Accept: {accept_of(KEY)}"
_LINE = "HTTP/1.1 101 Switching Protocols"
_RIGHT = ("Upgrade: websocket", "Connection: Upgrade", _ACCEPT)
BAD_101 = {
    "no Accept": _RIGHT[:2],
    "a wrong Accept": (*_RIGHT[:2], f"Sec-WebSocket-Accept: {accept_of('AAAAAAAAAAAAAAAAAAAAAA==')}"),
    "an Accept in other case": (*_RIGHT[:2], _ACCEPT.swapcase().replace(_ACCEPT.swapcase()[:20], _ACCEPT[:20])),
    "no Upgrade": _RIGHT[1:],
    "another Upgrade": ("Upgrade: h2c", *_RIGHT[1:]),
    "no Connection": (_RIGHT[0], _RIGHT[2]),
    "a subprotocol that was not offered": (*_RIGHT, "Sec-WebSocket-Protocol: other"),
    "an extension that was not offered": (*_RIGHT, "Sec-WebSocket-Extensions: x-other"),
    "two Accepts": (*_RIGHT, _ACCEPT),
    "two Upgrades": (*_RIGHT, "Upgrade: websocket"),
    "two subprotocols": (*_RIGHT, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"),
    "two extension lines": (*_RIGHT, *["Sec-WebSocket-Extensions: permessage-deflate"] * 2),
    "one extension twice": (*_RIGHT, "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate"),
}


@pytest.mark.parametrize("name", BAD_101)
def test_bad_101_is_502(drover, backend, name):
    client = connect(drover.port, upgrade_request(
        "/chat", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate"))
    server = backend.accept()
    server.read_head()
    server.send(plain_request(_LINE, *BAD_101[name]) + backend_frame(TEXT, b"never"))
    head = client.read_head()
    assert head.status == 502
    assert b"never" not in client.read_to_end()
    assert server.read_to_end() == b""


BROKEN = {
    "a status that is no number": b"HTTP/1.1 1o1 Switching Protocols\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 101 Switching Protocols\r\n\r\n",
    "a space before the colon": plain_request(_LINE, *_RIGHT, "A : b"),
    "obs-fold": plain_request(_LINE, *_RIGHT, "A: b\r\n c"),
    "bare CR": plain_request(_LINE, *_RIGHT, "A: b\rC: d"),
    "NUL": plain_request(_LINE, *_RIGHT, "A: b\0"),
    "Content-Length with Transfer-Encoding": plain_request(
        "HTTP/1.1 200 OK", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "a head without end": plain_request(_LINE, *_RIGHT)[:-2] + b"A: " + b"b" * 100_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answer_is_502(drover, backend, name):
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    server.send_if_open(BROKEN[name])
    assert client.read_head().status == 502
    client.read_to_end()
    server.read_to_end()


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 101 Switch", plain_request(_LINE, *_RIGHT)[:-2]],
                         ids=["nothing", "half a line", "all but the last line"])
def test_head_cut_short_is_502(drover, backend, part):
    client, server = _answered(drover, backend, part)
    server.close()
    assert client.read_head().status == 502


def test_content_length_0_on_a_101_is_dropped(drover, backend):
    client, server = _answered(
        drover, backend, plain_request(_LINE, *_RIGHT, "Content-Length: 0") + backend_frame(TEXT, b"first"))
    head = client.read_head()
    assert (head.status, head.get("Content-Length")) == (101, None)
    assert client.read_frame().payload == b"first"
    client.send(client_frame(TEXT, b"back"))
    assert server.read_frame().payload == b"back"


def test_interim_answers_are_passed_over(drover, backend):
    early = plain_request("HTTP/1.1 103 Early Hints", "Link: </a>")
    client, _ = _answered(drover, backend, early + plain_request(_LINE, *_RIGHT))
    assert client.read_head().status == 101


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 101 Switching Protocols\r\nUpg"], ids=["silent", "in mid-head"])
def test_backend_that_never_answers_is_504(drover, backend, part):
    began = time.monotonic()
    client, server = _answered(drover, backend, part)
    assert client.read_head().status == 504
    assert _UPGRADE_TIMEOUT - 0.2 <= time.monotonic() - began <= _UPGRADE_TIMEOUT + slack(0.2)
    assert server.read_to_end() == b""


def test_one_timeout_bounds_all_attempts(start):
    with _black_hole() as first, _black_hole() as second:
        drover = _first_then_second(start, first, second, timeouts={"upgrade": "1s", "connect": "700ms"})
        began = time.monotonic()
        assert connect(drover.port, upgrade_request()).read_head().status == 504
        assert _UPGRADE_TIMEOUT - 0.2 <= time.monotonic() - began <= _UPGRADE_TIMEOUT + slack(0.2)


def test_connect_timeout_is_503(start):
    with _black_hole() as nowhere:
        drover = start({"backends": [nowhere], "timeouts": {"connect": "400ms"}})
        began = time.monotonic()
        head = connect(drover.port, upgrade_request()).read_head()
        assert head.status == 503 and int(head.get("Retry-After")) >= 0
        assert _CONNECT_TIMEOUT - 0.1 <= time.monotonic() - began <= _CONNECT_TIMEOUT + slack(0.2)


def test_connect_timeout_goes_to_the_next_candidate(start, backend):
    with _black_hole() as nowhere:
        drover = _first_then_second(start, nowhere, backend.address)
        client = connect(drover.port, upgrade_request())
        server = backend.accept()
        server.send(switching(server.read_head()))
        assert client.read_head().status == 101


def test_refused_goes_to_the_next_candidate_within_50_ms(start, backend):
    drover = _first_then_second(start, f"127.0.0.1:{refused_port()}", backend.address)
    delays = []
    for _ in range(5):
        client = connect(drover.port)
        began = time.monotonic()
        client.send(upgrade_request())
        server = backend.accept()
        delays.append(time.monotonic() - began)
        server.send(switching(server.read_head()))
        assert client.read_head().status == 101
        client.close()
    assert sorted(delays)[2] < slack(0.05)
    assert {record["attempts"] for record in drover.wait_for_sessions(5)} == {2}
    assert {record["backends"][-1]["name"] for record in drover.sessions()} == {backend.address}


def test_all_refuse_is_503(start):
    drover = start({"backends": [f"127.0.0.1:{refused_port()}" for _ in range(3)]})
    client = connect(drover.port, upgrade_request())
    head = client.read_head()
    assert head.status == 503 and int(head.get("Retry-After")) >= 0
    client.read_to_end()
    client.close()
    record = drover.session()
    assert (record["status"], record["attempts"]) == (503, 3)


def test_attempts_are_counted(start, backend):
    drover = _first_then_second(start, f"127.0.0.1:{refused_port()}", backend.address, attempts=1)
    assert connect(drover.port, upgrade_request()).read_head().status == 503
    assert backend.untouched()


def test_5xx_goes_to_the_next_candidate(start, backend):
    second = RawBackend()
    drover = _first_then_second(start, backend.address, second.address)
    client, first = _answered(drover, backend, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    server = second.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    assert first.read_to_end() == b""


def test_the_last_5xx_is_passed_on(start, backend):
    second = RawBackend()
    drover = _first_then_second(start, backend.address, second.address)
    client, _ = _answered(drover, backend, b"HTTP/1.1 500 First\r\nContent-Length: 5\r\n\r\nfirst")
    server = second.accept()
    server.read_head()
    server.send(b"HTTP/1.1 502 Second\r\nContent-Length: 6\r\n\r\nsecond")
    assert client.read_head().start_line == "HTTP/1.1 502 Second"
    assert client.read_to_end() == b"second"


def test_4xx_is_final(start, backend):
    second = RawBackend()
    drover = _first_then_second(start, backend.address, second.address)
    client, _ = _answered(drover, backend, b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n")
    assert client.read_head().status == 401
    client.read_to_end()
    assert second.untouched()


def test_bytes_behind_the_101_are_the_first_frames(drover, backend):
    frames = backend_frame(TEXT, b"first") + backend_frame(TEXT, b"second" * 1000)
    client, server = _answered(drover, backend, plain_request(_LINE, *_RIGHT) + frames)
    assert client.read_head().status == 101
    assert client.read_exactly(len(frames)) == frames
    server.send(backend_frame(TEXT, b"third"))
    assert client.read_frame().payload == b"third"
