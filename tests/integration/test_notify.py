"""Clients that opted in are asked to reconnect, at the pace of the plan; all others never see a frame of Drover's own."""
# ctest: tls both

import contextlib
import json
import time

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, TEXT, AnsweringBackend, backend_frame, client_frame, close_body, connect, open_tunnel,
    scrape, slack, switching, upgrade_request, wait_until)
from harness.crowd import Crowd, most_in_a_second, wait_for_closes

DRAIN = "/api/v1/backends/default/a/drain"
OFFER = "Sec-WebSocket-Protocol: drover.migrate.v1"


@pytest.fixture
def two(start):
    """A Drover with the answering backends a and b, and what opens crowds of it."""
    with contextlib.ExitStack() as stack:
        backends = {name: stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in "ab"}

        def begin(**config):
            drover = start({"policy": "round_robin", "backends": [
                {"name": name, "address": backend.address} for name, backend in backends.items()]} | config)
            drover.crowd = lambda count, *headers, **where: stack.enter_context(
                contextlib.closing(Crowd(drover, count, *headers, **where)))
            drover.served_by = backends
            return drover
        yield begin


def ask(drover, path, body=None, method="POST"):
    status, answer = drover.admin(path, method, body)
    assert status in (200, 202), answer
    return answer


def wait_for_told(members):
    wait_until(lambda: all(member.told for member in members), "everybody was told")
    return [member.told for member in members]


def test_the_message_is_as_documented(two):
    drover = two()
    crowd = drover.crowd(2, path="/chat?room=7&drover_migrate=1")
    (member,) = crowd.on("a")
    ask(drover, DRAIN, {"pace": "1000/s", "deadline": "20s", "grace": "2s"})
    ((_, message),) = wait_for_told([member])
    scheme = "wss" if message["new_endpoint"].startswith("wss") else "ws"
    token = message.pop("session_token")
    assert token.startswith("v1.") and "=" not in token
    delay = message.pop("reconnect_delay")
    assert 0 <= delay <= 1000 and message.pop("deadline") == delay + 2000
    assert message == {"type": "migrate_connection", "reason": "drain",
                       "new_endpoint": f"{scheme}://localhost/chat?room=7&drover_migrate=1"}
    # It comes back as the same session, on the other backend, before it leaves the old one.
    again = drover.crowd(1, f"X-Session-Token: {token}", path="/chat?room=7&drover_migrate=1").members[0]
    assert again.backend == "b"
    first, second = (drover.served_by[name].heads[-1] for name in "ab")
    assert second.get("X-Drover-Session") == first.get("X-Drover-Session")
    assert second.get("X-Drover-Resumed") == "1" and first.get("X-Drover-Resumed") is None
    member.leave()
    drover.served_by["a"].streams[0].send(backend_frame(CLOSE, close_body(1000)))
    wait_until(lambda: ask(drover, "/api/v1/drains/d1", method="GET")["state"] == "done", "done")
    plan = ask(drover, "/api/v1/drains/d1", method="GET")
    assert plan["moved"] == {"handoff": 0, "notify": 1, "close": 0, "forced": 0, "failed": 0}
    assert scrape(drover).value("migrations_total", pool="default", mode="notify", result="ok") == 1
    assert member.closing is None or member.closing[1].close_code == 1000


def test_who_does_not_go_gets_its_close_at_the_deadline_it_was_told(two):
    drover = two()
    crowd = drover.crowd(2, OFFER)
    (member,) = crowd.on("a")
    ask(drover, DRAIN, {"pace": "1000/s", "deadline": "20s", "grace": "700ms"})
    ((told_at, message),) = wait_for_told([member])
    closed_at = wait_for_closes([member])[0]
    assert member.closing[1].close_code == 1012
    assert message["deadline"] / 1000 - 0.05 <= closed_at - told_at <= message["deadline"] / 1000 + 0.1 + slack(0.3)
    drover.served_by["a"].close()
    wait_until(lambda: ask(drover, "/api/v1/drains/d1", method="GET")["state"] == "done", "done")
    assert ask(drover, "/api/v1/drains/d1", method="GET")["moved"]["forced"] == 1
    assert scrape(drover).value("migrations_total", pool="default", mode="notify", result="forced") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_delays_are_slots_of_the_pace(two, workers):
    drover = two(workers=workers)
    crowd = drover.crowd(60, OFFER)
    ask(drover, DRAIN, {"pace": "20/s", "deadline": "20s", "grace": "5s"})
    told = wait_for_told(crowd.on("a"))
    arrivals = sorted(when + message["reconnect_delay"] / 1000 for when, message in told)
    assert most_in_a_second(arrivals) <= 24
    assert 1.35 <= arrivals[-1] - arrivals[0] <= 1.5 + slack(0.3)
    # Told ahead, but a second at most: whoever calls a drain back has not yet told the rest.
    assert max(message["reconnect_delay"] for _, message in told) <= 1000
    assert len({message["session_token"] for _, message in told}) == 30


def test_clients_that_did_not_opt_in_never_see_a_foreign_frame(two):
    drover = two()
    plain = drover.crowd(10)
    knowing = drover.crowd(10, OFFER)
    ask(drover, DRAIN, {"pace": "1000/s", "deadline": "20s", "grace": "300ms"})
    wait_for_closes(plain.on("a") + knowing.on("a"))
    for member in plain.on("a"):
        assert [frame.opcode for _, frame in member.frames] == [CLOSE]
        assert member.closing[1].close_code == 1012
    for member in knowing.on("a"):
        assert [frame.opcode for _, frame in member.frames] == [TEXT, CLOSE]


@pytest.mark.parametrize(("notify", "mode", "headers"), [
    ("off", None, (OFFER,)), ("opt_in", "close", (OFFER,)), ("always", "close", ())])
def test_nobody_is_notified_where_the_pool_or_the_plan_says_so(two, notify, mode, headers):
    drover = two(migration={"notify": notify})
    crowd = drover.crowd(6, *headers)
    plan = ask(drover, DRAIN, {"pace": "1000/s"} | ({"mode": mode} if mode else {}))
    wait_for_closes(crowd.on("a"))
    assert all([frame.opcode for _, frame in member.frames] == [CLOSE] for member in crowd.on("a"))
    assert plan["total"] == 3


def test_always_tells_those_too_that_did_not_ask(two):
    drover = two(migration={"notify": "always", "endpoint": "wss://other.example.com/ws"})
    crowd = drover.crowd(4)
    dry = ask(drover, DRAIN, {"dry_run": True})
    assert dry["moved"]["notify"] == 2 and dry["moved"]["close"] == 0
    ask(drover, DRAIN, {"pace": "1000/s", "deadline": "9s", "grace": "1s"})
    for _, message in wait_for_told(crowd.on("a")):
        assert message["new_endpoint"] == "wss://other.example.com/ws"


def test_the_frame_stands_between_messages(start, backend):
    with contextlib.closing(AnsweringBackend("b")) as other:
        drover = start({"policy": "round_robin", "backends": [
            {"name": "a", "address": backend.address}, {"name": "b", "address": other.address}]})
        client, server = open_tunnel(drover.port, backend, upgrade_request("/chat", OFFER))
        first, rest = backend_frame(BINARY, b"one ", fin=False), backend_frame(CONTINUATION, b"message")
        server.send(first + rest[:3])
        assert client.read_exactly(len(first)) == first
        ask(drover, DRAIN, {"pace": "1000/s"})
        wait_until(lambda: ask(drover, "/api/v1/drains/d1", method="GET")["told"] == 1, "told")
        server.send(rest[3:] + backend_frame(TEXT, b"the next"))
        assert client.read_frame().payload == b"message"
        payloads = sorted(client.read_frame().payload for _ in range(2))
        assert payloads[0] == b"the next" and json.loads(payloads[1])["type"] == "migrate_connection"


def test_ready_takes_back_the_close_of_those_who_were_told(two):
    drover = two()
    crowd = drover.crowd(2, OFFER)
    (member,) = crowd.on("a")
    ask(drover, DRAIN, {"pace": "1000/s", "deadline": "20s", "grace": "1s"})
    ((_, message),) = wait_for_told([member])
    ask(drover, "/api/v1/backends/default/a/ready")
    wait_until(lambda: ask(drover, "/api/v1/drains/d1", method="GET")["state"] == "cancelled", "cancelled")
    time.sleep(message["deadline"] / 1000 + 0.3)  # the window in which its Close would have come
    assert member.closing is None
    member.stream.send(client_frame(TEXT, b"still here"))
    assert drover.served_by["a"].streams[0].read_frame().payload == b"still here"


def test_shutdown_says_so_to_those_who_opted_in(two):
    drover = two(shutdown={"deadline": "4s", "pace": "10/s"})
    knowing, plain = drover.crowd(10, OFFER), drover.crowd(4)
    drover.signal(15)
    for _, message in wait_for_told(knowing.members):
        assert message.pop("message")
        delay = message.pop("reconnect_delay")
        assert 0 <= delay <= 1000 and message.pop("deadline") == delay + 1000
        assert message == {"type": "server_shutdown"}
    wait_for_closes(knowing.members + plain.members)
    assert {member.closing[1].close_code for member in knowing.members + plain.members} == {1001}
    assert all([frame.opcode for _, frame in member.frames] == [CLOSE] for member in plain.members)
    for backend in drover.served_by.values():
        backend.close()
    assert drover.wait() == 0


def test_whoever_offers_it_gets_it_only_where_the_backend_chose_nothing(start, backend):
    drover = start({"backends": [backend.address]})
    client = connect(drover.port, upgrade_request("/chat", "Sec-WebSocket-Protocol: chat, drover.migrate.v1"))
    server = backend.accept()
    head = server.read_head()
    assert head.get("Sec-WebSocket-Protocol") == "chat"
    server.send(switching(head, "Sec-WebSocket-Protocol: chat"))
    assert client.read_head().get("Sec-WebSocket-Protocol") == "chat"
