"""Handoffs in which somebody goes: the client, the old backend or the new one, with a Close, an end or a reset, at each
step."""

import pytest
from harness import CLOSE, CONTINUATION, TEXT, client_frame, close_body, wait_until
from harness.handoff import talk

# How far the handoff has come when it happens.
_DIALLING, _ASKED, _ENTERED = "dialling", "asked", "entered"
_STEPS = (_DIALLING, _ASKED, _ENTERED)


def _come_to(it, step):
    """(client, old, new) of a handoff that has come so far."""
    client, old = it.open()
    it.drain()
    new = it.dialled([name for name in it.backends if name != "a"])
    if step == _DIALLING:
        return client, old, new
    new.join()
    old.read_leave()
    if step == _ENTERED:
        old.left('{"n":1}')
        new.read_enter()
    return client, old, new


def _nobody_is_left(it):
    wait_until(lambda: not it.ask("/api/v1/sessions", method="GET")["sessions"], "the session is over")
    wait_until(lambda: not any(backend["active"] for backend in it.drover.backends().values()), "leases are back")


# The client.


@pytest.mark.parametrize("step", _STEPS)
def test_the_client_closes(moves, step):
    it = moves()
    client, old, new = _come_to(it, step)
    client.send(client_frame(CLOSE, close_body(1000, "bye")))
    if step == _DIALLING:
        serving, other = old, new
    else:
        serving, other = new, old
        if step == _ASKED:
            old.assert_nothing_came()  # it follows enter
            old.left('{"n":1}')
            assert new.read_enter()["state"] == {"n": 1}
    frame = serving.stream.read_frame()
    assert (frame.opcode, frame.close_code, frame.close_reason) == (CLOSE, 1000, "bye")
    serving.close_with(1000, "bye")
    assert client.read_frame().close_code == 1000
    serving.stream.close()
    if other is old:
        old.is_left()
    else:
        new.stream.drain()
    _nobody_is_left(it)
    record = it.drover.session()
    assert (record["initiator"], record["why"], record["close_code_client"]) == ("client", "normal", 1000)


@pytest.mark.parametrize("leave", [lambda client: client.reset(), lambda client: client.close()], ids=["reset", "end"])
@pytest.mark.parametrize("step", _STEPS)
def test_the_client_is_lost(moves, step, leave):
    it = moves()
    client, old, new = _come_to(it, step)
    leave(client)
    old.stream.drain()
    new.stream.drain()
    _nobody_is_left(it)
    record = it.drover.session()
    assert (record["initiator"], record["why"]) == ("client", "client_lost")


def test_the_client_never_finishes_its_message(moves):
    it = moves(migration={"handoff_timeout": "500ms"})
    client, old = it.open()
    client.send(client_frame(TEXT, b"half a mes", fin=False))
    assert old.stream.read_frame().payload == b"half a mes"
    it.drain()
    new = it.dialled("b").join()
    assert client.read_frame().close_code == 1012  # what it falls back to
    old.read_close(1001)  # and not leave
    new.stream.drain()
    assert it.wait_for("done")["moved"]["close"] == 1


def test_the_client_sends_half_a_message_after_leave(moves):
    it = moves(migration={"handoff_timeout": "500ms"})
    client, old, new = _come_to(it, _ASKED)
    frame = client_frame(TEXT, b"a whole message")
    client.send(frame[:9])
    old.left("1")
    assert new.read_enter()["state"] == 1
    client.send(frame[9:])
    assert new.read_text() == "a whole message"
    talk(client, new)


def test_the_client_sends_half_a_frame_before_leave(moves):
    it = moves()
    client, old = it.open()
    frame = client_frame(TEXT, b"a whole message")
    client.send(frame[:9])
    assert old.stream.read_exactly(9) == frame[:9]
    it.drain()
    new = it.dialled("b").join()
    old.assert_nothing_came()
    client.send(frame[9:])
    assert old.stream.read_exactly(len(frame) - 9) == frame[9:]
    old.read_leave()
    old.left("1")
    new.read_enter()
    talk(client, new)


def test_the_client_breaks_the_protocol_meanwhile(moves):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    client.send(client_frame(CONTINUATION, b"of nothing"))
    old.left("1")
    assert client.read_frame().close_code == 1002
    old.stream.drain()
    new.stream.drain()
    _nobody_is_left(it)


# The new backend.


def test_the_new_one_is_lost_after_leave_and_another_gets_it(moves):
    it = moves("abc")
    client, old, new = _come_to(it, _ASKED)
    client.send(client_frame(TEXT, b"held"))
    new.stream.reset()
    old.left('{"n":1}')
    (third,) = {"b", "c"} - {new.name}
    another = it.dialled(third).join()
    assert another.read_enter() == {
        "drover": "enter", "key": another.key, "why": "left", "state": {"n": 1}, "from": "a"}
    assert another.read_text() == "held"
    old.is_left()
    talk(client, another)
    assert it.wait_for("done")["moved"]["handoff"] == 1


def test_the_new_one_is_lost_after_leave_and_there_is_no_other(moves):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    client.send(client_frame(TEXT, b"held"))
    new.stream.reset()
    old.left('{"n":1}')
    assert old.read_enter() == {"drover": "enter", "key": old.key, "why": "left", "state": {"n": 1}, "from": "a"}
    assert old.read_text() == "held"
    assert client.read_frame().close_code == 1012  # the drain goes on


def test_both_are_lost(moves):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    new.stream.reset()
    old.stream.reset()
    assert client.read_frame().close_code == 1012
    client.send(client_frame(CLOSE, close_body(1012)))
    _nobody_is_left(it)


def test_the_new_one_is_lost_after_enter(moves):
    it = moves()
    client, old, new = _come_to(it, _ENTERED)
    old.is_left()
    talk(client, new)
    new.stream.reset()
    assert client.read_frame().close_code == 1012
    record = it.drover.session()
    assert (record["initiator"], record["why"]) == ("backend", "backend_lost")


def test_the_new_one_closes_after_enter(moves):
    it = moves()
    client, old, new = _come_to(it, _ENTERED)
    new.close_with(4001, "not you")
    frame = client.read_frame()
    assert (frame.close_code, frame.close_reason) == (4001, "not you")


# The old backend.


def _end(old):
    old.stream.shutdown_write()


def _reset(old):
    old.stream.reset()


@pytest.mark.parametrize("end", [_end, _reset, lambda old: old.close_with(1001), lambda old: old.close_with(1012)],
                         ids=["end", "reset", "1001", "1012"])
def test_the_old_one_goes_instead_of_left(moves, end):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    client.send(client_frame(TEXT, b"held"))
    end(old)
    enter = new.read_enter()
    assert (enter["why"], enter["state"]) == ("forced", None)
    assert new.read_text() == "held"
    talk(client, new)
    assert it.wait_for("done")["moved"]["forced"] == 1


@pytest.mark.parametrize("code", [1000, 1008, 1011, 4000])
def test_another_close_of_the_old_one_ends_the_session(moves, code):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    old.close_with(code, "that is it")
    frame = client.read_frame()
    assert (frame.opcode, frame.close_code, frame.close_reason) == (CLOSE, code, "that is it")
    client.send(client_frame(CLOSE, close_body(code)))
    new.stream.drain()
    _nobody_is_left(it)


@pytest.mark.parametrize("code", [1001, 1012])
def test_the_old_one_closes_while_drover_dials(moves, code):
    it = moves()
    client, old, new = _come_to(it, _DIALLING)
    old.close_with(code)
    client.send(client_frame(TEXT, b"held"))
    new.join()
    enter = new.read_enter()
    assert enter["why"] in ("closed", "forced") and enter["state"] is None
    assert new.read_text() == "held"
    talk(client, new)


def test_the_old_one_ends_within_a_message(moves):
    it = moves()
    client, old, new = _come_to(it, _ASKED)
    old.send(TEXT, b"half", fin=False)
    assert client.read_frame().payload == b"half"
    old.stream.shutdown_write()
    assert client.read_frame().close_code == 1012
    new.stream.drain()
