"""`rescue: true`: sessions whose backend is lost go on with another one where they were between messages, once, and at
a pace; all others get Close 1012."""

import contextlib
import json
import time

import pytest
from harness import CLOSE, SLOW, TEXT, client_frame, close_body, scrape, slack, wait_until
from harness.crowd import Crowd, wait_for_closes
from harness.handoff import talk
from harness.numbering import NumberingCrowd
from harness.stoppable import LANGUAGES, EchoBackend, ExampleBackend, Fleet

_RESCUE = {"rescue": True}


def _end(old):
    old.stream.shutdown_write()


def _reset(old):
    old.stream.reset()


def _is_rescued(it, client, old):
    """The new backend, which knows why it has the session."""
    new = it.dialled([name for name in it.backends if name != old.name]).join()
    assert new.resumed and new.head.get("X-Drover-Previous-Backend") == old.name
    assert new.read_enter() == {"drover": "enter", "key": new.key, "why": "rescued", "state": None, "from": old.name}
    talk(client, new)
    return new


@pytest.mark.parametrize("lose", [_end, _reset])
def test_between_messages_the_session_goes_on(moves, lose):
    it = moves(migration=_RESCUE)
    client, old = it.open()
    talk(client, old)
    lose(old)
    _is_rescued(it, client, old)
    client.close()
    record = it.drover.session()
    assert record["backends"] == [{"name": "a", "why": "pick"}, {"name": "b", "why": "rescued"}]


def test_without_rescue_it_is_closed(moves):
    it = moves()
    client, old = it.open()
    old.stream.reset()
    assert client.read_frame().close_code == 1012
    assert it.untouched()


def test_what_the_client_said_to_the_dead_is_lost_and_nothing_else(moves):
    it = moves(migration=_RESCUE)
    client, old = it.open()
    client.send(client_frame(TEXT, b"lost"))
    assert old.read_text() == "lost"
    old.stream.reset()
    new = it.dialled("b")
    client.send(client_frame(TEXT, b"kept"))
    new.join()
    assert new.read_enter()["why"] == "rescued"
    assert new.read_text() == "kept"


@pytest.mark.parametrize("side", ["client", "backend"])
def test_within_a_message_it_is_closed(moves, side):
    it = moves(migration=_RESCUE)
    client, old = it.open()
    if side == "client":
        client.send(client_frame(TEXT, b"half", fin=False))
        assert old.stream.read_frame().payload == b"half"
    else:
        old.send(TEXT, b"half", fin=False)
        assert client.read_frame().payload == b"half"
    old.stream.reset()
    assert client.read_frame().close_code == 1012
    assert it.untouched()


@pytest.mark.parametrize("code", [1000, 1011, 4000])
def test_a_close_is_no_loss(moves, code):
    it = moves(migration=_RESCUE)
    client, old = it.open()
    old.close_with(code)
    assert client.read_frame().close_code == code
    assert it.untouched()


def test_a_backend_that_is_silent_is_lost(moves):
    it = moves(migration=_RESCUE, ping={"clients": "0s", "backends": "200ms", "timeout": "300ms"})
    client, old = it.open()
    new = it.dialled("b").join()
    assert new.read_enter()["why"] == "rescued"
    client.send(client_frame(TEXT, b"on we go"))
    assert new.read_text() == "on we go"
    old.stream.drain()


def test_a_backend_that_is_down_is_lost_where_sessions_move(moves):
    it = moves(migration=_RESCUE, on_down="move",
               health_check={"type": "tcp", "interval": "200ms", "timeout": "100ms", "rise": 1, "fall": 2})
    client, old = it.open()
    talk(client, old)
    it.backends["a"].close()  # its sessions live on, but for its probes it is gone
    _is_rescued(it, client, old)


def test_once_a_cooldown(moves):
    it = moves("abc", migration=_RESCUE | {"cooldown": "10m"})
    client, old = it.open()
    old.stream.reset()
    new = _is_rescued(it, client, old)
    new.stream.reset()
    assert client.read_frame().close_code == 1012
    client.send(client_frame(CLOSE, close_body(1012)))
    assert len(it.drover.session()["backends"]) == 2
    assert it.untouched()


def test_again_after_the_cooldown(moves):
    it = moves("ab", migration=_RESCUE | {"cooldown": "100ms"})
    client, backend = it.open()
    for _ in range(3):
        time.sleep(0.2)  # the cooldown
        backend.stream.reset()
        backend = _is_rescued(it, client, backend)


def test_where_nobody_takes_it_it_is_closed(moves):
    it = moves(migration=_RESCUE)
    client, old = it.open()
    it.ask("/api/v1/backends/default/b/maintenance")
    old.stream.reset()
    assert client.read_frame().close_code == 1012


def test_one_after_the_other(start):
    with contextlib.ExitStack() as stack:
        languages = {"a": "mjs", "b": "py"}
        fleet = stack.enter_context(Fleet("ab", lambda name, port: ExampleBackend(languages[name], name, port)))
        drover = start({"policy": "round_robin", "backends": fleet.config, "migration": _RESCUE,
                        "lost_backend": {"close_pace": "20/s"}})
        crowd = stack.enter_context(contextlib.closing(Crowd(drover, 80)))
        wait_until(lambda: drover.backends()["a"]["active"] == 40, "half of them are on a")
        fleet.backends["a"].kill()
        began = time.monotonic()
        wait_until(lambda: drover.backends()["b"]["active"] == 80, "all are rescued")
        assert 39 / 20 - 0.1 <= time.monotonic() - began <= 39 / 20 + slack(0.5)
        assert not any(member.frames for member in crowd.members)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_crash_disconnects_only_those_within_a_message(start, language):
    """A client that says something in fragments is in the middle of a message now and then."""
    def reading_of(message):
        return None, json.loads(message)["echo"]  # the count begins anew: the state has died

    with Fleet("abc", lambda name, port: ExampleBackend(language, name, port)) as fleet:
        drover = start({"backends": fleet.config, "migration": _RESCUE})
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", 60, reading_of=reading_of) as crowd:
            crowd.wait_for_more()
            fleet.backends["b"].kill()
            crowd.wait_for_more()
            clients = crowd.finish()
    closed = [client for client in clients if client.errors]
    assert all(error.startswith("closed: 1012") for client in closed for error in client.errors), closed
    print(f"{language}: {len(closed)} of {len(clients)} were closed, "
          f"{sum(client.unanswered() for client in clients)} replies lost")
    assert len(closed) < 10
    assert all(client.unanswered() <= 2 for client in clients if not client.errors)
    rescued = scrape(drover).sum("migrations_total", mode="rescue")
    assert rescued > 0


def test_a_poison_message_kills_two_backends_at_most(start):
    with Fleet("abcd", lambda name, port: EchoBackend("py", name, port, delay=0)) as fleet:
        drover = start({"policy": "round_robin", "backends": fleet.config,
                        "migration": _RESCUE | {"handoff": "assume"}})
        with contextlib.closing(Crowd(drover, 1)) as poisoner:
            (member,) = poisoner.members

            def poison():
                """As a client does that sends what it has no reply to again."""
                member.stream.send_if_open(client_frame(TEXT, b"!poison"))
                return member.closing or member.over
            wait_until(poison, "it is disconnected", 60 if SLOW else 15)
            assert member.closing[1].close_code == 1012
            wait_for_closes([member])
        dead = [name for name, backend in fleet.backends.items() if backend.process.poll() is not None]
        assert 1 <= len(dead) <= 2, dead
        survivors = [name for name in "abcd" if name not in dead]
        with contextlib.closing(Crowd(drover, 4)) as others:
            assert others.members and survivors


def test_those_that_a_drain_is_about_to_move_are_rescued_too(moves):
    it = moves(migration=_RESCUE, on_down="move",
               health_check={"type": "tcp", "interval": "200ms", "timeout": "100ms", "rise": 1, "fall": 2})
    it.ask("/api/v1/backends/default/b/maintenance")
    pairs = [it.open() for _ in range(2)]
    it.ask("/api/v1/backends/default/b/ready")
    it.drain(pace="1/s")  # one is being moved, to somebody who does not answer; the other one's turn is in a second
    asked = it.dialled("b")
    it.backends["a"].close()
    news = [it.dialled("b").join() for _ in pairs]
    assert {new.read_enter()["why"] for new in news} == {"rescued"}
    asked.stream.close()
    for client, _ in pairs:
        client.send(client_frame(TEXT, b"hello"))
    assert {new.read_text() for new in news} == {"hello"}
