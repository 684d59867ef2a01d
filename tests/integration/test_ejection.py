"""Backends on which sessions fail are ejected, never too many and never the last; and with too few healthy ones left
health is ignored: panic."""

import contextlib
import resource

import pytest
from harness import AnsweringBackend, connect, refused_port, upgrade_request, wait_until


@pytest.fixture
def answering():
    """Makes backends that answer every upgrade, with that status line if one is given."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(contextlib.closing(AnsweringBackend(*arguments)))


def entries(**addresses):
    """Named backends."""
    return [{"name": name, "address": address} for name, address in addresses.items()]


def status(drover, *headers):
    """Of one handshake, and which backend it got."""
    client = connect(drover.port, upgrade_request("/chat", *headers))
    head = client.read_head()
    return head.status, head.get("X-Backend"), client


def fail_on(drover, name, count):
    """Handshakes until so many attempts on that backend have failed."""
    held = []
    while drover.backends()[name]["totals"]["failures"] < count:
        held.append(status(drover))
    return held


def test_refused_connects_eject_and_time_brings_back(start, answering):
    good = answering("good")
    drover = start({"policy": "round_robin", "ejection": {"failures": 3, "base_time": "1s"},
                    "backends": entries(bad=f"127.0.0.1:{refused_port()}", good=good.address)})
    held = fail_on(drover, "bad", 3)
    wait_until(lambda: drover.backends()["bad"]["ejected"], "it is ejected")
    wait_until(lambda: drover.events("backend_ejected"), "it is told")
    (event,) = drover.events("backend_ejected")
    assert event["backend"] == "bad" and event["duration"] == "1s"
    assert event["reason"] == "3 sessions in a row failed on it"
    for _ in range(4):
        held.append(status(drover))
        assert held[-1][1] == "good"
    assert drover.backends()["bad"]["totals"]["failures"] == 3  # not tried while it is out
    assert drover.backends()["bad"]["score"] is None
    wait_until(lambda: not drover.backends()["bad"]["ejected"], "it is let back")
    held += fail_on(drover, "bad", 6)
    wait_until(lambda: len(drover.events("backend_ejected")) == 2, "it is ejected again")
    assert drover.events("backend_ejected")[1]["duration"] == "2s"


@pytest.mark.parametrize("line", ["HTTP/1.1 500 Internal Server Error", "HTTP/1.1 503 Service Unavailable", "garbage"])
def test_answers_that_eject(start, answering, line):
    bad, good = answering("bad", line), answering("good")
    drover = start({"policy": "round_robin", "ejection": {"failures": 2, "base_time": "1h"},
                    "backends": entries(bad=bad.address, good=good.address)})
    fail_on(drover, "bad", 2)
    wait_until(lambda: drover.backends()["bad"]["ejected"], "it is ejected")


def test_a_timeout_ejects(start, servers, answering):
    hung, good = servers(), answering("good")
    drover = start({"policy": "round_robin", "ejection": {"failures": 2, "base_time": "1h"},
                    "timeouts": {"upgrade": "200ms"}, "backends": entries(hung=hung.address, good=good.address)})
    hung.hang()
    fail_on(drover, "hung", 2)
    wait_until(lambda: drover.backends()["hung"]["ejected"], "it is ejected")


def test_a_4xx_is_no_failure_and_a_success_starts_the_count_anew(start, servers):
    server, other = servers(upgrade=403), servers()
    drover = start({"policy": "round_robin", "ejection": {"failures": 2, "base_time": "1h"},
                    "backends": entries(a=server.address, b=other.address)})
    assert {status(drover)[0] for _ in range(8)} == {403, 101}
    assert drover.backends()["a"]["totals"]["failures"] == 0
    for upgrade in (500, 101, 500, 403, 500, 101):
        server.tell(upgrade=upgrade)
        for _ in range(2):
            status(drover)
    totals = drover.backends()["a"]["totals"]
    assert totals["failures"] == 3 and totals["sessions"] == 2
    assert not drover.events("backend_ejected")


def test_a_failure_that_is_passed_on_counts_too(start, answering):
    only = answering("only", "HTTP/1.1 500 No")
    drover = start({"backends": entries(only=only.address)})
    assert [status(drover)[0] for _ in range(3)] == [500] * 3
    assert drover.backends()["only"]["totals"]["failures"] == 3


def test_a_dial_that_drover_has_no_descriptor_for_is_not_the_backends_fault(start, answering):
    good = answering("good")
    drover = start({"health_check": {"interval": "0s"}, "backends": entries(good=good.address)})
    client = connect(drover.port, upgrade_request()[:20])
    assert status(drover)[0] == 101  # so the early one has been accepted, too
    soft, hard = resource.prlimit(drover.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (0, hard))
    client.send(upgrade_request()[20:])
    assert client.read_head().status == 503
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert drover.backends()["good"]["totals"]["failures"] == 0
    wait_until(lambda: drover.events("resources_exhausted"), "it is told")


def test_never_more_than_max_ejected_percent(start, answering):
    bad = [answering(f"bad{index}", "HTTP/1.1 500 No") for index in range(3)]
    drover = start({"policy": "round_robin", "ejection": {"failures": 1, "base_time": "1h", "max_ejected_percent": 50},
                    "panic_threshold": "0%", "attempts": 4,
                    "backends": entries(a=bad[0].address, b=bad[1].address, c=bad[2].address,
                                        d=answering("good").address)})
    for _ in range(12):
        assert status(drover)[0] == 101
    wait_until(lambda: len(drover.events("backend_ejected")) == 2, "two of four are ejected")
    for name in "abc":
        if not drover.backends()[name]["ejected"]:
            fail_on(drover, name, 5)
    assert sum(backend["ejected"] for backend in drover.backends().values()) == 2


def test_never_the_last(start, answering):
    first, second = answering("a", "HTTP/1.1 500 No"), answering("b", "HTTP/1.1 500 No")
    drover = start({"ejection": {"failures": 1, "base_time": "1h", "max_ejected_percent": 100}, "panic_threshold": "0%",
                    "backends": entries(a=first.address, b=second.address)})
    for _ in range(6):
        assert status(drover)[0] == 500  # the last one's answer is passed on
    wait_until(lambda: drover.events("backend_ejected"), "one is ejected")
    assert sum(backend["ejected"] for backend in drover.backends().values()) == 1
    assert len(drover.events("backend_ejected")) == 1


def test_panic_holds(start, servers):
    """Of four backends three are down by their probes and would still answer: below panic_threshold they are used."""
    fleet = {name: servers() for name in "abcd"}
    check = {"type": "http", "interval": "200ms", "timeout": "1s", "fall": 1, "rise": 1}
    drover = start({"health_check": check, "panic_threshold": "50%", "policy": "least_connections",
                    "backends": entries(**{name: server.address for name, server in fleet.items()})})
    wait_until(lambda: {one["probe"] for one in drover.backends().values()} == {"up"}, "all are up")
    fleet["a"].tell(status=500)
    fleet["b"].tell(status=500)
    wait_until(lambda: [one["probe"] for one in drover.backends().values()].count("down") == 2, "two are down")
    held = [status(drover)[2] for _ in range(8)]
    # 50 % are left, which is not fewer than the threshold.
    assert [drover.backends()[name]["active"] for name in "abcd"] == [0, 0, 4, 4]
    fleet["c"].tell(status=500)
    wait_until(lambda: drover.events("pool_panic"), "panic")
    held += [status(drover)[2] for _ in range(8)]
    assert [drover.backends()[name]["active"] for name in "abcd"] == [4, 4, 4, 4]
    assert drover.admin("/ready")[0] == 200  # d is healthy
    fleet["d"].tell(status=500)
    wait_until(lambda: drover.events("pool_has_no_backend"), "none is healthy")
    assert drover.admin("/ready")[0] == 503  # panic does not fool it
    assert status(drover)[0] == 101
    for server in fleet.values():
        server.tell(status=200)
    wait_until(lambda: drover.events("pool_panic_ended"), "the end of the panic")
    wait_until(lambda: drover.admin("/ready")[0] == 200, "ready")
    wait_until(lambda: drover.events("pool_has_backends_again"), "it is told")
    for event in ("pool_panic", "pool_panic_ended", "pool_has_no_backend", "pool_has_backends_again"):
        assert len(drover.events(event)) == 1, event
    assert len(held) == 16


def test_without_a_threshold_there_is_no_panic(start, servers):
    server = servers(status=500)
    drover = start({"health_check": {"type": "http", "interval": "200ms"}, "panic_threshold": "0%",
                    "backends": entries(a=server.address)})
    wait_until(lambda: drover.backends()["a"]["probe"] == "down", "it is down")
    assert status(drover)[0] == 503
    assert server.tell()["upgrades"] == 0
