"""Streams of frames sent in pieces that Drover reads one by one: where to cut them, and how to keep the reads apart."""

import itertools
from dataclasses import dataclass

from harness.drover import Drover
from harness.frames import CLOSE, TEXT, backend_frame, client_frame
from harness.raw import RawBackend, Stream, connect, open_tunnel, switching, upgrade_request
from harness.waiting import wait_until

# By side: how it makes its frames, and what it is told by Drover when the other side breaks a rule or is lost.
FRAME_OF = {"client": client_frame, "backend": backend_frame}
OTHER = {"client": "backend", "backend": "client"}
INNOCENT_HEARS = {"client": 1012, "backend": 1001}
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def header_size(raw):
    """Bytes of a whole frame before its payload, RFC 6455 section 5.2."""
    return 2 + {126: 2, 127: 8}.get(raw[1] & 0x7F, 0) + (4 if raw[1] & 0x80 else 0)


def cuts(frames):
    """Every position inside the stream; within long payloads only those near their ends, the rest being alike."""
    positions, at = set(), 0
    for raw in frames:
        end = at + len(raw)
        if len(raw) <= 64:
            positions.update(range(at, end + 1))
        else:
            positions.update(range(at, at + 17))
            positions.update(range(end - 3, end + 1))
        at = end
    return sorted(positions - {0, at})


def sizes(total, chance, choices):
    """Sizes that add up to it, each of these by chance."""
    while total > 0:
        size = min(total, chance.choice(choices))
        yield size
        total -= size


def cut(data, positions):
    """`data` in pieces."""
    return [data[begin:end] for begin, end in zip([0, *positions], [*positions, len(data)])]


def ways(frames):
    """The stream in pieces: whole, cut in two at every place, and byte by byte (long payloads apart)."""
    data, positions = b"".join(frames), cuts(frames)
    yield [data]
    for position in positions:
        yield cut(data, [position])
    if len(positions) > 1:
        yield cut(data, positions)


def passed_on(frames, sent):
    """How many of the first `sent` bytes of legal frames Drover passes on, and whether these end at a frame boundary.
    Payload does not wait; a header does until it is whole, and so does a control frame."""
    at = 0
    for raw in frames:
        if sent - at >= len(raw):
            at += len(raw)
        elif raw[0] & 0x08 or sent - at < header_size(raw):
            break
        else:
            return sent, False
    return at, True


@dataclass(repr=False, eq=False)
class Tunnel:
    """Both ends, and what one of them sends piece by piece."""

    client: Stream
    server: Stream
    sender: str  # client or backend
    pieces: list
    path: str  # of its request; no other tunnel has it
    sent: int = 0  # bytes so far

    @property
    def source(self):
        return self.client if self.sender == "client" else self.server

    @property
    def reader(self):
        return self.server if self.sender == "client" else self.client

    def close(self):
        """Lets Drover end the session: else its lingering close would wait for the peers."""
        self.client.close()
        self.server.close()

    def assert_passed_at_once(self, frames):
        """Of what was sent so far, and read, exactly that which may be passed on has come."""
        self.reader.fill_with_what_waits()
        assert self.reader.buffer == b"".join(frames)[: passed_on(frames, self.sent)[0]], f"after {self.sent} bytes"

    def __repr__(self):
        return f"{self.sender} sent {[piece[:40].hex() for piece in self.pieces]}"


def closes_to_end(stream):
    """The codes of the Closes that are all that comes up to the end of the connection, which must be an orderly one."""
    frames = stream.read_frames_to_end()
    assert not stream.was_reset
    assert all(frame.opcode == CLOSE and frame.fin and frame.rsv == 0 for frame in frames), frames
    return [frame.close_code for frame in frames]


def check_each(tunnels, check):
    """Calls `check` with every tunnel; a failure names the tunnel."""
    for tunnel in tunnels:
        try:
            check(tunnel)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{tunnel}: {error}") from error


class FencedDrover:
    """A Drover with one worker, a raw backend, and a fence: a tunnel that tells when what was sent has been read.

    Two sends on one connection may reach Drover in one read. The fence keeps them apart: send a piece, let a frame go
    through the fence and back, send the next piece. It works whatever the order in which a worker handles its ready
    sockets: when the frame on the way there is handled, it was found by an epoll_wait that came after the piece, and
    so found the piece's socket too. The frame on the way back was sent after that epoll_wait returned, so it is
    handled in a later turn of the loop, and the turn with the piece in it is over. (True for fewer ready sockets than
    libuv asks epoll_wait for, which is 1,024.)"""

    MOST_TUNNELS = 1000

    def __init__(self, config=None):
        self._backend = RawBackend()
        # So long a timeouts.close ends no session: each must end by what its test does.
        defaults = {"backends": [self._backend.address], "timeouts": {"close": "60s"}}
        self._drover = Drover({**defaults, **(config or {})})
        self._fence = open_tunnel(self._drover.port, self._backend)
        self._numbers = itertools.count()

    def wait_until_read(self):
        """Returns when Drover has read, and handled, all that was sent to it before."""
        there, back = client_frame(TEXT), backend_frame(TEXT)
        client, server = self._fence
        client.send(there)
        assert server.read_exactly(len(there)) == there
        server.send(back)
        assert client.read_exactly(len(back)) == back

    def open(self, sender="client", pieces=(), deflate=False, early=b""):
        """A tunnel. `early`: what the sender sends together with its head."""
        extensions = (_DEFLATE,) if deflate else ()
        path = f"/{next(self._numbers)}"
        client = connect(self._drover.port, upgrade_request(path, *extensions) + (early if sender == "client" else b""))
        server = self._backend.accept()
        answer = switching(server.read_head(), *extensions)
        server.send(answer + (early if sender == "backend" else b""))
        head = client.read_head()
        assert head.status == 101, head
        return Tunnel(client, server, sender, list(pieces), path, len(early))

    def send_in_step(self, tunnels, after_each=lambda tunnel: None):
        """Sends the pieces of all tunnels, each in a read of its own. `after_each` looks at a tunnel whose piece has
        been handled."""
        assert len(tunnels) < self.MOST_TUNNELS
        for number in range(max(len(tunnel.pieces) for tunnel in tunnels)):
            senders = [tunnel for tunnel in tunnels if number < len(tunnel.pieces)]
            for tunnel in senders:
                tunnel.source.send(tunnel.pieces[number])
                tunnel.sent += len(tunnel.pieces[number])
            self.wait_until_read()
            check_each(senders, after_each)

    def endings(self, tunnels):
        """(initiator, why) of the access lines of these tunnels, one for each."""
        paths = [tunnel.path for tunnel in tunnels]

        def found():
            records = {record["path"]: record for record in self._drover.sessions()}
            return records if records.keys() >= set(paths) else None

        records = wait_until(found, f"access lines of {len(tunnels)} sessions")
        return [(records[path]["initiator"], records[path]["why"]) for path in paths]

    def __enter__(self):
        self._drover.__enter__()
        return self

    def __exit__(self, *error):
        self._backend.close()
        for stream in self._fence:
            stream.close()
        self._drover.__exit__(*error)
