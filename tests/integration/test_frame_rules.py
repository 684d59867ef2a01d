"""RULES 'Frames', what breaks them: the right code for the offender, nothing of it for the other side. From both sides,
cut at every place, byte by byte and whole; alone, behind legal traffic in the same read, in the read of the head."""
# ctest: tls both

from dataclasses import dataclass

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame, close_body, open_tunnel, upgrade_request)
from harness.splits import FRAME_OF, INNOCENT_HEARS, OTHER, FencedDrover, check_each, closes_to_end, ways

_MAX_MESSAGE_SIZE = 1024
_MAX_FRAGMENTS = 6


@dataclass
class _Case:
    """Frames that are legal up to the last one, and how the session ends."""

    frames: list
    code: int = 1002
    why: str = "protocol_error"
    deflate: bool = False

    @property
    def legal(self):
        return b"".join(self.frames[:-1])


def _broken_headers(frame):
    for rsv in (1, 2, 3, 4, 5, 6, 7):
        yield f"RSV {rsv:03b}", [frame(TEXT, b"evil", rsv=rsv)]
    yield "RSV1 on an empty message", [frame(BINARY, rsv=4)]
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"opcode {opcode}", [frame(opcode, b"evil")]
    yield "an opcode of no message, unfinished", [frame(3, b"evil", fin=False)]
    for name, opcode, body in (("Close", CLOSE, close_body(1000)), ("ping", PING, b"evil"), ("pong", PONG, b"")):
        yield f"a fragmented {name}", [frame(opcode, body, fin=False)]
        yield f"RSV1 on a {name}", [frame(opcode, body, rsv=4)]
        yield f"a {name} over 125", [frame(opcode, b"\x03\xe8" * 63)]
        yield f"a {name} over 125 by its header", [frame(opcode, length=1 << 40)]
        yield f"16 bits for the length of a {name}", [frame(opcode, body, wide=2)]
        yield f"64 bits for the length of a {name}", [frame(opcode, body, wide=8)]
    yield "a continuation of nothing", [frame(CONTINUATION, b"evil")]
    yield "an unfinished continuation of nothing", [frame(CONTINUATION, b"evil", fin=False)]
    yield "a continuation after the last", [
        frame(TEXT, b"go", fin=False), frame(CONTINUATION, b"od"), frame(CONTINUATION, b"evil")]
    for opcode in (TEXT, BINARY):
        yield f"opcode {opcode} inside a message", [frame(TEXT, b"good", fin=False), frame(opcode, b"evil")]
    yield "a new message behind an empty start and a ping", [
        frame(TEXT, fin=False), frame(PING, b"good"), frame(TEXT, b"evil", fin=False)]
    yield "RSV2 inside a message", [frame(TEXT, b"good", fin=False), frame(CONTINUATION, b"evil", rsv=2)]


def _broken_lengths(frame):
    for length in (0, 4, 125):
        yield f"16 bits for a length of {length}", [frame(TEXT, b"e" * length, wide=2)]
        yield f"64 bits for a length of {length}", [frame(TEXT, b"e" * length, wide=8)]
    for length in (126, 65535):
        yield f"64 bits for a length of {length}", [frame(TEXT, b"e" * length, wide=8)]
    yield "the top bit of the length", [frame(TEXT, length=1 << 63)]
    yield "all bits of the length", [frame(BINARY, length=(1 << 64) - 1)]


def _broken_closes(frame):
    yield "a Close with one byte", [frame(CLOSE, b"\x03")]
    for code in (0, 1, 255, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 5001, 65535):
        yield f"Close {code}", [frame(CLOSE, close_body(code, "evil"))]
    yield "Close 1005 without a reason", [frame(CLOSE, close_body(1005))]
    yield "Close 2999 inside a message", [frame(TEXT, b"good", fin=False), frame(CLOSE, close_body(2999))]


def _wrong_masks(frame, wrong):
    """`wrong` makes the frames of the other side."""
    kinds = [
        (TEXT, b"evil"), (BINARY, b""), (TEXT, b"e" * 126), (PING, b"evil"), (PONG, b""), (CLOSE, close_body(1000))]
    for opcode, payload in kinds:
        yield f"a wrong mask bit: opcode {opcode}, {len(payload)} bytes", [wrong(opcode, payload)]
    yield "a wrong mask bit inside a message", [frame(TEXT, b"good", fin=False), wrong(CONTINUATION, b"evil")]


def _with_deflate(frame):
    """RFC 7692 section 6: RSV1 is the first frame's of a message."""
    yield "RSV2 with deflate", [frame(TEXT, b"evil", rsv=2)]
    yield "RSV1 and RSV3 with deflate", [frame(TEXT, b"evil", rsv=5)]
    yield "RSV1 on a ping with deflate", [frame(PING, b"evil", rsv=4)]
    yield "RSV1 on a Close with deflate", [frame(CLOSE, close_body(1000), rsv=4)]
    yield "RSV1 on a continuation with deflate", [
        frame(TEXT, b"good", fin=False, rsv=4), frame(CONTINUATION, b"evil", rsv=4)]


def _too_big(frame):
    """Over limits.max_message_size; the header decides, so there is no payload."""
    over = _MAX_MESSAGE_SIZE + 1
    yield "a message over the limit", [frame(BINARY, length=over)]
    yield "a message over it by 64 bits", [frame(TEXT, length=1 << 40)]
    yield "a message over it by all legal bits", [frame(TEXT, length=(1 << 63) - 1)]
    yield "a first fragment over it", [frame(TEXT, length=over, fin=False)]
    yield "a message of two over it", [frame(TEXT, b"g" * 1000, fin=False), frame(CONTINUATION, length=25)]
    yield "a message with a ping over it", [
        frame(BINARY, b"g" * 1000, fin=False), frame(PING, b"g" * 100), frame(CONTINUATION, length=over)]
    yield "a byte behind a full message", [
        frame(BINARY, b"g" * _MAX_MESSAGE_SIZE, fin=False), frame(CONTINUATION, fin=False),
        frame(CONTINUATION, b"e", fin=False)]


def _too_many(frame):
    """Over limits.max_fragments."""
    for name, payload in (("empty", b""), ("tiny", b"g")):
        start = [frame(TEXT, payload, fin=False), *[frame(CONTINUATION, payload, fin=False)] * (_MAX_FRAGMENTS - 1)]
        for fin, last in ((False, "another"), (True, "the last")):
            yield f"{name} fragments and {last} over the limit", [*start, frame(CONTINUATION, payload, fin=fin)]
    pinged = [part for fragment in start for part in (fragment, frame(PING, b"good"))]
    yield "tiny fragments with pings over the limit", [*pinged, frame(CONTINUATION, b"evil")]


def _cases(sender):
    frame = FRAME_OF[sender]
    for table in (_broken_headers(frame), _broken_lengths(frame), _broken_closes(frame),
                  _wrong_masks(frame, FRAME_OF[OTHER[sender]])):
        yield from ((name, _Case(frames)) for name, frames in table)
    yield from ((name, _Case(frames, deflate=True)) for name, frames in _with_deflate(frame))


def _cases_of_limits(sender):
    frame = FRAME_OF[sender]
    yield from ((name, _Case(frames, 1009, "too_big")) for name, frames in _too_big(frame))
    yield from ((name, _Case(frames, 1008, "too_big")) for name, frames in _too_many(frame))


def _both(cases):
    """One parameter set a case and side."""
    return [pytest.param(sender, case, id=f"{sender}: {name}") for sender in FRAME_OF for name, case in cases(sender)]


def _legal_traffic(sender):
    frame = FRAME_OF[sender]
    return b"".join([
        frame(TEXT, b"f" * 126, fin=False), frame(PING, b"p"), frame(CONTINUATION, b"word"), frame(BINARY),
        frame(PONG)])


@pytest.fixture(scope="module", name="unlimited")
def fixture_unlimited():
    with FencedDrover() as drover:
        yield drover


@pytest.fixture(scope="module", name="limited")
def fixture_limited():
    limits = {"max_message_size": "1KiB", "max_fragments": _MAX_FRAGMENTS}
    with FencedDrover({"limits": limits}) as drover:
        yield drover


def _refuses_at_every_split(drover, sender, case):
    front = _legal_traffic(sender)
    legal = {}
    for first, *rest in ways(case.frames):
        legal[drover.open(sender, [first, *rest], case.deflate)] = case.legal
        legal[drover.open(sender, [front + first, *rest], case.deflate)] = front + case.legal
        legal[drover.open(sender, rest or [b""], case.deflate, early=first)] = case.legal
    drover.send_in_step(legal)

    def check(tunnel):
        assert tunnel.reader.read_exactly(len(legal[tunnel])) == legal[tunnel]
        assert closes_to_end(tunnel.reader) == [INNOCENT_HEARS[OTHER[sender]]]
        assert closes_to_end(tunnel.source) == [case.code]
        tunnel.close()

    check_each(legal, check)
    assert set(drover.endings(legal)) == {("drover", case.why)}


@pytest.mark.parametrize("sender,case", _both(_cases))
def test_a_violation_reaches_nobody(unlimited, sender, case):
    _refuses_at_every_split(unlimited, sender, case)


@pytest.mark.parametrize("sender,case", _both(_cases_of_limits))
def test_a_message_over_a_limit_reaches_nobody(limited, sender, case):
    _refuses_at_every_split(limited, sender, case)


def test_an_offer_alone_does_not_make_rsv1_legal(drover, backend):
    offer = upgrade_request("/", "Sec-WebSocket-Extensions: permessage-deflate")
    client, server = open_tunnel(drover.port, backend, offer)
    client.send(client_frame(TEXT, b"x", rsv=4))
    assert closes_to_end(client) == [1002]
    assert closes_to_end(server) == [1001]


def test_drover_masks_towards_the_backend_only(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    client.send(client_frame(3))
    (to_client,) = client.read_frames_to_end()
    (to_backend,) = server.read_frames_to_end()
    assert (to_client.masked, to_backend.masked) == (False, True)


@pytest.mark.parametrize("sender", FRAME_OF)
def test_messages_at_the_limits_pass(limited, sender):
    frame = FRAME_OF[sender]
    full = [frame(TEXT, b"x" * 512, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION, b"x" * 512)]
    whole = [frame(BINARY, b"x" * _MAX_MESSAGE_SIZE)]
    many = [frame(TEXT, fin=False), *[frame(CONTINUATION, fin=False)] * (_MAX_FRAGMENTS - 2), frame(CONTINUATION)]
    pings = [frame(PING, b"no fragment of any message")] * (_MAX_FRAGMENTS + 1)
    frames = (full + whole + many + pings) * 2
    tunnels = [limited.open(sender, pieces) for pieces in ways(frames)]
    limited.send_in_step(tunnels)
    check_each(tunnels, lambda tunnel: _passes(tunnel, frames))


def _passes(tunnel, frames):
    assert tunnel.reader.read_exactly(tunnel.sent) == b"".join(frames)
    tunnel.close()
