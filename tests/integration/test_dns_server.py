"""The name server of the harness itself, asked by dnslib's own client."""

import time

import pytest
from dnslib import RCODE, DNSRecord
from harness import PATIENCE, DnsServer


@pytest.fixture(name="dns")
def _dns():
    with DnsServer() as server:
        yield server


def ask(dns, name, kind="A", tcp=False, timeout=PATIENCE):
    question = DNSRecord.question(name, kind)
    answer = DNSRecord.parse(question.send("127.0.0.1", dns.port, tcp=tcp, timeout=timeout))
    assert answer.header.id == question.header.id
    assert answer.questions == question.questions
    return answer


def addresses(answer):
    return [str(record.rdata) for record in answer.rr]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_addresses_of_both_families_with_their_ttl(dns, tcp):
    dns.set("a.test", a=["10.0.0.1", "10.0.0.2"], aaaa=["fd00::1"], ttl=7)
    answer = ask(dns, "a.test", tcp=tcp)
    assert addresses(answer) == ["10.0.0.1", "10.0.0.2"]
    assert {record.ttl for record in answer.rr} == {7}
    assert addresses(ask(dns, "A.test.", "AAAA", tcp=tcp)) == ["fd00::1"]


def test_a_family_without_addresses_is_empty_and_an_unknown_name_does_not_exist(dns):
    dns.set("a.test", a=["10.0.0.1"])
    answer = ask(dns, "a.test", "AAAA")
    assert (answer.header.rcode, answer.rr) == (RCODE.NOERROR, [])
    assert ask(dns, "b.test").header.rcode == RCODE.NXDOMAIN


@pytest.mark.parametrize("rcode", ["SERVFAIL", "NXDOMAIN", "REFUSED"])
def test_a_code_until_it_is_told_otherwise(dns, rcode):
    dns.fail("a.test", rcode)
    assert RCODE[ask(dns, "a.test").header.rcode] == rcode
    dns.set("a.test", a=["10.0.0.1"])
    assert addresses(ask(dns, "a.test")) == ["10.0.0.1"]


def test_silence_is_counted_as_a_query(dns):
    dns.silent("a.test")
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        ask(dns, "a.test", timeout=0.2)
    (query,) = dns.queries
    assert (query.name, query.type) == ("a.test", "A")
    assert before <= query.time <= time.monotonic()
    assert ask(dns, "b.test").header.rcode == RCODE.NXDOMAIN  # the others do not wait


def test_what_does_not_fit_a_datagram_is_truncated_and_whole_over_tcp(dns):
    dns.set("a.test", a=[f"10.0.0.{i}" for i in range(100)])
    short = ask(dns, "a.test")
    assert (short.header.tc, short.rr) == (1, [])
    whole = ask(dns, "a.test", tcp=True)
    assert (whole.header.tc, len(whole.rr)) == (0, 100)
