"""Handoffs that a backend begins: with `leaving`, which loses nothing, or with the Close of a server that stops."""
# ctest: tls both

import pytest
from harness import CLOSE, TEXT, backend_frame, client_frame, close_body, scrape
from harness.handoff import talk


def test_leaving(moves):
    it = moves()
    client, old = it.open()
    old.leaving()
    new = it.dialled("b")
    talk(client, old)  # it is served as before
    new.join()
    old.read_leave()
    old.left('{"n":1}')
    assert new.read_enter() == {"drover": "enter", "key": new.key, "why": "left", "state": {"n": 1}, "from": "a"}
    old.is_left()
    talk(client, new)
    client.close()
    record = it.drover.session()
    assert record["backends"] == [{"name": "a", "why": "pick"}, {"name": "b", "why": "leaving"}]
    assert record["backends"] == [{"name": "a", "why": "pick"}, {"name": "b", "why": "leaving"}]


def test_leaving_twice_is_leaving_once(moves):
    it = moves()
    client, old = it.open()
    old.leaving()
    new = it.dialled("b")
    old.leaving()
    talk(client, old)
    new.join()
    old.read_leave()
    old.leaving()
    old.left("1")
    new.read_enter()
    talk(client, new)
    assert it.untouched()


def test_leaving_waits_for_another_backend(moves):
    """In a rolling restart the others may be on their way up; and it says it but once."""
    it = moves()
    client, old = it.open()
    it.ask("/api/v1/backends/default/b/maintenance")
    old.leaving()
    talk(client, old)
    assert it.untouched()
    it.ask("/api/v1/backends/default/b/ready")
    new = it.dialled("b").join()
    old.read_leave()
    old.left("1")
    assert new.read_enter()["state"] == 1
    talk(client, new)


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_close_of_the_backend_moves_the_session(moves, code):
    it = moves()
    client, old = it.open()
    old.stream.send(backend_frame(TEXT, b"last words") + backend_frame(CLOSE, close_body(code, "restart")))
    new = it.dialled("b").join()
    assert new.resumed and new.head.get("X-Drover-Previous-Backend") == "a"
    assert new.read_enter() == {"drover": "enter", "key": new.key, "why": "closed", "state": None, "from": "a"}
    assert client.read_frame().payload == b"last words"
    talk(client, new)
    assert old.stream.read_frame().opcode == CLOSE  # an answer, or Drover's own
    old.stream.drain()


@pytest.mark.parametrize("code", [1000, 1007, 1008, 1011, 1013, 4001])
def test_any_other_close_goes_to_the_client(moves, code):
    it = moves()
    client, old = it.open()
    old.close_with(code, "no more")
    frame = client.read_frame()
    assert (frame.close_code, frame.close_reason) == (code, "no more")
    assert it.untouched()


def test_a_close_that_echoes_the_clients_ends_the_session(moves):
    it = moves()
    client, old = it.open()
    client.send(client_frame(CLOSE, close_body(1001)))  # as browsers do when a page goes
    assert old.stream.read_frame().close_code == 1001
    old.close_with(1001)
    assert client.read_frame().close_code == 1001
    assert it.untouched()


def test_a_close_answers_drovers_own(moves):
    it = moves(migration={"handoff": "opt_in"})
    client, old = it.open()
    session = it.ask("/api/v1/sessions", method="GET")["sessions"][0]["id"]
    it.ask(f"/api/v1/sessions/{session}", method="DELETE")
    old.read_close(1001)
    old.close_with(1001)
    assert client.read_frame().close_code == 1001
    assert it.untouched()


def test_a_close_within_the_clients_message_ends_the_session(moves):
    it = moves()
    client, old = it.open()
    client.send(client_frame(TEXT, b"half", fin=False))
    assert old.stream.read_frame().payload == b"half"
    old.close_with(1001)
    assert client.read_frame().close_code == 1012
    assert it.untouched()


def test_a_close_of_a_backend_that_takes_no_part_goes_to_the_client(moves):
    it = moves()
    client, old = it.open(takes_part=False)
    old.close_with(1012, "restart")
    assert client.read_frame().close_code == 1012
    assert it.untouched()


def test_without_a_candidate_the_close_goes_to_the_client(moves):
    it = moves("a")
    client, old = it.open()
    old.close_with(1012, "restart")
    frame = client.read_frame()
    assert (frame.close_code, frame.close_reason) == (1012, "restart")


def test_where_the_candidate_refuses_the_close_goes_to_the_client(moves):
    it = moves()
    client, old = it.open()
    old.close_with(1001, "restart")
    it.dialled("b").refuse()
    assert client.read_frame().close_code in (1001, 1012)


def test_the_eleventh_close_goes_to_the_client(moves):
    it = moves(migration={"cooldown": "10m"})
    client, backend = it.open()
    for _ in range(10):
        backend.close_with(1001)
        (other,) = {"a", "b"} - {backend.name}
        backend = it.dialled(other).join()
        assert backend.read_enter()["why"] == "closed"
        talk(client, backend)
    backend.close_with(1001, "again")
    frame = client.read_frame()
    assert (frame.close_code, frame.close_reason) == (1001, "again")
    assert it.untouched()
    client.send(client_frame(CLOSE, close_body(1001)))
    assert [each["why"] for each in it.drover.session()["backends"]] == ["pick"] + ["closed"] * 10
    assert scrape(it.drover).sum("migrations_total", mode="handoff") == 10
