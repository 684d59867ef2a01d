"""SIGTERM and its kin: announce, Close 1001 at a frame boundary, the deadline, the second signal."""
# ctest: tls

import signal
import socket
import time

import pytest
from harness import (
    BINARY, CLOSE, TEXT, backend_frame, client_frame, close_body, connect, open_tunnel, slack, switching,
    upgrade_request, wait_until)


def _answer_close(*streams):
    """Each stream gets 1001 and answers it; returns once the connections are closed."""
    for stream, frame in zip(streams, (client_frame, backend_frame)):
        closing = stream.read_frame()
        assert (closing.opcode, closing.close_code) == (CLOSE, 1001)
        assert not closing.close_reason.startswith("{")
        stream.send_if_open(frame(CLOSE, close_body(1001)))
    for stream in streams:
        assert stream.read_to_end() == b""
        stream.close()


def _is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@pytest.fixture
def patient(start, backend):
    """A Drover whose shutdown would wait for long."""
    return start({"backends": [backend.address], "shutdown": {"deadline": "30s", "pace": "1000/s"}})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_sessions_get_1001_and_the_exit_code_is_0(patient, backend, number):
    tunnels = [open_tunnel(patient.port, backend) for _ in range(3)]
    began = time.monotonic()
    patient.signal(number)
    for client, server in tunnels:
        _answer_close(client, server)
    assert patient.wait() == 0
    assert time.monotonic() - began < 10
    assert patient.events("stopping") and patient.events("stopped")
    for record in patient.sessions():
        assert (record["initiator"], record["why"]) == ("drover", "shutdown")
    assert len(patient.sessions()) == 3


def test_a_silent_connection_does_not_hold_it_up(start, backend):
    drover = start({"backends": [backend.address], "limits": {"head_timeout": "60s"}, "shutdown": {"deadline": "60s"}})
    client = connect(drover.port)
    wait_until(lambda: drover.connections() == 1, "accepted")
    drover.signal(signal.SIGTERM)
    assert client.read_to_end() == b""
    assert drover.wait() == 0


def test_it_stops_accepting(patient, backend):
    client, server = open_tunnel(patient.port, backend)
    patient.signal(signal.SIGTERM)
    wait_until(lambda: _is_refused(patient.port), "the listener is closed")
    _answer_close(client, server)
    assert patient.wait() == 0


def test_close_waits_for_the_frames_end(patient, backend):
    client, server = open_tunnel(patient.port, backend)
    whole = backend_frame(BINARY, b"0123456789" * 10)
    server.send(whole[:50])
    assert client.read_exactly(50) == whole[:50]
    patient.signal(signal.SIGTERM)
    wait_until(lambda: patient.events("stopping"), "stopping")
    assert server.read_frame().close_code == 1001
    assert not client.readable(0.1)
    server.send(whole[50:])
    assert client.read_exactly(len(whole) - 50) == whole[50:]
    assert client.read_frame().close_code == 1001
    client.close()
    server.close()
    assert patient.wait() == 0


def test_a_second_signal_exits_with_3(patient, backend):
    client, _ = open_tunnel(patient.port, backend)
    patient.signal(signal.SIGTERM)
    wait_until(lambda: patient.events("stopping"), "stopping")
    patient.signal(signal.SIGTERM)
    assert patient.wait() == 3
    client.read_to_end()


def test_deadline_ends_sessions_that_do_not(start, backend):
    drover = start({"backends": [backend.address], "timeouts": {"close": "20s"},
                    "shutdown": {"deadline": "800ms", "pace": "1000/s"}})
    client, server = open_tunnel(drover.port, backend)
    began = time.monotonic()
    drover.signal(signal.SIGTERM)
    assert client.read_frame().close_code == 1001
    assert server.read_frame().close_code == 1001
    assert drover.wait() == 0
    assert 0.7 <= time.monotonic() - began <= 0.8 + slack(0.5)


def test_an_idle_drover_ends_at_once(patient):
    began = time.monotonic()
    patient.signal(signal.SIGTERM)
    assert patient.wait() == 0
    assert time.monotonic() - began < slack(1)


def test_handshakes_in_flight_do_not_hold_it_up(start, backend):
    drover = start({"backends": [backend.address], "shutdown": {"deadline": "2s"}})
    half = connect(drover.port, b"GET / HTTP/1.1\r\n")
    dialling = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    drover.signal(signal.SIGTERM)
    assert drover.wait() == 0
    for stream in (half, dialling):
        stream.read_to_end()


def test_announce_accepts_while_ready_says_503(start, backend):
    drover = start({"backends": [backend.address], "shutdown": {"announce": "1s", "deadline": "5s", "pace": "1000/s"}})
    assert drover.admin("/ready")[0] == 200
    old_client, old_server = open_tunnel(drover.port, backend)
    began = time.monotonic()
    drover.signal(signal.SIGTERM)
    wait_until(lambda: drover.admin("/ready")[0] == 503, "/ready is 503")
    assert drover.admin("/health")[0] == 200
    client, server = open_tunnel(drover.port, backend)
    client.send(client_frame(TEXT, b"served while announced"))
    assert server.read_frame().payload == b"served while announced"
    _answer_close(client, server)
    assert time.monotonic() - began >= 0.9
    _answer_close(old_client, old_server)
    assert drover.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE])
def test_other_signals_harm_nothing(start, backend, number):
    drover = start({"backends": [backend.address]})
    client, server = open_tunnel(drover.port, backend)
    for round_number in range(20):
        drover.signal(number)
        client.send(client_frame(TEXT, b"%d" % round_number))
        assert server.read_frame().payload == b"%d" % round_number
    fresh, fresh_server = open_tunnel(drover.port, backend)
    fresh.close(), fresh_server.close()
    client.close(), server.close()


def test_a_signal_during_a_handshake_harms_nothing(start, backend):
    drover = start({"backends": [backend.address]})
    client = connect(drover.port, upgrade_request()[:30])
    drover.signal(signal.SIGHUP)
    client.send(upgrade_request()[30:])
    server = backend.accept()
    head = server.read_head()
    drover.signal(signal.SIGHUP)
    server.send(switching(head))
    assert client.read_head().status == 101


def test_several_workers_all_serve_and_all_stop(start, backend):
    drover = start({"workers": 4, "backends": [backend.address], "shutdown": {"deadline": "10s", "pace": "1000/s"}})
    assert drover.events("ready")[0]["workers"] == "4"
    tunnels = [open_tunnel(drover.port, backend) for _ in range(40)]
    for number, (client, server) in enumerate(tunnels):
        client.send(client_frame(TEXT, b"%d" % number))
        assert server.read_frame().payload == b"%d" % number
    drover.signal(signal.SIGTERM)
    for client, server in tunnels:
        _answer_close(client, server)
    assert drover.wait() == 0
    assert len(drover.sessions()) == 40


def test_workers_tell_at_their_end_how_late_their_loops_were(start, backend):
    drover = start({"backends": [backend.address], "workers": 2, "log": {"level": "debug"}})
    client, server = open_tunnel(drover.port, backend)  # arms a deadline: the wheel of that worker turns from now on
    drover.signal(signal.SIGTERM)
    _answer_close(client, server)
    assert drover.wait() == 0
    told = sorted(drover.events("worker_stopped"), key=lambda fields: fields["worker"])
    assert [fields["worker"] for fields in told] == ["0", "1"]
    for fields in told:
        lags = [int(fields[f"loop_lag_{name}_us"]) for name in ("p50", "p99", "max")]
        assert lags == sorted(lags) and int(fields["samples"]) >= 0
