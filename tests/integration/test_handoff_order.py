"""Handoffs in which things come together that mostly come one after the other: several frames in one read, a plan that is
called off in part, a backend that is lost or asks to go in the middle of somebody else's handoff, and reloads."""
# ctest: tls both

import pytest
from harness import CLOSE, PATIENCE, TEXT, backend_frame, client_frame, close_body, scrape, switching, wait_until
from harness.handoff import DRAIN, HANDOFF, left_with, order, talk
from harness.sides import Flood

_FAST = {"pace": "1000/s"}
_READY = "/api/v1/backends/default/{}/ready"


def _config(it, names, **config):
    """That of `it`, with these backends."""
    return {"policy": "round_robin", "timeouts": {"upgrade": "5s", "close": "1s"}, "backends": [
        {"name": name, "address": it.backends[name].address} for name in names]} | config


@pytest.mark.parametrize("verb", ["left", "leaving"])
@pytest.mark.parametrize("code", [1001, 1012])
def test_a_message_to_drover_behind_a_close_is_nothing(moves, verb, code):
    """In one read: by then another backend is the session's, and the old one's key is nobody's."""
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    client.send(client_frame(TEXT, b"held"))
    old.stream.send(backend_frame(CLOSE, close_body(code)) +
                    backend_frame(TEXT, order(verb, old.key, state={"n": 1}).encode()))
    enter = new.read_enter()
    assert (enter["why"], enter["state"]) == ("forced", None)
    assert new.read_text() == "held"
    talk(client, new)
    assert it.wait_for("done")["moved"]["forced"] == 1
    assert it.untouched()


def test_what_comes_behind_a_close_is_not_the_new_backends(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    behind = backend_frame(TEXT, left_with(old.key, "1").encode()) + backend_frame(TEXT, b"too late")
    old.stream.send(backend_frame(TEXT, b"in time") + backend_frame(CLOSE, close_body(1001)) + behind)
    assert new.read_enter()["why"] == "forced"
    assert client.read_frame().payload == b"in time"
    talk(client, new)


def test_a_new_backend_that_goes_at_once_loses_nothing_of_the_client(moves):
    """Its Close has come behind its 101 and a message, before it is the session's: a third one gets what is held."""
    it = moves("abc")
    client, old = it.open()
    it.drain()
    new = it.dialled("bc")
    new.stream.send(switching(new.head, f"{HANDOFF}: v1") + backend_frame(TEXT, b"I greet, and go") +
                    backend_frame(CLOSE, close_body(1001)))
    old.read_leave()
    client.send(client_frame(TEXT, b"held"))
    assert not new.stream.readable(0.2)
    old.left('{"n":1}')
    assert new.read_enter()["state"] == {"n": 1}
    assert client.read_frame().payload == b"I greet, and go"
    third = it.dialled({"b": "c", "c": "b"}[new.name])
    client.send(client_frame(TEXT, b"held too"))
    third.join()
    assert third.read_enter()["why"] == "closed"
    assert [third.read_text() for _ in range(2)] == ["held", "held too"]
    talk(client, third)


def test_leaving_in_the_middle_of_a_plan_outlives_the_plan(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b")
    old.leaving()
    talk(client, old)
    it.ask(_READY.format("a"))
    new.stream.drain()
    again = it.dialled("b").join()
    old.read_leave()
    old.left("1")
    assert again.read_enter()["state"] == 1
    talk(client, again)


def test_a_backend_that_stays_after_all_does_not_close_the_others_sessions(moves):
    """A reload takes out two, and the next one brings one of them back: the moves of the other go on."""
    it = moves("abc", migration=_FAST)
    client_a, a = it.open()
    client_b, b = it.open()
    assert (a.name, b.name) == ("a", "b")
    it.drover.reload(_config(it, "c", migration=_FAST))
    dials = [it.dialled("c") for _ in range(2)]
    by_previous = {dial.head.get("X-Drover-Previous-Backend"): dial for dial in dials}
    it.drover.reload(_config(it, "bc", migration=_FAST))
    by_previous["b"].stream.drain()  # that one stays
    talk(client_b, b)
    by_previous["a"].join()
    a.read_leave()
    a.left("1")
    assert by_previous["a"].read_enter()["state"] == 1
    talk(client_a, by_previous["a"])
    talk(client_b, b)
    wait_until(lambda: it.plan()["left"] == 0, "the plan has nobody left")
    assert it.plan()["moved"]["failed"] == 0


def test_a_move_beyond_its_backends_return_that_comes_to_nothing_leaves_the_session(moves):
    """The backend is open again, so who comes back to it is not closed."""
    it = moves("abc", migration=_FAST)
    client_a, a = it.open()
    client_b, b = it.open()
    it.drover.reload(_config(it, "c", migration=_FAST))
    dials = [it.dialled("c") for _ in range(2)]
    by_previous = {dial.head.get("X-Drover-Previous-Backend"): dial for dial in dials}
    by_previous["b"].join()
    b.read_leave()
    it.drover.reload(_config(it, "bc", migration=_FAST))
    assert not client_b.readable(0.2)  # the plan has seen it
    by_previous["b"].stream.reset()
    b.left("2")
    assert b.read_enter()["state"] == 2
    talk(client_b, b)
    by_previous["a"].join()
    a.read_leave()
    a.left("1")
    by_previous["a"].read_enter()
    assert not client_b.readable(0.3)  # some ticks of the plan
    talk(client_b, b)


def test_a_session_that_is_rescued_is_not_closed_by_its_plan(moves):
    """Its own handoff has come to nothing with its backend; the rescue is under way."""
    it = moves("abc", migration={"rescue": True})
    client, old = it.open()
    it.drain()
    it.dialled("bc")
    old.stream.reset()
    new = it.dialled("bc")
    assert not client.readable(0.4)  # some ticks of the plan
    new.join()
    assert new.read_enter()["why"] == "rescued"
    talk(client, new)


def test_a_dry_run_counts_those_that_are_moving(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b")
    assert it.ask(DRAIN.format("a"), {"dry_run": True})["moved"]["handoff"] == 1
    new.join()
    old.read_leave()
    assert it.ask(DRAIN.format("a"), {"dry_run": True})["moved"]["handoff"] == 1
    old.left()
    new.read_enter()
    talk(client, new)


def test_who_takes_no_part_is_not_moved_once_the_pool_wants_the_contract(moves):
    it = moves(migration={"handoff": "assume"})
    client, old = it.open(takes_part=False)
    it.drover.reload(_config(it, "ab", migration={"handoff": "opt_in"}))
    it.drain()
    assert client.read_frame().close_code == 1012
    assert it.backends["b"].untouched()
    assert scrape(it.drover).sum("migrations_total", mode="handoff") == 0


def test_a_client_that_never_reads_holds_nobody_for_ever(moves):
    """The clock of a handoff stands still for it only as long as its pings would let it live."""
    it = moves(migration={"handoff_timeout": "500ms"}, ping={"clients": "1s", "backends": "0s", "timeout": "1s"})
    client, old = it.open()
    flood = Flood(old.stream, backend_frame, count=20_000)
    wait_until(lambda: flood.sent > 1_000_000, "much is on its way")
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    wait_until(lambda: not it.ask("/api/v1/sessions", method="GET")["sessions"], "the session is over")
    assert it.drover.session()["why"] in ("ping_timeout", "drain", "backend_lost")
    client.close()
    new.stream.drain()
    old.stream.reset()
    flood.join(PATIENCE)


def test_a_session_does_not_go_round_among_backends_that_all_want_to_go(moves):
    it = moves()
    client, old = it.open()
    for _ in range(10):
        old.leaving()
        new = it.dialled().join()
        assert new.name != old.name
        old.read_leave()
        old.left("1")
        new.read_enter()
        old = new
    old.leaving()
    talk(client, old)
    assert not client.readable(0.5) and it.untouched()
    talk(client, old)
