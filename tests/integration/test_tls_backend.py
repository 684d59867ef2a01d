"""TLS between Drover and backends: whom Drover believes, what it asks for, and how it tells of those that it does not
believe."""

import socket
import subprocess
import time

import pytest
from harness import (
    CLOSE, EXPIRED, NOT_YET, TEXT, Authority, HandshakeFailed, RawBackend, backend_frame, client_frame, close_body,
    connect, defaults, plain_request, server_context, slack, switching, upgrade_request, wait_until)

_AUTHORITY = Authority()
_NAME = "chat.internal"


@pytest.fixture(name="serve")
def fixture_serve():
    """Makes backends that show a certificate."""
    backends = []

    def make(certificate, **options):
        backends.append(RawBackend(tls=server_context(certificate, **options)))
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()


def _entry(backend, **tls):
    return {"address": backend.address, "tls": {"ca": _AUTHORITY.file, "server_name": _NAME} | tls}


def _start(start, backend, **tls):
    return start({"backends": [_entry(backend, **tls)], "timeouts": {"close": "1s"}})


def _tunnel(drover, backend):
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    return client, server


def _assert_works(drover, backend):
    client, server = _tunnel(drover, backend)
    client.send(client_frame(TEXT, b"there"))
    assert server.read_frame().payload == b"there"
    server.send(backend_frame(TEXT, b"back"))
    assert client.read_frame().payload == b"back"
    client.close(), server.close()


def _assert_refused(drover, backend):
    """The client hears 503, the backend an alert; returns what the log says of it."""
    client = connect(drover.port, upgrade_request())
    with pytest.raises(HandshakeFailed) as failure:
        backend.accept()
    assert "ALERT" in (failure.value.reason or ""), failure.value
    head = client.read_head()
    assert head.status == 503 and int(head.get("Retry-After")) >= 0
    client.read_to_end()
    client.close()
    record = drover.session()
    assert (record["status"], record["why"]) == (503, "rejected")
    return record["detail"]


def test_a_good_one_is_asked_for_by_its_name(start, serve):
    backend = serve(_AUTHORITY.issue(_NAME))
    asked = []
    backend.tls.sni_callback = lambda connection, name, context: asked.append(name)
    _assert_works(_start(start, backend), backend)
    assert asked == [_NAME]


def test_an_address_is_a_name_too_but_none_to_ask_for(start, serve):
    backend = serve(_AUTHORITY.issue("127.0.0.1"))
    asked = []
    backend.tls.sni_callback = lambda connection, name, context: asked.append(name)
    drover = start({"backends": [{"address": backend.address, "tls": {"ca": _AUTHORITY.file}}]})
    _assert_works(drover, backend)
    assert asked == [None]  # RFC 6066 section 3: no literal addresses


def test_a_backend_by_name_is_asked_for_by_that(start, serve):
    backend = serve(_AUTHORITY.issue("localhost"))
    drover = start({"backends": [{"address": f"localhost:{backend.port}", "tls": {"ca": _AUTHORITY.file}}]})
    _assert_works(drover, backend)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_both_versions(start, serve, version):
    backend = serve(_AUTHORITY.issue(_NAME), lowest=version, highest=version)
    drover = _start(start, backend)
    _, server = _tunnel(drover, backend)
    assert server.socket.tls.version() == version.replace("_", ".")
    assert server.socket.tls.selected_alpn_protocol() is None


def test_http_1_1_is_what_drover_speaks(start, serve):
    backend = serve(_AUTHORITY.issue(_NAME), protocols=["h2", "http/1.1"])
    _, server = _tunnel(_start(start, backend), backend)
    assert server.socket.tls.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed(start, serve, version):
    backend = serve(_AUTHORITY.issue(_NAME), lowest=version, highest=version)
    drover = _start(start, backend)
    resumed = []
    for _ in range(3):
        client, server = _tunnel(drover, backend)
        resumed.append(server.socket.tls.session_reused)
        client.send(client_frame(CLOSE, close_body(1000)))
        server.send(backend_frame(CLOSE, close_body(1000)))
        server.shutdown_write()
        server.read_frames_to_end()
        client.close(), server.close()
    assert resumed == [False, True, True]


def test_chains(start, serve):
    below = _AUTHORITY.below()
    backend = serve(below.issue(_NAME))
    _assert_works(_start(start, backend), backend)


BAD = {
    "expired": (lambda: _AUTHORITY.issue(_NAME, days=EXPIRED), "has expired"),
    "not yet valid": (lambda: _AUTHORITY.issue(_NAME, days=NOT_YET), "not yet valid"),
    "self-signed": (lambda: _AUTHORITY.self_signed(_NAME), "self-signed certificate"),
    "of another authority": (lambda: Authority("Test Stranger").issue(_NAME), "unable to get local issuer"),
    "of another name": (lambda: _AUTHORITY.issue("other.internal"), "hostname mismatch"),
    "of a name by a wildcard too wide": (lambda: _AUTHORITY.issue("*.internal.example"), "hostname mismatch"),
    "of a client": (lambda: _AUTHORITY.issue(_NAME, purpose="client"), "purpose"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_certificates_are_refused_with_their_reason(start, serve, kind):
    make, reason = BAD[kind]
    backend = serve(make())
    detail = _assert_refused(_start(start, backend), backend)
    assert reason in detail.lower() and backend.address in detail, detail


@pytest.mark.parametrize("kind", BAD)
def test_unverified_anything_goes(start, serve, kind):
    backend = serve(BAD[kind][0]())
    drover = start({"backends": [{"address": backend.address, "tls": {"verify": False}}]})
    _assert_works(drover, backend)


def test_another_address_than_the_certificates(start, serve):
    backend = serve(_AUTHORITY.issue("127.0.0.2"))
    drover = start({"backends": [{"address": backend.address, "tls": {"ca": _AUTHORITY.file}}]})
    assert "ip address mismatch" in _assert_refused(drover, backend).lower()


def test_the_systems_authorities_are_asked_where_none_is_given(start, serve):
    backend = serve(_AUTHORITY.issue(_NAME))
    drover = start({"backends": [{"address": backend.address, "tls": {"server_name": _NAME}}]})
    assert "unable to get local issuer" in _assert_refused(drover, backend)


def test_revoked_ones(start, serve):
    revoked, good = _AUTHORITY.issue(_NAME), _AUTHORITY.issue(_NAME)
    crl = _AUTHORITY.crl(revoked)
    backend = serve(good)
    _assert_works(_start(start, backend, crl=crl), backend)
    backend = serve(revoked)
    assert "certificate revoked" in _assert_refused(_start(start, backend, crl=crl), backend)
    _assert_works(_start(start, backend), backend)  # who has no list does not know


def test_a_refused_one_is_no_reason_to_refuse_the_next(start, serve):
    bad, good = serve(_AUTHORITY.issue(_NAME, days=EXPIRED)), serve(_AUTHORITY.issue(_NAME))
    drover = start({"backends": [_entry(bad) | {"weight": 1000}, _entry(good)], "policy": "round_robin"})
    client = connect(drover.port, upgrade_request())
    with pytest.raises(HandshakeFailed):
        bad.accept()
    server = good.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    client.close(), server.close()
    assert drover.session()["attempts"] == 2


PROBES = {"tcp": {"type": "tcp"}, "http": {"type": "http"}, "websocket": {"type": "websocket", "path": "/"}}


@pytest.mark.parametrize("kind", PROBES)
def test_probes_refuse_it_too_and_say_why(start, servers, kind):
    """With a server that would do: only its certificate does not."""
    server = servers(tls=_AUTHORITY.issue(_NAME, days=EXPIRED))
    check = PROBES[kind] | {"interval": "100ms", "fall": 1, "rise": 1}
    drover = start({"backends": [_entry(server)], "health_check": check})
    (down,) = wait_until(lambda: drover.events("backend_down"), "it is down")
    assert "has expired" in down["reason"], down
    assert drover.backends()[server.address]["probe"] == "down"


@pytest.mark.parametrize("kind", PROBES)
def test_probes_of_good_ones(start, servers, kind):
    server = servers(tls=_AUTHORITY.issue(_NAME))
    check = PROBES[kind] | {"interval": "100ms", "fall": 1, "rise": 1}
    drover = start({"backends": [_entry(server)], "health_check": check})
    wait_until(lambda: drover.backends()[server.address]["probe"] == "up", "it is up")
    assert not drover.events("backend_down")


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", b"SSH-2.0-x\r\n", b""],
                         ids=["http", "ssh", "nothing"])
def test_a_plain_backend_where_tls_is_expected(start, backend, says):
    drover = _start(start, backend)
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    assert server.read_exactly(1) == b"\x16"  # a ClientHello, RFC 8446 section 5.1; and no request before it
    server.send(says)
    server.shutdown_write()
    assert client.read_head().status == 503
    assert b"GET" not in server.read_to_end()
    detail = drover.session()["detail"]
    assert "TLS" in detail and backend.address in detail, detail


def test_a_backend_that_never_ends_its_handshake(start, backend):
    drover = start({"backends": [_entry(backend)], "timeouts": {"connect": "300ms"}})
    began = time.monotonic()
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    assert client.read_head().status == 503
    assert 0.2 <= time.monotonic() - began <= 0.3 + slack(0.3)
    server.drain()
    client.close()
    assert "timeouts.connect" in drover.session()["detail"]


@pytest.mark.parametrize("cut", [True, False])
def test_a_body_that_lasts_until_the_end_is_whole_with_a_close_notify_only(start, serve, cut):
    backend = serve(_AUTHORITY.issue(_NAME))
    drover = start({"backends": [_entry(backend)], "listeners": [
        {"bind": "127.0.0.1:0", "tls": {"certificates": [defaults().server.files]}}]})
    client = connect(drover.port, upgrade_request())
    server = backend.accept()
    server.read_head()
    server.send(plain_request("HTTP/1.1 403 Forbidden", "Content-Type: text/plain") + b"not all of i")
    assert client.read_head().status == 403
    assert client.read_exactly(12) == b"not all of i"
    if cut:
        server.raw.shutdown(socket.SHUT_WR)
    else:
        server.shutdown_write()
    assert client.read_to_end() == b""
    assert client.was_cut == cut


def test_haproxy_as_a_backend(start, tmp_path):
    """Somebody else's TLS, in front of somebody else's refusal."""
    certificate = _AUTHORITY.issue(_NAME)
    pem = tmp_path / "both.pem"
    pem.write_bytes(b"".join(open(file, "rb").read() for file in certificate.files.values()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (tmp_path / "haproxy.cfg").write_text(
            f"defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
            f"frontend f\n  bind fd@{listener.fileno()} ssl crt {pem}\n"
            f"  http-request return status 418 content-type text/plain string teapot\n", encoding="ascii")
        process = subprocess.Popen(["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")],
                                   pass_fds=[listener.fileno()])
        try:
            drover = start({"backends": [{"address": f"127.0.0.1:{listener.getsockname()[1]}",
                                          "tls": {"ca": _AUTHORITY.file, "server_name": _NAME}}]})
            client = connect(drover.port, upgrade_request())
            assert client.read_head().status == 418
            assert client.read_to_end() == b"teapot"
        finally:
            process.kill()
            process.wait()
