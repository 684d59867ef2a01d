"""RULES 'The request': every line of it, in raw bytes. A refusal reaches no backend, unless the rule says so."""
# ctest: tls

import time

import pytest
from harness import (
    KEY, SLOW, TEXT, Drover, RawBackend, client_frame, connect, plain_request, slack, switching, upgrade_request)

_UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")
_KEY = f"Sec-WebSocket-Key: {KEY}"
_VERSION = "Sec-WebSocket-Version: 13"
_HOST = "Host: localhost"
_GET = "GET /chat HTTP/1.1"
_HEAD_TIMEOUT = 0.5


@pytest.fixture(scope="module")
def shared_backend():
    backend = RawBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def shared(shared_backend):
    """One Drover for all refusals: that it goes on serving after each of them is part of the test."""
    with Drover({
        "routes": [
            {"match": {"path": "/guarded"}, "pool": "default", "allowed_origins": ["https://good.example"]},
            {"pool": "default"}],
        "pools": {"default": {"backends": [shared_backend.address]}},
        "limits": {"max_head_size": "16KiB", "max_headers": 100},
    }) as drover:
        yield drover


@pytest.fixture(scope="module")
def impatient(shared_backend):
    """One that does not wait for heads as long as a slow machine may take for a handshake."""
    with Drover({"backends": [shared_backend.address],
                 "limits": {"head_timeout": f"{int(_HEAD_TIMEOUT * 1000)}ms"}}) as drover:
        yield drover


def _refusal(drover, backend, request):
    """The answer to a request that must not reach a backend; the connection ends after it."""
    client = connect(drover.port)
    client.send_if_open(request)
    head = client.read_head()
    body = client.read_to_end()
    assert backend.untouched()
    assert head.get("Connection").split(", ")[0] == "close" and len(body) == int(head.get("Content-Length"))
    return head


def _forwarded(drover, backend, request):
    """The head that the backend got of a request which must be accepted."""
    client = connect(drover.port, request)
    server = backend.accept()
    head = server.read_head()
    server.send(switching(head))
    assert client.read_head().status == 101
    return head


def _upgrade(*extra, line=_GET, without=()):
    kept = [header for header in (_HOST, *_UPGRADE, _KEY, _VERSION) if header not in without]
    return plain_request(line, *kept, *extra)


BAD_UPGRADES = {
    "POST": _upgrade(line="POST /chat HTTP/1.1"),
    "Content-Length above 0": _upgrade("Content-Length: 5") + b"hello",
    "Transfer-Encoding": _upgrade("Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "HTTP/1.0": _upgrade(line="GET /chat HTTP/1.0"),
    "no key": _upgrade(without=(_KEY,)),
    "two keys": _upgrade(_KEY),
    "an empty key": _upgrade("Sec-WebSocket-Key:", without=(_KEY,)),
    "a key of 23 characters": _upgrade("Sec-WebSocket-Key: " + KEY[:23], without=(_KEY,)),
    "a key of 25 characters": _upgrade(f"Sec-WebSocket-Key: A{KEY}", without=(_KEY,)),
    "a key that is not base64": _upgrade("Sec-WebSocket-Key: " + "!" * 22 + "==", without=(_KEY,)),
}


@pytest.mark.parametrize("name", BAD_UPGRADES)
def test_bad_upgrade_is_400(shared, shared_backend, name):
    assert _refusal(shared, shared_backend, BAD_UPGRADES[name]).status == 400


@pytest.mark.parametrize("version", ["8", "12", "14", "013"])
def test_version_other_than_13_is_426(shared, shared_backend, version):
    request = _upgrade(f"Sec-WebSocket-Version: {version}", without=(_VERSION,))
    head = _refusal(shared, shared_backend, request)
    assert (head.status, head.get("Sec-WebSocket-Version")) == (426, "13")


ORDINARY = {
    "GET": plain_request(_GET, _HOST),
    "POST": plain_request("POST /chat HTTP/1.1", _HOST, "Content-Length: 2") + b"hi",
    "Upgrade without Connection": _upgrade(without=("Connection: Upgrade",)),
    "Connection without upgrade": _upgrade("Connection: keep-alive", without=("Connection: Upgrade",)),
    "Connection: upgrade without Upgrade": _upgrade(without=("Upgrade: websocket",)),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_request_is_426(shared, shared_backend, name):
    head = _refusal(shared, shared_backend, ORDINARY[name])
    assert (head.status, head.get("Sec-WebSocket-Version")) == (426, "13")


@pytest.mark.parametrize("upgrade", ["h2c", "h2", "H2C", "websocket, h2c", "h2c, websocket"])
def test_h2c_is_never_passed_on(shared, shared_backend, upgrade):
    request = _upgrade(f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABkAAQAAP__", without=("Upgrade: websocket",))
    assert _refusal(shared, shared_backend, request).status in (400, 426)


def test_h2c_in_a_second_upgrade_line_is_never_passed_on(shared, shared_backend):
    assert _refusal(shared, shared_backend, _upgrade("Upgrade: h2c")).status in (400, 426)


BROKEN = {
    "Content-Length with Transfer-Encoding": ("Content-Length: 0", "Transfer-Encoding: chunked"),
    "two Content-Length": ("Content-Length: 0", "Content-Length: 0"),
    "two values of Content-Length": ("Content-Length: 0, 0",),
    "a Content-Length that is no number": ("Content-Length: +0",),
    "an unknown Transfer-Encoding": ("Transfer-Encoding: gzip",),
    "chunked that is not the last": ("Transfer-Encoding: chunked, gzip",),
    "chunked twice": ("Transfer-Encoding: chunked, chunked",),
    "two Transfer-Encoding": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "bare LF": ("A: b\nC: d",),
    "bare CR": ("A: b\rC: d",),
    "obs-fold": ("A: b\r\n c",),
    "obs-fold before the value": ("A:\r\n b",),
    "obs-fold before a Transfer-Encoding": ("Transfer-Encoding:\r\n chunked",),
    "a fold in the first line": (" A: b",),
    "NUL": ("A: b\0c",),
    "NUL in a name": ("A\0: b",),
    "a space before the colon": ("A : b",),
    "a tab before the colon": ("A\t: b",),
    "an empty header name": (": b",),
    "no colon": ("A",),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_head_is_400(shared, shared_backend, name):
    for request in (plain_request("POST /chat HTTP/1.1", _HOST, *BROKEN[name]), _upgrade(*BROKEN[name])):
        assert _refusal(shared, shared_backend, request).status == 400


BROKEN_LINES = {
    "bare LF everywhere": _upgrade().replace(b"\r\n", b"\n"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": _upgrade(line="GET /chat HTTP/2.0"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a space in the target": _upgrade(line="GET /a b HTTP/1.1"),
    "a NUL in the target": _upgrade(line="GET /a\0b HTTP/1.1"),
    "no target": _upgrade(line="GET HTTP/1.1"),
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "no Host": _upgrade(without=(_HOST,)),
    "two Hosts": _upgrade("Host: localhost"),
    "an absolute target of another host": _upgrade(line="GET http://other.example/chat HTTP/1.1"),
    "an authority as target": _upgrade(line="GET localhost:80 HTTP/1.1"),
}


@pytest.mark.parametrize("name", BROKEN_LINES)
def test_broken_request_is_400(shared, shared_backend, name):
    assert _refusal(shared, shared_backend, BROKEN_LINES[name]).status == 400


def test_connect_is_405(shared, shared_backend):
    request = plain_request("CONNECT localhost:80 HTTP/1.1", "Host: localhost:80")
    assert _refusal(shared, shared_backend, request).status == 405


def test_absolute_target_that_agrees_with_host_is_accepted(shared, shared_backend):
    _forwarded(shared, shared_backend, _upgrade(line="GET http://localhost/chat HTTP/1.1"))


@pytest.mark.parametrize("request_head,status", [
    (_upgrade("A: " + "b" * 17_000), 431),
    (_upgrade(*(f"A{number}: b" for number in range(97))), 431),
    (_upgrade(line=f"GET /{'a' * 8192} HTTP/1.1"), 414),
], ids=["over max_head_size", "over 100 headers", "target over 8 KiB"])
def test_too_large_is_refused(shared, shared_backend, request_head, status):
    assert _refusal(shared, shared_backend, request_head).status == status


def test_sizes_at_their_limits_are_accepted(shared, shared_backend):
    _forwarded(shared, shared_backend, _upgrade(*(f"A{number}: b" for number in range(95))))
    _forwarded(shared, shared_backend, _upgrade(line=f"GET /{'a' * 8000} HTTP/1.1"))
    _forwarded(shared, shared_backend, _upgrade("A: " + "b" * 15_000))


@pytest.mark.parametrize("start_of_flood", [b"GET /", b"GET / HTTP/1.1\r\nHost: localhost\r\nA: "])
def test_endless_head_takes_no_memory(shared, shared_backend, start_of_flood):
    assert _refusal(shared, shared_backend, _upgrade("A: " + "b" * 17_000)).status == 431
    before = shared.resident_bytes()
    client = connect(shared.port, start_of_flood)
    for _ in range(256):
        client.send_if_open(b"b" * 65536)
    assert client.readable(10) and client.read_head().status in (414, 431)
    assert SLOW or shared.resident_bytes() - before < 1 << 20
    assert shared_backend.untouched()


@pytest.mark.parametrize("part", [b"", b"GET /chat HTTP/1.1\r\nHost: loc", _upgrade()[:-2]],
                         ids=["one line feed", "half a head", "all but the last line"])
def test_head_that_does_not_end_is_408(impatient, shared_backend, part):
    began = time.monotonic()
    client = connect(impatient.port, part or b"\r\n")
    if part:
        assert client.read_head().status == 408
    client.read_to_end()
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)
    assert shared_backend.untouched()


def test_head_that_drips_in_is_408(impatient, shared_backend):
    began = time.monotonic()
    client = connect(impatient.port)
    for byte in upgrade_request() * 100:
        client.send_if_open(bytes([byte]))
        if client.readable(0.02):
            break
    assert client.read_head().status == 408
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)
    assert shared_backend.untouched()


def test_head_in_single_bytes_is_accepted(shared, shared_backend):
    client = connect(shared.port)
    for byte in upgrade_request():
        client.send(bytes([byte]))
    server = shared_backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101


def test_content_length_0_is_accepted_and_dropped(shared, shared_backend):
    assert _forwarded(shared, shared_backend, upgrade_request("/", "Content-Length: 0")).get("Content-Length") is None


@pytest.mark.parametrize("target", ["/a%0d%0aX-Evil:%201?q=%0d%0a", "/a/../b//c/./%2e%2e", "/%00%FF?%", "/?a=b?c=d&&"])
def test_target_is_forwarded_byte_for_byte(shared, shared_backend, target):
    assert _forwarded(shared, shared_backend, upgrade_request(target)).start_line == f"GET {target} HTTP/1.1"


def test_origin_that_is_not_allowed_is_403(shared, shared_backend):
    request = upgrade_request("/guarded", "Origin: https://evil.example")
    assert _refusal(shared, shared_backend, request).status == 403
    _forwarded(shared, shared_backend, upgrade_request("/guarded", "Origin: https://good.example"))
    _forwarded(shared, shared_backend, upgrade_request("/guarded"))


def test_frames_behind_the_request_wait_for_the_101(shared, shared_backend):
    frames = client_frame(TEXT, b"first") + client_frame(TEXT, b"second")
    client = connect(shared.port, upgrade_request() + frames)
    server = shared_backend.accept()
    head = server.read_head()
    assert not server.readable(0.1)
    server.send(switching(head))
    assert server.read_exactly(len(frames)) == frames
    assert client.read_head().status == 101
    client.send(client_frame(TEXT, b"third"))
    assert server.read_frame().payload == b"third"


def test_frames_behind_the_request_are_dropped_without_a_101(shared, shared_backend):
    client = connect(shared.port, upgrade_request() + client_frame(TEXT, b"secret"))
    server = shared_backend.accept()
    server.read_head()
    server.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    assert client.read_head().status == 403
    assert client.read_to_end() == b"no"
    assert server.read_to_end() == b""
