"""client_ca: who comes in, and what backends are told of them."""

import ssl

import pytest
from harness import (
    EXPIRED, NOT_YET, Authority, HandshakeFailed, client_context, connect_tls, defaults, plain_request, switching,
    upgrade_request, wait_until)

_CLIENTS = Authority("Test Clients")
_REQUEST = plain_request("GET / HTTP/1.1", "Host: localhost")
_ALICE = [("C", "NL"), ("O", "Chat, Inc."), ("CN", "Alice \"A\" Lüders")]
VERSIONS = ["TLSv1_2", "TLSv1_3"]


def _listener(**tls):
    return {"bind": "127.0.0.1:0", "tls": {"certificates": [defaults().server.files], **tls}}


@pytest.fixture(name="drover")
def fixture_drover(start, backend):
    """Its first listener asks for certificates, its second one does not."""
    return start({"listeners": [_listener(client_ca=_CLIENTS.file), _listener()], "backends": [backend.address]})


def _context(certificate, version):
    return client_context(certificate=certificate, lowest=version, highest=version)


def _refusal(port, context, session=None):
    """What a client that must not come in is told. With TLS 1.3 it hears of it behind its own handshake."""
    try:
        client = connect_tls(port, context, _REQUEST, session=session)
        with pytest.raises(ssl.SSLError) as error:
            client.read_to_end()
        return error.value.reason
    except HandshakeFailed as failure:
        return failure.reason


def _head(port, backend, context, *headers, session=None):
    """What the backend reads."""
    client = connect_tls(port, context, upgrade_request("/", *headers), session=session)
    server = backend.accept()
    head = server.read_head()
    server.send(switching(head))
    assert client.read_head().status == 101
    return head, client


BAD = {
    "none": lambda: None,
    "of another authority": lambda: Authority("Test Clients").issue(subject=_ALICE, purpose="client"),
    "of its own": lambda: _CLIENTS.self_signed("alice"),
    "expired": lambda: _CLIENTS.issue(subject=_ALICE, purpose="client", days=EXPIRED),
    "not yet valid": lambda: _CLIENTS.issue(subject=_ALICE, purpose="client", days=NOT_YET),
    "of a server": lambda: _CLIENTS.issue("localhost", purpose="server"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_ones_are_refused(drover, backend, kind, version):
    assert "ALERT" in _refusal(drover.port, _context(BAD[kind](), version))
    assert backend.untouched()
    wait_until(lambda: drover.connections() == 0, "it is gone")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_one_is_told_of(drover, backend, version):
    alice = _CLIENTS.issue(subject=_ALICE, purpose="client")
    head, _ = _head(drover.port, backend, _context(alice, version))
    # RFC 2253: the last first, and what is special escaped; a byte beyond ASCII in hex.
    assert head.get("X-Drover-Client-Subject") == 'CN=Alice \\"A\\" L\\C3\\BCders,O=Chat\\, Inc.,C=NL'
    assert head.get("X-Drover-Client-Fingerprint") == alice.fingerprint


def test_one_through_an_intermediate(drover, backend):
    alice = _CLIENTS.below("Test Department").issue(subject=_ALICE, purpose="client")
    head, _ = _head(drover.port, backend, _context(alice, "TLSv1_3"))
    assert head.get("X-Drover-Client-Fingerprint") == alice.fingerprint


@pytest.mark.parametrize("listener", [0, 1])
def test_what_clients_say_themselves_is_dropped(drover, backend, listener):
    alice = _CLIENTS.issue(subject=_ALICE, purpose="client")
    head, _ = _head(drover.ports[listener], backend, _context(alice, "TLSv1_3"), "X-Drover-Client-Subject: CN=root",
                    "x-drover-client-fingerprint: 00", "X_Drover_Client_Subject: CN=root")
    told = [name for name in head.names() if "client-" in name.replace("_", "-")]
    assert told == (["x-drover-client-subject", "x-drover-client-fingerprint"] if listener == 0 else [])
    assert "root" not in str(head.headers)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_told_of_in_resumed_sessions(drover, backend, version):
    alice = _CLIENTS.issue(subject=_ALICE, purpose="client")
    context = _context(alice, version)
    first, client = _head(drover.port, backend, context)
    again, resumed = _head(drover.port, backend, context, session=client.socket.session)
    assert resumed.socket.tls.session_reused
    for name in ("X-Drover-Client-Subject", "X-Drover-Client-Fingerprint"):
        assert again.get(name) == first.get(name) != None  # noqa: E711


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_a_listener_without_is_no_way_in(drover, backend, version):
    context = _context(None, version)
    _, client = _head(drover.ports[1], backend, context)
    session = client.socket.session
    assert session.has_ticket
    assert "ALERT" in _refusal(drover.ports[0], context, session)


@pytest.mark.parametrize("version", VERSIONS)
def test_nor_is_one_of_a_listener_with_another_authority(start, backend, version):
    others = Authority("Test Others")
    drover = start({"listeners": [_listener(client_ca=_CLIENTS.file), _listener(client_ca=others.file)],
                    "backends": [backend.address]})
    mallory = _context(others.issue(subject=[("CN", "mallory")], purpose="client"), version)
    _, client = _head(drover.ports[1], backend, mallory)
    assert "ALERT" in _refusal(drover.ports[0], mallory, client.socket.session)
