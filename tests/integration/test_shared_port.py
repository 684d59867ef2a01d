"""Several Drovers on one port: with `shared: true` at each the kernel spreads the clients; without, it is refused."""

import contextlib
import json
import select
import signal
import socket

import pytest
from harness import (
    CLOSE, TEXT, RawBackend, backend_frame, client_frame, close_body, open_tunnel, run_drover, wait_until)

_TUNNELS = 40  # all of them on one of two Drovers: once in 2^39 runs


def _settings(backend, port, shared):
    return {"listeners": [{"bind": f"127.0.0.1:{port}", "shared": shared}], "backends": [backend.address],
            "admin": {"bind": "127.0.0.1:0"}}


def _told(tunnels):
    """Those whose client has something to read."""
    readable = select.select([client.socket for client, _ in tunnels], [], [], 0)[0]
    return [tunnel for tunnel in tunnels if tunnel[0].socket in readable]


@contextlib.contextmanager
def _foreign_listener():
    """A process that shares its port with nobody, as most programs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _relays(tunnel, text):
    client, server = tunnel
    client.send(client_frame(TEXT, text))
    assert server.read_frame().payload == text
    server.send(backend_frame(TEXT, text))
    assert client.read_frame().payload == text


@pytest.fixture
def tunnels():
    """Sockets to close, whatever happens."""
    opened = []
    yield opened
    for stream in (stream for tunnel in opened for stream in tunnel):
        stream.close()


def _refusal(tmp_path, settings):
    """What Drover says that does not start with these settings."""
    file = tmp_path / "refused.yaml"
    file.write_text(json.dumps(settings))
    done = run_drover("-c", str(file))
    assert done.returncode != 0
    return done.stderr


def test_both_get_sessions_and_each_stops_alone(start, backend, tunnels):
    first = start(_settings(backend, 0, True))
    second = start(_settings(backend, first.port, True))
    assert second.port == first.port
    tunnels += [open_tunnel(first.port, backend) for _ in range(_TUNNELS)]
    share = second.connections()
    assert 0 < share < _TUNNELS
    assert first.connections() == _TUNNELS - share

    first.signal(signal.SIGTERM)
    wait_until(lambda: len(_told(tunnels)) == _TUNNELS - share, "the first one's clients are told")
    ended = _told(tunnels)
    kept = [tunnel for tunnel in tunnels if tunnel not in ended]
    for client, server in ended:
        closing = client.read_frame()
        assert (closing.opcode, closing.close_code) == (CLOSE, 1001)
        client.send_if_open(client_frame(CLOSE, close_body(1001)))
        server.send_if_open(backend_frame(CLOSE, close_body(1001)))
    assert first.wait() == 0
    for number, tunnel in enumerate(kept):
        _relays(tunnel, b"still there %d" % number)
    # Nobody is sent to the one that is gone.
    for _ in range(_TUNNELS):
        tunnels.append(open_tunnel(second.port, backend))
    assert second.connections() == share + _TUNNELS


def test_one_that_does_not_share_is_refused(start, backend, tmp_path, tunnels):
    drover = start(_settings(backend, 0, True))
    tunnels.append(open_tunnel(drover.port, backend))
    assert "another process has it" in _refusal(tmp_path, _settings(backend, drover.port, False))
    _relays(tunnels[0], b"undisturbed")


def test_sharing_does_not_take_the_port_of_one_that_does_not(backend, tmp_path):
    with _foreign_listener() as port:
        assert "a process that does not share it" in _refusal(tmp_path, _settings(backend, port, True))
