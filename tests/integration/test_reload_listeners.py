"""Reloads that open, change and close listeners: nobody who connects is refused or reset."""

import os
import shutil
import socket
import threading

import pytest
from harness import (
    PATIENCE, TEXT, AnsweringBackend, Authority, TlsSocket, backend_frame, client_context, client_frame, connect,
    connect_plain, connect_tls, plain_request, switching, upgrade_request, wait_until)
from harness.peers import free_port

_AUTHORITY = Authority()


@pytest.fixture(name="answering")
def fixture_answering():
    backend = AnsweringBackend("a")
    yield backend
    backend.close()


def _listening(backend, *listeners, **more):
    return {"listeners": [{"bind": one} if isinstance(one, str) else one for one in listeners],
            "backends": [backend.address], **more}


def _is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def _closed(drover):
    return [fields["address"] for fields in drover.events("listener_closed")]


class _Connecting(threading.Thread):
    """Connects to a port, is answered, and does so again, until it is told to stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.done, self.failures = port, 0, []
        self._go_on = True
        self.start()

    def run(self):
        request = plain_request("GET / HTTP/1.1", "Host: localhost")
        while self._go_on:
            port = self.port
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
                    sock.sendall(request)
                    assert sock.recv(4096).startswith(b"HTTP/1.1 426")
                self.done += 1
            except (OSError, AssertionError) as failure:
                self.failures.append((port, repr(failure)))

    def finish(self):
        self._go_on = False
        self.join(PATIENCE)


def test_who_connects_while_it_moves_notices_nothing(start, answering):
    ports = [free_port(), free_port()]
    drover = start(_listening(answering, f"127.0.0.1:{ports[0]}", workers=2))
    clients = [_Connecting(ports[0]) for _ in range(4)]
    for move in range(1, 21):
        port = ports[move % 2]
        assert drover.reload(_listening(answering, f"127.0.0.1:{port}", workers=2))[0] == "reloaded"
        for client in clients:
            client.port = port
        before = [client.done for client in clients]
        wait_until(lambda: all(client.done > count + 5 for client, count in zip(clients, before)), "all have moved")
    for client in clients:
        client.finish()
    assert [client.failures for client in clients] == [[]] * 4
    wait_until(lambda: _closed(drover), "the other one is closed")
    assert _is_refused(ports[1]) and not _is_refused(ports[0])


def test_who_is_in_the_door_when_it_closes_is_served(start, answering):
    """Connections that wait to be accepted, and one whose request comes when the listener is gone."""
    ports = [free_port(), free_port()]
    drover = start(_listening(answering, f"127.0.0.1:{ports[0]}"))
    clients = [connect(ports[0], upgrade_request()[:20]) for _ in range(50)]
    assert drover.reload(_listening(answering, f"127.0.0.1:{ports[1]}"))[0] == "reloaded"
    wait_until(lambda: _closed(drover), "it is closed")
    assert _is_refused(ports[0])
    for client in clients:
        client.send(upgrade_request()[20:])
        assert client.read_head().status == 101
        client.close()


def test_one_that_is_closing_is_called_back(start, answering):
    """Its socket is taken again: a second one on the same address would share its connections with one that drops
    them."""
    ports = [free_port(), free_port()]
    configs = [_listening(answering, f"127.0.0.1:{port}") for port in ports]
    drover = start(configs[0])
    descriptors = drover.descriptors()
    client = _Connecting(ports[0])
    for _ in range(10):
        assert drover.reload(configs[1])[0] == "reloaded"
        assert drover.reload(configs[0])[0] == "reloaded"
    client.finish()
    assert client.failures == [] and client.done > 0
    wait_until(lambda: drover.descriptors() <= descriptors + 1, "one socket of each")  # and libuv's spare one
    wait_until(lambda: _is_refused(ports[1]), "the other is closed")
    assert not _is_refused(ports[0])
    assert len(drover.events("listening")) == 2


def test_another_way_to_write_the_same_address_keeps_the_socket(start, answering):
    port = free_port()
    drover = start(_listening(answering, f"127.0.0.1:{port}"))
    assert drover.reload(_listening(answering, f"localhost:{port}"))[0] == "reloaded"
    assert not _is_refused(port)
    assert drover.reload(_listening(answering, f"127.0.0.1:{port}", attempts=2))[0] == "reloaded"
    assert not _is_refused(port)
    assert len([one for one in drover.events("listening") if one["address"] == f"127.0.0.1:{port}"]) == 1


def test_port_0_keeps_its_socket(start, answering):
    drover = start(_listening(answering, "127.0.0.1:0"))
    assert drover.reload(_listening(answering, "127.0.0.1:0", attempts=2))[0] == "reloaded"
    assert connect(drover.port, upgrade_request()).read_head().status == 101
    assert len(drover.events("listening")) == 1


def test_any_address_becomes_one_address_and_back(start, answering):
    port = free_port()
    drover = start(_listening(answering, f":{port}"))
    client = _Connecting(port)
    for bind in (f"0.0.0.0:{port}", f"127.0.0.1:{port}", f":{port}"):
        closed = len(_closed(drover))
        assert drover.reload(_listening(answering, bind))[0] == "reloaded", drover.log()
        wait_until(lambda before=closed: len(_closed(drover)) > before, "the one before is closed")
    client.finish()
    assert client.failures == [] and client.done > 0


def test_a_port_that_is_taken_refuses_the_reload_and_leaves_no_socket(start, answering):
    free = free_port()
    drover = start(_listening(answering, "127.0.0.1:0"))
    assert drover.reload()[0] == "reload_unchanged"
    descriptors = drover.descriptors()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        event, fields = drover.reload(
            _listening(answering, "127.0.0.1:0", f"127.0.0.1:{free}", f"127.0.0.1:{port}", attempts=2))
        assert event == "reload_refused" and str(port) in fields["error"] and "Address already in use" in fields["error"]
    assert drover.descriptors() == descriptors and _is_refused(free)
    assert drover.admin("/api/v1/config")[1]["pools"]["default"]["attempts"] == 3
    assert connect(drover.port, upgrade_request()).read_head().status == 101


def test_a_health_path_comes_to_a_listener_that_stays(start, answering):
    drover = start(_listening(answering, "127.0.0.1:0"))
    request = plain_request("GET /up HTTP/1.1", "Host: localhost")
    slow = connect(drover.port, request[:10])
    wait_until(lambda: drover.connections() == 1, "accepted")
    assert drover.reload(_listening(answering, {"bind": "127.0.0.1:0", "health_path": "/up"}))[0] == "reloaded"
    assert b" 200 " in connect(drover.port, request).read_to_end()
    slow.send(request[10:])  # it was accepted by the one before
    assert b" 426 " in slow.read_to_end()


def _context():
    context = client_context(_AUTHORITY)
    context.check_hostname = False
    return context


def _shown(port):
    stream = connect_tls(port, _context())
    shown = stream.socket.tls.getpeercert(binary_form=True)
    stream.close()
    return shown


def test_certificates_are_read_again(start, backend, tmp_path):
    first, second = _AUTHORITY.issue("localhost"), _AUTHORITY.issue("localhost")
    files = {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}

    def show(issued):
        for name, source in issued.files.items():
            shutil.copy(source, files[name])

    show(first)
    drover = start(_listening(backend, {"bind": "127.0.0.1:0", "tls": {"certificates": [files]}}))
    before = _shown(drover.port)
    client = connect_tls(drover.port, _context(), upgrade_request())
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    in_handshake = connect_plain(drover.port)  # accepted, its hello is yet to come
    wait_until(lambda: drover.connections() == 2, "accepted")

    assert drover.reload()[0] == "reload_unchanged"
    show(second)
    assert [drover.reload()[0] for _ in range(2)] == ["reloaded", "reload_unchanged"]
    assert _shown(drover.port) != before
    client.send(client_frame(TEXT, b"still here"))
    assert server.read_frame().payload == b"still here"
    server.send(backend_frame(TEXT, b"so am I"))
    assert client.read_frame().payload == b"so am I"

    late = TlsSocket(in_handshake.socket, _context(), "localhost")
    late.handshake()
    assert late.tls.getpeercert(binary_form=True) == before

    os.truncate(files["key"], 10)
    event, fields = drover.reload()
    assert event == "reload_refused" and files["key"] in fields["error"]
    assert _shown(drover.port) != before


def test_a_session_is_resumed_over_a_reload(start, answering):
    """Tickets are good as long as the keys are, and these are no part of a configuration."""
    config = _listening(answering, {"bind": "127.0.0.1:0", "tls": {
        "certificates": [_AUTHORITY.issue("localhost").files]}})
    drover = start(config)
    context = _context()

    def visit(session=None):
        client = connect_tls(drover.port, context, upgrade_request(), session=session)
        assert client.read_head().status == 101  # by now the ticket has come
        visited = client.socket.session, client.socket.tls.session_reused
        client.close()
        return visited

    session, resumed = visit()
    assert not resumed
    for path in ("/up", "/there"):
        assert drover.reload(config | {"listeners": [config["listeners"][0] | {"health_path": path}]})[0] == "reloaded"
        session, resumed = visit(session)
        assert resumed
