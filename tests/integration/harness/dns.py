"""A name server on loopback, over UDP and TCP, whose records a test changes as it goes. Thread-safe."""

import errno
import socketserver
import threading
import time
from typing import NamedTuple

import dnslib

_UDP_SIZE = 512  # RFC 1035 section 4.2.1; larger ones (EDNS) are not offered


class Query(NamedTuple):
    """One that was received, whether it was answered or not. A retry is one of its own."""

    time: float  # time.monotonic()
    name: str  # lower case, without the last dot
    type: str  # "A", "AAAA", …


class DnsServer:
    """Answers NXDOMAIN for names that it has never been told about."""

    def __init__(self):
        self._lock = threading.Lock()
        self._answers = {}  # name: (rcode, records by type), or none for silence
        self._queries = []
        self._tcp, self._udp = _servers_on_one_port()
        self.port = self._tcp.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self._threads = []
        for server in (self._tcp, self._udp):
            server.answer = self._answer
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            self._threads.append(thread)

    def set(self, name, a=(), aaaa=(), ttl=1):
        """From now on `name` has these addresses; a family without any is an empty answer (NODATA)."""
        records = {
            "A": [dnslib.RR(name, dnslib.QTYPE.A, ttl=ttl, rdata=dnslib.A(ip)) for ip in a],
            "AAAA": [dnslib.RR(name, dnslib.QTYPE.AAAA, ttl=ttl, rdata=dnslib.AAAA(ip)) for ip in aaaa],
        }
        self._say(name, (dnslib.RCODE.NOERROR, records))

    def fail(self, name, rcode="SERVFAIL"):
        """From now on the answer for `name` is a code: SERVFAIL, NXDOMAIN, REFUSED."""
        self._say(name, (getattr(dnslib.RCODE, rcode), {}))

    def silent(self, name):
        """From now on queries for `name` are not answered."""
        self._say(name, None)

    @property
    def queries(self):
        """What has come so far, a copy."""
        with self._lock:
            return list(self._queries)

    def close(self):
        for server, thread in zip((self._tcp, self._udp), self._threads):
            server.shutdown()
            thread.join()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _say(self, name, answer):
        with self._lock:
            self._answers[_plain(name)] = answer

    def _answer(self, message, limit):
        """The bytes to send back; none for silence. What is longer than `limit` is truncated."""
        request = dnslib.DNSRecord.parse(message)
        name, kind = _plain(str(request.q.qname)), dnslib.QTYPE.get(request.q.qtype)
        with self._lock:
            self._queries.append(Query(time.monotonic(), name, kind))
            answer = self._answers.get(name, (dnslib.RCODE.NXDOMAIN, {}))
        if answer is None:
            return None
        rcode, records = answer
        reply = request.reply()
        reply.header.rcode = rcode
        reply.add_answer(*records.get(kind, ()))
        packed = reply.pack()
        if len(packed) <= limit:
            return packed
        # dnslib's own truncate() drops the question, without which nobody takes it for an answer.
        reply = request.reply()
        reply.header.tc = 1
        return reply.pack()


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        try:
            answer = self.server.answer(message, _UDP_SIZE)
        except dnslib.DNSError:
            return
        if answer is not None:
            sock.sendto(answer, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    """Messages with their length before them (RFC 1035 section 4.2.2), any number a connection."""

    def handle(self):
        try:
            while len(length := self.rfile.read(2)) == 2:
                answer = self.server.answer(self.rfile.read(int.from_bytes(length, "big")), 0xFFFF)
                if answer is not None:
                    self.wfile.write(len(answer).to_bytes(2, "big") + answer)
        except (OSError, dnslib.DNSError):
            pass  # it has gone, or talks nonsense


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # clients may keep their connections
    allow_reuse_address = True


class _UdpServer(socketserver.UDPServer):
    max_packet_size = 0xFFFF

    def handle_error(self, request, client_address):
        pass  # the asker has gone


def _servers_on_one_port(attempts=20):
    for _ in range(attempts):
        tcp = _TcpServer(("127.0.0.1", 0), _TcpHandler)
        try:
            return tcp, _UdpServer(tcp.server_address, _UdpHandler)
        except OSError as error:
            tcp.server_close()
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port that is free for UDP and TCP")


def _plain(name):
    return name.rstrip(".").lower()
