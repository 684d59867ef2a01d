"""What empties a backend besides an operator: a reload that removes it, DNS that forgets it, its agent that says so."""

import contextlib
import json
import socketserver
import threading

import pytest
from harness import AnsweringBackend, DnsServer, wait_until
from harness.crowd import Crowd, wait_for_closes

QUIET = {"interval": "0s"}


@pytest.fixture
def crowds():
    with contextlib.ExitStack() as stack:
        yield lambda drover, count, **where: stack.enter_context(contextlib.closing(Crowd(drover, count, **where)))


@pytest.fixture
def answering():
    with contextlib.ExitStack() as stack:
        yield lambda name, **where: stack.enter_context(contextlib.closing(AnsweringBackend(name, **where)))


def rewrite(drover, change):
    """The configuration file with `change` made to it, and the answer to its reload."""
    config = json.loads(drover.config_file.read_text())
    change(config)
    drover.config_file.write_text(json.dumps(config))
    status, answer = drover.admin("/api/v1/reload", "POST")
    assert status == 200, answer
    return answer["changes"]


def plans(drover):
    return drover.admin("/api/v1/drains")[1]["drains"]


def ended(drover, cause):
    wait_until(lambda: [plan["state"] for plan in plans(drover)] == ["done"], "the plan is done")
    (plan,) = plans(drover)
    assert plan["cause"] == cause
    return plan


def config_of(*backends, **more):
    return {"policy": "round_robin", "migration": {"pace": "1000/s"},
            "backends": [{"name": backend.name, "address": backend.address} for backend in backends]} | more


def test_a_backend_that_a_reload_removes_is_drained(start, answering, crowds):
    a, b = answering("a"), answering("b")
    drover = start(config_of(a, b))
    crowd = crowds(drover, 10)
    changes = rewrite(drover, lambda config: config["backends"].pop(0))
    assert any("backend a" in change and "removed" in change for change in changes), changes
    wait_for_closes(crowd.on("a"))
    assert {member.closing[1].close_code for member in crowd.on("a")} == {1012}
    a.close()
    plan = ended(drover, "reload")
    assert (plan["backend"], plan["total"], plan["moved"]["close"]) == ("a", 5, 5)
    assert not any(member.frames for member in crowd.on("b"))


def test_removed_ones_stay_until_the_added_are_up(start, answering, crowds):
    a = answering("a")
    drover = start(config_of(a, reload_wait="1h", health_check={"interval": "100ms", "timeout": "1s"}))
    wait_until(lambda: drover.backends()["a"]["probe"] == "up", "a is up")
    crowd = crowds(drover, 4)
    rewrite(drover, lambda config: config.update(backends=[{"name": "b", "address": f"127.0.0.13:{a.port}"}]))
    wait_until(lambda: drover.backends()["b"]["probe"] == "down", "b is not there yet")
    assert set(drover.backends()) == {"a", "b"} and not plans(drover)
    assert {member.backend for member in crowds(drover, 2).members} == {"a"}
    assert not any(member.frames for member in crowd.members)
    answering("b", host="127.0.0.13", port=a.port)
    wait_for_closes(crowd.members)
    assert set(drover.backends()) == {"b"}
    assert plans(drover)[0]["cause"] == "reload"


def test_a_reload_that_takes_a_backend_back_calls_the_drain_off(start, answering, crowds):
    a, b = answering("a"), answering("b")
    drover = start(config_of(a, b, migration={"pace": "10/s"}))
    crowd = crowds(drover, 60)
    whole = json.loads(drover.config_file.read_text())
    rewrite(drover, lambda config: config["backends"].pop(0))
    wait_until(lambda: plans(drover)[0]["moved"]["close"] >= 1, "some are closed")
    rewrite(drover, lambda config: config.update(whole))
    wait_until(lambda: plans(drover)[0]["state"] == "cancelled", "called off")
    assert sum(1 for member in crowd.on("a") if member.closing) < 30
    assert {member.backend for member in crowds(drover, 4).members} == {"a", "b"}


def test_from_a_blue_pool_to_a_green_one(start, answering, crowds):
    blue, green = answering("blue"), answering("green")
    pool = {"policy": "round_robin", "migration": {"pace": "1000/s"}, "health_check": QUIET}
    drover = start({"pools": {"blue": pool | {"backends": [{"name": "blue", "address": blue.address}]},
                              "green": pool | {"backends": [{"name": "green", "address": green.address}]}},
                    "routes": [{"pool": "blue"}]})
    crowd = crowds(drover, 6)
    # While the route leads to blue alone, draining it would lead nowhere.
    status, plan = drover.admin("/api/v1/pools/blue/drain", "POST", {"dry_run": True})
    assert status == 200 and any("nobody else is eligible" in warning for warning in plan["warnings"])
    rewrite(drover, lambda config: config.update(routes=[{"pool": "green"}]))
    assert not any(member.frames for member in crowd.members)  # a route moves nobody who is there
    status, plan = drover.admin("/api/v1/pools/blue/drain", "POST")
    assert status == 202 and plan["state"] == "running"
    wait_for_closes(crowd.members)
    assert crowds(drover, 1).members[0].backend == "green"


def test_a_pool_that_a_reload_removes_is_drained(start, answering, crowds):
    blue, green = answering("blue"), answering("green")
    pool = {"policy": "round_robin", "health_check": QUIET}
    drover = start({"pools": {"blue": pool | {"migration": {"pace": "1000/s"},
                                              "backends": [{"name": "blue", "address": blue.address}]},
                              "green": pool | {"backends": [{"name": "green", "address": green.address}]}},
                    "routes": [{"match": {"path": "/blue"}, "pool": "blue"}, {"pool": "green"}]})
    crowd = crowds(drover, 6, path="/blue")

    def remove(config):
        del config["pools"]["blue"]
        config["routes"] = [{"pool": "green"}]
    rewrite(drover, remove)
    wait_for_closes(crowd.members)
    blue.close()
    plan = ended(drover, "reload")
    assert plan["pool"] == "blue" and plan["pace"] == 1000  # as the pool wanted it when it was there
    assert {record["why"] for record in drover.wait_for_sessions(6)} == {"drain"}


def test_an_address_that_leaves_dns_is_drained(start, answering, crowds):
    a = answering("a", host="127.0.0.11")
    b = answering("b", host="127.0.0.12", port=a.port)
    with DnsServer() as dns:
        dns.set("web.test", a=["127.0.0.11", "127.0.0.12"], ttl=1)
        drover = start({"nameservers": [dns.address], "policy": "round_robin", "migration": {"pace": "1000/s"},
                        "backends": [{"name": "web", "address": f"web.test:{a.port}"}]})
        crowd = crowds(drover, 6)
        dns.set("web.test", a=["127.0.0.12"], ttl=1)
        wait_for_closes(crowd.on("a"))
        a.close()
        plan = ended(drover, "dns")
        assert plan["backend"] == f"web@127.0.0.11:{a.port}"
        assert b.port == a.port and not any(member.frames for member in crowd.on("b"))


class Agent:
    """An agent of HAProxy's kind at one address: says `words` to whoever connects."""

    def __init__(self, host):
        self.words = b"ready up\n"
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.sendall(outer.words)
        self.server = socketserver.TCPServer((host, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_an_agent_that_says_drain_has_its_backend_drained(start, answering, crowds):
    a, b = answering("a", host="127.0.0.11"), answering("b", host="127.0.0.12")
    with contextlib.closing(Agent("127.0.0.11")) as agent:  # b has none
        drover = start(config_of(a, b, migration={"pace": "20/s"}, health_check={
            "interval": "100ms", "timeout": "1s", "agent_port": agent.port}))
        wait_until(lambda: {backend["probe"] for backend in drover.backends().values()} == {"up"}, "both are up")
        crowd = crowds(drover, 40)
        agent.words = b"drain\n"
        wait_until(lambda: plans(drover) and plans(drover)[0]["moved"]["close"] > 0, "some are closed")
        (plan,) = plans(drover)
        assert (plan["cause"], plan["backend"], plan["total"]) == ("agent", "a", 20)
        # Its word is taken back, and so is the drain.
        agent.words = b"ready\n"
        wait_until(lambda: plans(drover)[0]["state"] == "cancelled", "called off")
        assert sum(1 for member in crowd.on("a") if member.closing) < 20
        agent.words = b"drain\n"
        wait_for_closes(crowd.on("a"))
        assert not any(member.frames for member in crowd.on("b"))
