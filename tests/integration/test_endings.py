"""How a session ends: who is told what, when, and what the access line says of it."""
# ctest: tls

import time

import pytest
from harness import (
    BINARY, CLOSE, PING, PONG, TEXT, backend_frame, client_frame, close_body, connect, open_tunnel, slack,
    upgrade_request)
from harness.peers import SERVERS, ServerProcess


def _ended(stream):
    """Seconds until the stream tells its owner of the end, by a Close or by the end of TCP."""
    began = time.monotonic()
    if stream.fill():
        assert stream.read_frame().opcode == CLOSE
    return time.monotonic() - began


@pytest.mark.parametrize("code,reason", [(1000, "done"), (3000, ""), (None, "")])
def test_close_by_the_client(drover, backend, code, reason):
    client, server = open_tunnel(drover.port, backend)
    body = b"" if code is None else close_body(code, reason)
    client.send(client_frame(CLOSE, body))
    assert server.read_frame().payload == body
    server.send(backend_frame(CLOSE, body))
    assert client.read_frame().payload == body
    server.close()
    assert client.read_to_end() == b""
    client.close()
    record = drover.session()
    logged = 1005 if code is None else code  # RFC 6455 section 7.1.5: a Close without a code
    assert (record["close_code_client"], record["close_code_backend"]) == (logged, logged)
    assert (record["initiator"], record["why"]) == ("client", "normal")


def test_close_by_the_backend(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    server.send(backend_frame(CLOSE, close_body(4001, "kicked")))
    assert client.read_frame().payload == close_body(4001, "kicked")
    client.send(client_frame(CLOSE, close_body(1000)))
    assert server.read_frame().close_code == 1000
    server.close()
    assert client.read_to_end() == b""
    client.close()
    record = drover.session()
    assert (record["close_code_client"], record["close_code_backend"]) == (1000, 4001)
    assert (record["initiator"], record["why"]) == ("backend", "normal")


def test_nothing_follows_a_close_and_the_other_direction_goes_on(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    closing = client_frame(CLOSE, close_body(1000))
    client.send(closing + client_frame(TEXT, b"too late"))
    assert server.read_exactly(len(closing)) == closing
    for number in range(3):
        server.send(backend_frame(TEXT, b"still here %d" % number))
        assert client.read_frame().payload == b"still here %d" % number
    server.send(backend_frame(CLOSE, close_body(1000)))
    assert client.read_frame().close_code == 1000
    server.shutdown_write()
    assert server.read_to_end() == b""


def test_close_that_is_never_answered_ends_in_time(start, backend):
    drover = start({"backends": [backend.address], "timeouts": {"close": "400ms"}})
    client, server = open_tunnel(drover.port, backend)
    began = time.monotonic()
    client.send(client_frame(CLOSE, close_body(1000)))
    assert server.read_frame().close_code == 1000
    assert client.read_frames_to_end() == []
    assert 0.3 <= time.monotonic() - began <= 0.4 + slack(0.5)
    server.read_to_end()
    record = drover.session()
    assert (record["close_code_client"], record["close_code_backend"]) == (1000, None)


@pytest.mark.parametrize("vanish", ["reset", "close"])
def test_backend_is_told_within_50_ms_that_its_client_is_gone(drover, backend, vanish):
    delays = []
    for _ in range(5):
        client, server = open_tunnel(drover.port, backend)
        getattr(client, vanish)()
        delays.append(_ended(server))
        server.close()
    assert sorted(delays)[2] < slack(0.05)
    for record in drover.wait_for_sessions(5):
        assert (record["initiator"], record["why"]) == ("client", "client_lost")


@pytest.mark.parametrize("vanish", ["reset", "close"])
def test_client_is_told_within_50_ms_that_its_backend_is_gone(drover, backend, vanish):
    delays = []
    for _ in range(5):
        client, server = open_tunnel(drover.port, backend)
        getattr(server, vanish)()
        began = time.monotonic()
        assert client.read_frame().close_code == 1012
        delays.append(time.monotonic() - began)
        client.send(client_frame(CLOSE, close_body(1012)))
        assert client.read_to_end() == b""
        client.close()
    assert sorted(delays)[2] < slack(0.05)
    for record in drover.wait_for_sessions(5):
        assert (record["initiator"], record["why"]) == ("backend", "backend_lost")
        assert record["close_code_backend"] is None


@pytest.mark.parametrize("part", [
    backend_frame(BINARY, b"0123456789", length=100), backend_frame(BINARY, b"x" * 70_000, length=1 << 33)],
                         ids=["a small frame", "a huge frame"])
def test_backend_lost_in_mid_frame_ends_tcp_without_a_close(drover, backend, part):
    client, server = open_tunnel(drover.port, backend)
    server.send(part)
    assert client.read_exactly(len(part)) == part
    server.close()
    assert client.read_to_end() == b""
    client.close()
    assert drover.session()["why"] == "backend_lost"


def test_backend_lost_between_fragments_is_1012(drover, backend):
    # A control frame may stand inside a fragmented message, RFC 6455 section 5.4.
    client, server = open_tunnel(drover.port, backend)
    part = backend_frame(TEXT, b"first of two", fin=False)
    server.send(part)
    assert client.read_frame().raw == part
    server.close()
    assert client.read_frame().close_code == 1012


@pytest.mark.parametrize("part", [b"\x82", backend_frame(BINARY, length=70_000)[:5], backend_frame(PING, b"x" * 9)[:6]],
                         ids=["half a header", "half a long header", "half a ping"])
def test_backend_lost_in_what_was_held_back_is_1012(drover, backend, part):
    client, server = open_tunnel(drover.port, backend)
    server.send(backend_frame(TEXT, b"whole") + part)
    assert client.read_frame().payload == b"whole"
    server.close()
    assert [frame.close_code for frame in client.read_frames_to_end()] == [1012]


@pytest.mark.parametrize("kind", SERVERS)
def test_sigkill_of_a_backend_in_mid_stream_is_1012(start, kind):
    with ServerProcess(kind) as server:
        drover = start({"backends": [server.address]})
        clients = [connect(drover.port, upgrade_request()) for _ in range(5)]
        for client in clients:
            assert client.read_head().status == 101
            client.send(client_frame(TEXT, b"!stream"))
        for client in clients:
            for number in range(20):
                assert client.read_frame().payload == b"tick %d" % number
        server.kill()
        began = time.monotonic()
        for client in clients:
            *ticks, last = client.read_frames_to_end() if client is not clients[0] else _up_to_close(client)
            assert [frame.payload for frame in ticks] == [b"tick %d" % (20 + at) for at in range(len(ticks))]
            assert last.close_code == 1012
            if client is clients[0]:
                assert time.monotonic() - began < slack(0.05)
            client.send_if_open(client_frame(CLOSE, close_body(1012)))
        assert {record["why"] for record in drover.wait_for_sessions(5)} == {"backend_lost"}


def _up_to_close(client):
    frames = [client.read_frame()]
    while frames[-1].opcode != CLOSE:
        frames.append(client.read_frame())
    return frames


class TestIdle:
    """timeouts.idle: nothing in either direction for that long."""

    @pytest.fixture
    def drover(self, start, backend):
        return start({"backends": [backend.address], "timeouts": {"idle": "400ms", "close": "400ms"}})

    def test_a_silent_session_ends(self, drover, backend):
        client, server = open_tunnel(drover.port, backend)
        began = time.monotonic()
        assert client.read_frame().opcode == CLOSE
        assert 0.3 <= time.monotonic() - began <= 0.4 + slack(0.3)
        assert server.read_frame().opcode == CLOSE
        record = drover.session()
        assert (record["initiator"], record["why"]) == ("drover", "idle")

    @pytest.mark.parametrize("talker", ["client", "backend"])
    def test_a_session_with_traffic_in_one_direction_goes_on(self, drover, backend, talker):
        client, server = open_tunnel(drover.port, backend)
        source, reader = (client, server) if talker == "client" else (server, client)
        frame = client_frame(PONG, b"alive") if talker == "client" else backend_frame(PONG, b"alive")
        began = time.monotonic()
        while time.monotonic() - began < 1.2:
            source.send(frame)
            assert reader.read_frame().payload == b"alive"
            assert not reader.readable(0.1)


def test_no_idle_timeout_by_default_and_none_for_a_slow_answer(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    assert not client.readable(1.0)
    server.send(backend_frame(TEXT, b"late"))
    assert client.read_frame().payload == b"late"
