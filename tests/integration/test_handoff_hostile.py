"""Handoffs among peers that mean no good, or know no better: forged messages, answers that are wrong, too much, too
late or never, and clients that do not read."""

import json
import threading
import time

import pytest
from harness import BINARY, CONTINUATION, PATIENCE, TEXT, backend_frame, client_frame, scrape, slack, wait_until
from harness.handoff import NO_CONTEXT, deflated, left_with, open_compressed, order, talk
from harness.sides import Flood, Sides, number_of, send_until_queued

_WRONG = "0123456789abcdef0123456789abcdef"


def _is_forced(it, old, new, plan_id="d1"):
    """The session went on without its state."""
    enter = new.read_enter()
    assert (enter["why"], enter["state"], enter["from"]) == ("forced", None, old.name)
    moved = it.wait_for("done", plan_id)["moved"]
    assert (moved["forced"], moved["close"], moved["failed"]) == (1, 0, 0), moved
    assert scrape(it.drover).sum("migrations_total", mode="handoff", result="forced") == 1


def _leaving(moves, names="ab", **config):
    """(it, client, old, new): the old backend has read its leave, and the new one has answered."""
    it = moves(names, **config)
    client, old = it.open()
    it.drain()
    new = it.dialled([name for name in names if name != "a"]).join()
    old.read_leave()
    return it, client, old, new


# What clients forge.


@pytest.mark.parametrize("verb", ["leave", "left", "enter", "leaving"])
@pytest.mark.parametrize("key", [_WRONG, ""])
def test_what_a_client_forges_goes_to_its_backend(moves, verb, key):
    it = moves()
    client, old = it.open()
    forged = order(verb, key, why="left", state={"admin": True}, **{"from": "b"})
    client.send(client_frame(TEXT, forged.encode()))
    assert old.read_text() == forged
    talk(client, old)
    assert it.untouched()
    new = it.move(client, old)
    client.send(client_frame(TEXT, forged.encode()))
    assert new.read_text() == forged
    talk(client, new)


def test_not_even_the_right_key_makes_a_client_a_backend(moves):
    """It cannot know it; but if its backend told it, Drover still listens to backends alone."""
    it = moves()
    client, old = it.open()
    for verb in ("leaving", "left"):
        client.send(client_frame(TEXT, order(verb, old.key, state=1).encode()))
        assert old.read_text() == order(verb, old.key, state=1)
    talk(client, old)
    assert it.untouched()


def test_an_enter_that_a_client_sends_ahead_comes_after_the_real_one(moves):
    it, client, old, new = _leaving(moves)
    forged = order("enter", _WRONG, why="left", state={"n": 1000}, **{"from": "a"})
    client.send(client_frame(TEXT, forged.encode()))
    old.left('{"n":1}')
    assert new.read_enter()["state"] == {"n": 1}
    assert new.read_text() == forged
    talk(client, new)


# What backends say that is wrong.


@pytest.mark.parametrize("verb", ["left", "leaving", "leave", "enter", "else"])
def test_without_its_key_it_is_a_message_like_any(moves, verb):
    it = moves()
    client, old = it.open()
    for key in (_WRONG, "", old.key[:-1], old.key.upper() + "0"):
        old.text(order(verb, key, state={"n": 1}))
        assert client.read_frame().payload.decode() == order(verb, key, state={"n": 1})
    talk(client, old)
    assert it.untouched()


def test_a_left_with_a_wrong_key_is_none(moves):
    it, client, old, new = _leaving(moves)
    for key in (_WRONG, new.key):  # that of the connection that it travels on is the only one
        old.text(left_with(key, '{"n":666}'))
        assert client.read_frame().payload.decode() == left_with(key, '{"n":666}')
    old.left('{"n":1}')
    assert new.read_enter()["state"] == {"n": 1}
    talk(client, new)


def test_a_binary_left_is_none(moves):
    it, client, old, new = _leaving(moves)
    old.send(BINARY, left_with(old.key, "1").encode())
    assert client.read_frame().opcode == BINARY
    old.left("2")
    assert new.read_enter()["state"] == 2
    talk(client, new)


@pytest.mark.parametrize("verb", ["else", "leave", "enter"])
def test_a_verb_that_drover_does_not_know_is_swallowed(moves, verb):
    it = moves()
    client, old = it.open()
    old.text(order(verb, old.key, state=1))
    talk(client, old)
    assert it.untouched()


def test_a_second_left_is_swallowed(moves):
    it, client, old, new = _leaving(moves)
    old.stream.send(b"".join(backend_frame(TEXT, left_with(old.key, str(n)).encode()) for n in (1, 2)))
    assert new.read_enter()["state"] == 1
    old.is_left()
    talk(client, new)
    assert it.wait_for("done")["moved"]["handoff"] == 1


def test_a_left_that_is_too_large_costs_the_state(moves):
    it, client, old, new = _leaving(moves, migration={"max_state": "1KiB"})
    old.left(json.dumps("x" * 5000))
    _is_forced(it, old, new)
    talk(client, new)


def test_a_left_that_is_too_large_in_fragments(moves):
    it, client, old, new = _leaving(moves, migration={"max_state": "1KiB"})
    old.left_in_fragments(json.dumps("x" * 5000), [600] * 4)
    _is_forced(it, old, new)
    talk(client, new)


@pytest.mark.parametrize("size", [1024, 1025])
def test_the_state_may_be_as_large_as_it_says(moves, size):
    it, client, old, new = _leaving(moves, migration={"max_state": "1KiB"})
    old.left('"' + "x" * (size - 2) + '"')
    enter = new.read_enter()
    assert (enter["why"], enter["state"] is None) == (("left", False) if size == 1024 else ("forced", True))
    talk(client, new)


def test_a_compressed_left_that_grows_without_end(moves):
    it = moves(migration={"max_state": "1KiB"})
    client, old = open_compressed(it, NO_CONTEXT)
    it.drain()
    new = it.dialled("b").join(f"Sec-WebSocket-Extensions: {NO_CONTEXT}")
    old.read_leave()
    before = it.drover.resident_bytes()
    old.text(deflated(left_with(old.key, '"' + "x" * 50_000_000 + '"')), rsv=4)
    _is_forced(it, old, new)
    assert it.drover.resident_bytes() - before < 20_000_000
    client.send(client_frame(TEXT, b"on we go"))
    assert new.read_text() == "on we go"


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"", deflated("")], ids=["garbage", "empty", "empty message"])
def test_what_is_no_deflate_is_the_clients(moves, payload):
    """Only who inflates it can tell, and that is the client."""
    it = moves(migration={"handoff_timeout": "1s"})
    client, old = open_compressed(it, NO_CONTEXT)
    it.drain()
    new = it.dialled("b").join(f"Sec-WebSocket-Extensions: {NO_CONTEXT}")
    old.read_leave()
    old.text(payload, rsv=4)
    frame = client.read_frame()
    assert (frame.opcode, frame.rsv, frame.payload) == (TEXT, 4, payload)
    old.left("1")
    assert new.read_enter()["state"] == 1


@pytest.mark.parametrize("state", ["", "{", "nul", '{"a":1}}', "1 2", '{"a":}', '"\x01"', "[1,]"])
def test_a_left_that_is_no_json_costs_the_state(moves, state):
    it, client, old, new = _leaving(moves)
    old.left(state)
    _is_forced(it, old, new)
    talk(client, new)


def test_a_left_without_a_state_has_none(moves):
    it, client, old, new = _leaving(moves)
    old.text(f'{{"drover":"left","key":"{old.key}"}}')
    enter = new.read_enter()
    assert (enter["why"], enter["state"]) == ("left", None)
    talk(client, new)


def test_a_left_within_another_message_breaks_the_protocol(moves):
    """RFC 6455 section 5.4: no data frame between the fragments of another message."""
    it, client, old, new = _leaving(moves)
    old.send(TEXT, b"half a mes", fin=False)
    assert client.read_frame().payload == b"half a mes"
    old.left("1")
    assert client.read_frame().close_code == 1012
    old.read_close(1002)
    new.read_close(1001)  # and no enter: nothing is left to enter
    wait_until(lambda: scrape(it.drover).sum("closes_total", why="protocol_error") == 1, "it is counted")


def test_a_left_behind_the_first_fragment_is_the_clients(moves):
    it, client, old, new = _leaving(moves)
    text = left_with(old.key, "1").encode()
    old.send(TEXT, b"", fin=False)  # verb and key do not stand in the first frame
    old.send(CONTINUATION, text)
    assert [client.read_frame().payload for _ in range(2)] == [b"", text]
    old.left("2")
    assert new.read_enter()["state"] == 2
    talk(client, new)


def test_a_left_that_opens_too_late_is_the_clients(moves):
    it, client, old, new = _leaving(moves)
    text = f'{{"drover":{" " * 600}"left","key":"{old.key}","state":1}}'
    old.text(text)
    assert client.read_frame().payload.decode() == text
    old.left("2")
    assert new.read_enter()["state"] == 2
    talk(client, new)


# Never, too late, unasked.


def test_without_left_it_is_forced(moves):
    it, client, old, new = _leaving(moves, migration={"handoff_timeout": "500ms"})
    began = time.monotonic()
    client.send(client_frame(TEXT, b"held"))
    old.text("still talking")
    assert client.read_frame().payload == b"still talking"
    _is_forced(it, old, new)
    assert 0.3 < time.monotonic() - began < 0.7 + slack(0.5)
    assert new.read_text() == "held"
    old.left("1")  # too late
    old.is_left()
    talk(client, new)


def test_a_message_without_end_cannot_be_repaired(moves):
    it, client, old, new = _leaving(moves, migration={"handoff_timeout": "500ms"})
    old.send(TEXT, b"half a mes", fin=False)
    assert client.read_frame().payload == b"half a mes"
    assert client.read_frame().close_code == 1012
    assert old.stream.read_frame().close_code == 1001


def test_a_left_that_has_only_begun_costs_the_state(moves):
    """Nothing of it has gone to the client: so there is nothing to repair."""
    it, client, old, new = _leaving(moves, migration={"handoff_timeout": "500ms"})
    old.text(left_with(old.key, '{"n":')[:-1].encode(), fin=False)
    _is_forced(it, old, new)
    talk(client, new)


def test_a_left_before_leave_asks_to_leave(moves):
    """Nobody asked: its state is dropped, since the client may go on talking until leave."""
    it = moves()
    client, old = it.open()
    old.left('{"n":1}')
    new = it.dialled("b")
    talk(client, old)
    new.join()
    old.read_leave()
    old.left('{"n":2}')
    assert new.read_enter()["state"] == {"n": 2}
    old.is_left()
    talk(client, new)


def test_a_left_while_drover_dials_is_dropped(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b")
    old.left('{"n":1}')
    talk(client, old)  # Drover has read it
    new.join()
    old.read_leave()
    old.assert_nothing_came()
    assert not new.stream.readable(0.1)
    old.left('{"n":2}')
    assert new.read_enter()["state"] == {"n": 2}
    old.is_left()
    talk(client, new)
    assert it.wait_for("done")["moved"]["handoff"] == 1


def test_the_clock_stands_still_for_a_client_that_does_not_read(moves):
    """Megabytes of the old backend wait for it, longer than handoff_timeout. It gets all of them, and then the new
    backend's, and the state is not lost."""
    it = moves(migration={"handoff_timeout": "1s"}, ping={"clients": "0s"})
    client, old = it.open()
    flood = Flood(old.stream, backend_frame)
    wait_until(lambda: flood.is_alive() and time.monotonic() - flood.progressed_at > 0.3, "it is stuck")
    assert flood.sent > 1_000_000
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    time.sleep(2.2)  # more than twice handoff_timeout, in which nothing may happen
    assert not new.stream.readable() and flood.is_alive()
    client.send(client_frame(TEXT, b"held"))

    def leave_behind_it():
        flood.finish()  # what a backend goes on to say it says in its own time, and for that the clock is right to run
        old.left('{"n":20000}')

    leaver = threading.Thread(target=leave_behind_it, daemon=True)
    leaver.start()
    number = 0
    while leaver.is_alive() or number < flood.frames:
        if client.readable(0.05):
            assert number_of(client.read_frame()) == number
            number += 1
    enter = new.read_enter()
    assert (enter["why"], enter["state"]) == ("left", {"n": 20000})
    assert new.read_text() == "held"
    talk(client, new)


def test_what_waits_for_the_client_goes_out_before_the_new_backends(moves):
    it = moves(slow_client={"max_queued": "1MiB"})
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    sent = send_until_queued(Sides(it.drover, "backend", old.stream, client), 300_000)
    old.left("1")
    assert new.read_enter()["state"] == 1  # Drover has read all of the old one's, and the client nothing
    flood = Flood(new.stream, backend_frame, count=2_000)
    assert client.read_exactly(len(sent)) == sent
    for number in range(2_000):
        assert number_of(client.read_frame()) == number
    flood.join(PATIENCE)
    talk(client, new)
