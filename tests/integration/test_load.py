"""Sessions follow what backends report of their load, in all four forms, and those that report nothing are neither
preferred nor starved."""

import collections
import contextlib
import json
import urllib.request

import pytest
from harness import RawBackend, connect, upgrade_request, wait_until

FAST = {"type": "http", "interval": "200ms", "timeout": "2s"}


def pool_of(fleet, **settings):
    """A configuration with backends a, b, …"""
    return {"backends": [{"name": name, "address": server.address} for name, server in zip("abcdef", fleet)],
            **settings}


def wait_for_cpu(drover, expected):
    """Until every backend is up and its reported cpu is known as that; None: it has none."""
    known = {name: ("up", cpu) for name, cpu in expected.items()}
    wait_until(lambda: {name: (backend["probe"], backend["load"].get("cpu"))
                        for name, backend in drover.backends().items()} == known, f"cpu {expected}")


def open_sessions(drover, count):
    """That many tunnels."""
    sessions = []
    for _ in range(count):
        client = connect(drover.port, upgrade_request())
        assert client.read_head().status == 101
        sessions.append(client)
    return sessions


def active(drover):
    """Sessions by backend."""
    return {name: backend["active"] for name, backend in drover.backends().items()}


def post_load(drover, backend, report, pool="default"):
    """POST …/load, the fourth form."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{drover.admin_port}/api/v1/backends/{pool}/{backend}/load",
        data=json.dumps(report).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_the_busy_one_gets_few_and_shares_follow(start, servers):
    fleet = [servers(body={"cpu_usage": cpu, "memory_usage": 0.5}) for cpu in (0.95, 0.1, 0.1)]
    drover = start(pool_of(fleet, health_check=FAST, score={"latency": 0}))
    wait_for_cpu(drover, {"a": 0.95, "b": 0.1, "c": 0.1})
    sessions = open_sessions(drover, 60)
    shares = active(drover)
    assert shares["a"] < 10 and shares["b"] >= 20 and shares["c"] >= 20, shares
    for client in sessions:
        client.reset()
    drover.wait_for_sessions(60)
    for server, cpu in zip(fleet, (0.1, 0.95, 0.1)):
        server.tell(body={"cpu_usage": cpu, "memory_usage": 0.5})
    wait_for_cpu(drover, {"a": 0.1, "b": 0.95, "c": 0.1})
    sessions = open_sessions(drover, 60)
    shares = active(drover)
    assert shares["b"] < 10 and shares["a"] >= 20 and shares["c"] >= 20, shares
    assert len(sessions) == 60


def test_a_mute_backend_is_neither_preferred_nor_starved(start, servers):
    fleet = [servers(body={"cpu_usage": 0.4}), servers(body={"cpu_usage": 0.4}), servers()]
    drover = start(pool_of(fleet, health_check=FAST, score={"latency": 0}))
    wait_for_cpu(drover, {"a": 0.4, "b": 0.4, "c": None})
    sessions = open_sessions(drover, 90)
    shares = active(drover)
    assert all(22 <= count <= 38 for count in shares.values()), shares
    assert len(sessions) == 90


def test_a_report_that_is_too_old_does_not_count(start, servers):
    busy, idle = servers(body={"cpu_usage": 1.0}), servers(body={"cpu_usage": 0.0})
    drover = start(pool_of([busy, idle], health_check=FAST, score={"stale_after": "1s", "latency": 0}))
    wait_for_cpu(drover, {"a": 1.0, "b": 0.0})
    before = drover.backends()
    assert before["a"]["score_parts"]["cpu"] > before["b"]["score_parts"]["cpu"]
    for server in (busy, idle):
        server.tell(body="nothing to say")
    wait_until(lambda: all("cpu" not in backend["score_parts"] for backend in drover.backends().values()),
               "both reports are stale, and the term is left out")
    assert drover.backends()["a"]["load"]["cpu"] == 1.0  # it is still shown, with its age
    assert drover.backends()["a"]["load"]["age_ms"] > 1000


def test_orca_on_probes(start, servers):
    fleet = [servers(orca="TEXT cpu_utilization=0.9,mem_utilization:0.3"),
             servers(orca='JSON {"cpu_utilization": 0.2, "named_metrics": {"message_rate": 7}}')]
    drover = start(pool_of(fleet, health_check=FAST, score={"latency": 0}))
    wait_for_cpu(drover, {"a": 0.9, "b": 0.2})
    known = drover.backends()
    assert known["a"]["load"]["memory"] == 0.3
    assert known["b"]["load"]["message_rate"] == 7


def test_orca_on_the_101_and_not_for_clients(start, servers):
    server = servers(orca="TEXT application_utilization:0.7,mem_utilization:0.1")
    drover = start({"backends": [{"name": "a", "address": server.address}]})
    assert drover.backends()["a"]["load"] == {}
    client = connect(drover.port, upgrade_request())
    head = client.read_head()
    assert head.status == 101 and head.get("endpoint-load-metrics") is None
    load = drover.backends()["a"]["load"]
    assert (load["cpu"], load["memory"]) == (0.7, 0.1)
    assert drover.backends()["a"]["latency_ms"] > 0


def test_orca_on_the_101_steers(start, servers):
    """Without any probe: each 101 tells how its backend is."""
    fleet = [servers(orca="TEXT cpu_utilization:0.95"), servers(orca="TEXT cpu_utilization:0.05")]
    drover = start(pool_of(fleet, score={"latency": 0}))
    sessions = open_sessions(drover, 40)
    shares = active(drover)
    assert shares["a"] < 12 < 28 < shares["b"], shares
    assert len(sessions) == 40


def test_the_agents_words(start, servers):
    first, second = servers(), servers()
    drover = start({"backends": [{"name": "a", "address": first.address}, {"name": "b", "address": second.address}],
                    "health_check": {"interval": "200ms", "timeout": "1s", "agent_port": first.agent_port}})
    # One agent for both backends: they share an address.
    first.tell(agent="ready up 50% maxconn:7\n")
    wait_until(lambda: {(backend.get("weight_percent"), backend["max_connections"])
                        for backend in drover.backends().values()} == {(50, 7)}, "the agent's numbers")
    first.tell(agent="drain\n")
    wait_until(lambda: {backend["admin"] for backend in drover.backends().values()} == {"drain"}, "drain")
    assert connect(drover.port, upgrade_request()).read_head().status == 503
    assert drover.admin("/ready")[0] == 503
    first.tell(agent="maint\n")
    wait_until(lambda: {backend["admin"] for backend in drover.backends().values()} == {"maintenance"}, "maint")
    first.tell(agent="ready\n")
    wait_until(lambda: {backend["admin"] for backend in drover.backends().values()} == {"ready"}, "ready")
    first.tell(agent="down#disk full\n")
    wait_until(lambda: {backend["probe"] for backend in drover.backends().values()} == {"down"}, "down")
    wait_until(lambda: len(drover.events("backend_down")) == 2, "both are told")
    assert {event["reason"] for event in drover.events("backend_down")} == {"the agent says down: disk full"}
    first.tell(agent="up\n")
    wait_until(lambda: {backend["probe"] for backend in drover.backends().values()} == {"up"}, "up")
    open_sessions(drover, 2)


def test_an_agent_that_takes_its_word_back_before_any_probe_has_ended(start, servers):
    """The backend is as unknown as before, which is not down."""
    agent = servers(agent="down\n")
    with contextlib.closing(RawBackend()) as backend:  # which does not answer
        drover = start({"backends": [{"name": "a", "address": backend.address}],
                        "health_check": {"type": "http", "interval": "200ms", "timeout": "1h",
                                         "agent_port": agent.agent_port}})
        wait_until(lambda: drover.backends()["a"]["probe"] == "down", "the agent's word")
        agent.tell(agent="up\n")
        wait_until(lambda: drover.backends()["a"]["probe"] == "checking", "it is taken back")
        wait_until(lambda: drover.events("backend_checking"), "it is told")
        assert len(drover.events("backend_down")) == 1


def test_an_agent_that_does_not_answer_takes_nobody_out(start, servers):
    server = servers()
    drover = start({"backends": [{"name": "a", "address": server.address}],
                    "health_check": {"interval": "200ms", "timeout": "100ms", "agent_port": 1}})
    wait_until(lambda: drover.events("agent_silent"), "it is told")
    wait_until(lambda: drover.backends()["a"]["probe"] == "up", "its probe says up")
    wait_until(lambda: server.tell()["probes"] >= 0 and drover.backends()["a"]["probe"] == "up", "it stays up")
    assert len(drover.events("agent_silent")) == 1


def test_load_that_is_posted(start, servers):
    fleet = [servers(), servers()]
    drover = start(pool_of(fleet, score={"latency": 0}))
    answer = post_load(drover, "a", {"cpu_usage": 0.9, "memory_usage": 1.5, "nonsense": 1})
    assert answer["ignored"] == 1
    post_load(drover, "b", {"cpu_usage": 0.1, "memory_usage": 0.1})
    known = drover.backends()
    assert (known["a"]["load"]["cpu"], known["a"]["load"]["memory"]) == (0.9, 1.0)
    sessions = open_sessions(drover, 40)
    shares = active(drover)
    assert shares["a"] < 12 < 28 < shares["b"], shares
    assert len(sessions) == 40


def test_percent_instead_of_a_fraction_is_left_out_and_told(start, servers):
    server = servers(body={"cpu_usage": 45, "memory_usage": 0.2})
    drover = start(pool_of([server], health_check=FAST, score={"latency": 0}))
    wait_until(lambda: drover.events("load_looks_like_percent"), "a warning")
    load = drover.backends()["a"]["load"]
    assert "cpu" not in load and load["memory"] == 0.2 and load["ignored"] >= 1
    probes = server.tell()["probes"]
    wait_until(lambda: server.tell()["probes"] > probes + 3, "more reports")
    (event,) = drover.events("load_looks_like_percent")
    assert event["value"] == "cpu_usage=45"


def test_scores_add_up(start, servers):
    fleet = [servers(body={"cpu_usage": 0.4, "memory_usage": 0.2}), servers(body={"cpu_usage": 0.8})]
    drover = start(pool_of(fleet, health_check=FAST, score={"latency": 0}))
    wait_for_cpu(drover, {"a": 0.4, "b": 0.8})
    open_sessions(drover, 4)
    counts = collections.Counter()
    for backend in drover.backends().values():
        assert backend["eligible"] is True
        assert sum(backend["score_parts"].values()) == pytest.approx(backend["score"], abs=1e-3)
        counts.update(backend["score_parts"].keys())
    assert counts["connections"] == counts["cpu"] == counts["memory"] == 2
