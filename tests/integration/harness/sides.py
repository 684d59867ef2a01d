"""A tunnel seen from one of its sides, so that one test serves for a client and for a backend: the near side is the one
that the test is about, the far one is the other."""

import os
import select
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from harness.drover import Drover
from harness.forms import secured
from harness.frames import BINARY, PING, PONG, TEXT
from harness.raw import Stream, connect, switching, upgrade_request
from harness.sockets import waits_in_kernel
from harness.splits import FRAME_OF, INNOCENT_HEARS, OTHER
from harness.waiting import PATIENCE, stable, wait_until

SIDES = tuple(FRAME_OF)


def _is_own_ping(frame):
    return frame.opcode == PING and len(frame.payload) == 8


@dataclass
class Sides:
    """Both ends of a tunnel."""

    drover: Drover
    side: str  # the near one: client or backend
    near: Stream
    far: Stream

    @property
    def near_frame(self):
        """Makes a frame as the near side sends it."""
        return FRAME_OF[self.side]

    @property
    def far_frame(self):
        """Makes a frame as the far side sends it."""
        return FRAME_OF[OTHER[self.side]]

    @property
    def near_goes(self):
        """(code, reason) that tell the far side that it is alone."""
        return INNOCENT_HEARS[OTHER[self.side]], "client gone" if self.side == "client" else "backend lost"

    def assert_nothing_else_came(self):
        """A frame that is sent now is the next thing that the other side reads, both ways, Drover's own pings aside:
        the next one may be due."""
        for source, reader, frame in ((self.near, self.far, self.near_frame), (self.far, self.near, self.far_frame)):
            source.send(frame(TEXT, b"marker"))
            while _is_own_ping(came := reader.read_frame()):
                pass
            assert came.payload == b"marker", came
            while reader.buffer:
                came = reader.read_frame()
                assert _is_own_ping(came), came

    def close(self):
        """Both ends at once."""
        self.near.close()
        self.far.close()


def open_sides(side, drover, backend, receive_buffer=None):
    """A tunnel; `receive_buffer`: SO_RCVBUF of both peers, so that little can wait in the kernel."""
    if receive_buffer:  # what is accepted inherits it
        backend.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client = connect(drover.port, upgrade_request(), receive_buffer)
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    return Sides(drover, side, *((client, server) if side == "client" else (server, client)))


class Answering(threading.Thread):
    """Reads frames up to the end of the connection and answers every Ping, after `delay` seconds."""

    def __init__(self, stream, frame, delay=0.0):
        super().__init__(daemon=True)
        self.frames = []  # all but Pings
        self.pings = 0
        self._stream, self._frame, self._delay = stream, frame, delay
        self._ended = threading.Event()
        self.start()

    def run(self):
        try:
            while self._stream.buffer or self._stream.fill():
                frame = self._stream.read_frame()
                if frame.opcode != PING:
                    self.frames.append(frame)
                    continue
                self._ended.wait(self._delay)
                self._stream.send_if_open(self._frame(PONG, frame.payload))
                self.pings += 1
        except OSError:
            pass  # closed by the test

    def finish(self):
        """At the end of the connection: the frames."""
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.frames


class Flood(threading.Thread):
    """Sends numbered binary frames as fast as they are taken: `count` of them, or without end until stop() or
    finish()."""

    def __init__(self, stream, frame, count=None, payload=1016):
        super().__init__(daemon=True)
        self.sent = 0  # bytes
        self.frames = 0  # whole ones
        self.progressed_at = time.monotonic()
        self._stream, self._frame, self._count, self._payload = stream, frame, count, payload
        self._stopping = threading.Event()
        self._finishing = threading.Event()
        self.start()

    def run(self):
        while self.frames != self._count and not self._finishing.is_set():
            view = memoryview(self._frame(BINARY, struct.pack(">Q", self.frames) + bytes(self._payload - 8)))
            while view:
                try:
                    writable = select.select([], [self._stream.socket], [], 0.05)[1]
                    if self._stopping.is_set():
                        return
                    taken = self._stream.socket.send(view) if writable else 0
                except (OSError, ValueError):
                    return  # the connection has ended
                if not taken:
                    continue
                self.sent += taken
                self.progressed_at = time.monotonic()
                view = view[taken:]
            self.frames += 1

    def finish(self):
        """Ends behind the frame that it is at."""
        self._finishing.set()
        self.join()

    def stop(self):
        """Gives up, wherever it is."""
        self._stopping.set()
        self.join()


def number_of(frame):
    """Of a frame of a Flood."""
    assert frame.opcode == BINARY, frame
    return struct.unpack_from(">Q", frame.payload)[0]


def _queued(sides, sent):
    """What Drover itself holds of `sent` bytes of the near side, or -1: it has not read them all. No other session may
    have something queued."""
    near, far = (stream.socket.getpeername()[1] for stream in (sides.near, sides.far))
    unread, _ = waits_in_kernel(near, sides.near.local_port)
    _, unsent = waits_in_kernel(sides.near.local_port, near)
    if unread or unsent:
        return -1
    if secured("client") or secured("backend"):  # what waits in the kernel is not what was sent: Drover has to tell
        return sum(session["queued"] for session in sides.drover.admin("/api/v1/sessions")[1]["sessions"])
    _, on_its_way = waits_in_kernel(far, sides.far.local_port)
    arrived, _ = waits_in_kernel(sides.far.local_port, far)
    return sent - on_its_way - arrived


def send_until_queued(sides, least):
    """The near side sends whole frames until Drover, which has read them all, holds that many bytes; returns all that
    was sent. At `max_queued` Drover reads no more of it."""
    frame = sides.near_frame(BINARY, bytes(16_000))
    sent = b""
    while True:
        sides.near.send(frame)
        sent += frame
        wait_until(lambda: _queued(sides, len(sent)) >= 0, "Drover has read everything")
        if stable(lambda: _queued(sides, len(sent)), 0.05) >= least:
            return sent


@contextmanager
def suspended(process_id):
    """A process that does not run meanwhile; its sockets go on."""
    os.kill(process_id, signal.SIGSTOP)
    wait_until(lambda: set(_states(process_id)) == {"T"}, "every thread is stopped")
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


def _states(process_id):
    for thread in os.listdir(f"/proc/{process_id}/task"):
        with open(f"/proc/{process_id}/task/{thread}/stat", encoding="ascii") as stat:
            yield stat.read().rsplit(")", 1)[1].split()[0]
