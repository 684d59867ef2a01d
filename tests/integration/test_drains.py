"""Drain plans: who goes, how fast, what holds them, and what is told of them."""
# ctest: tls both

import contextlib
import time

import pytest
from harness import (
    BINARY, AnsweringBackend, backend_frame, connect, open_tunnel, scrape, slack, switching, upgrade_request, wait_until)
from harness.crowd import Crowd, most_in_a_second, wait_for_closes

DRAIN = "/api/v1/backends/default/{}/drain"


class Scene:
    """A Drover with the backends a and b, each answering, and a crowd of clients."""

    def __init__(self, start, stack, names="ab", **config):
        self._stack = stack
        self.backends = {name: stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in names}
        self.drover = start({"policy": "round_robin", "backends": [
            {"name": name, "address": backend.address} for name, backend in self.backends.items()]} | config)

    def crowd(self, count, *headers, **where):
        return self._stack.enter_context(contextlib.closing(Crowd(self.drover, count, *headers, **where)))

    def ask(self, path, body=None, method="POST", status=202):
        got, answer = self.drover.admin(path, method, body)
        assert got == status, answer
        return answer

    def plan(self, plan_id="d1"):
        return self.ask(f"/api/v1/drains/{plan_id}", method="GET", status=200)

    def wait_for(self, state, plan_id="d1"):
        wait_until(lambda: self.plan(plan_id)["state"] == state, f"the plan is {state}")
        return self.plan(plan_id)


@pytest.fixture
def scene(start):
    with contextlib.ExitStack() as stack:
        yield lambda *args, **config: Scene(start, stack, *args, **config)


def test_those_of_the_backend_get_1012_and_the_others_stay(scene):
    it = scene()
    crowd = it.crowd(10)
    plan = it.ask(DRAIN.format("a"), {"pace": "1000/s"})
    assert {key: plan[key] for key in ("id", "cause", "pool", "backend", "state", "total", "left", "warnings")} == {
        "id": "d1", "cause": "operator", "pool": "default", "backend": "a", "state": "running", "total": 5, "left": 5,
        "warnings": []}
    wait_for_closes(crowd.on("a"))
    for member in crowd.on("a"):
        frame = member.closing[1]
        assert frame.close_code == 1012 and not frame.close_reason.startswith("{"), frame
    for stream in it.backends["a"].streams:
        assert stream.read_frame().close_code == 1001
        stream.close()
    done = it.wait_for("done")
    assert done["moved"] == {"handoff": 0, "notify": 0, "close": 5, "forced": 0, "failed": 0}
    assert (done["left"], done["total"]) == (0, 5)
    for record in it.drover.wait_for_sessions(5):
        assert (record["initiator"], record["why"]) == ("drover", "drain"), record
        assert [backend["name"] for backend in record["backends"]] == ["a"]
    assert not any(member.frames for member in crowd.on("b"))
    # New sessions go elsewhere from the first moment on, and the backend is known to be drained.
    assert {member.backend for member in it.crowd(4).members} == {"b"}
    assert it.drover.backends()["a"]["admin"] == "drain"
    assert scrape(it.drover).value("migrations_total", pool="default", mode="close", result="ok") == 5
    assert scrape(it.drover).value("drain_left") == 0
    wait_until(lambda: it.drover.events("drain_ended"), "its end is logged")
    (started,), (ended,) = it.drover.events("drain_started"), it.drover.events("drain_ended")
    assert (started["cause"], started["backends"], started["sessions"]) == ("operator", "a", "5")
    assert (ended["state"], ended["close"], ended["left"]) == ("done", "5", "0")


@pytest.mark.parametrize("workers", [1, 2])
def test_all_workers_together_keep_the_pace(scene, workers):
    it = scene(workers=workers)
    crowd = it.crowd(80)
    it.ask(DRAIN.format("a"), {"pace": "20/s"})
    wait_until(lambda: scrape(it.drover).value("drain_left") not in (0, 40), "some are left")
    times = wait_for_closes(crowd.on("a"))
    assert len(times) == 40
    assert 1.85 <= times[-1] - times[0] <= 1.95 + slack(0.5)
    assert most_in_a_second(times) <= 24


def test_a_pace_that_cannot_keep_the_deadline_says_so_and_is_raised(scene):
    it = scene()
    crowd = it.crowd(80)
    began = time.monotonic()
    plan = it.ask(DRAIN.format("a"), {"pace": "5/s", "deadline": "3s", "grace": "750ms"})
    assert plan["pace"] == 20
    (warning,) = plan["warnings"]
    assert "5/s" in warning and "40 sessions" in warning and "20/s" in warning
    wait_until(lambda: it.drover.events("drain_warning"), "the log says so too")
    times = wait_for_closes(crowd.on("a"))
    assert times[-1] - began <= 2.4 + slack(0.5)
    assert most_in_a_second(times) <= 24
    for stream in it.backends["a"].streams:
        stream.close()
    assert it.wait_for("done")["left"] == 0


def test_auto_spreads_over_what_the_deadline_leaves(scene):
    it = scene()
    crowd = it.crowd(40)
    plan = it.ask(DRAIN.format("a"), {"pace": "auto", "deadline": "3250ms", "grace": "1s"})
    assert plan["pace"] == 10
    times = wait_for_closes(crowd.on("a"))
    assert 1.8 <= times[-1] - times[0] <= 2.0 + slack(0.5)


def test_without_another_backend_nothing_is_moved_until_there_is_one(scene):
    it = scene()
    crowd = it.crowd(4)
    it.ask("/api/v1/backends/default/b/maintenance", status=200)
    plan = it.ask(DRAIN.format("a"), {"pace": "1000/s"})
    assert plan["state"] == "waiting"
    assert any("nobody else is eligible" in warning for warning in plan["warnings"])
    # It goes on doing nothing: a session that comes to an end by itself is the only one that goes.
    crowd.on("a")[0].leave()
    it.backends["a"].streams[0].send(bytes.fromhex("880203e8"))
    wait_until(lambda: it.plan()["left"] == 1, "one has ended by itself")
    assert it.plan()["state"] == "waiting" and not crowd.on("a")[1].frames
    it.ask("/api/v1/backends/default/b/ready", status=200)
    wait_for_closes(crowd.on("a")[1:])
    it.backends["a"].close()
    done = it.wait_for("done")
    assert done["moved"]["close"] == 1 and done["ended"] == 1 and not done["warnings"]


def test_what_waited_in_vain_expires_and_closes_nobody(scene):
    it = scene("a")
    crowd = it.crowd(3)
    assert it.ask(DRAIN.format("a"), {"pace": "1000/s", "deadline": "500ms"})["state"] == "waiting"
    expired = it.wait_for("expired")
    assert expired["left"] == 3 and any("stay" in warning for warning in expired["warnings"])
    assert not any(member.frames for member in crowd.members)
    wait_until(lambda: [event["state"] for event in it.drover.events("drain_ended")] == ["expired"], "it is logged")


def test_ready_calls_it_back(scene):
    it = scene()
    crowd = it.crowd(40)
    it.ask(DRAIN.format("a"), {"pace": "10/s"})
    wait_until(lambda: it.plan()["moved"]["close"] >= 2, "some are closed")
    assert it.plan()["told"] > 0  # somebody's turn is near
    it.ask("/api/v1/backends/default/a/ready", status=200)
    cancelled = it.wait_for("cancelled")
    assert any("ready again" in warning for warning in cancelled["warnings"])
    closed = sum(1 for member in crowd.on("a") if member.closing)
    assert {member.backend for member in it.crowd(4).members} == {"a", "b"}
    # Another drain finds all that are left, those included that had been told already.
    again = it.ask(DRAIN.format("a"), {"pace": "1000/s"})
    assert again["id"] == "d2" and again["total"] >= 22 - closed
    wait_for_closes(crowd.on("a"))


def test_cancel_leaves_the_rest_where_they_are(scene):
    it = scene()
    crowd = it.crowd(40)
    it.ask(DRAIN.format("a"), {"pace": "10/s"})
    wait_until(lambda: it.plan()["moved"]["close"] >= 2, "some are closed")
    cancelled = it.ask("/api/v1/drains/d1", method="DELETE", status=200)
    assert cancelled["state"] == "cancelled"
    assert it.drover.backends()["a"]["admin"] == "drain"
    assert {member.backend for member in it.crowd(4).members} == {"b"}
    closed = sum(1 for member in crowd.on("a") if member.closing)
    assert closed < 20
    again = it.ask(DRAIN.format("a"), {"pace": "1000/s"})
    assert again["id"] == "d2"
    wait_for_closes(crowd.on("a"))


def test_freeze_stops_every_plan_and_unfreeze_lets_them_go_on(scene):
    it = scene()
    crowd = it.crowd(60)
    it.ask(DRAIN.format("a"), {"pace": "20/s", "deadline": "4s", "grace": "1s"})
    wait_until(lambda: it.plan()["moved"]["close"] >= 2, "some are closed")
    assert it.ask("/api/v1/freeze", status=200) == {"frozen": True}
    frozen = it.wait_for("frozen")
    assert it.ask("/api/v1/drains", method="GET", status=200)["frozen"] is True
    closed = sum(1 for member in crowd.on("a") if member.closing)
    time.sleep(2)  # a window in which an unfrozen plan would have closed everybody
    assert sum(1 for member in crowd.on("a") if member.closing) <= closed + 1
    assert it.plan()["deadline_ms"] == pytest.approx(frozen["deadline_ms"], abs=200)
    it.ask("/api/v1/unfreeze", status=200)
    times = wait_for_closes(crowd.on("a"))
    assert most_in_a_second(times) <= 24
    assert times[-1] - times[0] > 3


def test_dials_in_flight_are_covered(start, backend):
    with contextlib.closing(AnsweringBackend("b")) as other:
        drover = start({"policy": "round_robin", "backends": [
            {"name": "a", "address": backend.address}, {"name": "b", "address": other.address}]})
        client = connect(drover.port, upgrade_request())
        server = backend.accept()
        head = server.read_head()
        status, plan = drover.admin(DRAIN.format("a"), "POST", {"pace": "1000/s"})
        assert status == 202 and plan["left"] == 1
        server.send(switching(head))
        assert client.read_head().status == 101
        assert client.read_frame().close_code == 1012
        assert server.read_frame().close_code == 1001


def test_the_close_waits_for_the_end_of_a_frame(start, backend):
    with contextlib.closing(AnsweringBackend("b")) as other:
        drover = start({"policy": "round_robin", "backends": [
            {"name": "a", "address": backend.address}, {"name": "b", "address": other.address}]})
        client, server = open_tunnel(drover.port, backend)
        whole = backend_frame(BINARY, b"0123456789" * 10)
        server.send(whole[:50])
        assert client.read_exactly(50) == whole[:50]
        drover.admin(DRAIN.format("a"), "POST", {"pace": "1000/s"})
        assert server.read_frame().close_code == 1001
        server.send(whole[50:])
        assert client.read_exactly(len(whole) - 50) == whole[50:]
        assert client.read_frame().close_code == 1012


def test_a_second_plan_for_the_same_backend_replaces_the_first(scene):
    it = scene()
    crowd = it.crowd(40)
    it.ask(DRAIN.format("a"), {"pace": "1/s"})
    second = it.ask(DRAIN.format("a"), {"pace": "1000/s"})
    assert second["id"] == "d2"
    first = it.plan("d1")
    assert first["state"] == "cancelled" and any("replaced by d2" in warning for warning in first["warnings"])
    wait_for_closes(crowd.on("a"))
    listed = it.ask("/api/v1/drains", method="GET", status=200)["drains"]
    assert [plan["id"] for plan in listed] == ["d1", "d2"]


def test_a_pool_drains_as_one(scene):
    it = scene("abc")
    crowd = it.crowd(9)
    plan = it.ask("/api/v1/pools/default/drain", {"pace": "1000/s", "deadline": "500ms"})
    assert plan["backend"] is None and plan["backends"] == ["a", "b", "c"] and plan["total"] == 9
    assert plan["state"] == "waiting"  # its route leads nowhere else
    it.wait_for("expired")
    assert not any(member.frames for member in crowd.members)


def test_a_dry_run_tells_and_does_nothing(scene):
    it = scene()
    crowd = it.crowd(40)
    plan = it.ask(DRAIN.format("a"), {"pace": "10/s", "dry_run": True}, status=200)
    assert (plan["id"], plan["state"], plan["total"]) == (None, "dry_run", 20)
    assert plan["moved"] == {"handoff": 0, "notify": 0, "close": 20, "forced": 0, "failed": 0}
    assert plan["eta_ms"] == 2000 and not plan["warnings"]
    assert it.drover.backends()["a"]["admin"] == "ready"
    assert it.ask("/api/v1/drains", method="GET", status=200)["drains"] == []
    it.ask("/api/v1/backends/default/b/maintenance", status=200)
    (warning,) = it.ask(DRAIN.format("a"), {"pace": "10/s", "dry_run": True}, status=200)["warnings"]
    assert "nobody else is eligible" in warning
    assert not any(member.frames for member in crowd.members)


def test_shutdown_replaces_every_plan(scene):
    it = scene(shutdown={"deadline": "5s", "pace": "1000/s"})
    crowd = it.crowd(20)
    it.ask("/api/v1/freeze", status=200)
    assert it.ask(DRAIN.format("a"), {"pace": "1/s"})["state"] == "frozen"
    it.drover.signal(15)
    wait_for_closes(crowd.members)
    assert {member.closing[1].close_code for member in crowd.members} == {1001}
    for backend in it.backends.values():
        backend.close()
    assert it.drover.wait() == 0
    assert {record["why"] for record in it.drover.sessions()} == {"shutdown"}


def test_a_dry_run_counts_those_that_a_plan_has_told_already(scene):
    it = scene()
    it.crowd(10, "Sec-WebSocket-Protocol: drover.migrate.v1")
    it.ask(DRAIN.format("a"), {"pace": "1000/s", "deadline": "60s", "grace": "30s"})
    wait_until(lambda: it.plan()["told"] == 5, "all have been told")
    dry = it.ask(DRAIN.format("a"), {"dry_run": True}, status=200)
    assert (dry["total"], dry["moved"]["notify"]) == (5, 5), dry


def test_shutdown_tells_those_who_wait_to_hear_of_a_lost_backend(scene):
    it = scene("a", shutdown={"deadline": "5s", "pace": "1000/s"}, lost_backend={"close_pace": "1/s"})
    crowd = it.crowd(10)
    for stream in it.backends["a"].streams:
        stream.socket.close()
    wait_until(lambda: any(member.closing for member in crowd.members), "the first one is told")
    began = time.monotonic()
    it.drover.signal(15)
    times = wait_for_closes(crowd.members)
    assert times[-1] - began < 2 + slack(0.5)
    assert [member.closing[1].close_code for member in crowd.members].count(1001) >= 7
    assert it.drover.wait() == 0
