"""What makes Drover leave a session where it is, and fall back to what there is beside handoff: backends, old or new,
that do not take part, the modes of a plan, and whoever calls it off."""

import json
import resource

import pytest
from harness import TEXT, client_frame, scrape, stable, switching, upgrade_request, wait_until
from harness.handoff import HANDOFF, NO_CONTEXT, open_compressed, order, talk


@pytest.mark.parametrize("extension", [
    "permessage-deflate", "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover"])
def test_contexts_cannot_be_moved(moves, extension):
    it = moves()
    client, old = open_compressed(it, extension)
    assert it.ask("/api/v1/backends/default/a/drain", {"dry_run": True})["moved"]["handoff"] == 0
    it.drain()
    assert client.read_frame().close_code == 1012
    old.read_close(1001)
    assert it.backends["b"].untouched()


def test_a_backend_that_takes_no_part_is_left_as_ever(moves):
    it = moves()
    client, old = it.open(takes_part=False)
    assert old.key
    assert it.ask("/api/v1/backends/default/a/drain", {"dry_run": True})["moved"]["close"] == 1
    it.drain()
    assert client.read_frame().close_code == 1012
    old.read_close(1001)
    assert it.backends["b"].untouched()


def test_a_client_that_opted_in_is_asked_to_come_again_then(moves):
    it = moves()
    client, old = it.open(upgrade_request("/chat?drover_migrate=1"), takes_part=False)
    it.drain()
    assert json.loads(client.read_frame().payload)["type"] == "migrate_connection"
    assert it.backends["b"].untouched()
    old.assert_nothing_came()


def test_a_dry_run_tells_who_would_be_handed_off(moves):
    it = moves()
    _, old = it.open()
    plan = it.ask("/api/v1/backends/default/a/drain", {"dry_run": True})
    assert plan["moved"] == {"handoff": 1, "notify": 0, "close": 0, "forced": 0, "failed": 0}
    assert it.backends["b"].untouched()
    old.assert_nothing_came()


@pytest.mark.parametrize("mode, told", [("notify", "migrate_connection"), ("close", None)])
def test_a_plan_may_begin_with_another_mode(moves, mode, told):
    it = moves()
    client, _ = it.open(upgrade_request("/chat?drover_migrate=1"))
    it.drain(mode=mode)
    frame = client.read_frame()
    assert json.loads(frame.payload)["type"] == told if told else frame.close_code == 1012
    assert it.backends["b"].untouched()


def test_with_handoff_off_nobody_hears_of_it(moves):
    it = moves(migration={"handoff": "off"})
    client, old = it.open()  # it answers with the header all the same
    assert old.key is None
    it.drain()
    assert client.read_frame().close_code == 1012


def _refuse_403(new):
    new.refuse("403 Forbidden")


def _join_not(new):
    new.join_not()


def _other_subprotocol(new):
    new.join("Sec-WebSocket-Protocol: chat.v2")


def _no_subprotocol(new):
    new.join()


def _other_extensions(new):
    new.join("Sec-WebSocket-Protocol: chat.v1", f"Sec-WebSocket-Extensions: {NO_CONTEXT}")


def _end(new):
    new.stream.close()


def _end_behind_101(new):
    new.stream.send(switching(new.head, f"{HANDOFF}: v1", "Sec-WebSocket-Protocol: chat.v1"))
    new.close_with(1008)
    new.stream.drain()


@pytest.mark.parametrize("refuse", [
    _refuse_403, _join_not, _other_subprotocol, _no_subprotocol, _other_extensions, _end])
def test_where_the_new_backend_refuses_the_session_falls_back(moves, refuse):
    it = moves(ejection={"failures": 1, "base_time": "30s"} if refuse is not _end else {})
    request = upgrade_request(
        "/chat", "Sec-WebSocket-Protocol: chat.v1, chat.v2", f"Sec-WebSocket-Extensions: {NO_CONTEXT}")
    client, old = it.open(request, ["Sec-WebSocket-Protocol: chat.v1"])
    it.drain()
    refuse(it.dialled("b"))
    assert client.read_frame().close_code == 1012  # not before: it has been a living session until then
    frame = old.stream.read_frame()
    assert frame.close_code == 1001, frame  # no leave
    assert it.drover.backends()["b"]["ejected"] is False
    moved = it.wait_for("done")["moved"]
    assert (moved["handoff"], moved["close"]) == (0, 1), moved
    wait_until(lambda: scrape(it.drover).sum("migrations_total", mode="handoff", result="refused") == 1, "a refusal")


def test_a_new_backend_that_ends_before_its_enter_has_refused(moves):
    it = moves()
    client, old = it.open(upgrade_request("/chat", "Sec-WebSocket-Protocol: chat.v1"),
                          ["Sec-WebSocket-Protocol: chat.v1"])
    it.drain()
    _end_behind_101(it.dialled("b"))
    # Whether it was heard before or after leave: the session has lost nothing.
    frame = old.stream.read_frame()
    if frame.opcode == TEXT:
        assert frame.payload.decode() == order("leave", old.key)
        client.send(client_frame(TEXT, b"held"))
        old.left('{"n":1}')
        assert old.read_enter() == {"drover": "enter", "key": old.key, "why": "left", "state": {"n": 1}, "from": "a"}
        assert old.read_text() == "held"
        assert client.read_frame().close_code == 1012  # the drain goes on
    else:
        assert frame.close_code == 1001 and client.read_frame().close_code == 1012


def test_other_candidates_are_tried_where_one_cannot_be_reached(moves):
    it = moves("abc")
    client, old = it.open()
    it.backends["b"].close()
    it.drain()
    new = it.dialled("c").join()
    old.read_leave()
    old.left()
    new.read_enter()
    talk(client, new)


def test_a_dial_that_drover_has_no_descriptor_for_is_held_against_nobody(moves):
    it = moves(ejection={"failures": 1, "base_time": "30s"})
    clients = [it.open()[0] for _ in range(3)]
    it.drain(mode="handoff", pace="1/s")
    it.dialled("b").refuse()  # the first one's
    soft, hard = resource.prlimit(it.drover.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(it.drover.pid, resource.RLIMIT_NOFILE, (0, hard))
    assert [client.read_frame().close_code for client in clients[::2]] == [1012, 1012]  # the one between is on b
    resource.prlimit(it.drover.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert it.wait_for("done")["moved"]["close"] == 2
    assert scrape(it.drover).value("resources_exhausted_total") > 0
    assert it.drover.backends()["b"]["ejected"] is False
    assert it.backends["b"].untouched()


def test_without_another_backend_nobody_is_touched(moves):
    it = moves("a")
    client, old = it.open()
    assert it.drain(deadline="1500ms")["state"] == "waiting"
    talk(client, old)
    it.wait_for("expired")
    old.assert_nothing_came()
    talk(client, old)


def test_ready_calls_back_what_has_not_left(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b")
    it.ask("/api/v1/backends/default/a/ready")
    assert it.wait_for("cancelled")["moved"]["handoff"] == 0
    new.stream.send_if_open(switching(new.head, f"{HANDOFF}: v1"))
    new.stream.drain()  # it is not needed any more
    talk(client, old)
    assert stable(lambda: it.drover.backends()["b"]["active"]) == 0


def test_a_session_that_was_refused_goes_on_and_may_be_asked_again(moves):
    it = moves()
    client, old = it.open(upgrade_request("/chat?drover_migrate=1"))
    for number in range(2):
        plan = it.drain(mode="handoff", grace="30s", deadline="60s")
        it.dialled("b").refuse()
        frame = client.read_frame()
        assert b"migrate_connection" in frame.payload
        it.ask("/api/v1/backends/default/a/ready")
        it.wait_for("cancelled", plan["id"])
        talk(client, old, b"after %d" % number)
