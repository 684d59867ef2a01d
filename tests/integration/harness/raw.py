"""Raw peers over TCP, or TLS where the form of the tests has it: a client and a backend that send exactly the bytes of
a test and read exactly what came."""

import base64
import hashlib
import select
import socket
import threading
from dataclasses import dataclass

from harness.forms import default_backend_tls, forget, note_backend, secured, speaks_tls
from harness.frames import Frame, xor
from harness.sockets import is_connected
from harness.tls import RESET_ON_CLOSE, TlsSocket, default_client, default_server
from harness.waiting import PATIENCE, wait_until

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3


def accept_of(key):
    """Sec-WebSocket-Accept, RFC 6455 section 4.2.2."""
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


@dataclass
class Head:
    """A request or response head as it was read."""

    start_line: str
    headers: list  # of (name, value), as written and in order

    @property
    def status(self):
        """Of a response."""
        return int(self.start_line.split(" ")[1])

    @property
    def target(self):
        """Of a request."""
        return self.start_line.split(" ")[1]

    def all(self, name):
        """The values of every line of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        """The value of the only line of that name; none if there is none."""
        values = self.all(name)
        assert len(values) <= 1, f"{len(values)} lines of {name}: {values}"
        return values[0] if values else None

    def names(self):
        """The names in lower case, in order."""
        return [key.lower() for key, _ in self.headers]


def _readable(sock, timeout):
    """poll(2): select(2) knows descriptors below 1024 only."""
    if isinstance(sock, TlsSocket):
        return sock.readable(timeout)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


class Stream:
    """A connection with a read buffer. An end of the connection, orderly or by reset, sets `over`."""

    def __init__(self, sock):
        """`sock`: a plain socket, or a TlsSocket on one."""
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.over = False
        self.was_reset = False

    @property
    def raw(self):
        """The plain socket, under the TLS where there is any."""
        return self.socket.raw if isinstance(self.socket, TlsSocket) else self.socket

    @property
    def was_cut(self):
        """Whether TLS ended without a close_notify: an end that anybody on the way may have made."""
        return self.over and isinstance(self.socket, TlsSocket) and not self.socket.ended_cleanly

    @property
    def local_port(self):
        return self.socket.getsockname()[1]

    def send(self, data):
        self.socket.sendall(data)

    def send_if_open(self, data):
        """For a peer that may have closed by now."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def shutdown_write(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with an RST, which the peer's TCP has when this returns: what is sent by another
        connection from now on comes behind it."""
        raw = self.raw
        port, peer = raw.getsockname()[1], self._peer_on_loopback()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        raw.close()
        if peer:
            wait_until(lambda: not is_connected(peer, port), "the reset has come")

    def _peer_on_loopback(self):
        """Its port; none where it is elsewhere, or gone."""
        try:
            address, port = self.raw.getpeername()[:2]
        except OSError:
            return None
        return port if address == self.raw.getsockname()[0] == "127.0.0.1" else None

    def readable(self, timeout=0.0):
        """Whether bytes or an end wait to be read."""
        return bool(self.buffer) or _readable(self.socket, timeout)

    def fill(self):
        """Reads once; false at the end of the connection."""
        if self.over:
            return False
        try:
            chunk = self.socket.recv(1 << 16)
        except ConnectionResetError:
            self.was_reset = True
            chunk = b""
        self.over = not chunk
        self.buffer += chunk
        return not self.over

    def fill_with_what_waits(self):
        """Reads what has come, without waiting for more."""
        while not self.over and _readable(self.socket, 0):
            self.fill()

    def read_exactly(self, count):
        while len(self.buffer) < count:
            assert self.fill(), f"connection ended after {bytes(self.buffer)!r}, {count} bytes were expected"
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_head(self):
        """A head up to its empty line; what follows stays in the buffer."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            assert self.fill(), f"connection ended in a head: {bytes(self.buffer)!r}"
        lines = self.read_exactly(end + 4)[:-4].decode("latin-1").split("\r\n")
        headers = [tuple(part.strip(" \t") for part in line.split(":", 1)) for line in lines[1:]]
        return Head(lines[0], headers)

    def read_to_end(self):
        """Everything up to the end of the connection."""
        while self.fill():
            pass
        return self.read_exactly(len(self.buffer))

    def drain(self):
        """Reads up to the end of the connection and forgets it."""
        while self.fill():
            self.buffer.clear()

    def read_frame(self):
        raw = self.read_exactly(2)
        length = raw[1] & 0x7F
        if length >= 126:
            extended = self.read_exactly(2 if length == 126 else 8)
            raw, length = raw + extended, int.from_bytes(extended, "big")
        masked = bool(raw[1] & 0x80)
        key = self.read_exactly(4) if masked else b""
        wire = self.read_exactly(length)
        payload = xor(wire, key) if masked else wire
        return Frame(bool(raw[0] & 0x80), raw[0] >> 4 & 7, raw[0] & 15, masked, payload, raw + key + wire)

    def read_frames_to_end(self):
        """Whole frames up to the end of the connection; a frame cut short fails."""
        frames = []
        while self.buffer or self.fill():
            frames.append(self.read_frame())
        return frames


class RawBackend:
    """A listening socket whose connections the test accepts and answers itself, one by one."""

    def __init__(self, backlog=128, port=0, host="127.0.0.1", tls=None):
        """`tls`: a server_context(); where none is given, the form of the tests decides."""
        self.listener = socket.create_server((host, port), backlog=backlog)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.address = f"{host}:{self.port}"
        self.tls = tls or (default_server() if secured("backend") else None)
        if self.tls:
            note_backend(self.port, default_backend_tls())

    def accept(self):
        stream = self.accept_plain()
        if self.tls:
            stream.socket = TlsSocket(stream.socket, self.tls)
            stream.socket.handshake()
        return stream

    def accept_plain(self):
        """Without TLS, for a test that wants to do what stands before it."""
        return Stream(self.listener.accept()[0])

    def untouched(self):
        """Whether no connection waits. The kernel completes a dial without us, so this needs no waiting."""
        return not _readable(self.listener, 0)

    def close(self):
        self.listener.close()
        forget(self.port)


class AnsweringBackend(RawBackend):
    """Answers every upgrade with a 101 that carries `X-Backend: name`, and keeps the connections open."""

    def __init__(self, name, status_line=None, **where):
        super().__init__(**where)
        self.name = name
        self.status_line = status_line
        self.heads = []
        self.streams = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                stream = self.accept()
                head = stream.read_head()
            except TimeoutError:
                continue
            except AssertionError:
                continue  # connected and left: a probe, perhaps before the end of its handshake
            except OSError:
                return
            self.heads.append(head)
            self.streams.append(stream)
            if self.status_line:
                stream.send(f"{self.status_line}\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                stream.send(switching(head, f"X-Backend: {self.name}"))

    def close(self):
        super().close()
        for stream in list(self.streams):
            stream.socket.close()


def refused_port():
    """A port of loopback that refuses connections: reserved by a socket that never listens."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    _HOLDERS.append(holder)
    return holder.getsockname()[1]


_HOLDERS = []


def plain_request(line, *headers):
    """Any request head, lines as given."""
    return ("\r\n".join((line,) + headers) + "\r\n\r\n").encode("latin-1")


def upgrade_request(path="/chat", *headers, host="localhost", key=KEY):
    """A correct upgrade with further header lines."""
    return plain_request(
        f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers)


def switching(request, *headers):
    """The 101 that answers a request head correctly, with further header lines."""
    return plain_request(
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_of(request.get('Sec-WebSocket-Key'))}", *headers)


def connect(port, request=b"", receive_buffer=None):
    """A connection to a port of loopback, with the request sent. `receive_buffer`: SO_RCVBUF."""
    stream = _dial(port, receive_buffer)
    if isinstance(stream.socket, TlsSocket):
        stream.socket.handshake()
    if request:
        stream.send(request)
    return stream


def connect_unaccepted(port, request=b""):
    """A connection that nobody may have accepted yet: where it needs a handshake, that is for the first read to do, and
    the request waits for it. One that is turned away has just ended then."""
    stream = _dial(port)
    stream.send_if_open(request)
    return stream


def connect_tls(port, context, request=b"", server_name="localhost", session=None):
    """As connect(), with TLS as a client_context() says, whatever the form of the tests."""
    stream = connect_plain(port)
    stream.socket = TlsSocket(stream.socket, context, server_name, session)
    stream.socket.handshake()
    if request:
        stream.send(request)
    return stream


def connect_plain(port, request=b""):
    """As connect(), without TLS, whatever is spoken at that port."""
    stream = Stream(_plain_socket(port))
    if request:
        stream.send(request)
    return stream


def _dial(port, receive_buffer=None):
    sock = _plain_socket(port, receive_buffer)
    return Stream(TlsSocket(sock, default_client(), "localhost") if speaks_tls(port) else sock)


def _plain_socket(port, receive_buffer=None):
    sock = socket.socket()
    sock.settimeout(PATIENCE)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", port))
    return sock


def open_tunnel(port, backend, request=None, answer_headers=()):
    """Both ends of a tunnel through Drover: (client, backend), each behind its head."""
    client = connect(port, request or upgrade_request())
    server = backend.accept()
    server.send(switching(server.read_head(), *answer_headers))
    head = client.read_head()
    assert head.status == 101, head
    return client, server
