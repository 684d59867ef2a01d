"""TLS for raw peers, in user space over a plain socket: a test sees what was decrypted, what waits undecrypted, how the
other side ended (with a close_notify or without), and may say which records and which TCP segments it sends."""

import functools
import select
import socket
import ssl
import struct
import threading
import time

from harness.certificates import defaults

_RECORD = 1 << 14  # RFC 8446 section 5.1
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class HandshakeFailed(AssertionError):
    """Where a test does not expect it, it has failed. `reason` is OpenSSL's word: an alert, or what it found itself."""

    def __init__(self, error):
        super().__init__(f"TLS handshake: {error}")
        self.reason = getattr(error, "reason", None)


def client_context(authority=None, certificate=None, protocols=(), lowest="TLSv1_2", highest="TLSv1_3"):
    """How a client does TLS: whom it trusts (an Authority, the default one if none is given), what it shows (Issued),
    the ALPN protocols that it offers, and the versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations((authority or defaults().authority).file)
    return _set_up(context, certificate, protocols, lowest, highest)


def server_context(certificate=None, protocols=(), lowest="TLSv1_2", highest="TLSv1_3"):
    """How a backend does TLS: what it shows (Issued, the default one if none is given)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return _set_up(context, certificate or defaults().server, protocols, lowest, highest)


def _set_up(context, certificate, protocols, lowest, highest):
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.minimum_version = ssl.TLSVersion[lowest]
    context.maximum_version = ssl.TLSVersion[highest]
    return context


default_client = functools.cache(client_context)
default_server = functools.cache(server_context)


class TlsSocket:
    """A connected plain socket with TLS on it, and the methods of a plain one that the tests use. One thread may read
    while another one writes. The handshake is done by handshake(), or else with the first read; what is sent before it
    waits for it."""

    def __init__(self, raw, context, server_name=None, session=None):
        """`server_name`: which a client asks for, none where it says nothing of it. `session`: for it to resume."""
        self.raw = raw
        self.ended_cleanly = False  # by the peer's close_notify
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server_side = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_name, session)
        self._state = threading.RLock()  # of the BIOs and what is between them
        self._sending = threading.RLock()  # keeps the records in order; taken before _state
        self._early = bytearray()  # plaintext that waits for the handshake
        self._unsent = bytearray()  # ciphertext
        self._begun = 0  # plaintext bytes of the records whose rest is in _unsent
        self._plain = bytearray()  # decrypted, not yet read
        self._over = False  # nothing more will be decrypted
        self._raw_over = False  # the end of TCP; OpenSSL is not told, since it would send nothing more either
        self._error = None  # what the next read that finds nothing raises
        self._established = False
        self._step()  # so that a client's first flight is on its way

    # The handshake.

    def handshake(self):
        """Until this side is through with it."""
        while not self._step():
            if self._raw_over:
                self.raw.close()
                raise HandshakeFailed(self._error or "the connection ended")
            self._feed()

    def _step(self):
        """Goes on with the handshake as far as what has come allows; whether it is done."""
        try:
            with self._state:
                self.tls.do_handshake()
            self._established = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._flush_quietly()  # the alert
            self.raw.close()
            raise HandshakeFailed(error) from error
        if self._raw_over:
            self._flush_quietly()
        else:
            self._flush()
        if self._established and self._early:
            early, self._early = self._early, bytearray()
            self.sendall(early)
        return self._established

    @property
    def session(self):
        """For another connection to resume."""
        return self.tls.session

    # Reading.

    def recv(self, size):
        while not self._decrypted():
            if self._error:
                error, self._error = self._error, None
                raise error
            if self._over:
                return b""
            self._feed()
        with self._state:
            taken = bytes(self._plain[:size])
            del self._plain[:size]
        return taken

    def recv_into(self, buffer):
        taken = self.recv(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)

    def readable(self, timeout=0.0):
        """Whether recv() would return at once: a record that is not whole, or a session ticket, is nothing to read."""
        poll = select.poll()
        poll.register(self.raw, select.POLLIN)
        deadline = time.monotonic() + timeout
        while not (self._decrypted() or self._over):
            if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
                return False
            self._feed()
        return True

    def _decrypted(self):
        """Whether there is something, of what has come, that was not read."""
        if not self._plain and not self._over:
            self._decrypt()
        return bool(self._plain)

    def _feed(self):
        """Takes in what the socket has, at least a byte or the end of it."""
        try:
            chunk = self.raw.recv(_RECORD)
        except ConnectionError as error:
            self._error, chunk = error, b""
        self._raw_over = not chunk
        with self._state:
            self._incoming.write(chunk)

    def _decrypt(self):
        if not self._established and not self._step():
            self._over = self._raw_over
            return
        with self._state:
            try:
                while chunk := self.tls.read(_RECORD):
                    self._plain += chunk
                self._over = self.ended_cleanly = True
            except ssl.SSLWantReadError:
                self._over = self._raw_over
            except ssl.SSLZeroReturnError:
                self._over = self.ended_cleanly = True
            except ssl.SSLError as error:
                self._error, self._over = error, True
        if self._outgoing.pending and self._sending.acquire(blocking=False):  # the answer to a KeyUpdate
            try:
                self._flush()
            finally:
                self._sending.release()

    # Writing.

    def sendall(self, data, record=_RECORD):
        """`record`: the most plaintext that a record has."""
        with self._sending:
            if not self._established:
                self._early += data
                return
            view = memoryview(data)
            while view:
                view = view[self._encrypt(view[:record]) :]
                self._flush()

    def send(self, data):
        """Returns how many bytes are on their way: all, or 0 where the socket took but a part of their records. The
        same bytes are then to be given to the next call, which goes on with those."""
        with self._sending:
            if not self._unsent:
                self._begun = self._encrypt_all(data)
            self._take_from_unsent()
            if self._unsent:
                return 0
            sent, self._begun = self._begun, 0
            return sent

    def encrypt(self, data, records=()):
        """The ciphertext of `data`, for the test to send through `raw`; in records of these sizes, the last one as long
        as it has to be."""
        with self._sending:
            self._encrypt_all(data, records)
            ciphertext, self._unsent = bytes(self._unsent), bytearray()
            return ciphertext

    def _encrypt_all(self, data, records=()):
        sizes, view = iter(records), memoryview(data)
        while view:
            view = view[self._encrypt(view[: next(sizes, _RECORD)]) :]
        self._collect()
        return len(data)

    def _encrypt(self, view):
        with self._state:
            return self.tls.write(view)

    def _collect(self):
        with self._state:
            self._unsent += self._outgoing.read()

    def _flush(self):
        with self._sending:
            self._collect()
            while self._unsent:
                self._take_from_unsent()

    def _take_from_unsent(self):
        taken = self.raw.send(self._unsent)
        del self._unsent[:taken]

    def _flush_quietly(self):
        try:
            self._flush()
        except OSError:
            pass

    # Ends.

    def shutdown(self, how):
        """Of writing: a close_notify and a FIN; the peer's are not waited for. A peer that has ended its side may have
        closed its socket, and then answers the one with a reset before it gets the other."""
        assert how == socket.SHUT_WR
        try:
            self._notify()
            self._flush()
            self.raw.shutdown(how)
        except OSError:
            if not self._over:
                raise

    def _notify(self):
        with self._sending, self._state:
            if not self._established:
                return
            self._decrypt()  # OpenSSL would take data behind its close_notify for an error
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass  # it wants the peer's

    def close(self):
        """A close_notify where none was sent, and the end of TCP: a reset over bytes that nobody has read, as it is for
        a plain socket. A session ticket is none of them."""
        if self.raw.fileno() < 0:
            return
        try:
            self.raw.setblocking(False)
            if self.readable() and self._plain:
                self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            elif not self._unsent:
                self._notify()
                self._flush()
        except (OSError, AssertionError):
            pass
        self.raw.close()

    # The plain socket's own.

    def fileno(self):
        return self.raw.fileno()

    def getsockname(self):
        return self.raw.getsockname()

    def getpeername(self):
        return self.raw.getpeername()

    def settimeout(self, seconds):
        self.raw.settimeout(seconds)

    def setsockopt(self, *option):
        self.raw.setsockopt(*option)
