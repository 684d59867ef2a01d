"""RULES 'Frames', the end of a direction, wherever the stream is cut: a Close ends its direction and no other; of a
peer that vanishes the other side is told where a Close may stand; an offender is told at such a place too."""
# ctest: tls

import pytest
from harness import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_body
from harness.splits import (
    FRAME_OF, INNOCENT_HEARS, OTHER, FencedDrover, check_each, closes_to_end, cut, cuts, passed_on, ways)


@pytest.fixture(scope="module", name="fenced")
def fixture_fenced():
    with FencedDrover() as drover:
        yield drover


def _stream(sender):
    """Legal traffic of every form; its end stands between messages."""
    frame = FRAME_OF[sender]
    return [
        frame(TEXT, b"one", fin=False), frame(PING, b"two"), frame(CONTINUATION, b"x" * 126), frame(BINARY),
        frame(PONG), frame(BINARY, b"y" * 65536, fin=False), frame(CONTINUATION)]


def _closes(frame):
    codes = (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999)
    bodies = [b"", close_body(1000, "r" * 123), *map(close_body, codes)]
    return [frame(CLOSE, body) for body in bodies]


def _later(sender):
    """What comes behind a Close; legal or not, nobody looks at it."""
    frame = FRAME_OF[sender]
    yield "legal traffic", [frame(TEXT, b"late"), frame(PING, b"late"), frame(CLOSE, close_body(1000, "again"))]
    yield "the front of a long frame", [frame(BINARY, b"late", length=70_000)]
    yield "what breaks the rules", [FRAME_OF[OTHER[sender]](3, b"late", rsv=7), frame(CLOSE, b"1"), b"\xff" * 8]


def _passes_one_close_and_the_other_direction(fenced, sender, streams):
    """`streams`: by tunnel, the frames up to the Close."""
    fenced.send_in_step(streams, lambda tunnel: tunnel.assert_passed_at_once(streams[tunnel]))
    frame = FRAME_OF[OTHER[sender]]
    answers = [frame(TEXT, b"still"), frame(PING, b"here"), frame(CLOSE, close_body(3000))]

    def check(tunnel):
        for answer in answers:
            tunnel.reader.send(answer)
            assert tunnel.source.read_exactly(len(answer)) == answer
        tunnel.reader.shutdown_write()
        assert tunnel.source.read_to_end() == b""
        tunnel.source.close()
        assert tunnel.reader.read_to_end() == b"".join(streams[tunnel])
        assert not tunnel.reader.was_reset
        tunnel.close()

    check_each(streams, check)
    assert set(fenced.endings(streams)) == {(sender, "normal")}


@pytest.mark.parametrize("sender", FRAME_OF)
def test_legal_closes_pass_at_every_split(fenced, sender):
    for close in _closes(FRAME_OF[sender]):
        streams = {}
        for first, *rest in ways([close]):
            for front in ([], _stream(sender)[:1], _stream(sender)[:4]):
                streams[fenced.open(sender, [b"".join(front) + first, *rest])] = [*front, close]
            streams[fenced.open(sender, rest or [b""], early=first)] = [close]
        _passes_one_close_and_the_other_direction(fenced, sender, streams)


@pytest.mark.parametrize("sender,later", [
    pytest.param(sender, later, id=f"{sender}: {name}") for sender in FRAME_OF for name, later in _later(sender)])
def test_nothing_follows_a_close_and_the_other_direction_goes_on(fenced, sender, later):
    front = _stream(sender)[:1]
    streams = {}
    for close in (FRAME_OF[sender](CLOSE), FRAME_OF[sender](CLOSE, close_body(4000, "done"))):
        for first, *rest in ways([close, *later]):
            streams[fenced.open(sender, [first, *rest])] = [close]
            streams[fenced.open(sender, [front[0] + first, *rest])] = [*front, close]
            streams[fenced.open(sender, rest or [b""], early=first)] = [close]
    _passes_one_close_and_the_other_direction(fenced, sender, streams)


@pytest.mark.parametrize("vanish", ["shutdown_write", "close", "reset"])
@pytest.mark.parametrize("sender", FRAME_OF)
def test_a_peer_that_vanishes_at_every_split(fenced, sender, vanish):
    stream = _stream(sender)
    data = b"".join(stream)
    ends = [0, *cuts(stream), len(data)]
    tunnels = [fenced.open(sender, [data[:end]]) for end in ends]
    tunnels += [fenced.open(sender, cut(data[:end], ends[1:at])) for at, end in enumerate(ends) if at > 1]
    _vanish_and_tell(fenced, tunnels, stream, vanish)


@pytest.mark.parametrize("vanish", ["shutdown_write", "close"])
@pytest.mark.parametrize("sender", FRAME_OF)
def test_a_peer_that_vanishes_right_behind_its_last_bytes(fenced, sender, vanish):
    """The last bytes and the end come in one turn, so nothing keeps them apart."""
    stream = _stream(sender)
    data = b"".join(stream)
    tunnels = [fenced.open(sender, [b""]) for _ in cuts(stream)]
    for tunnel, end in zip(tunnels, cuts(stream)):
        tunnel.source.send(data[:end])
        tunnel.sent = end
        getattr(tunnel.source, vanish)()
    _was_told(fenced, tunnels, stream, vanish)


def _vanish_and_tell(fenced, tunnels, stream, vanish):
    fenced.send_in_step(tunnels, lambda tunnel: tunnel.assert_passed_at_once(stream))
    for tunnel in tunnels:
        getattr(tunnel.source, vanish)()
    _was_told(fenced, tunnels, stream, vanish)


def _was_told(fenced, tunnels, stream, vanish):
    sender = tunnels[0].sender

    def check(tunnel):
        passed, boundary = passed_on(stream, tunnel.sent)
        assert tunnel.reader.read_exactly(passed) == b"".join(stream)[:passed]
        assert closes_to_end(tunnel.reader) == ([INNOCENT_HEARS[OTHER[sender]]] if boundary else [])
        tunnel.reader.close()
        if vanish == "shutdown_write":  # it still listens; that the other one ended without a Close is news for it
            assert closes_to_end(tunnel.source) == [INNOCENT_HEARS[sender]]
        tunnel.close()

    check_each(tunnels, check)
    assert set(fenced.endings(tunnels)) == {(sender, f"{sender}_lost")}


@pytest.mark.parametrize("offender", FRAME_OF)
def test_the_offender_hears_it_at_a_frame_boundary(fenced, offender):
    innocent = OTHER[offender]
    stream = _stream(innocent)
    tunnels = {fenced.open(innocent, [first]): rest for first, *rest in ways(stream)}
    fenced.send_in_step(tunnels, lambda tunnel: tunnel.assert_passed_at_once(stream))
    for tunnel in tunnels:
        tunnel.reader.send(FRAME_OF[offender](3, b"evil"))
    fenced.wait_until_read()

    def check(tunnel):
        assert closes_to_end(tunnel.source) == [INNOCENT_HEARS[innocent]]
        for piece in tunnels[tunnel]:
            tunnel.source.send(piece)
        *whole, last = tunnel.reader.read_frames_to_end()
        assert [frame.raw for frame in whole] == stream[: len(whole)]
        assert len(b"".join(stream[: len(whole)])) >= passed_on(stream, tunnel.sent)[0]
        assert last.close_code == 1002
        tunnel.close()

    check_each(tunnels, check)
    assert set(fenced.endings(tunnels)) == {("drover", "protocol_error")}
