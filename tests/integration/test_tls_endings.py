"""Wherever it is Drover that ends a connection over TLS, it says so: with a close_notify, so that the peer can tell
that nothing was cut off (RFC 8446 section 6.1)."""

import signal

import pytest
from harness import (
    CLOSE, TEXT, RawBackend, backend_frame, client_context, client_frame, close_body, connect_tls, defaults,
    plain_request, server_context, switching, upgrade_request)

_CLIENT_CLOSE = client_frame(CLOSE, close_body(1000))
_BACKEND_CLOSE = backend_frame(CLOSE, close_body(1000))


@pytest.fixture(name="secure")
def fixture_secure():
    backend = RawBackend(tls=server_context())
    yield backend
    backend.close()


@pytest.fixture(name="begin")
def fixture_begin(start, secure):
    def begin_it(**timeouts):
        return start({
            "listeners": [{"bind": "127.0.0.1:0", "tls": {"certificates": [defaults().server.files]}}],
            "backends": [{"address": secure.address, "tls": {"ca": defaults().authority.file,
                                                             "server_name": "localhost"}}],
            "timeouts": {"close": "500ms", **timeouts}, "limits": {"head_timeout": "500ms"}})

    return begin_it


def _tunnel(drover, secure):
    client = connect_tls(drover.port, client_context(), upgrade_request())
    server = secure.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    return client, server


def _assert_ended_in_order(*streams):
    for stream in streams:
        stream.read_to_end()
    assert not any(stream.was_reset for stream in streams)
    assert [stream.was_cut for stream in streams] == [False] * len(streams)


@pytest.mark.parametrize("backend_ends", [True, False], ids=["and the end of TCP", "and nothing more"])
@pytest.mark.parametrize("first", ["client", "backend"])
def test_both_say_close(begin, secure, first, backend_ends):
    client, server = _tunnel(begin(), secure)
    if first == "client":
        client.send(_CLIENT_CLOSE)
        assert server.read_frame().close_code == 1000
    server.send(_BACKEND_CLOSE)
    assert client.read_frame().close_code == 1000
    if first == "backend":
        client.send(_CLIENT_CLOSE)
        assert server.read_frame().close_code == 1000
    if backend_ends:
        server.shutdown_write()
    _assert_ended_in_order(client, server)


@pytest.mark.parametrize("offender", ["client", "backend"])
def test_a_violation(begin, secure, offender):
    client, server = _tunnel(begin(), secure)
    if offender == "client":
        client.send(client_frame(3))
    else:
        server.send(backend_frame(3))
    _assert_ended_in_order(client, server)


@pytest.mark.parametrize("vanish", ["close", "reset", "shutdown_write"])
@pytest.mark.parametrize("side", ["client", "backend"])
def test_the_other_one_is_gone(begin, secure, side, vanish):
    client, server = _tunnel(begin(), secure)
    gone, left = (client, server) if side == "client" else (server, client)
    getattr(gone, vanish)()
    _assert_ended_in_order(left)
    if vanish == "shutdown_write":
        _assert_ended_in_order(gone)


def test_a_close_that_is_never_answered(begin, secure):
    client, server = _tunnel(begin(), secure)
    client.send(_CLIENT_CLOSE)
    _assert_ended_in_order(client, server)


@pytest.mark.parametrize("by", ["idle", "shutdown"])
def test_drover_ends_it(begin, secure, by):
    drover = begin(**({"idle": "300ms"} if by == "idle" else {}))
    client, server = _tunnel(drover, secure)
    if by == "shutdown":
        drover.signal(signal.SIGTERM)
    _assert_ended_in_order(client, server)
    if by == "shutdown":
        assert drover.wait() == 0  # before the end of the test sends a second signal


@pytest.mark.parametrize("request_head,status", [
    (plain_request("GET / HTTP/1.1", "Host: localhost"), 426), (b"GET\r\n\r\n", 400), (b"GET / HT", 408)])
def test_an_answer_of_drovers_own(begin, request_head, status):
    client = connect_tls(begin().port, client_context(), request_head)
    assert client.read_head().status == status
    _assert_ended_in_order(client)


def test_no_request_at_all(begin):
    _assert_ended_in_order(connect_tls(begin().port, client_context()))


@pytest.mark.parametrize("answer,status", [
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403), (b"HTTP/1.1 1x1 \r\n\r\n", 502)])
def test_an_answer_that_is_no_101(begin, secure, answer, status):
    client = connect_tls(begin().port, client_context(), upgrade_request())
    server = secure.accept()
    server.read_head()
    server.send(answer)
    assert client.read_head().status == status
    _assert_ended_in_order(client, server)


def test_frames_of_a_peer_that_is_gone_come_before(begin, secure):
    """What it said before it went, and the close_notify behind it."""
    client, server = _tunnel(begin(), secure)
    server.send(backend_frame(TEXT, b"last words"))
    server.reset()
    assert client.read_frame().payload == b"last words"
    assert client.read_frame().close_code == 1012
    _assert_ended_in_order(client)
