"""Peers that take their time: those that read nothing are given up (timeouts.stalled_write), those that read slowly are
not, and nobody is judged while it is Drover that does not read."""
# ctest: tls both

import time

import pytest
from harness import CLOSE, PING, PONG, slack, stable
from harness.sides import SIDES, Answering, Flood, number_of, open_sides, send_until_queued

_SMALL = 8192  # SO_RCVBUF: what waits shall not wait there


def _pings(side, interval, timeout):
    """For that side only."""
    return {"clients": "0s", "backends": "0s", f"{side}s": interval, "timeout": timeout}


def _assert_is_told(sides, earliest, latest, since):
    """The far side hears that it is alone, between these seconds after that moment."""
    closing = sides.far.read_frame()
    assert earliest <= time.monotonic() - since <= latest
    assert (closing.close_code, closing.close_reason) == sides.near_goes
    assert closing.masked == (sides.side == "client")
    assert sides.far.read_to_end() == b""


class TestStalledWrite:
    """Bytes wait for a peer, and for that long it takes none of them."""

    @pytest.fixture(name="stalling")
    def fixture_stalling(self, start, backend):
        def open_it(side, close="500ms", stalled_write="600ms"):
            drover = start({"backends": [backend.address], "ping": {"clients": "0s"},
                            "timeouts": {"stalled_write": stalled_write, "close": close}})
            return drover, open_sides(side, drover, backend, _SMALL)

        return open_it

    @staticmethod
    def _assert_slow(drover, side):
        record = drover.session()
        assert (record["initiator"], record["why"]) == (side, "slow")

    @pytest.mark.parametrize("side", SIDES)
    def test_a_peer_that_reads_nothing_is_given_up(self, stalling, side):
        drover, sides = stalling(side)
        began = time.monotonic()
        flood = Flood(sides.far, sides.far_frame)
        _assert_is_told(sides, 0.55, slack(2.0), began)  # sockets have to fill first
        # Drover looks every quarter of the time, and its timer may be two ticks of 50 ms late.
        assert time.monotonic() - flood.progressed_at <= 0.6 * 1.25 + 0.1 + slack(0.5)
        self._assert_slow(drover, side)
        flood.stop()

    @pytest.mark.parametrize("side", SIDES)
    def test_nor_does_it_help_to_talk(self, stalling, side):
        drover, sides = stalling(side)
        flood = Flood(sides.far, sides.far_frame)
        frame = sides.near_frame(PING, b"reading? no")
        began = time.monotonic()
        sides.near.send(frame)
        while (heard := sides.far.read_frame()).opcode == PING:
            assert time.monotonic() - began < 0.6 + slack(1.0)
            sides.near.send(frame)
        assert (heard.close_code, heard.close_reason) == sides.near_goes
        self._assert_slow(drover, side)
        flood.stop()

    @pytest.mark.parametrize("side", SIDES)
    def test_it_hears_why_once_it_reads(self, stalling, side):
        drover, sides = stalling(side, close="10s")
        flood = Flood(sides.far, sides.far_frame)
        assert sides.far.read_frame().close_code == sides.near_goes[0]
        *frames, last = sides.near.read_frames_to_end()
        assert [number_of(frame) for frame in frames] == list(range(len(frames)))
        assert (last.close_code, last.close_reason) == (1008, "too slow")
        flood.stop()
        sides.close()
        self._assert_slow(drover, side)

    @pytest.mark.parametrize("side", SIDES)
    def test_a_slow_but_steady_reader_is_not(self, stalling, side):
        _, sides = stalling(side, stalled_write="1s")
        flood = Flood(sides.far, sides.far_frame)
        _read_slowly(sides, seconds=5.0, rate=20)
        flood.stop()

    @pytest.mark.parametrize("side", SIDES)
    def test_nor_is_one_that_stalled_for_less(self, stalling, side):
        _, sides = stalling(side, stalled_write="1500ms")
        for _ in range(2):
            flood = Flood(sides.far, sides.far_frame, count=4000)
            stable(lambda sent=flood: sent.sent, 0.3)
            assert [number_of(sides.near.read_frame()) for _ in range(4000)] == list(range(4000))
            flood.join()
        assert not sides.far.readable(2.0)
        sides.assert_nothing_else_came()

    def test_by_default_it_may_last(self, start, backend):
        drover = start({"backends": [backend.address]})
        sides = open_sides("client", drover, backend, _SMALL)
        flood = Flood(sides.far, sides.far_frame)
        stable(lambda: flood.sent)
        assert not sides.far.readable(2.0)
        flood.stop()


def _read_slowly(sides, seconds, rate):
    """The near side reads `rate` KB a second, and the far one hears nothing of an end meanwhile."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        sides.near.buffer += sides.near.socket.recv(50 * rate)
        assert not sides.far.readable(0.05), f"after {time.monotonic() - began:.2f} s: {sides.far.read_frame()}"


# Pings of peers that read slowly, or not at all.


@pytest.mark.parametrize("side", SIDES)
def test_pings_stand_between_frames_under_backpressure(start, backend, side):
    drover = start({"backends": [backend.address], "ping": _pings(side, interval="200ms", timeout="60s")})
    sides = open_sides(side, drover, backend, _SMALL)
    flood = Flood(sides.far, sides.far_frame, count=4000)
    stable(lambda: flood.sent)
    assert not sides.far.readable(0.4)
    expected = pings = 0
    while expected < 4000:
        frame = sides.near.read_frame()
        if frame.opcode == PING:
            assert len(frame.payload) == 8
            pings += 1
            sides.near.send(sides.near_frame(PONG, frame.payload))
        else:
            assert number_of(frame) == expected
            expected += 1
    assert pings >= 1
    flood.join()
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_a_reader_too_slow_for_its_pong_is_not_given_up_while_its_tcp_acknowledges(start, backend, side):
    drover = start({"backends": [backend.address], "ping": _pings(side, interval="200ms", timeout="1s")})
    sides = open_sides(side, drover, backend, _SMALL)
    count = 8000
    flood = Flood(sides.far, sides.far_frame, count)
    _read_slowly(sides, seconds=4.0, rate=200)
    assert not drover.sessions()
    answering = Answering(sides.near, sides.near_frame)
    flood.join()
    sides.far.send(sides.far_frame(CLOSE))
    sides.far.shutdown_write()
    *frames, last = answering.finish()
    assert [number_of(frame) for frame in frames] == list(range(count)) and last.opcode == CLOSE
    assert answering.pings >= 1
    sides.close()


@pytest.mark.parametrize("seconds", [0, 2.0], ids=["from the start", "later"])
@pytest.mark.parametrize("side", SIDES)
def test_once_it_reads_nothing_more_it_is(start, backend, side, seconds):
    """Also where its ping waits for the end of a frame whose sender is paused for its sake."""
    drover = start({"backends": [backend.address], "timeouts": {"close": "300ms"},
                    "ping": _pings(side, interval="200ms", timeout="800ms")})
    sides = open_sides(side, drover, backend, _SMALL)
    flood = Flood(sides.far, sides.far_frame)
    _read_slowly(sides, seconds, rate=200)
    stopped_at = time.monotonic()
    # It was last seen to take something in when Drover last looked, once a timeout.
    _assert_is_told(sides, 0.7, 0.2 + 2 * 0.8 + slack(0.5), stopped_at)
    record = drover.session()
    assert (record["initiator"], record["why"]) == (side, "ping_timeout")
    flood.stop()


@pytest.mark.parametrize("side", SIDES)
def test_a_peer_that_drover_does_not_read_is_not_judged(start, backend, side):
    """It is not even pinged; and when it is read again, its silence begins anew."""
    drover = start({"backends": [backend.address], "slow_client": {"max_queued": "64KiB"},
                    "ping": _pings(side, interval="800ms", timeout="300ms")})
    sides = open_sides(side, drover, backend, _SMALL)
    sent = send_until_queued(sides, 64 * 1024)
    assert not sides.near.readable(3 * 1.1)
    assert sides.far.read_exactly(len(sent)) == sent
    began = time.monotonic()
    frame = sides.near.read_frame()
    assert 0.7 <= time.monotonic() - began <= 0.8 + slack(0.5)
    assert (frame.opcode, len(frame.payload)) == (PING, 8)
    sides.near.send(sides.near_frame(PONG, frame.payload))
    sides.assert_nothing_else_came()
