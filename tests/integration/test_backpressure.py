"""A peer that does not read: its bytes wait with their sender, not in Drover; then everything arrives intact."""
# ctest: tls

import struct
import threading

import pytest
from harness import (
    BINARY, CONTINUATION, PATIENCE, PING, SLOW, TEXT, backend_frame, client_frame, open_tunnel, stable)

_FRAME_PAYLOAD = 64 * 1024
_MEGABYTE = 1 << 20
_IN_SOCKETS = 80 * _MEGABYTE  # what the kernel may hold for two loopback connections, tcp_rmem and tcp_wmem allowing


def _numbered(head, number, filling):
    """A frame that carries its number; the mask of a client's is zero, so that this stays cheap."""
    return head + struct.pack(">Q", number) + filling


class _Sender(threading.Thread):
    """Sends numbered frames and counts the bytes that the kernel took."""

    def __init__(self, stream, head, count):
        super().__init__(daemon=True)
        self._stream, self._head, self._count = stream, head, count
        self.sent = 0
        self.start()

    def run(self):
        filling = b"\xa5" * (_FRAME_PAYLOAD - 8)
        for number in range(self._count):
            view = memoryview(_numbered(self._head, number, filling))
            while view:
                try:
                    taken = self._stream.socket.send(view)
                except OSError:
                    return  # the test has ended; a loss would show at the reader
                self.sent += taken
                view = view[taken:]


def _ends(client, server, towards):
    """(sender, reader, frame head) of a direction."""
    if towards == "client":
        return server, client, backend_frame(BINARY, length=_FRAME_PAYLOAD)
    return client, server, client_frame(BINARY, length=_FRAME_PAYLOAD, mask=bytes(4))


def _read_all(reader, head, count):
    """Reads and compares every frame."""
    assert not reader.buffer
    filling = b"\xa5" * (_FRAME_PAYLOAD - 8)
    buffer = bytearray(len(head) + _FRAME_PAYLOAD)
    for number in range(count):
        view = memoryview(buffer)
        while view:
            got = reader.socket.recv_into(view)
            assert got, f"the connection ended in frame {number} of {count}"
            view = view[got:]
        assert buffer == _numbered(head, number, filling), f"frame {number} is damaged"


@pytest.mark.parametrize("towards,megabytes", [("client", 256), ("backend", 128)])
def test_slow_reader_costs_no_memory_and_loses_nothing(start, backend, towards, megabytes):
    drover = start({"backends": [backend.address]})
    client, server = open_tunnel(drover.port, backend)
    source, reader, head = _ends(client, server, towards)
    before = drover.resident_bytes()
    count = megabytes * _MEGABYTE // _FRAME_PAYLOAD
    sender = _Sender(source, head, count)
    # What the sender got rid of waits in sockets, not in Drover.
    assert stable(lambda: sender.sent) < _IN_SOCKETS
    assert SLOW or drover.resident_bytes() - before < _MEGABYTE
    _read_all(reader, head, count)
    sender.join()
    assert SLOW or drover.resident_bytes() - before < _MEGABYTE


def test_eight_slow_readers_stay_within_their_queues(start, backend):
    drover = start({"backends": [backend.address]})
    tunnels = [open_tunnel(drover.port, backend) for _ in range(8)]
    before = drover.resident_bytes()
    head = backend_frame(BINARY, length=_FRAME_PAYLOAD)
    senders = [_Sender(server, head, 1024) for _, server in tunnels]
    stable(lambda: [sender.sent for sender in senders])
    assert SLOW or drover.resident_bytes() - before < 8 * (64 + 64) * 1024 + _MEGABYTE
    # The other direction of a stuck session, and other sessions, go on.
    for client, server in tunnels:
        client.send(client_frame(PING, b"still here"))
        assert server.read_frame().payload == b"still here"
    fresh_client, fresh_server = open_tunnel(drover.port, backend)
    fresh_client.send(client_frame(PING, b"and new"))
    assert fresh_server.read_frame().payload == b"and new"
    for client, _ in tunnels:
        client.reset()
    drover.wait_for_sessions(8)


@pytest.mark.parametrize("flooder", ["client", "backend"])
def test_ping_flood_towards_a_peer_that_does_not_read(start, backend, flooder):
    drover = start({"backends": [backend.address]})
    client, server = open_tunnel(drover.port, backend)
    source, reader = (client, server) if flooder == "client" else (server, client)
    before = drover.resident_bytes()
    pings = (client_frame if flooder == "client" else backend_frame)(PING, b"x" * 125) * 1000
    sent = 0
    stop = threading.Event()

    def flood():
        nonlocal sent
        while not stop.is_set():
            try:
                sent += source.socket.send(pings)
            except OSError:
                return

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert stable(lambda: sent, timeout=2 * PATIENCE) < _IN_SOCKETS
    assert SLOW or drover.resident_bytes() - before < _MEGABYTE
    stop.set()
    reader.reset()
    thread.join()


@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "tiny"])
@pytest.mark.parametrize("sender", ["client", "backend"])
def test_fragments_without_end_cost_no_memory_and_end_at_the_default_limit(start, backend, sender, payload):
    drover = start({"backends": [backend.address]})
    client, server = open_tunnel(drover.port, backend)
    source, reader = (client, server) if sender == "client" else (server, client)
    frame = client_frame if sender == "client" else backend_frame
    before = drover.resident_bytes()
    fragments = frame(TEXT, payload, fin=False) + frame(CONTINUATION, payload, fin=False) * 16_383
    source.send(fragments)
    assert reader.read_exactly(len(fragments)) == fragments
    assert not source.readable()
    source.send(frame(CONTINUATION, payload))
    assert [frame.close_code for frame in source.read_frames_to_end()] == [1008]
    assert [frame.close_code for frame in reader.read_frames_to_end()] == [1001 if sender == "client" else 1012]
    assert SLOW or drover.resident_bytes() - before < _MEGABYTE


def test_max_queued_bounds_a_direction(start, backend):
    drover = start({"backends": [backend.address], "slow_client": {"max_queued": "4MiB"}})
    client, server = open_tunnel(drover.port, backend)
    source, reader, head = _ends(client, server, "client")
    before = drover.resident_bytes()
    sender = _Sender(source, head, 1024)
    stable(lambda: sender.sent)
    grown = drover.resident_bytes() - before
    assert SLOW or 2 * _MEGABYTE < grown < 6 * _MEGABYTE
    _read_all(reader, head, 1024)
    sender.join()
