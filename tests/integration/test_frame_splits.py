"""RULES 'Frames', what is legal: it passes byte for byte, wherever the stream is cut, and at once where it may. From
both sides; alone, behind other traffic in the same read, and in the read of the head."""
# ctest: tls both

import pytest
from harness import BINARY, CONTINUATION, PING, PONG, TEXT
from harness.splits import FRAME_OF, FencedDrover, ways


@pytest.fixture(scope="module", name="fenced")
def fixture_fenced():
    with FencedDrover() as drover:
        yield drover


def test_the_fence_keeps_reads_apart(fenced):
    """Else the tests at every split would still pass, and prove little. Payload that was read has been passed on."""
    tunnels = [fenced.open(sender, [FRAME_OF[sender](BINARY, length=1000), *[b"x"] * 100])
               for sender in FRAME_OF for _ in range(50)]

    def all_has_come(tunnel):
        tunnel.reader.fill_with_what_waits()
        assert len(tunnel.reader.buffer) == tunnel.sent

    fenced.send_in_step(tunnels, all_has_come)
    for tunnel in tunnels:
        tunnel.close()


def _legal(frame):
    for length in (0, 1, 125, 126, 127, 65535, 65536):
        for opcode in (TEXT, BINARY):
            yield f"opcode {opcode} with {length} bytes", [frame(opcode, b"x" * length)]
    for length in (0, 1, 125):
        for opcode in (PING, PONG):
            yield f"opcode {opcode} with {length} bytes", [frame(opcode, b"x" * length)]
    yield "a message in three frames", [
        frame(TEXT, b"one", fin=False), frame(CONTINUATION, b"two", fin=False), frame(CONTINUATION, b"three")]
    yield "a message in empty frames", [
        frame(BINARY, fin=False), *[frame(CONTINUATION, fin=False)] * 5, frame(CONTINUATION)]
    yield "control frames in a message", [
        frame(TEXT, b"one", fin=False), frame(PING, b"x" * 125), frame(PONG), frame(CONTINUATION, b"", fin=False),
        frame(PING), frame(CONTINUATION, b"two")]
    yield "control frames in a message of long frames", [
        frame(BINARY, b"x" * 126, fin=False), frame(PONG, b"pong"), frame(CONTINUATION, b"y" * 65536, fin=False),
        frame(PING, b"ping"), frame(CONTINUATION, b"z" * 200)]
    yield "control frames one behind the other", [frame(PING, b"1"), frame(PING), frame(PONG, b"22"), frame(PONG)]


def _deflated(frame):
    yield "a compressed message", [frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=4)]
    yield "a compressed message in fragments", [
        frame(TEXT, b"\xf2\x48", fin=False, rsv=4), frame(PING, b"ping"), frame(CONTINUATION, b"\xcd\xc9", fin=False),
        frame(CONTINUATION, b"\xc9\x07\x00")]
    yield "compressed and plain messages", [
        frame(BINARY, b"\x02\x00", rsv=4), frame(BINARY, b"plain"), frame(BINARY, b"\x02\x00" * 63, rsv=4)]


def _both(*tables):
    return [pytest.param(sender, frames, table is _deflated, id=f"{sender}: {name}")
            for sender, frame in FRAME_OF.items() for table in tables for name, frames in table(frame)]


@pytest.mark.parametrize("sender,frames,deflate", _both(_legal, _deflated))
def test_legal_frames_pass_at_every_split(fenced, sender, frames, deflate):
    frame = FRAME_OF[sender]
    front = [frame(TEXT, b"fore", fin=False), frame(PONG), frame(CONTINUATION, b"word")]
    streams = {}
    for first, *rest in ways(frames):
        streams[fenced.open(sender, [first, *rest], deflate)] = frames
        streams[fenced.open(sender, [b"".join(front) + first, *rest], deflate)] = front + frames
        streams[fenced.open(sender, rest or [b""], deflate, early=first)] = frames
    fenced.send_in_step(streams, lambda tunnel: tunnel.assert_passed_at_once(streams[tunnel]))
    for tunnel, stream in streams.items():
        assert tunnel.sent == len(b"".join(stream))
        tunnel.close()
