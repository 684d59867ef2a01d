"""Pings of Drover's own: who is pinged and when, where a ping may stand, which pongs go no further, what is measured,
and what becomes of a peer that does not answer."""
# ctest: tls both

import asyncio
import contextlib
import threading
import time

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, SLOW, TEXT, close_body, connect, slack, upgrade_request,
    wait_until)
from harness.peers import SERVERS, ServerProcess, dial
from harness.sides import SIDES, Answering, Flood, open_sides, suspended

_INTERVAL = 0.3
_TIMEOUT = 0.7


@pytest.fixture(name="opened")
def fixture_opened(start, backend):
    """Opens a tunnel through a Drover that pings the near side, and only that one."""

    def open_it(side, interval=_INTERVAL, timeout=_TIMEOUT, **keys):
        ping = {"clients": "0s", "backends": "0s", f"{side}s": f"{interval * 1000:.0f}ms",
                "timeout": f"{timeout * 1000:.0f}ms"}
        drover = start({"backends": [backend.address], "timeouts": {"close": "2s"}, "ping": ping, **keys})
        return drover, open_sides(side, drover, backend)

    return open_it


def _read_ping(sides):
    """The payload of the ping that the near side reads next."""
    frame = sides.near.read_frame()
    assert (frame.opcode, frame.fin, frame.rsv, len(frame.payload)) == (PING, True, 0, 8), frame
    assert frame.masked == (sides.side == "backend")
    return frame.payload


def _answer(sides, payload):
    sides.near.send(sides.near_frame(PONG, payload))


def _talk(sides):
    sides.near.send(sides.near_frame(TEXT, b"busy"))
    assert sides.far.read_frame().payload == b"busy"


def _assert_silent(stream, seconds):
    assert not stream.readable(seconds), stream.read_frame()


@pytest.mark.parametrize("side", SIDES)
def test_a_silent_peer_is_pinged_and_its_pong_goes_no_further(opened, side):
    _, sides = opened(side)
    payloads = []
    for _ in range(3):
        began = time.monotonic()
        payloads.append(_read_ping(sides))
        assert _INTERVAL - 0.05 <= time.monotonic() - began <= _INTERVAL + slack(0.5)
        _answer(sides, payloads[-1])
    assert len(set(payloads)) == 3 and len({payload[:4] for payload in payloads}) == 1
    sides.assert_nothing_else_came()


def test_tags_differ_between_sessions(start, backend):
    drover = start({"backends": [backend.address], "ping": {"clients": "100ms", "backends": "100ms"}})
    payloads = []
    for _ in range(2):
        sides = open_sides("client", drover, backend)
        payloads += [stream.read_frame().payload for stream in (sides.near, sides.far)]
    assert len({payload[:4] for payload in payloads}) == 4


def test_0_is_never(start, backend):
    drover = start({"backends": [backend.address], "ping": {"clients": "0s", "backends": "0s", "timeout": "100ms"}})
    sides = open_sides("client", drover, backend)
    _assert_silent(sides.near, 1.0)
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("what", ["payload", "a long header", "a pong"])
@pytest.mark.parametrize("side", SIDES)
def test_any_byte_is_a_sign_of_life(opened, side, what):
    """Also what Drover has to hold back until it is whole."""
    _, sides = opened(side, interval=0.6)
    wire = {"payload": sides.near_frame(BINARY, bytes(99)), "a pong": sides.near_frame(PONG, bytes(99)),
            "a long header": sides.near_frame(BINARY, length=1 << 40)}[what]
    began, at = time.monotonic(), 0
    while time.monotonic() - began < 1.0 and at < len(wire) - 1:
        sides.near.send(wire[at : at + 1])
        at += 1
        _assert_silent(sides.near, 0.1)
    began = time.monotonic()
    _read_ping(sides)
    assert 0.4 <= time.monotonic() - began <= 0.5 + slack(0.5)


def test_a_ping_of_the_other_side_saves_drovers_own(opened):
    """A peer may answer only the newest of several (RFC 6455 section 5.5.3): the other side would wait in vain."""
    _, sides = opened("client", timeout=1.0)
    for _ in range(2):
        sides.far.send(sides.far_frame(PING, b"its own"))
        assert sides.near.read_frame().payload == b"its own"
        _assert_silent(sides.near, 2 * _INTERVAL)
        _answer(sides, b"its own")
        frame = sides.far.read_frame()
        assert (frame.opcode, frame.payload) == (PONG, b"its own")
    _answer(sides, _read_ping(sides))
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_a_ping_of_the_other_side_must_be_answered_too(opened, side):
    drover, sides = opened(side)
    sides.far.send(sides.far_frame(PING, b"its own"))
    assert sides.near.read_frame().payload == b"its own"
    _assert_given_up(drover, sides, [])


@pytest.mark.parametrize("side", SIDES)
def test_a_ping_of_the_other_side_that_other_bytes_answered(opened, side):
    """Life was seen, and the next silence is Drover's to look into."""
    _, sides = opened(side)
    sides.far.send(sides.far_frame(PING, b"its own"))
    assert sides.near.read_frame().payload == b"its own"
    _talk(sides)
    payload = _read_ping(sides)
    _answer(sides, b"its own")
    _answer(sides, payload)
    assert sides.far.read_frame().payload == b"its own"
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_pongs_that_answer_nothing_of_drovers_pass(opened, side):
    _, sides = opened(side, timeout=5.0)
    _answer(sides, b"\0" * 8)
    payload = _read_ping(sides)
    number = int.from_bytes(payload[4:], "little")
    others = [payload[:7], payload + b"x", payload[::-1], bytes([payload[0] ^ 1]) + payload[1:],
              payload[:4] + (number + 1).to_bytes(4, "little"), payload[:4] + (number - 1).to_bytes(4, "little"), b""]
    for other in others:
        _answer(sides, other)
    _answer(sides, payload)
    _answer(sides, payload)  # the second answer is nobody's
    for expected in [b"\0" * 8, *others, payload]:
        frame = sides.far.read_frame()
        assert (frame.opcode, frame.payload, frame.masked) == (PONG, expected, side == "client")
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_late_answers_go_no_further(opened, side):
    """Behind other bytes, behind the next ping, and only for the newest of three."""
    _, sides = opened(side, timeout=5.0)

    def next_ping():
        _talk(sides)
        return _read_ping(sides)

    first = next_ping()
    sides.near.send(sides.near_frame(TEXT, b"first of all") + sides.near_frame(PONG, first))
    assert sides.far.read_frame().payload == b"first of all"
    second, third = next_ping(), next_ping()
    _answer(sides, second)
    _answer(sides, third)
    next_ping(), next_ping()
    _answer(sides, next_ping())
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_an_answer_in_pieces_inside_a_message_goes_no_further(opened, side):
    _, sides = opened(side)
    frame = sides.near_frame
    sides.near.send(frame(TEXT, b"first", fin=False))
    assert sides.far.read_frame().payload == b"first"
    pong = frame(PONG, _read_ping(sides))
    for at in range(len(pong)):
        sides.near.send(pong[at : at + 1])
    sides.near.send(frame(CONTINUATION, b"second"))
    assert sides.far.read_frame().raw == frame(CONTINUATION, b"second")
    sides.assert_nothing_else_came()


@pytest.mark.parametrize("side", SIDES)
def test_a_ping_waits_for_the_frames_end(opened, side):
    drover, sides = opened(side)
    frame = sides.far_frame
    first = frame(BINARY, b"x" * 200, fin=False)
    sides.far.send(first[:100])
    assert sides.near.read_exactly(100) == first[:100]
    _assert_silent(sides.near, 2 * (_INTERVAL + _TIMEOUT))  # nor is it judged: it has not been asked
    second = frame(CONTINUATION, b"x" * 200, fin=False)
    sides.far.send(first[100:] + second[:100])
    assert sides.near.read_exactly(len(first) - 100) == first[100:]
    payload = _read_ping(sides)
    sides.far.send(second[100:])
    assert sides.near.read_frame().raw == second
    _answer(sides, payload)
    _read_ping(sides)  # between fragments there is no need to wait
    sides.far.send(frame(CONTINUATION, b"third"))
    assert sides.near.read_frame().payload == b"third"
    _assert_given_up(drover, sides, [], since_ping=True)


@pytest.mark.parametrize("closes_first", SIDES)
def test_no_ping_after_a_close(start, backend, closes_first):
    drover = start({"backends": [backend.address], "timeouts": {"close": "5s"},
                    "ping": {"clients": "200ms", "backends": "200ms", "timeout": "300ms"}})
    sides = open_sides(closes_first, drover, backend)
    sides.near.send(sides.near_frame(CLOSE, close_body(1000)))
    assert sides.far.read_frame().close_code == 1000
    _assert_silent(sides.far, 1.0)
    _assert_silent(sides.near, 0)
    sides.far.send(sides.far_frame(CLOSE, close_body(1000)))
    assert sides.near.read_frame().close_code == 1000
    sides.close()
    assert drover.session()["why"] == "normal"


@pytest.mark.parametrize("side", SIDES)
def test_a_ping_that_waits_goes_before_a_close_or_nowhere(opened, side):
    _, sides = opened(side)
    last = sides.far_frame(BINARY, b"x" * 200)
    sides.far.send(last[:100])
    _assert_silent(sides.far, 2 * _INTERVAL)
    sides.far.send(last[100:] + sides.far_frame(CLOSE, close_body(1000)))
    assert sides.near.read_exactly(len(last)) == last
    _read_ping(sides)
    assert sides.near.read_frame().close_code == 1000
    _assert_silent(sides.near, 2 * _INTERVAL)


def _assert_given_up(drover, sides, near_frames, since_ping=False):
    """The near side has just been heard or, `since_ping`, asked."""
    began = time.monotonic()
    closing = sides.far.read_frame()
    expected = _TIMEOUT + (0 if since_ping else _INTERVAL)
    assert expected - 0.1 <= time.monotonic() - began <= expected + slack(0.5)
    assert (closing.close_code, closing.close_reason) == sides.near_goes
    *before, last = sides.near.read_frames_to_end()
    assert [frame.opcode for frame in before] == near_frames
    assert (last.close_code, last.close_reason) == (1001, "ping timeout")
    assert sides.far.read_to_end() == b""
    assert not sides.near.was_reset and not sides.far.was_reset
    sides.close()
    record = drover.session()
    assert (record["initiator"], record["why"]) == (sides.side, "ping_timeout")


@pytest.mark.parametrize("side", SIDES)
def test_a_peer_that_does_not_answer_is_given_up(opened, side):
    _assert_given_up(*opened(side), [PING])


@pytest.mark.parametrize("side", SIDES)
def test_bytes_that_go_to_a_peer_are_no_sign_of_its_life(opened, side):
    drover, sides = opened(side)
    began, sent = time.monotonic(), 0
    while not sides.far.readable(0.05):
        sides.far.send(sides.far_frame(TEXT, b"anybody?"))
        sent += 1
    # Its TCP takes them in, but none of them ever has to wait for it: so they say nothing of the program behind it.
    assert _INTERVAL + _TIMEOUT - 0.1 <= time.monotonic() - began <= _INTERVAL + _TIMEOUT + slack(0.5)
    assert sides.far.read_frame().close_code == sides.near_goes[0]
    opcodes = [frame.opcode for frame in sides.near.read_frames_to_end()]
    assert opcodes.count(PING) == 1 and opcodes[-1] == CLOSE and len(opcodes) <= sent + 2
    sides.close()
    assert drover.session()["why"] == "ping_timeout"


@pytest.mark.parametrize("side", SIDES)
def test_other_bytes_than_the_pong_will_do(opened, side):
    """For as long as they come; then it is pinged again, and given up."""
    drover, sides = opened(side)
    for _ in range(3):
        _read_ping(sides)
        _talk(sides)
    _assert_given_up(drover, sides, [PING])


def test_a_backend_that_is_stopped(start):
    """SIGSTOP of a process that answered until then."""
    with ServerProcess("ws") as server:
        drover = start({"backends": [server.address], "timeouts": {"close": "300ms"},
                        "ping": {"clients": "0s", "backends": "200ms", "timeout": "1s"}})
        client = connect(drover.port, upgrade_request())
        assert client.read_head().status == 101
        _assert_silent(client, 1.5)
        with suspended(server.process.pid):
            began = time.monotonic()
            assert client.read_frame().close_code == 1012
            assert 0.9 <= time.monotonic() - began <= 1.2 + slack(0.5)
        client.close()
        record = drover.session()
    assert (record["initiator"], record["why"]) == ("backend", "ping_timeout")


@contextlib.contextmanager
def _busy(drover, backend):
    """Keeps a worker out of its poll, where it would find what came before it finds what is due."""
    sides = open_sides("client", drover, backend)
    flood = Flood(sides.far, sides.far_frame, payload=60_000)
    reader = threading.Thread(target=sides.near.drain)
    reader.start()
    yield
    flood.stop()
    sides.far.close()
    reader.join()
    sides.near.close()


@pytest.mark.parametrize("side", SIDES)
def test_when_drover_itself_was_stopped_nobody_is_given_up(opened, backend, side):
    """The pong came in time; that Drover did not read it is Drover's fault."""
    drover, sides = opened(side)
    with _busy(drover, backend):
        for _ in range(3):
            payload = _read_ping(sides)
            with suspended(drover.pid):
                _answer(sides, payload)
                _assert_silent(sides.near, _INTERVAL + _TIMEOUT)
        _answer(sides, _read_ping(sides))
    sides.assert_nothing_else_came()
    assert len(drover.wait_for_sessions(1)) == 1


def test_idle_is_not_put_off_by_drovers_own_pings(start, backend):
    drover = start({"backends": [backend.address], "timeouts": {"idle": "1s", "close": "2s"},
                    "ping": {"clients": "100ms", "backends": "100ms", "timeout": "5s"}})
    began = time.monotonic()
    sides = open_sides("client", drover, backend)
    peers = [Answering(sides.near, sides.near_frame), Answering(sides.far, sides.far_frame)]
    for peer in peers:
        assert [frame.close_code for frame in peer.finish()] == [1001]
        assert peer.pings >= (1 if SLOW else 3)
    assert 0.95 <= time.monotonic() - began <= 1.0 + slack(0.5)
    sides.close()
    assert drover.session()["why"] == "idle"


def test_round_trips_are_measured(start, backend):
    drover = start({"backends": [backend.address],
                    "ping": {"clients": "100ms", "backends": "100ms", "timeout": "5s"}})
    sides = open_sides("client", drover, backend)
    delays = {"client": 0.1, "backend": 0.2}
    peers = [Answering(sides.near, sides.near_frame, delays["client"]),
             Answering(sides.far, sides.far_frame, delays["backend"])]
    wait_until(lambda: all(peer.pings >= 3 for peer in peers), "three pings each")
    sides.near.shutdown_write()
    sides.far.shutdown_write()
    record = drover.session()
    for side, delay in delays.items():
        assert delay * 1000 <= record[f"rtt_{side}_ms"] <= (delay + slack(0.15)) * 1000, record
    assert (record["messages_in"], record["bytes_in"], record["bytes_out"]) == (0, 0, 0)


def test_without_pings_no_round_trip(start, backend):
    drover = start({"backends": [backend.address], "ping": {"clients": "0s", "backends": "0s"}})
    open_sides("client", drover, backend).close()
    record = drover.session()
    assert record["rtt_client_ms"] is None and record["rtt_backend_ms"] is None


async def _stay_silent(url):
    async with dial(url, compression=None) as client:
        for _ in range(2):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.recv(), 2.0)
            await (await client.ping("its own"))
            await client.send("!ping of-the-server")
            assert await client.recv() == "pong:of-the-server"
        await client.close(1000)


@pytest.mark.parametrize("kind", SERVERS)
def test_real_peers_answer_and_notice_nothing(start, kind):
    """Their own pings are answered by each other, Drover's by themselves."""
    with ServerProcess(kind) as server:
        drover = start({"backends": [server.address],
                        "ping": {"clients": "100ms", "backends": "100ms", "timeout": f"{slack(1)}s"}})
        asyncio.run(_stay_silent(f"ws://127.0.0.1:{drover.port}/silent"))
        record = drover.session()
    assert (record["why"], record["close_code_client"], record["close_code_backend"]) == ("normal", 1000, 1000)
    # Twice a ping, a command and the pong that answers the server's ping, and a Close; headers and masks are 6 bytes.
    texts = ("its own", "!ping of-the-server", "of-the-server")
    assert record["bytes_in"] == 2 * sum(6 + len(text) for text in texts) + 8
    assert record["rtt_client_ms"] > 0 and record["rtt_backend_ms"] > 0
