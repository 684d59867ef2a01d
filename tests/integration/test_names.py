"""Backends by name: added addresses get sessions, gone ones get no new one, failures and empty answers keep the last,
and TTLs are honoured. The name server is the test's own, on loopback."""

import contextlib
import time

import pytest
from harness import AnsweringBackend, DnsServer, connect, upgrade_request, wait_until


@pytest.fixture
def dns():
    """A name server."""
    with DnsServer() as server:
        yield server


class Fleet:
    """Answering backends on one port of several loopback addresses, named by their last number."""

    def __init__(self, *numbers):
        first = AnsweringBackend(str(numbers[0]), host=f"127.0.0.{numbers[0]}")
        self.port = first.port
        self.backends = [first] + [AnsweringBackend(str(number), host=f"127.0.0.{number}", port=self.port)
                                   for number in numbers[1:]]

    def close(self):
        """All of them."""
        for backend in self.backends:
            backend.close()


@pytest.fixture
def fleet():
    """Backends on 127.0.0.11, .12 and .13."""
    with contextlib.closing(Fleet(11, 12, 13)) as made:
        yield made


def start_named(start, dns, fleet, **settings):
    """Drover with the one backend 'web.test' of that name server."""
    return start({"nameservers": [dns.address], "policy": "round_robin",
                  "backends": [{"name": "web", "address": f"web.test:{fleet.port}"}], **settings})


def addresses(drover):
    """Of the pool's backends, without port."""
    _, body = drover.admin("/api/v1/backends")
    return [backend["address"].rsplit(":", 1)[0] for backend in body["pools"][0]["backends"]]


def where(drover, sessions=6):
    """Which backends that many sessions go to; they stay open."""
    held = [connect(drover.port, upgrade_request()) for _ in range(sessions)]
    heads = [client.read_head() for client in held]
    return held, {head.get("X-Backend") or head.status for head in heads}


def test_every_address_is_a_backend(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11", "127.0.0.12"], ttl=60)
    drover = start_named(start, dns, fleet)
    assert addresses(drover) == ["127.0.0.11", "127.0.0.12"]
    _, body = drover.admin("/api/v1/backends")
    assert body["pools"][0]["backends"][0]["name"] == f"web@127.0.0.11:{fleet.port}"
    assert where(drover)[1] == {"11", "12"}


def test_added_addresses_get_sessions_and_gone_ones_no_new_one(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11", "127.0.0.12"], ttl=1)
    drover = start_named(start, dns, fleet)
    held, _ = where(drover)
    dns.set("web.test", a=["127.0.0.12", "127.0.0.13"], ttl=1)
    wait_until(lambda: addresses(drover) == ["127.0.0.12", "127.0.0.13"], "the new answer")
    assert where(drover)[1] == {"12", "13"}
    wait_until(lambda: drover.events("backend_added") and drover.events("backend_removed"), "it is told")
    assert drover.events("backend_added")[-1]["backend"] == f"web@127.0.0.13:{fleet.port}"
    assert drover.events("backend_removed")[-1]["active"] == "3"
    # Those of the gone one live on, and are counted when it comes back.
    assert not drover.sessions()
    dns.set("web.test", a=["127.0.0.11", "127.0.0.12", "127.0.0.13"], ttl=1)
    wait_until(lambda: len(addresses(drover)) == 3, "it is back")
    _, body = drover.admin("/api/v1/backends")
    assert body["pools"][0]["backends"][0]["active"] == 3
    assert len(held) == 6


def test_a_connection_from_before_a_change_goes_by_what_holds_when_it_asks(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11"], ttl=1)
    drover = start_named(start, dns, fleet)
    early = connect(drover.port, upgrade_request()[:20])
    assert where(drover, 1)[1] == {"11"}  # so the early one has been accepted, too
    dns.set("web.test", a=["127.0.0.12"], ttl=1)
    wait_until(lambda: addresses(drover) == ["127.0.0.12"], "the new answer")
    assert where(drover, 1)[1] == {"12"}
    early.send(upgrade_request()[20:])
    assert early.read_head().get("X-Backend") == "12"


@pytest.mark.parametrize("answer", ["SERVFAIL", "REFUSED", "NXDOMAIN", "empty", "silence"])
def test_failures_and_empty_answers_keep_the_last(start, dns, fleet, answer):
    dns.set("web.test", a=["127.0.0.11"], ttl=1)
    drover = start_named(start, dns, fleet, resolve_interval="1s")
    if answer == "empty":
        dns.set("web.test", a=[], ttl=1)
    elif answer == "silence":
        dns.silent("web.test")
    else:
        dns.fail("web.test", answer)
    wait_until(lambda: drover.events("name_not_resolved"), "it is told")
    assert drover.events("name_not_resolved")[0]["kept"] == "127.0.0.11"
    assert addresses(drover) == ["127.0.0.11"]
    assert where(drover)[1] == {"11"}
    asked = len(dns.queries)
    wait_until(lambda: len(dns.queries) >= asked + 4, "two more questions, A and AAAA")
    assert len(drover.events("name_not_resolved")) == 1
    dns.set("web.test", a=["127.0.0.12"], ttl=1)
    wait_until(lambda: addresses(drover) == ["127.0.0.12"], "the name server has come to its senses")
    wait_until(lambda: drover.events("name_answers_again"), "it is told")


def test_a_short_ttl_is_asked_again_when_it_is_over(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11"], ttl=2)
    drover = start_named(start, dns, fleet, resolve_interval="1h")
    wait_until(lambda: len(dns.queries) >= 6, "three questions, A and AAAA")
    moments = [moment for moment, _, kind in dns.queries if kind == "A"]
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    assert all(1.9 <= gap <= 4 for gap in gaps), gaps
    assert addresses(drover) == ["127.0.0.11"]


def test_a_ttl_of_zero_is_asked_once_a_second(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11"], ttl=0)
    start_named(start, dns, fleet)
    wait_until(lambda: len(dns.queries) >= 6, "three questions, A and AAAA")
    moments = [moment for moment, _, kind in dns.queries if kind == "A"]
    assert moments[2] - moments[0] >= 1.9


def test_a_long_ttl_is_asked_again_at_the_interval(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11"], ttl=86400)
    drover = start_named(start, dns, fleet, resolve_interval="1s")
    dns.set("web.test", a=["127.0.0.12"], ttl=86400)
    wait_until(lambda: addresses(drover) == ["127.0.0.12"], "the new answer")


def test_it_starts_without_an_answer_and_finds_its_backends_later(start, dns, fleet):
    dns.fail("web.test", "SERVFAIL")
    drover = start_named(start, dns, fleet)
    assert addresses(drover) == []
    assert drover.admin("/ready")[0] == 503
    wait_until(lambda: drover.events("pool_has_no_backend"), "it is told")
    assert drover.events("pool_has_no_backend")[0]["summary"] == "pool default: 0 of 0 backends up"
    assert where(drover, 1)[1] == {503}
    dns.set("web.test", a=["127.0.0.11"], ttl=1)
    wait_until(lambda: addresses(drover) == ["127.0.0.11"], "the answer")
    assert drover.admin("/ready")[0] == 200
    assert where(drover)[1] == {"11"}


def test_a_silent_name_server_does_not_hold_up_the_start_for_long(start, dns, fleet):
    dns.silent("web.test")
    begun = time.monotonic()
    drover = start_named(start, dns, fleet)
    assert time.monotonic() - begun < 10
    assert addresses(drover) == []


def test_a_long_lived_session_survives_many_changes(start, dns, fleet):
    dns.set("web.test", a=["127.0.0.11"], ttl=1)
    drover = start_named(start, dns, fleet, policy="least_connections")
    client = connect(drover.port, upgrade_request())
    assert client.read_head().get("X-Backend") == "11"
    for number in (12, 13, 12):
        dns.set("web.test", a=[f"127.0.0.{number}"], ttl=1)
        wait_until(lambda: addresses(drover) == [f"127.0.0.{number}"], "the new answer")
    assert not drover.sessions()
    client.close()
