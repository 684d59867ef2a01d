"""The admin API against sessions and backends that are there: what is told, and what it changes."""

import http.client
import json
import threading

import pytest
from harness import (
    PATIENCE, TEXT, AnsweringBackend, RawBackend, backend_frame, client_frame, connect, open_tunnel, upgrade_request,
    wait_until)

FIELDS = ["id", "resume_id", "client", "pool", "backend", "age_ms", "subprotocol", "messages_in", "messages_out",
          "bytes_in", "bytes_out", "queued", "moves", "state", "path"]


def call(drover, method, path, body=None):
    """(status, JSON)"""
    connection = http.client.HTTPConnection("127.0.0.1", drover.admin_port, timeout=PATIENCE)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def get(drover, path):
    """The JSON of a 200."""
    status, body = call(drover, "GET", path)
    assert status == 200, body
    return body


def pages(drover, query, limit):
    """Every session, page by page; each page but the last is full."""
    sessions, cursor = [], ""
    while cursor is not None:
        page = get(drover, f"/api/v1/sessions?{query}&limit={limit}&cursor={cursor}")
        sessions += page["sessions"]
        cursor = page["cursor"]
        assert len(page["sessions"]) == limit or (cursor is None and len(page["sessions"]) < limit)
    return sessions


@pytest.fixture
def backends():
    """Three that answer."""
    three = [AnsweringBackend(name) for name in ("a", "b", "c")]
    yield three
    for backend in three:
        backend.close()


def open_client(drover, path="/chat"):
    client = connect(drover.port, upgrade_request(path))
    assert client.read_head().status == 101
    return client


def test_a_session_is_told_with_all_it_has(drover, backend):
    client, server = open_tunnel(drover.port, backend, upgrade_request("/chat/%0d?token=x", "Sec-WebSocket-Protocol: v1"),
                                 ["Sec-WebSocket-Protocol: v1"])
    client.send(client_frame(TEXT, b"hello"))
    server.read_frame()
    server.send(backend_frame(TEXT, b"ho") + backend_frame(TEXT, b"ho"))
    client.read_frame()
    client.read_frame()
    (session,) = get(drover, "/api/v1/sessions")["sessions"]
    assert list(session) == FIELDS
    assert session["client"] == f"127.0.0.1:{client.local_port}"
    assert (session["pool"], session["backend"], session["path"]) == ("default", backend.address, "/chat/%0d")
    assert (session["subprotocol"], session["state"]) == ("v1", "tunnelling")
    assert (session["messages_in"], session["messages_out"], session["queued"], session["moves"]) == (1, 2, 0, 0)
    assert (session["bytes_in"], session["bytes_out"]) == (11, 8)
    assert 0 <= session["age_ms"] < PATIENCE * 1000
    one = get(drover, f"/api/v1/sessions/{session['id']}")
    assert one | {"age_ms": 0} == session | {"age_ms": 0}
    client.reset()
    record = drover.session()
    assert (record["id"], record["resume_id"]) == (session["id"], session["resume_id"])
    assert get(drover, "/api/v1/sessions") == {"sessions": [], "cursor": None}
    assert call(drover, "GET", f"/api/v1/sessions/{session['id']}") == (
        404, {"error": f"no session '{session['id']}'"})


def test_lists_are_paged_over_all_workers_and_filtered(start, backends):
    drover = start({"workers": 3, "pools": {
        "chat": {"policy": "round_robin",
                 "backends": [{"name": one.name, "address": one.address} for one in backends[:2]]},
        "mail": {"backends": [{"name": "c", "address": backends[2].address}]}},
        "routes": [{"match": {"path": "/mail"}, "pool": "mail"}, {"pool": "chat"}]})
    clients = [open_client(drover) for _ in range(40)] + [open_client(drover, "/mail") for _ in range(5)]
    wanted = sorted(f"127.0.0.1:{client.local_port}" for client in clients)
    for limit in (1, 7, 45, 1000):
        sessions = pages(drover, "", limit)
        assert sorted(session["client"] for session in sessions) == wanted
        assert len({session["id"] for session in sessions}) == 45
    assert len(get(drover, "/api/v1/sessions")["sessions"]) == 45
    assert {one["pool"] for one in pages(drover, "pool=mail", 2)} == {"mail"}
    assert len(pages(drover, "pool=chat", 7)) == 40
    assert len(pages(drover, "backend=a", 7)) + len(pages(drover, "pool=chat&backend=b", 7)) == 40
    assert [one["client"] for one in pages(drover, f"client={wanted[0]}", 7)] == [wanted[0]]
    assert len(pages(drover, "client=127.0.0.1", 20)) == 45
    assert pages(drover, "client=10.0.0.1", 20) == []
    for query, error in (("pool=nope", "no pool 'nope'"), ("backend=d", "no backend 'd' in any pool"),
                         ("pool=mail&backend=a", "no backend 'a' in pool 'mail'")):
        assert call(drover, "GET", f"/api/v1/sessions?{query}") == (404, {"error": error})
    for query, what in (("limit=0", "1 to 1000"), ("limit=1001", "1 to 1000"), ("limit=x", "1 to 1000"),
                        ("cursor=x", "cursor"), ("pols=x", "pool, backend, client, limit, cursor"),
                        ("pool=a&pool=b", "twice"), ("pool=%zz", "hexadecimal")):
        status, body = call(drover, "GET", f"/api/v1/sessions?{query}")
        assert status == 400 and what in body["error"], body


def test_a_listing_misses_nobody_who_stays_and_tells_nobody_twice(start, backends):
    drover = start({"workers": 1, "backends": [backends[0].address]})
    clients = [open_client(drover) for _ in range(600)]  # far more than are visited in a turn of the worker's loop
    staying, leaving = clients[::2], clients[1::2]
    wanted = {f"127.0.0.1:{client.local_port}" for client in staying}
    leave = threading.Thread(target=lambda: [client.reset() for client in leaving])
    leave.start()
    listings = [pages(drover, "", limit) for limit in (1000, 1000, 250, 1000)]
    leave.join()
    for sessions in listings:
        assert wanted <= {session["client"] for session in sessions}
        assert len({session["id"] for session in sessions}) == len(sessions)
    wait_until(lambda: {session["client"] for session in pages(drover, "", 1000)} == wanted, "those that stay are left")


def test_a_session_is_closed_by_the_operator_and_no_other(drover, backend):
    (client, _), (other, other_server) = open_tunnel(drover.port, backend), open_tunnel(drover.port, backend)
    (session,) = get(drover, f"/api/v1/sessions?client=127.0.0.1:{client.local_port}")["sessions"]
    path = f"/api/v1/sessions/{session['id']}"
    assert call(drover, "DELETE", path) == (200, {"id": session["id"], "closing": True})
    assert client.read_frame().close_code == 1001
    client.close()
    record = drover.session()
    assert (record["id"], record["initiator"], record["why"]) == (session["id"], "drover", "admin")
    wait_until(lambda: call(drover, "DELETE", path)[0] == 404, "the session is gone")
    assert len(drover.events("session_close_asked")) >= 1
    asked = drover.events("session_close_asked")[0]
    assert asked["session"] == session["id"] and asked["peer"].startswith("127.0.0.1:")
    other.send(client_frame(TEXT, b"still here"))
    assert other_server.read_frame().payload == b"still here"


def test_maintenance_sends_new_sessions_elsewhere_until_ready(start, backends):
    drover = start({"policy": "round_robin",
                    "backends": [{"name": one.name, "address": one.address} for one in backends]})
    staying = [open_client(drover) for _ in range(3)]
    status, body = call(drover, "POST", "/api/v1/backends/default/a/maintenance")
    assert status == 200 and body == drover.backends()["a"]
    assert (body["admin"], body["eligible"], body["active"]) == ("maintenance", False, 1)
    more = [open_client(drover) for _ in range(4)]
    assert {name: one["active"] for name, one in drover.backends().items()} == {"a": 1, "b": 3, "c": 3}
    status, body = call(drover, "POST", "/api/v1/backends/default/a/ready", "{}")
    assert status == 200 and (body["admin"], body["eligible"]) == ("ready", True)
    more += [open_client(drover) for _ in range(3)]
    assert drover.backends()["a"]["active"] == 2
    changes = wait_until(lambda: len(found := drover.events("backend_operator_state")) == 2 and found, "both are logged")
    assert [(one["pool"], one["backend"], one["state"]) for one in changes] == [
        ("default", "a", "maintenance"), ("default", "a", "ready")]
    assert all(one["peer"].startswith("127.0.0.1:") for one in changes)
    assert call(drover, "POST", "/api/v1/backends/default/d/ready") == (
        404, {"error": "no backend 'd' in pool 'default'"})
    assert len(staying) + len(more) == 10


def test_a_weight_is_set_and_followed(start, backends):
    drover = start({"policy": "round_robin",
                    "backends": [{"name": one.name, "address": one.address} for one in backends[:2]]})
    status, body = call(drover, "PUT", "/api/v1/backends/default/a/weight", '{"weight":3}')
    assert status == 200 and body["weight"] == 3
    clients = [open_client(drover) for _ in range(8)]
    assert {name: one["active"] for name, one in drover.backends().items()} == {"a": 6, "b": 2}
    for wrong in ('{"weight":0}', '{"weight":1001}', '{"weight":1.5}', '{"weight":"2"}', "{}", ""):
        status, body = call(drover, "PUT", "/api/v1/backends/default/a/weight", wrong)
        assert status == 400 and "1 to 1000" in body["error"]
    (change,) = wait_until(lambda: drover.events("backend_weight"), "the change is logged")
    assert (change["pool"], change["backend"], change["weight"]) == ("default", "a", "3")
    assert len(clients) == 8


def test_names_with_addresses_and_percent(start, backends):
    address = backends[0].address
    drover = start({"backends": [address]})
    for written in (address, address.replace(":", "%3A").replace(".", "%2e")):
        status, body = call(drover, "POST", f"/api/v1/backends/default/{written}/maintenance")
        assert status == 200 and body["name"] == address
    named = start({"backends": [f"localhost:{backends[0].port}"]})
    name = next(one for one in named.backends() if "@127.0.0.1" in one)
    status, body = call(named, "PUT", f"/api/v1/backends/default/{name}/weight", '{"weight":9}')
    assert status == 200 and (body["name"], body["weight"]) == (name, 9)


def test_shutdown_is_as_sigterm(start, backends):
    drover = start({"backends": [backends[0].address]})
    client = open_client(drover)
    assert call(drover, "POST", "/api/v1/shutdown") == (202, {"shutting_down": True})
    assert client.read_frame().close_code == 1001
    client.close()
    assert drover.wait() == 0
    assert drover.events("shutdown_asked")[0]["peer"].startswith("127.0.0.1:")
    assert drover.events("stopping")[0]["cause"] == "admin"


def test_the_configuration_is_told_without_its_secrets(start, backends):
    token = "s3cret-token-0123456789"
    drover = start({"backends": [backends[0].address], "admin": {"bind": "127.0.0.1:0", "token": token}})
    connection = http.client.HTTPConnection("127.0.0.1", drover.admin_port, timeout=PATIENCE)
    connection.request("GET", "/api/v1/config", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200 and token not in text
    assert json.loads(text)["pools"]["default"]["backends"][0]["address"] == backends[0].address


def test_health_tells_descriptors_ports_and_buffers(drover, backend):
    streams = open_tunnel(drover.port, backend)
    checks = get(drover, "/health")["checks"]
    assert all(check["healthy"] for check in checks.values())
    assert 5 < checks["descriptors"]["used"] < checks["descriptors"]["limit"]
    assert abs(checks["descriptors"]["used"] - drover.descriptors()) <= 3
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as ports:
        first, last = map(int, ports.read().split())
    assert checks["ports"] == {"healthy": True, "used": 1, "limit": last - first + 1, "backend": backend.address}
    assert checks["memory_usage"]["buffered_bytes"] == 0
    assert len(streams) == 2
