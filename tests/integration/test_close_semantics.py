"""How the two directions of a tunnel end: Closes that cross, Close and EOF and reset in every order, half-closes, peers
that never finish or vanish while somebody is paused, shutdown and idle timeout in mid-frame and mid-message."""
# ctest: tls

import signal
import time

import pytest
from harness import BINARY, CLOSE, CONTINUATION, TEXT, close_body, slack, stable, wait_until
from harness.sides import SIDES, Flood, open_sides, send_until_queued, suspended

_CLOSE_TIMEOUT = 1.0  # of the fixture `drover`
_SMALL = 8192  # SO_RCVBUF: what waits shall not wait there
_MAX_QUEUED = 64 * 1024  # the default: then the source is paused
_LOOK = 0.25  # how often Drover looks whether a peer that it does not read is still there


@pytest.fixture(name="sides", params=SIDES)
def fixture_sides(request, drover, backend):
    """A tunnel, from either side."""
    return open_sides(request.param, drover, backend)


def _assert_ended(drover, initiator, why):
    record = drover.session()
    assert (record["initiator"], record["why"]) == (initiator, why)
    return record


def _assert_clean_end(*streams):
    for stream in streams:
        assert stream.read_to_end() == b""
        assert not stream.was_reset


def _assert_alone(sides):
    """The far side hears that the near one is gone, and the end of TCP."""
    frame = sides.far.read_frame()
    assert (frame.opcode, frame.close_code, frame.close_reason) == (CLOSE, *sides.near_goes)
    _assert_clean_end(sides.far)


# Both say Close.


@pytest.mark.parametrize("at_once", [True, False])
def test_crossing_closes(drover, sides, at_once):
    closes = [frame(CLOSE, close_body(code, "crossing")) for frame, code in (
        (sides.near_frame, 4001), (sides.far_frame, 4002))]
    if at_once:
        with suspended(drover.pid):  # Drover finds both
            sides.near.send(closes[0])
            sides.far.send(closes[1])
    else:
        sides.near.send(closes[0])
        sides.far.send(closes[1])
    assert sides.far.read_exactly(len(closes[0])) == closes[0]
    assert sides.near.read_exactly(len(closes[1])) == closes[1]
    began = time.monotonic()
    sides.far.shutdown_write()
    _assert_clean_end(sides.near)
    sides.near.shutdown_write()
    _assert_clean_end(sides.far)
    record = drover.session()
    assert time.monotonic() - began < slack(0.5)  # nothing is waited for
    assert record["why"] == "normal" and record["initiator"] in SIDES
    codes = {f"close_code_{sides.side}": 4001, f"close_code_{'backend' if sides.side == 'client' else 'client'}": 4002}
    assert codes.items() <= record.items()


def test_closes_that_no_end_of_tcp_follows(drover, sides):
    sides.near.send(sides.near_frame(CLOSE, close_body(1000)))
    assert sides.far.read_frame().close_code == 1000
    sides.far.send(sides.far_frame(CLOSE, close_body(1000)))
    assert sides.near.read_frame().close_code == 1000
    began = time.monotonic()
    _assert_clean_end(sides.near, sides.far)
    assert _CLOSE_TIMEOUT - 0.2 <= time.monotonic() - began <= _CLOSE_TIMEOUT + slack(0.5)
    _assert_ended(drover, sides.side, "normal")


def test_the_client_is_ended_with_the_second_close_and_the_session_with_the_backend(drover, sides):
    sides.near.send(sides.near_frame(CLOSE, close_body(1000)))
    assert sides.far.read_frame().close_code == 1000
    sides.far.send(sides.far_frame(CLOSE, close_body(1000)))
    assert sides.near.read_frame().close_code == 1000
    client, backend = (sides.near, sides.far) if sides.side == "client" else (sides.far, sides.near)
    began = time.monotonic()
    _assert_clean_end(client)
    backend.shutdown_write()
    _assert_clean_end(backend)
    _assert_ended(drover, sides.side, "normal")
    assert time.monotonic() - began < slack(0.5)  # the client, which has not ended its side, is not waited for


# A Close, and right behind it the end of TCP.


def test_close_and_eof_at_once(drover, sides):
    sides.near.send(sides.near_frame(CLOSE, close_body(1000, "bye")))
    sides.near.shutdown_write()
    assert sides.far.read_frame().close_reason == "bye"
    _assert_clean_end(sides.far)
    answers = [sides.far_frame(TEXT, b"one more thing"), sides.far_frame(CLOSE, close_body(1000, "bye bye"))]
    for answer in answers:
        sides.far.send(answer)
        assert sides.near.read_exactly(len(answer)) == answer
    sides.far.close()
    _assert_clean_end(sides.near)
    record = _assert_ended(drover, sides.side, "normal")
    assert (record["close_code_client"], record["close_code_backend"]) == (1000, 1000)


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_close_and_vanish(drover, sides, vanish):
    sides.near.send(sides.near_frame(CLOSE, close_body(1000, "bye")))
    if vanish == "reset":  # behind the Close, not in its stead
        assert sides.far.read_frame().close_reason == "bye"
    getattr(sides.near, vanish)()
    if vanish == "close":
        assert sides.far.read_frame().close_reason == "bye"
    _assert_clean_end(sides.far)
    sides.far.send(sides.far_frame(CLOSE, close_body(1000)))  # to nobody, and no fault
    sides.far.close()
    record = _assert_ended(drover, sides.side, "normal")
    assert record[f"close_code_{sides.side}"] == 1000


# The end of TCP without a Close.


def test_half_close_leaves_the_other_direction(drover, sides):
    sides.near.send(sides.near_frame(TEXT, b"request"))
    sides.near.shutdown_write()
    assert sides.far.read_frame().payload == b"request"
    _assert_alone(sides)
    answers = [sides.far_frame(TEXT, b"re", fin=False), sides.far_frame(CONTINUATION, b"sponse"),
               sides.far_frame(BINARY, b"x" * 70_000), sides.far_frame(CLOSE, close_body(1000))]
    for answer in answers:
        sides.far.send(answer)
        assert sides.near.read_exactly(len(answer)) == answer
    sides.far.close()
    _assert_clean_end(sides.near)
    _assert_ended(drover, sides.side, f"{sides.side}_lost")


def test_half_close_from_both(drover, sides):
    sides.near.shutdown_write()
    _assert_alone(sides)
    sides.far.shutdown_write()
    (closing,) = sides.near.read_frames_to_end()
    assert closing.close_code in (1001, 1012)
    _assert_ended(drover, sides.side, f"{sides.side}_lost")


@pytest.mark.parametrize("talks", [False, True])
@pytest.mark.parametrize("how", ["a Close", "EOF"])
def test_an_end_that_is_never_answered(drover, sides, how, talks):
    """Not by silence, and not by talking on: timeouts.close bounds it."""
    began = time.monotonic()
    if how == "EOF":
        sides.near.shutdown_write()
    else:
        sides.near.send(sides.near_frame(CLOSE, close_body(1000)))
    assert sides.far.read_frame().opcode == CLOSE
    flood = Flood(sides.far, sides.far_frame) if talks else None
    sides.near.drain()
    assert _CLOSE_TIMEOUT - 0.1 <= time.monotonic() - began <= _CLOSE_TIMEOUT + slack(0.5)
    _assert_ended(drover, sides.side, "normal" if how == "a Close" else f"{sides.side}_lost")
    if flood:
        flood.stop()


# Violations.


@pytest.mark.parametrize("ends", [True, False])
def test_a_violation_while_the_innocent_is_in_mid_frame(drover, sides, ends):
    frame = sides.far_frame(BINARY, b"y" * 300)
    sides.far.send(frame[:100])
    assert sides.near.read_exactly(100) == frame[:100]
    began = time.monotonic()
    sides.near.send(sides.near_frame(3))
    assert sides.far.read_frame().close_code == sides.near_goes[0]
    _assert_clean_end(sides.far)
    assert not sides.near.readable(0.2)
    if ends:
        sides.far.send(frame[100:])
        assert sides.near.read_exactly(len(frame) - 100) == frame[100:]
        assert sides.near.read_frame().close_code == 1002
    _assert_clean_end(sides.near)
    assert ends or _CLOSE_TIMEOUT - 0.1 <= time.monotonic() - began <= _CLOSE_TIMEOUT + slack(0.5)
    _assert_ended(drover, "drover", "protocol_error")


# Peers that vanish while somebody is paused.


@pytest.fixture(name="at_rest")
def fixture_at_rest(drover, backend):
    """Descriptors of a Drover that has served."""
    sides = open_sides("client", drover, backend)
    sides.close()
    drover.wait_for_sessions(1)
    wait_until(lambda: drover.connections() == 0, "nobody is there")
    return stable(drover.descriptors)


def _assert_nothing_left(drover, at_rest, began, within):
    wait_until(lambda: len(drover.sessions()) == 2, "the access line")
    assert time.monotonic() - began <= within
    wait_until(lambda: drover.connections() == 0 and drover.descriptors() <= at_rest, "slot and descriptors are free")


@pytest.mark.parametrize("vanish", ["close", "reset"])
@pytest.mark.parametrize("side", SIDES)
def test_a_peer_vanishes_for_which_the_other_one_is_paused(drover, backend, at_rest, side, vanish):
    sides = open_sides(side, drover, backend, _SMALL)
    flood = Flood(sides.far, sides.far_frame)
    stable(lambda: flood.sent)
    began = time.monotonic()
    getattr(sides.near, vanish)()  # over unread bytes close() is a reset too
    _assert_alone(sides)
    assert time.monotonic() - began <= slack(0.3)
    flood.stop()
    sides.far.close()
    _assert_nothing_left(drover, at_rest, began, slack(0.5))
    assert drover.sessions()[1]["why"] == f"{side}_lost"


@pytest.mark.parametrize("side", SIDES)
def test_a_paused_peer_resets(drover, backend, at_rest, side):
    """Only by looking can Drover know, since nobody takes what it has read."""
    sides = open_sides(side, drover, backend, _SMALL)
    flood = Flood(sides.near, sides.near_frame)
    stable(lambda: flood.sent)
    flood.stop()
    began = time.monotonic()
    sides.near.reset()
    _assert_nothing_left(drover, at_rest, began, _LOOK + _CLOSE_TIMEOUT + slack(0.5))
    assert drover.sessions()[1]["why"] == f"{side}_lost"


@pytest.mark.parametrize("least", [1, _MAX_QUEUED], ids=["queued", "paused"])
@pytest.mark.parametrize("vanish", ["close", "reset"])
@pytest.mark.parametrize("side", SIDES)
def test_what_waits_for_the_other_side_arrives_first(drover, backend, at_rest, side, vanish, least):
    """Drover had read it before its sender went."""
    sides = open_sides(side, drover, backend, _SMALL)
    sent = send_until_queued(sides, least)
    if vanish == "close":  # then what had arrived without being read counts as well
        more = sides.near_frame(TEXT, b"and this")
        sides.near.send(more)
        sent += more
    began = time.monotonic()
    getattr(sides.near, vanish)()
    assert sides.far.read_exactly(len(sent)) == sent
    _assert_alone(sides)
    sides.far.close()
    _assert_nothing_left(drover, at_rest, began, slack(0.5))
    assert drover.sessions()[1]["why"] == f"{side}_lost"


# Drover ends it.


def _in_mid_frame(sides):
    """Both sides have sent half a frame; returns the other halves."""
    rest = []
    for source, reader, make in ((sides.near, sides.far, sides.near_frame), (sides.far, sides.near, sides.far_frame)):
        frame = make(TEXT, b"z" * 300, fin=False)
        source.send(frame[:100])
        assert reader.read_exactly(100) == frame[:100]
        rest.append(frame[100:])
    return rest


def _between_fragments(sides):
    for source, reader, make in ((sides.near, sides.far, sides.near_frame), (sides.far, sides.near, sides.far_frame)):
        source.send(make(TEXT, b"first", fin=False))
        assert reader.read_frame().payload == b"first"


def _ends(start, backend, by):
    """A tunnel, and what has Drover end it with 1001."""
    drover = start({"backends": [backend.address], "shutdown": {"deadline": "10s", "pace": "1000/s"},
                    "timeouts": {"close": "1s", "idle": "500ms" if by == "idle" else "0s"}})
    sides = open_sides("client", drover, backend)
    return drover, sides, lambda: drover.signal(signal.SIGTERM) if by == "shutdown" else None


def _assert_drover_ended_it(drover, by):
    assert by != "shutdown" or drover.wait() == 0
    _assert_ended(drover, "drover", by)


@pytest.mark.parametrize("by", ["shutdown", "idle"])
def test_an_end_in_mid_frame_waits_for_both_frames(start, backend, by):
    drover, sides, end_it = _ends(start, backend, by)
    near_rest, far_rest = _in_mid_frame(sides)
    end_it()
    assert not sides.near.readable(0.7) and not sides.far.readable()
    sides.near.send(near_rest)
    assert sides.far.read_exactly(len(near_rest)) == near_rest
    (closing,) = sides.far.read_frames_to_end()
    assert closing.close_code == 1001
    sides.far.send(far_rest)
    assert sides.near.read_exactly(len(far_rest)) == far_rest
    (closing,) = sides.near.read_frames_to_end()
    assert closing.close_code == 1001
    sides.close()
    _assert_drover_ended_it(drover, by)


@pytest.mark.parametrize("by", ["shutdown", "idle"])
def test_an_end_in_frames_that_never_end(start, backend, by):
    drover, sides, end_it = _ends(start, backend, by)
    _in_mid_frame(sides)
    end_it()
    began = time.monotonic()
    _assert_clean_end(sides.near, sides.far)
    waited = time.monotonic() - began - (0.5 if by == "idle" else 0)
    assert 0.8 <= waited <= 1.0 + slack(0.5)
    _assert_drover_ended_it(drover, by)


@pytest.mark.parametrize("by", ["shutdown", "idle"])
def test_an_end_between_fragments_need_not_wait(start, backend, by):
    drover, sides, end_it = _ends(start, backend, by)
    _between_fragments(sides)
    end_it()
    began = time.monotonic()
    for stream, make in ((sides.near, sides.near_frame), (sides.far, sides.far_frame)):
        (closing,) = stream.read_frames_to_end()
        assert closing.close_code == 1001
        stream.send(make(CONTINUATION, b"dropped") + make(CLOSE, close_body(1001)))
    assert time.monotonic() - began <= (0.5 if by == "idle" else 0) + slack(0.5)
    sides.close()
    _assert_drover_ended_it(drover, by)
