"""Clients that do not do TLS, or not to its end: they get an alert or nothing, the log says why, and nothing of them
stays."""

import random
import socket
import time

import pytest
from harness import (
    TEXT, client_context, client_frame, connect_plain, connect_tls, defaults, plain_request, slack, stable, switching,
    upgrade_request, wait_until)
from harness.tls import TlsSocket

_HEAD_TIMEOUT = 0.5
_REQUEST = plain_request("GET / HTTP/1.1", "Host: localhost")  # Drover answers it, and ends the connection
_ALERT = b"\x15\x03"  # RFC 8446 section 5.1, and the version that stands in a record


@pytest.fixture(name="drover")
def fixture_drover(start, backend):
    drover = start({
        "listeners": [{"bind": "127.0.0.1:0", "tls": {"certificates": [defaults().server.files]}}],
        "backends": [backend.address], "timeouts": {"close": "1s"}, "limits": {"head_timeout": "500ms"}})
    client = connect_tls(drover.port, client_context(), _REQUEST)  # what it opens once, it has open now
    client.read_to_end()
    client.close()
    drover.wait_for_sessions(1)
    return drover


@pytest.fixture(name="at_rest", autouse=True)
def fixture_at_rest(drover, backend):
    """Descriptors before and after."""
    before = stable(drover.descriptors)
    yield
    wait_until(lambda: drover.descriptors() <= before, "its descriptors are closed")
    assert backend.untouched()
    client = connect_tls(drover.port, client_context(), _REQUEST)
    assert client.read_head().status == 426
    client.close()


def _hello():
    """A ClientHello as it stands on the wire."""
    ends = socket.socketpair()
    TlsSocket(ends[0], client_context(), "localhost")
    hello = ends[1].recv(1 << 16)
    for end in ends:
        end.close()
    return hello


def _detail(drover):
    return drover.wait_for_sessions(2)[1]["detail"]


def test_plain_http(drover):
    client = connect_plain(drover.port, upgrade_request())
    answer = client.read_to_end()
    assert answer == b"" or answer.startswith(_ALERT), answer  # and no answer in the clear
    assert "http request" in _detail(drover)


@pytest.mark.parametrize("garbage", [
    b"\0" * 100, b"\xff" * 100, b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 20_000,
    b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", b"\x15\x03\x01\x00\x02\x02\x28", b"\x17\x03\x03\x00\x04data",
    b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"], ids=[
        "zeros", "ones", "ssh", "a record too long", "a handshake of 16 MB", "an alert", "data", "an SSLv2 hello"])
def test_garbage(drover, garbage):
    client = connect_plain(drover.port)
    client.send_if_open(garbage)
    client.raw.shutdown(socket.SHUT_WR)
    answer = client.read_to_end()
    assert answer == b"" or answer.startswith(_ALERT), answer
    assert "TLS" in _detail(drover)


def test_garbage_behind_the_hello(drover):
    chance = random.Random(1)
    for number in range(20):
        client = connect_plain(drover.port, _hello())
        assert client.fill()
        client.send_if_open(b"\x17\x03\x03\x00\x40" + chance.randbytes(64))
        client.drain()
        assert "TLS" in drover.wait_for_sessions(2 + number)[1 + number]["detail"]


def test_changed_hellos_harm_nothing(drover):
    chance, hello = random.Random(2), _hello()
    for _ in range(100):
        changed = bytearray(hello)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(5, len(changed))] = chance.randrange(256)
        client = connect_plain(drover.port)
        client.send_if_open(bytes(changed))
        client.raw.shutdown(socket.SHUT_WR)
        client.drain()
        client.close()


def test_a_record_that_was_tampered_with(drover, backend):
    client = connect_tls(drover.port, client_context(), upgrade_request())
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    record = bytearray(client.socket.encrypt(client_frame(TEXT, b"pay 100")))
    record[-1] ^= 1
    client.raw.sendall(record)
    (closing,) = server.read_frames_to_end()
    assert closing.close_code == 1001
    with pytest.raises(OSError):  # an alert
        while client.fill():
            pass
        raise ConnectionResetError if client.was_reset else AssertionError("no alert")
    assert "TLS" in _detail(drover)


@pytest.mark.parametrize("part", [1, 5, 6, 100, -1])
def test_a_hello_that_does_not_end(drover, part):
    began = time.monotonic()
    client = connect_plain(drover.port, _hello()[:part])
    client.drain()
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)
    assert drover.wait_for_sessions(2)[1]["why"]


def test_a_hello_that_drips_in(drover):
    began = time.monotonic()
    client = connect_plain(drover.port)
    for byte in _hello():
        client.send_if_open(bytes([byte]))
        if client.readable(0.02):
            break
    client.drain()
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)


def test_silence(drover):
    began = time.monotonic()
    assert connect_plain(drover.port).read_to_end() == b""
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)


def test_silence_behind_the_handshake(drover):
    began = time.monotonic()
    client = connect_tls(drover.port, client_context())
    client.read_to_end()
    assert _HEAD_TIMEOUT - 0.1 <= time.monotonic() - began <= _HEAD_TIMEOUT + slack(1)


@pytest.mark.parametrize("vanish", ["close", "reset"])
@pytest.mark.parametrize("part", [None, 1, 100, "a flight"])
def test_clients_that_leave_in_the_middle(drover, vanish, part):
    hello = _hello()
    for _ in range(20):
        client = connect_plain(drover.port, hello if part == "a flight" else hello[: part or 0])
        if part == "a flight":
            assert client.fill()
        getattr(client, vanish)()
    if part:
        records = drover.wait_for_sessions(21)[1:]
        assert all("handshake" in record["detail"] for record in records), records
        assert {record["why"] for record in records} == {"client_lost"}


def test_a_client_that_ends_without_a_close_notify(drover, backend):
    """In a tunnel that is an end as any other: frames tell their own."""
    client = connect_tls(drover.port, client_context(), upgrade_request())
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    client.raw.shutdown(socket.SHUT_WR)
    (closing,) = server.read_frames_to_end()
    assert (closing.close_code, closing.close_reason) == (1001, "client gone")
    server.close()
    client.read_frames_to_end()
    assert drover.wait_for_sessions(2)[1]["why"] == "client_lost"
