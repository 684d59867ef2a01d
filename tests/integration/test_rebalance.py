"""Backends with more sessions than their share give some to those with less, at the pool's pace, and nobody is closed."""

import collections
import contextlib
import datetime
import socket
import time

import pytest
from harness import AnsweringBackend, scrape, wait_until
from harness.crowd import Crowd, most_in_a_second
from harness.handoff import talk
from harness.numbering import NumberingCrowd
from harness.stoppable import ExampleBackend
from harness.tokens import opened

_SECRET = "correct horse battery staple"
_PACE = 20


class Pool:
    """A Drover with the first of some backends, all of which may join. As a context manager it ends their processes."""

    def __init__(self, start, backends, **config):
        self.backends = {backend.name: backend for backend in backends}
        rebalance = {"enabled": True, "pace": f"{_PACE}/s", "interval": "200ms"} | config.pop("rebalance", {})
        migration = {"grace": "2s"} | config.pop("migration", {})
        # A policy that would send sessions anywhere.
        self.config = {"policy": "round_robin", "rebalance": rebalance, "migration": migration, "backends": [],
                       "resume": {"secrets": [_SECRET]}, "log": {"level": "debug"}} | config
        self._start = start
        self.drover = None

    def serve_by(self, names, **changes):
        """Drover knows these backends from now on; `changes`: of `rebalance`."""
        self.config["backends"] = [{"name": name, "address": self.backends[name].address} for name in names]
        self.config["rebalance"] = self.config["rebalance"] | changes
        if self.drover is None:
            self.drover = self._start(self.config)
        else:
            assert self.drover.reload(self.config)[0] == "reloaded"
        return self.drover

    def active(self):
        return {name: backend["active"] for name, backend in self.drover.backends().items()}

    def plans(self):
        return self.drover.admin("/api/v1/drains")[1]["drains"]

    def wait_for_plan(self, *states, number=0):
        """That plan, once it is in one of these states."""
        return wait_until(lambda: next((plan for plan in self.plans()[number:] if plan["state"] in states), None),
                          f"a plan is {states}")

    def moves(self):
        """(when, session, its backend, result) of each handoff so far."""
        moves = []
        for line in self.drover.log().splitlines():
            if " handed_off " in line:
                fields = dict(part.split("=", 1) for part in line.split()[3:])
                when = datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()
                assert fields["why"] == "rebalance", line
                moves.append((when, fields["session"], fields["backend"], fields["result"]))
        return moves


@pytest.fixture
def pools(start):
    """Makes pools whose backends take part in handoffs."""
    with contextlib.ExitStack() as stack:
        def make(names, **config):
            return Pool(start, [stack.enter_context(ExampleBackend("py", name)) for name in names], **config)
        yield make


@pytest.fixture
def mute(start):
    """Makes pools whose backends know nothing of handoffs."""
    with contextlib.ExitStack() as stack:
        def make(names, **config):
            return Pool(start, [stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in names],
                        **config)
        yield make


@pytest.fixture
def crowds():
    with contextlib.ExitStack() as stack:
        yield lambda drover, count, *headers, **where: stack.enter_context(
            contextlib.closing(Crowd(drover, count, *headers, **where)))


def check_even(active):
    """Within 5 % of the mean, or as near as whole sessions come."""
    mean = sum(active.values()) / len(active)
    assert all(abs(count - mean) <= max(0.05 * mean, 1) for count in active.values()), active


def check_moves(pool, plan, taker):
    """Each session at most once, to that backend, and no faster than the pace."""
    wait_until(lambda: len(pool.moves()) >= plan["moved"]["handoff"], "all moves are in the log")
    moves = pool.moves()
    assert {(backend, result) for _, _, backend, result in moves} == {(taker, "ok")}
    assert max(collections.Counter(session for _, session, _, _ in moves).values()) == 1
    assert len(moves) == plan["moved"]["handoff"]
    assert most_in_a_second([when for when, *_ in moves]) <= 1.2 * _PACE


@pytest.mark.parametrize("full", [2, 5])
def test_an_empty_one_beside_full_ones_gets_its_share(pools, full):
    names = "abcdef"[: full + 1]
    it = pools(names, workers=2, rebalance={"enabled": False})  # while they come
    drover = it.serve_by(names[:full])
    with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", 30 * full) as crowd:
        crowd.wait_for_more()
        it.serve_by(names, enabled=True)
        plan = it.wait_for_plan("done")
        active = it.active()
        check_even(active)
        crowd.wait_for_more()
        # Now: while they go their backends may be uneven again.
        assert len(it.plans()) == 1
        assert scrape(drover).value("migrations_total", mode="handoff", result="ok") == plan["moved"]["handoff"]
        check_moves(it, plan, names[-1])
        crowd.assert_whole()
    assert (plan["cause"], plan["pool"], plan["warnings"]) == ("rebalance", "default", [])
    expected = 30 * full // (full + 1)
    assert abs(plan["moved"]["handoff"] - expected) <= max(1, 0.05 * expected)
    assert plan["total"] == plan["moved"]["handoff"] and plan["left"] == plan["ended"] == 0
    assert {plan["moved"][mode] for mode in ("notify", "close", "forced", "failed")} == {0}
    served = [[each["why"] for each in record["backends"]] for record in drover.wait_for_sessions(30 * full)]
    assert {tuple(whys) for whys in served} == {("pick",), ("pick", "rebalance")}


def test_one_that_comes_up_late_gets_its_share(pools):
    it = pools("ab", health_check={"interval": "100ms", "timeout": "1s"}, rebalance={"enabled": False})
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # nobody else gets the port meanwhile
        port = holder.getsockname()[1]
        it.config["backends"] = [{"name": "c", "address": f"127.0.0.1:{port}"}]
        it.config["backends"] += [{"name": each.name, "address": each.address} for each in it.backends.values()]
        it.drover = drover = it._start(it.config)
        wait_until(lambda: [drover.backends()[name]["probe"] for name in "abc"] == ["up", "up", "down"], "c is down")
        crowd = NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", 40)
    with crowd:
        crowd.wait_for_more()
        it.config["rebalance"]["enabled"] = True
        assert drover.reload(it.config)[0] == "reloaded"
        with ExampleBackend("py", "c", port=port):
            plan = it.wait_for_plan("done")
            check_even(it.active())
            check_moves(it, plan, "c")
            crowd.assert_whole()


def test_clients_are_asked_to_come_to_the_empty_one(mute, crowds):
    it = mute("abc")
    drover = it.serve_by("ab")
    crowd = crowds(drover, 20, path="/chat?drover_migrate=1")
    it.serve_by("abc")
    told = wait_until(lambda: [member for member in crowd.members if member.told], "somebody is told")[0]
    when, message = told.told
    assert message["reason"] == "rebalance" and message["deadline"] == message["reconnect_delay"] + 2000
    assert opened(_SECRET, message["session_token"])[1:3] == ("default", "c")
    coming = []
    known = set()

    def come():
        """Who is told opens a second connection, and leaves the first."""
        for member in crowd.members:
            if member.told and member not in known:
                known.add(member)
                coming.append(crowds(drover, 1, f"X-Session-Token: {member.told[1]['session_token']}",
                                     path="/chat?drover_migrate=1").members[0])
                member.leave()
        return any(plan["state"] == "done" for plan in it.plans())
    wait_until(come, "the plan is done")
    assert {member.backend for member in coming} == {"c"}  # round_robin would have sent them anywhere
    active = it.active()
    check_even(active)
    (plan,) = it.plans()
    wait_until(lambda: it.plans()[0]["moved"]["notify"] == len(coming), "all that came are counted")
    assert most_in_a_second([member.told[0] + member.told[1]["reconnect_delay"] / 1000 for member in known]) <= (
        1.2 * _PACE)
    assert not any(member.closing for member in crowd.members if member not in known)
    # Whoever came a moment ago is left alone, however uneven that is.
    for member in crowd.members:
        member.leave()
    wait_until(lambda: it.active() == {"a": 0, "b": 0, "c": len(coming)}, "the others are gone")
    time.sleep(0.5)
    assert not any(member.told for member in coming) and len(it.plans()) == 1, plan


def test_who_does_not_come_stays(mute, crowds):
    it = mute("ab", migration={"grace": "500ms"})
    drover = it.serve_by("a")
    crowd = crowds(drover, 6, path="/chat?drover_migrate=1")
    it.serve_by("ab")
    wait_until(lambda: scrape(drover).value("migrations_total", mode="notify", result="failed") >= 3, "they stay")
    # Three are too many, and the other three are asked next; then there is nobody who could be.
    plan = it.wait_for_plan("done")
    assert any("cannot be moved" in warning for warning in plan["warnings"]), plan
    assert plan["left"] == 3 and set(plan["moved"].values()) == {0}
    assert scrape(drover).value("migrations_total", mode="notify", result="failed") == 6
    assert it.active() == {"a": 6, "b": 0}
    assert all(member.told and not member.closing for member in crowd.members)


@pytest.mark.parametrize("path, migration", [("/chat", {}), ("/chat?drover_migrate=1", {"notify": "off"})])
def test_where_nobody_can_move_no_plan_begins(mute, crowds, path, migration):
    it = mute("ab", migration=migration, rebalance={"interval": "100ms"})
    drover = it.serve_by("a")
    crowd = crowds(drover, 6, path=path)
    it.serve_by("ab")
    time.sleep(0.5)
    assert not it.plans() and it.active() == {"a": 6, "b": 0}
    assert not any(member.frames for member in crowd.members)


def test_what_is_within_the_threshold_or_turned_off_stays(pools, crowds):
    it = pools("ab", rebalance={"interval": "100ms", "threshold": "60%"})
    drover = it.serve_by("a")
    first = crowds(drover, 10)
    it.serve_by("ab", enabled=False)
    time.sleep(0.5)
    assert not it.plans() and it.active() == {"a": 10, "b": 0}
    crowds(drover, 8, path="/rooms")  # (14 - 4) / 14 is above, (12 - 6) / 12 is below
    for member in first.members[:2]:
        member.leave()
    wait_until(lambda: it.active() == {"a": 12, "b": 4}, "two have left")
    extra = crowds(drover, 4)
    for member in first.members[2:4]:
        member.leave()
    wait_until(lambda: it.active() == {"a": 12, "b": 6}, "two more have left")
    it.serve_by("ab", enabled=True)
    time.sleep(0.5)
    assert not it.plans() and it.active() == {"a": 12, "b": 6}
    it.serve_by("ab", threshold="40%")
    it.wait_for_plan("done")
    check_even(it.active())
    assert extra.members[0].head.status == 101


def test_turned_off_while_it_goes_on(pools, crowds):
    it = pools("ab", rebalance={"pace": "5/s"})
    drover = it.serve_by("a")
    crowds(drover, 40)
    it.serve_by("ab")
    wait_until(lambda: it.plans() and it.plans()[0]["moved"]["handoff"] > 0, "it goes on")
    it.serve_by("ab", enabled=False)
    plan = it.wait_for_plan("cancelled")
    assert plan["warnings"] == ["rebalancing was turned off"]
    stays = it.active()
    assert stays["a"] > 25 and sum(stays.values()) == 40


def test_a_freeze_stops_it(pools, crowds):
    it = pools("ab", rebalance={"interval": "100ms"})
    drover = it.serve_by("a")
    crowds(drover, 20)
    drover.admin("/api/v1/freeze", "POST")
    it.serve_by("ab")
    time.sleep(0.5)
    assert not it.plans() and it.active() == {"a": 20, "b": 0}
    drover.admin("/api/v1/unfreeze", "POST")
    wait_until(lambda: it.plans() and it.plans()[0]["moved"]["handoff"] > 0, "it goes on")
    drover.admin("/api/v1/freeze", "POST")
    it.wait_for_plan("frozen")
    stands = it.active()
    assert stands["a"] > 10
    time.sleep(0.5)
    assert it.active() == stands
    drover.admin("/api/v1/unfreeze", "POST")
    it.wait_for_plan("done")
    check_even(it.active())


def test_a_drain_of_the_pool_comes_first(pools, crowds):
    it = pools("abc", rebalance={"pace": "5/s"})
    drover = it.serve_by("ab")
    crowds(drover, 40)
    it.serve_by("abc")
    wait_until(lambda: it.plans() and it.plans()[0]["moved"]["handoff"] > 0, "it goes on")
    status, drain = drover.admin("/api/v1/backends/default/a/drain", "POST", {"pace": "100/s"})
    assert status == 202
    first = it.wait_for_plan("cancelled")
    assert first["warnings"] == [f"replaced by {drain['id']}"]
    wait_until(lambda: [plan["state"] for plan in it.plans()] == ["cancelled", "done"], "the drain is done")
    assert it.active()["a"] == 0
    drover.admin("/api/v1/backends/default/a/ready", "POST")
    # Sessions that the drain has moved are not moved again so soon, so there may be none at all that can be.
    assert sum(it.active().values()) == 40


def test_a_backend_that_a_reload_removes_is_emptied_all_the_same(pools, crowds):
    it = pools("abc", rebalance={"pace": "5/s"}, migration={"pace": "1000/s"})
    drover = it.serve_by("ab")
    crowds(drover, 40)
    it.serve_by("abc")
    wait_until(lambda: it.plans() and it.plans()[0]["moved"]["handoff"] > 0, "it goes on")
    it.serve_by("bc")
    wait_until(lambda: [(plan["cause"], plan["state"]) for plan in it.plans()][:2] ==
               [("rebalance", "cancelled"), ("reload", "done")], "it is empty")
    assert sum(it.active().values()) == 40


def test_a_session_that_has_left_goes_anywhere(moves):
    it = moves("abc", rebalance={"enabled": True, "pace": "0.5/s", "interval": "100ms"})
    it.ask("/api/v1/backends/default/b/maintenance")
    served = collections.defaultdict(list)
    for _ in range(6):
        client, backend = it.open()
        served[backend.name].append((client, backend))
    assert {name: len(sessions) for name, sessions in served.items()} == {"a": 3, "c": 3}
    it.ask("/api/v1/backends/default/b/ready")
    new = it.dialled()
    assert new.name == "b"
    previous = new.head.get("X-Drover-Previous-Backend")
    new.join()
    client, old = next((client, backend) for client, backend in served[previous] if backend.stream.readable(1))
    old.read_leave()
    new.stream.reset()  # the only one below the mean
    other = it.dialled("ac".replace(previous, "")).join()
    old.left('{"n":3}')
    assert other.read_enter()["state"] == {"n": 3}
    talk(client, other)


def test_one_that_is_called_off_does_not_begin_anew_at_once(pools, crowds):
    it = pools("ab", rebalance={"pace": "5/s", "interval": "100ms"})
    drover = it.serve_by("a")
    crowds(drover, 40)
    it.serve_by("ab")
    wait_until(lambda: it.plans() and it.plans()[0]["moved"]["handoff"] > 0, "it goes on")
    assert drover.admin(f"/api/v1/drains/{it.plans()[0]['id']}", "DELETE")[0] == 200
    time.sleep(0.5)
    assert [plan["state"] for plan in it.plans()] == ["cancelled"]


@pytest.mark.parametrize("cooldown, moves", [("1h", 5), ("100ms", 7)])
def test_nobody_is_moved_twice_within_the_cooldown(pools, crowds, cooldown, moves):
    it = pools("ab", rebalance={"cooldown": cooldown, "interval": "100ms", "pace": "100/s"})
    drover = it.serve_by("a")
    crowd = crowds(drover, 10)
    it.serve_by("ab")
    it.wait_for_plan("done")
    assert it.active() == {"a": 5, "b": 5}
    moved = {session for _, session, _, _ in it.moves()}
    # Those that were not moved leave, so that all that are left lie on b, and have been moved before.
    stay = [item["id"] for item in drover.admin("/api/v1/sessions?backend=a")[1]["sessions"]]
    assert len(stay) == 5 and not moved & set(stay)
    for session in stay:
        assert drover.admin(f"/api/v1/sessions/{session}", "DELETE")[0] in (200, 202, 204)
    wait_until(lambda: sum(1 for member in crowd.members if member.over) == 5, "they are gone")
    if moves > 5:
        wait_until(lambda: len(it.moves()) == moves, "two come back")
    else:
        time.sleep(0.5)
        assert len(it.moves()) == 5 and it.active() == {"a": 0, "b": 5}


def test_keys_return_to_their_owner_and_nowhere_else(pools, crowds):
    it = pools("abc", policy={"consistent_hash": {"key": "path:2", "bound": 100}}, rebalance={"pace": "200/s"})
    drover = it.serve_by("ab")
    paths = [f"/rooms/{number}/ws" for number in range(60)]
    for path in paths:
        crowds(drover, 1, path=path)

    def places():
        """The backends of each path's sessions."""
        found = collections.defaultdict(set)
        for session in drover.admin("/api/v1/sessions?limit=200")[1]["sessions"]:
            found[session["path"]].add(session["backend"])
        return found
    before = places()
    it.serve_by("abc")
    plan = it.wait_for_plan("done")
    after = places()
    moved = {path for path in paths if after[path] != before[path]}
    assert len(moved) == plan["moved"]["handoff"] > 0
    # Where the policy sends a key now shows whose it is: what was moved is at its owner's.
    for path in moved:
        crowds(drover, 1, path=path)
    assert all(places()[path] == {"c"} for path in moved), places()
