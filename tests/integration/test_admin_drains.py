"""Drains over HTTP: what a plan looks like, what it does to sessions, and what stops it."""

import contextlib
import struct
import urllib.request

import pytest
from harness import AnsweringBackend, connect, plain_request, upgrade_request, wait_until

_PLAN = ["id", "cause", "pool", "backend", "state", "total", "moved", "left", "pace", "eta_ms", "warnings", "backends",
         "told", "ended", "deadline_ms"]
_NOBODY = {"handoff": 0, "notify": 0, "close": 0, "forced": 0, "failed": 0}


@pytest.fixture
def two_backends(start):
    """Drover with a pool chat of a and b, four sessions on each, and a's clients."""
    with contextlib.ExitStack() as stack:
        a, b = (stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in "ab")
        drover = start({"workers": 2, "routes": [{"pool": "chat"}], "pools": {"chat": {
            "policy": "round_robin", "timeouts": {"close": "100ms"},
            "backends": [{"name": "a", "address": a.address}, {"name": "b", "address": b.address}]}}})
        clients = {"a": [], "b": []}
        for _ in range(8):
            client = connect(drover.port, upgrade_request("/chat"))
            clients[client.read_head().get("X-Backend")].append(client)
        assert [len(one) for one in clients.values()] == [4, 4]
        yield drover, clients


def _drain(drover, **terms):
    return drover.admin("/api/v1/backends/chat/a/drain", "POST", terms or None)


def _plan(drover, identity="d1"):
    status, plan = drover.admin(f"/api/v1/drains/{identity}")
    assert status == 200, plan
    return plan


def _metric(drover, series):
    with urllib.request.urlopen(f"http://127.0.0.1:{drover.admin_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    (value,) = [line.rsplit(" ", 1)[1] for line in lines if line.rsplit(" ", 1)[0] == series]
    return float(value)


def test_a_drain_closes_the_sessions_of_its_backend_alone(two_backends):
    drover, clients = two_backends
    status, plan = _drain(drover, mode="close", pace="100/s")
    assert status == 202 and list(plan) == _PLAN
    assert (plan["id"], plan["cause"], plan["pool"], plan["backend"]) == ("d1", "operator", "chat", "a")
    assert plan["state"] == "running" and plan["total"] == 4 and plan["backends"] == ["a"] and plan["pace"] == 100.0
    assert 0 < plan["deadline_ms"] <= 60_000 and plan["warnings"] == []
    for client in clients["a"]:
        assert struct.unpack(">H", client.read_frame().payload[:2]) == (1012,)
    ended = wait_until(lambda: (now := _plan(drover))["state"] == "done" and now, "the drain is done")
    assert ended["moved"] == {**_NOBODY, "close": 4} and ended["left"] == 0 and ended["total"] == 4
    assert drover.backends("chat")["a"]["admin"] == "drain" and drover.backends("chat")["b"]["active"] == 4
    assert _metric(drover, 'drover_migrations_total{pool="chat",mode="close",result="ok"}') == 4
    assert _metric(drover, "drover_drain_left") == 0
    assert drover.admin("/api/v1/drains")[1] == {"drains": [ended], "frozen": False}
    logged = wait_until(lambda: drover.events("drain_asked"), "the drain is logged")
    assert logged[0]["mode"] == "close" and logged[0]["peer"].startswith("127.0.0.1:")


def test_a_dry_run_changes_nothing(two_backends):
    drover, _ = two_backends
    before = drover.backends("chat")
    status, plan = _drain(drover, dry_run=True, pace="2/s")
    assert status == 200 and list(plan) == _PLAN
    assert plan["id"] is None and plan["state"] == "dry_run" and plan["moved"] == {**_NOBODY, "close": 4}
    assert 1_000 <= plan["eta_ms"] <= 2_000
    assert drover.backends("chat") == before and drover.admin("/api/v1/drains")[1]["drains"] == []


def test_a_pool_has_nobody_else_and_waits(two_backends):
    drover, _ = two_backends
    status, plan = drover.admin("/api/v1/pools/chat/drain", "POST", {"mode": "close", "pace": "1000/s"})
    assert status == 202 and plan["backend"] is None and plan["backends"] == ["a", "b"] and plan["total"] == 8
    assert plan["state"] == "waiting" and len(plan["warnings"]) == 1
    assert _metric(drover, "drover_drain_left") == 8
    assert {one["active"] for one in drover.backends("chat").values()} == {4}


def test_a_freeze_holds_a_drain_up(two_backends):
    drover, clients = two_backends
    assert drover.admin("/api/v1/freeze", "POST") == (200, {"frozen": True})
    assert _drain(drover, mode="close", pace="1000/s")[1]["state"] == "frozen"
    assert _metric(drover, "drover_drains_frozen") == 1 and _metric(drover, "drover_drain_left") == 4
    assert drover.admin("/api/v1/drains")[1]["frozen"] is True
    assert not any(client.readable(0.1) for client in clients["a"])
    assert drover.admin("/api/v1/unfreeze", "POST") == (200, {"frozen": False})
    wait_until(lambda: _plan(drover)["state"] == "done", "the drain goes on and ends")
    assert _plan(drover)["moved"]["close"] == 4 and _metric(drover, "drover_drains_frozen") == 0


def test_a_cancelled_drain_leaves_who_is_left_and_the_backend_closed(two_backends):
    drover, _ = two_backends
    drover.admin("/api/v1/freeze", "POST")
    _drain(drover)
    status, plan = drover.admin("/api/v1/drains/d1", "DELETE")
    assert status == 200 and list(plan) == [*_PLAN, "note"]
    assert plan["state"] == "cancelled" and plan["left"] == 4 and plan["moved"] == _NOBODY
    assert "no new sessions still for a: POST /api/v1/backends/chat/{name}/ready" in plan["note"]
    assert drover.backends("chat")["a"]["admin"] == "drain"
    assert drover.admin("/api/v1/backends/chat/a/ready", "POST")[1]["eligible"] is True
    assert "note" not in drover.admin("/api/v1/drains/d1", "DELETE")[1]
    assert drover.admin("/api/v1/drains/d9", "DELETE")[0] == drover.admin("/api/v1/drains/d9")[0] == 404
    logged = wait_until(lambda: drover.events("drain_cancel_asked"), "the cancelling is logged")
    assert logged[0]["id"] == "d1" and logged[0]["peer"].startswith("127.0.0.1:")


def test_ready_cancels_the_drain(two_backends):
    drover, _ = two_backends
    drover.admin("/api/v1/freeze", "POST")
    _drain(drover)
    assert drover.admin("/api/v1/backends/chat/a/ready", "POST")[1]["admin"] == "ready"
    wait_until(lambda: _plan(drover)["state"] == "cancelled", "the drain is cancelled")
    assert drover.backends("chat")["a"]["active"] == 4


def test_nothing_has_to_be_said(two_backends):
    drover, _ = two_backends
    drover.admin("/api/v1/freeze", "POST")
    stream = connect(drover.admin_port, plain_request("POST /api/v1/backends/chat/a/drain HTTP/1.1", "Host: localhost"))
    assert stream.read_head().status == 202
    assert _plan(drover)["state"] == "frozen"


def test_a_drover_that_ends_starts_no_drain(two_backends):
    drover, _ = two_backends
    assert drover.admin("/api/v1/shutdown", "POST")[0] == 202
    wait_until(lambda: drover.admin("/ready")[0] == 503, "it shuts down")
    status, refusal = _drain(drover)
    assert status == 409 and "shutting down" in refusal["error"], refusal
    assert drover.wait() == 0
