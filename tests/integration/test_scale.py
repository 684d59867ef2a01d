"""10,000 connections that come and go leave nothing behind: no descriptor, no memory."""

import pytest
from harness import (
    CLOSE, SLOW, TEXT, client_frame, close_body, connect, upgrade_request, wait_until)
from harness.peers import ServerProcess

_CONNECTIONS = 2_000 if SLOW else 10_000
_WARM_UP = 1_000
_GROWTH = 3 << 20  # bytes: what an allocator may keep


@pytest.fixture
def proxy(start):
    """Drover in front of a foreign echo server, without access lines that the test would have to hold."""
    with ServerProcess("ws") as server:
        yield start({"workers": 2, "backends": [server.address], "log": {"access": "off"},
                     "limits": {"head_timeout": "60s"}})


def _talk_and_close(port):
    client = connect(port, upgrade_request())
    assert client.read_head().status == 101
    client.send(client_frame(TEXT, b"hello"))
    assert client.read_frame().payload == b"hello"
    client.send(client_frame(CLOSE, close_body(1000)))
    assert client.read_frame().close_code == 1000
    client.close()


def _connect_and_close(port):
    connect(port).close()


def _give_up_in_the_handshake(port):
    """Three kinds in turn: in mid-head, behind the head, and right behind the 101."""
    kind = _give_up_in_the_handshake.calls % 3
    _give_up_in_the_handshake.calls += 1
    client = connect(port, upgrade_request()[: 40 if kind == 0 else None])
    if kind == 2:
        assert client.read_head().status == 101
    client.reset()


_give_up_in_the_handshake.calls = 0


# libuv opens a spare descriptor a loop with its first stream (its remedy for EMFILE): workers' and the supervisor's.
_LOOPS = 3


@pytest.mark.parametrize("visit,count", [
    (_talk_and_close, _CONNECTIONS), (_connect_and_close, _CONNECTIONS), (_give_up_in_the_handshake, 2_000)],
    ids=["sessions", "plain connections", "aborted handshakes"])
def test_nothing_is_left_behind(proxy, visit, count):
    at_rest = proxy.descriptors() + _LOOPS
    for _ in range(_WARM_UP):
        visit(proxy.port)
    wait_until(lambda: proxy.descriptors() <= at_rest, "descriptors back to the start after the warm-up")
    memory = proxy.resident_bytes()
    for _ in range(count):
        visit(proxy.port)
    wait_until(lambda: proxy.descriptors() <= at_rest, "descriptors back to the start")
    wait_until(lambda: proxy.connections() == 0, "no connection is counted any more")
    assert SLOW or proxy.resident_bytes() - memory < _GROWTH
    _talk_and_close(proxy.port)
