"""A session moves to another backend, and its client does not notice: what the backends are told, what goes along, and
what is counted."""
# ctest: tls

import json

import pytest
from harness import (
    BINARY, CONTINUATION, KEY, PING, PONG, TEXT, backend_frame, client_frame, scrape, switching, upgrade_request)
from harness.handoff import HANDOFF, NO_CONTEXT, deflated, left_with, open_compressed, ping, talk

_STATES = {
    "null": "null",
    "large numbers": '{"id":12345678901234567890123456789,"ratio":1.10000000000000000001e300,"minus":-0.0}',
    "unicode": '{"who":"Žofie 🐎","escaped":"\\u017d\\ud83d\\udc0e","control":"\\u0000\\n","slash":"\\/"}',
    "nested": '{"rooms":[[],{},[{"a":[{"b":[1,2,{"c":null}]}]}]],"":{"":""},"state":{"drover":"left","key":"x"}}',
    "a string": '"\\"}{\\\\"',
    "a number": "7",
    "spaces": ' { "a" : [ 1 ,\t2 ] ,\n"b":true } ',
    "repeated members": '{"a":1,"a":2}',
    "60 KiB": '"' + "x" * 60_000 + '"',
}


def test_one_session_moves(moves):
    it = moves()
    client, old = it.open()
    talk(client, old, b"before")
    assert not old.resumed and old.head.get("X-Drover-Previous-Backend") is None
    plan = it.drain()
    assert (plan["total"], plan["backend"]) == (1, "a")
    new = it.dialled("b")
    old.assert_nothing_came()  # nothing is asked of it before the new one has answered
    talk(client, old, b"while it dials")
    new.join()
    old.read_leave()
    old.text("a last reply")
    old.left('{"n":2}')
    assert new.read_enter() == {"drover": "enter", "key": new.key, "why": "left", "state": {"n": 2}, "from": "a"}
    assert client.read_frame().payload == b"a last reply"
    old.is_left()
    talk(client, new, b"after")
    done = it.wait_for("done")
    assert done["moved"] == {"handoff": 1, "notify": 0, "close": 0, "forced": 0, "failed": 0}
    assert done["left"] == 0
    assert it.drover.backends()["b"]["active"] == 1 and it.drover.backends()["a"]["active"] == 0
    metrics = scrape(it.drover)
    assert metrics.value("migrations_total", pool="default", mode="handoff", result="ok") == 1
    assert metrics.sum("migration_pause_seconds_count") == 1
    assert 0 < metrics.sum("migration_pause_seconds_sum") < 5


def test_what_the_new_backend_is_asked(moves):
    it = moves()
    request = upgrade_request(
        "/rooms/7?user=anna&x=%20y", "Cookie: sid=1; theme=dark", "Authorization: Bearer abc", "X-Custom: one",
        "Origin: https://chat.example.com", "User-Agent: raw", "Sec-WebSocket-Protocol: chat.v2, chat.v1",
        "X-Drover-Resumed: 1", "X-Drover-Previous-Backend: forged", f"{HANDOFF}: v1; key={'0' * 32}",
        host="chat.example.com")
    client, old = it.open(request, ["Sec-WebSocket-Protocol: chat.v1"])
    assert not old.resumed and old.head.get("X-Drover-Previous-Backend") is None
    it.drain()
    new = it.dialled("b")
    assert old.key and new.key and len({old.key, new.key, "0" * 32}) == 3
    assert new.resumed and new.head.get("X-Drover-Previous-Backend") == "a"
    assert old.head.get("Sec-WebSocket-Key") == KEY
    assert new.head.get("Sec-WebSocket-Key") not in (None, KEY)
    assert new.head.start_line == old.head.start_line == "GET /rooms/7?user=anna&x=%20y HTTP/1.1"

    def kept(head):
        fresh = {"sec-websocket-key", "x-drover-handoff", "x-drover-resumed", "x-drover-previous-backend"}
        return [(name, value) for name, value in head.headers if name.lower() not in fresh]
    assert kept(new.head) == kept(old.head)
    for name in ("Cookie", "Authorization", "X-Drover-Session", "X-Request-ID", "X-Forwarded-For"):
        assert new.head.get(name) is not None, name
    new.join("Sec-WebSocket-Protocol: chat.v1")
    old.read_leave()
    old.left()
    new.read_enter()
    talk(client, new)


def test_what_the_new_backend_is_asked_without_a_query_or_a_token(moves):
    """What Drover takes out of the first request is not in the second one either."""
    it = moves()
    client, old = it.open(upgrade_request("/chat?session_token=v1.none&drover_migrate=1&room=7"))
    it.drain()
    new = it.dialled("b")
    assert new.head.target == old.head.target == "/chat?room=7"
    new.join()
    old.read_leave()
    old.left()
    new.read_enter()
    talk(client, new)


@pytest.mark.parametrize("state", _STATES.values(), ids=_STATES.keys())
def test_the_state_arrives_as_it_was_sent(moves, state):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    old.left(state)
    text = new.read_enter_text()
    head, tail = f'{{"drover":"enter","key":"{new.key}","why":"left","state":', ',"from":"a"}'
    assert text.startswith(head) and text.endswith(tail)
    assert text[len(head) : -len(tail)].strip() == state.strip()
    talk(client, new)


@pytest.mark.parametrize("spaced", [
    '{"drover": "left", "key": "KEY", "state": {"n": 1}}',
    '{"drover" :\t"left" ,\r\n"key" : "KEY" , "state" :{"n":1} } '], ids=["python", "all kinds"])
def test_left_may_have_spaces(moves, spaced):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    old.text(spaced.replace("KEY", old.key))
    assert new.read_enter()["state"] == {"n": 1}
    talk(client, new)


def test_left_may_come_in_fragments_with_pings_between(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    state = json.dumps({"text": "y" * 3000})
    old.left_in_fragments(state, [100, 700, 1000], backend_frame(PING, b"between"))
    assert new.read_enter()["state"] == json.loads(state)
    for _ in range(3):
        frame = client.read_frame()
        assert (frame.opcode, frame.payload) == (PING, b"between")
    old.is_left()
    talk(client, new)


@pytest.mark.parametrize("cut", range(1, 70, 7))
def test_left_may_come_in_pieces_of_tcp(moves, cut):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    whole = backend_frame(TEXT, left_with(old.key, '{"n":1}').encode())
    old.stream.send(backend_frame(TEXT, b"last") + whole[:cut])
    assert client.read_frame().payload == b"last"
    old.stream.send(whole[cut:])
    assert new.read_enter()["state"] == {"n": 1}
    talk(client, new)


def test_what_the_client_says_meanwhile_comes_after_enter(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    for number in range(5):
        client.send(client_frame(TEXT, b"held %d" % number))
    client.send(client_frame(BINARY, b"one ", fin=False) + client_frame(PING, b"!"))
    client.send(client_frame(CONTINUATION, b"message"))
    old.assert_nothing_came()
    old.left()
    new.read_enter()
    assert [new.read_text() for _ in range(5)] == [f"held {number}" for number in range(5)]
    frames = [new.stream.read_frame() for _ in range(3)]
    assert [(frame.opcode, frame.fin, frame.payload) for frame in frames] == [
        (BINARY, False, b"one "), (PING, True, b"!"), (CONTINUATION, True, b"message")]
    talk(client, new)


def test_leave_waits_for_the_end_of_the_clients_message(moves):
    it = moves()
    client, old = it.open()
    client.send(client_frame(TEXT, b"be", fin=False))
    assert old.stream.read_frame().payload == b"be"
    it.drain()
    new = it.dialled("b").join()
    old.assert_nothing_came()
    client.send(client_frame(CONTINUATION, b"gin", fin=False) + client_frame(CONTINUATION, b"!"))
    assert [old.stream.read_frame().payload for _ in range(2)] == [b"gin", b"!"]
    old.read_leave()
    old.left()
    new.read_enter()
    talk(client, new)


def test_what_the_old_backend_says_until_left_comes_first(moves):
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    for number in range(100):
        old.text(f"old {number}")
    old.left()
    old.text("after left")  # nobody gets that
    new.read_enter()
    for number in range(100):
        new.text(f"new {number}")
    for side in ("old", "new"):
        assert [client.read_frame().payload.decode() for _ in range(100)] == [f"{side} {n}" for n in range(100)]
    talk(client, new)


def test_the_new_backend_may_speak_at_once(moves):
    """It should wait for its enter, but what it says first waits in Drover, and the client gets it in its turn."""
    it = moves()
    client, old = it.open()
    it.drain()
    new = it.dialled("b")
    new.stream.send(switching(new.head, f"{HANDOFF}: v1") + backend_frame(TEXT, b"welcome"))
    old.read_leave()
    old.text("goodbye")
    old.left()
    new.read_enter()
    assert [client.read_frame().payload for _ in range(2)] == [b"goodbye", b"welcome"]
    talk(client, new)


def test_three_moves_in_a_row(moves):
    it = moves("abc")
    client, backend = it.open()
    names, keys, sessions = ["a"], {backend.key}, {backend.head.get("X-Drover-Session")}
    for number in range(3):
        before, backend = backend, it.move(client, backend, json.dumps({"n": number}))
        assert backend.head.get("X-Drover-Previous-Backend") == before.name != backend.name
        names.append(backend.name)
        keys.add(backend.key)
        sessions.add(backend.head.get("X-Drover-Session"))
    assert len(keys) == 4 and len(sessions) == 1
    (session,) = it.ask("/api/v1/sessions", method="GET")["sessions"]
    assert (session["backend"], session["moves"]) == (names[-1], 3)
    client.close()
    record = it.drover.session()
    assert record["backends"] == [
        {"name": name, "why": "drain" if number else "pick"} for number, name in enumerate(names)]


def test_the_clients_ping_is_answered_where_the_old_backend_did_not(moves):
    it = moves()
    client, old = it.open()
    ping(client, b"first")
    assert old.stream.read_frame().payload == b"first"
    old.send(PONG, b"first")
    assert client.read_frame().payload == b"first"
    ping(client, b"second")
    ping(client, b"third")
    assert [old.stream.read_frame().payload for _ in range(2)] == [b"second", b"third"]
    it.drain()
    new = it.dialled("b").join()
    old.read_leave()
    old.left()
    new.read_enter()
    frame = client.read_frame()
    if frame.payload == b"second":  # the newest is enough (RFC 6455 section 5.5.3)
        frame = client.read_frame()
    assert (frame.opcode, frame.payload) == (PONG, b"third")
    talk(client, new)
    ping(client, b"fourth")
    assert new.stream.read_frame().payload == b"fourth"


def test_a_compressed_left_is_read(moves):
    it = moves()
    client, old = open_compressed(it, NO_CONTEXT)
    it.drain()
    new = it.dialled("b").join(f"Sec-WebSocket-Extensions: {NO_CONTEXT}")
    old.read_leave()
    compressed = backend_frame(TEXT, deflated("hello hello hello"), rsv=4)
    old.stream.send(compressed + backend_frame(TEXT, deflated(left_with(old.key, '{"n":41}')), rsv=4))
    assert client.read_frame().raw == compressed
    assert new.read_enter()["state"] == {"n": 41}
    client.send(client_frame(TEXT, deflated("on we go"), rsv=4))
    frame = new.stream.read_frame()
    assert (frame.rsv, frame.payload) == (4, deflated("on we go"))


def test_a_token_ends_in_enter_too(moves):
    """A client that comes again by itself, with a token, is told as such."""
    it = moves()
    client, old = it.open(upgrade_request("/chat?drover_migrate=1"))
    it.drain(mode="notify")
    token = json.loads(client.read_frame().payload)["session_token"]
    again, new = it.open(upgrade_request(f"/chat?session_token={token}"))
    assert new.resumed and new.key
    assert new.head.get("X-Drover-Session") == old.head.get("X-Drover-Session")
    enter = new.read_enter()
    assert (enter["why"], enter["state"]) == ("token", None)
    talk(again, new)
