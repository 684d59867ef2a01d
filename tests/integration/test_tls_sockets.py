"""The harness's own TLS, without Drover: what its sockets promise to the tests that run over them."""

import socket
import ssl
import threading

import pytest
from harness import (
    EXPIRED, NOT_YET, PATIENCE, Authority, HandshakeFailed, Stream, TlsSocket, client_context, defaults, server_context,
    wait_until)


def _plain_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def _pair(client=None, server=None, name="localhost"):
    """Both ends of a connection, as Streams."""
    near, far = _plain_pair()
    accepted = []
    thread = threading.Thread(target=lambda: accepted.append(_through(TlsSocket(far, server or server_context()))))
    thread.start()
    try:
        stream = Stream(_through(TlsSocket(near, client or client_context(), name)))
    finally:
        thread.join()
    assert isinstance(accepted[0], TlsSocket), accepted[0]
    return stream, Stream(accepted[0])


def _through(tls_socket):
    """After the handshake; or the failure, which would be lost in a thread."""
    if tls_socket.tls.server_side:
        try:
            tls_socket.handshake()
        except HandshakeFailed as failure:
            return failure
    else:
        tls_socket.handshake()
    return tls_socket


@pytest.fixture(name="pair", params=["TLSv1_2", "TLSv1_3"])
def fixture_pair(request):
    pair = _pair(client_context(lowest=request.param, highest=request.param))
    yield pair
    for stream in pair:
        stream.close()


def test_bytes_come_as_they_were_sent(pair):
    data = bytes(range(256)) * 4000
    for source, reader in (pair, pair[::-1]):
        sender = threading.Thread(target=source.send, args=(data,))
        sender.start()
        assert reader.read_exactly(len(data)) == data
        sender.join()
        assert not reader.readable()


def test_both_directions_at_once(pair):
    data = bytes(range(256)) * 4000
    received = []
    threads = [threading.Thread(target=stream.send, args=(data,)) for stream in pair]
    threads += [threading.Thread(target=lambda stream=stream: received.append(stream.read_exactly(len(data))))
                for stream in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == [data, data]


def test_a_half_close_leaves_the_other_direction(pair):
    for source, reader in (pair, pair[::-1]):
        source.send(b"last words")
        source.shutdown_write()
        assert reader.read_to_end() == b"last words"
        assert not reader.was_cut
        if source is pair[0]:
            reader.send(b"x" * 100_000)
            assert source.read_exactly(100_000) == b"x" * 100_000


def test_a_close_is_an_orderly_end_and_the_end_of_tcp_alone_is_not(pair):
    client, server = pair
    client.send(b"so far")
    client.raw.shutdown(socket.SHUT_WR)
    assert server.read_to_end() == b"so far"
    assert server.was_cut and not server.was_reset
    server.close()
    assert client.read_to_end() == b""
    assert not client.was_cut


def test_a_close_over_what_was_not_read_is_a_reset(pair):
    client, server = pair
    client.send(b"for nobody")
    assert server.readable(10)
    server.close()
    assert client.read_to_end() == b"" and client.was_reset


def test_a_reset_is_one(pair):
    client, server = pair
    server.reset()
    assert client.readable(10)
    assert client.read_to_end() == b"" and client.was_reset


def test_tickets_and_parts_of_records_are_nothing_to_read(pair):
    client, server = pair
    server.send(b"behind the tickets")
    assert client.readable(10) and client.read_exactly(18) == b"behind the tickets"
    record = server.socket.encrypt(b"whole")
    for at in range(len(record)):
        assert not client.readable()
        server.raw.sendall(record[at : at + 1])
    assert client.readable(10) and client.read_exactly(5) == b"whole"


def test_tickets_alone_are_nothing_to_read():
    client, server = _pair()  # by TLS 1.3, whose tickets come behind the handshake
    wait_until(lambda: client.readable() or client.socket.session.has_ticket, "a ticket")
    assert not client.readable()
    client.close()
    assert server.read_to_end() == b"" and not server.was_reset and not server.was_cut


def test_records_of_chosen_sizes(pair):
    client, server = pair
    ciphertext = server.socket.encrypt(b"abcdefghij", records=(1, 2))
    sizes, at = [], 0
    while at < len(ciphertext):
        assert ciphertext[at] == 23  # application data, RFC 8446 section 5.1
        sizes.append(int.from_bytes(ciphertext[at + 3 : at + 5], "big"))
        at += 5 + sizes[-1]
    assert [size - min(sizes) for size in sizes] == [0, 1, 6]
    server.raw.sendall(ciphertext)
    assert client.read_exactly(10) == b"abcdefghij"


def test_send_goes_on_with_a_record_that_was_taken_in_part():
    ends = socket.socketpair()  # takes less than a record at a time, as TCP over loopback does not
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client, server = TlsSocket(ends[0], client_context(), "localhost"), TlsSocket(ends[1], server_context())
    data = bytes(range(256)) * 4000
    received, parts = bytearray(), 0

    def read_all():
        while len(received) < len(data):
            received.extend(server.recv(1 << 16))

    reader = threading.Thread(target=read_all)
    reader.start()
    client.handshake()
    client.settimeout(PATIENCE)
    sent = 0
    while sent < len(data):
        taken = client.send(data[sent : sent + 50_000])
        parts += not taken
        sent += taken
    reader.join()
    assert received == data
    assert parts > 0


def test_what_is_sent_before_the_handshake_waits_for_it():
    near, far = _plain_pair()
    client = Stream(TlsSocket(near, client_context(), "localhost"))
    client.send(b"early")
    assert not client.readable(0.05)
    server = Stream(TlsSocket(far, server_context()))
    while not server.readable(0.05):
        assert not client.readable(0.05)
    assert server.read_exactly(5) == b"early"


def test_what_comes_with_the_end_of_the_handshake_is_there():
    near, far = _plain_pair()
    client, server = TlsSocket(near, client_context(), "localhost"), Stream(TlsSocket(far, server_context()))
    assert not server.readable(0.05)  # the server's flight is on its way
    client.handshake()
    client.sendall(b"early")
    server.socket.handshake()
    assert server.readable() and server.read_exactly(5) == b"early"


def test_an_end_instead_of_a_handshake():
    near, far = _plain_pair()
    client = Stream(TlsSocket(near, client_context(), "localhost"))
    far.close()  # over an unread ClientHello
    assert not client.fill() and client.was_reset


def _refusal(client=None, server=None, name="localhost"):
    with pytest.raises(HandshakeFailed) as failure:
        _pair(client, server, name)
    return failure.value.reason


def test_certificates_are_what_they_are_called():
    authority = Authority()
    client = client_context(authority)
    good = authority.issue("chat.example", "127.0.0.1")
    for name in ("chat.example", "127.0.0.1"):
        _pair(client, server_context(good), name)
    _pair(client, server_context(authority.below().issue("chat.example", kind="RSA-2048")), "chat.example")
    bad = [authority.issue("chat.example", days=EXPIRED), authority.issue("chat.example", days=NOT_YET),
           authority.self_signed("chat.example"), Authority().issue("chat.example"), authority.issue("other.example"),
           authority.issue("chat.example", purpose="client")]
    for certificate in bad:
        assert _refusal(client, server_context(certificate), "chat.example") == "CERTIFICATE_VERIFY_FAILED"


def test_revoked_ones_are_on_the_list():
    authority = Authority()
    revoked, good = authority.issue("localhost"), authority.issue("localhost")
    client = client_context(authority)
    client.load_verify_locations(authority.crl(revoked))
    client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    _pair(client, server_context(good))
    assert _refusal(client, server_context(revoked)) == "CERTIFICATE_VERIFY_FAILED"


def test_default_certificate_has_its_names():
    for name in ("localhost", "127.0.0.1", "a.example.com"):
        _pair(name=name)
    assert _refusal(name="b.a.example.com") == "CERTIFICATE_VERIFY_FAILED"
    assert defaults() is defaults()
