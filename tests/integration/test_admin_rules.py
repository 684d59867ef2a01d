"""RULES 'Beyond the wire' and the admin port's access rules, in raw bytes: on the admin port and on that of probes."""

import base64
import json
import re
import time

import pytest
from harness import Drover, RawBackend, connect, plain_request, slack, wait_until

TOKEN = "s3cret-token-0123456789"
LOAD_TOKEN = "l0ad-token-0123456789"
_HOST = "Host: localhost"
_LOAD = "POST /api/v1/backends/default/web-1/load"
_DRAIN = "POST /api/v1/backends/default/web-1/drain"
_REPORT = b'{"cpu_usage":0.5}'


@pytest.fixture(scope="module")
def backend_address():
    backend = RawBackend()
    yield backend.address
    backend.close()


def _config(address, **admin):
    return {"backends": [{"name": "web-1", "address": address}],
            "admin": {"bind": "127.0.0.1:0", "hosts": ["drover.example"], **admin},
            "probes": {"bind": "127.0.0.1:0"}}


@pytest.fixture(scope="module")
def open_drover(backend_address):
    """One Drover without a token for all refusals: that it goes on answering after each of them is part of the test."""
    with Drover(_config(backend_address)) as drover:
        yield drover


@pytest.fixture(scope="module")
def guarded(backend_address):
    """One with both tokens. Neither of them is ever logged."""
    with Drover(_config(backend_address, token=TOKEN, load_token=LOAD_TOKEN)) as drover:
        yield drover
        log = drover.log() + drover.output()
        assert TOKEN not in log and LOAD_TOKEN not in log


def probes_port(drover):
    """The port that probes.bind got."""
    return int(drover.events("probes_listening")[0]["address"].rsplit(":", 1)[1])


class Answer:
    """A whole response, the last of its connection, and in order: no reset takes it away."""

    def __init__(self, stream):
        self.head = stream.read_head()
        self.status = self.head.status
        body = stream.read_to_end()
        assert not stream.was_reset
        assert self.head.get("Connection") == "close" and self.head.get("Cache-Control") == "no-store"
        self.text = body.decode()
        self.length = int(self.head.get("Content-Length"))

    def json(self):
        assert self.length == len(self.text.encode())
        return json.loads(self.text)

    def error(self):
        """The sentence of a refusal."""
        body = self.json()
        assert list(body) == ["error"] and re.fullmatch(r"[^\n]{10,200}[^.]", body["error"]), body
        return body["error"]


def ask(port, line, *headers, body=b""):
    """The answer to "GET /health" with these header lines."""
    return Answer(connect(port, plain_request(line + " HTTP/1.1", *headers) + body))


def bearer(token):
    return f"Authorization: Bearer {token}"


def basic(password, user="admin"):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


GOOD_HOSTS = ["localhost", "LOCALHOST:1", "127.0.0.1:9900", "10.1.2.3", "[::1]:9900", "drover.example",
              "Drover.Example:9900"]
BAD_HOSTS = ["evil.example", "localhost.evil.example", "drover.example.evil", "x.drover.example", "127.0.0.1.nip.io",
             "2130706433", "[localhost]"]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_own_hosts_are_served(open_drover, host):
    assert ask(open_drover.admin_port, "GET /health", f"Host: {host}").status == 200
    assert ask(open_drover.admin_port, "GET /health", f"Host: {host}", f"Origin: http://{host}").status == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("line", ["GET /health", "GET /metrics", "GET /api/v1/sessions", "POST /api/v1/shutdown"])
def test_foreign_hosts_and_origins_are_403(open_drover, host, line):
    refused = ask(open_drover.admin_port, line, f"Host: {host}")
    assert refused.status == 403 and "admin.hosts" in refused.error()
    refused = ask(open_drover.admin_port, line, _HOST, f"Origin: http://{host}")
    assert refused.status == 403 and "origin" in refused.error()


@pytest.mark.parametrize("origin", ["http://203.0.113.5", "http://10.1.2.3:9900", "http://[2001:db8::5]"])
def test_a_page_of_another_address_is_foreign(open_drover, origin):
    refused = ask(open_drover.admin_port, "POST /api/v1/shutdown", _HOST, f"Origin: {origin}")
    assert refused.status == 403 and "origin" in refused.error()
    assert ask(open_drover.admin_port, "GET /ready", _HOST).status == 200


def test_every_origin_counts(open_drover):
    port = open_drover.admin_port
    assert ask(port, "GET /health", _HOST, "Origin: null").status == 403
    assert ask(port, "GET /health", _HOST, "Origin: http://localhost", "Origin: http://evil.example").status == 403


@pytest.mark.parametrize("line", ["GET /api/v1/backends", "GET /api/v1/sessions", "GET /api/v1/config", "GET /nowhere",
                                  "POST /ready", "POST /api/v1/shutdown", _LOAD, "TRACE /health", "OPTIONS *",
                                  "GET /api/v1/drains", "DELETE /api/v1/drains/d1", "POST /api/v1/pools/default/drain",
                                  "POST /api/v1/freeze", "POST /api/v1/reload"])
def test_without_the_token_is_401(guarded, line):
    for wrong in ([], [bearer("wrong")], [basic("wrong")], [bearer(TOKEN[:-1])], [f"Authorization: {TOKEN}"],
                  [f"Authorization: Token {TOKEN}"], ["Authorization: Basic " + TOKEN], ["Authorization:"],
                  [basic("x", user=TOKEN)], [bearer(TOKEN), bearer(TOKEN)], [bearer(TOKEN), basic(TOKEN)]):
        refused = ask(guarded.admin_port, line, _HOST, *wrong)
        assert refused.status == 401, wrong
        schemes = refused.head.all("WWW-Authenticate")
        assert [scheme.split(" ")[0] for scheme in schemes] == ["Bearer", "Basic"]
        assert TOKEN not in refused.text and "token" in refused.error()


def test_what_is_open_needs_no_token(guarded):
    for path in ("/health", "/ready", "/metrics"):
        assert ask(guarded.admin_port, f"GET {path}", _HOST).status == 200
        assert ask(guarded.admin_port, f"HEAD {path}", _HOST).status == 200
        assert ask(guarded.admin_port, f"GET {path}", _HOST, bearer("wrong")).status == 200


@pytest.mark.parametrize("shown", [bearer(TOKEN), f"authorization: BEARER  {TOKEN}", basic(TOKEN), basic(TOKEN, user="")])
def test_the_token_opens_everything(guarded, shown):
    assert ask(guarded.admin_port, "GET /api/v1/backends", _HOST, shown).status == 200
    assert ask(guarded.admin_port, "GET /nowhere", _HOST, shown).status == 404
    length = f"Content-Length: {len(_REPORT)}"
    assert ask(guarded.admin_port, _LOAD, _HOST, shown, length, body=_REPORT).status == 200


def test_the_token_does_not_make_up_for_host_and_origin(guarded):
    refused = ask(guarded.admin_port, "GET /api/v1/backends", "Host: evil.example", bearer(TOKEN))
    assert refused.status == 403
    refused = ask(guarded.admin_port, "GET /api/v1/backends", _HOST, "Origin: http://evil.example", bearer(TOKEN))
    assert refused.status == 403


def test_the_load_token_is_for_load_alone(guarded):
    length = f"Content-Length: {len(_REPORT)}"
    for shown in (bearer(LOAD_TOKEN), basic(LOAD_TOKEN)):
        assert ask(guarded.admin_port, _LOAD, _HOST, shown, length, body=_REPORT).status == 200
        for line in ("GET /api/v1/backends", "GET /nowhere", "POST /api/v1/shutdown",
                     "POST /api/v1/backends/default/web-1/ready", "POST /api/v1/backends/default/web-1/drain",
                     "POST /api/v1/reload", "GET " + _LOAD.split(" ")[1]):
            refused = ask(guarded.admin_port, line, _HOST, shown)
            assert refused.status == 403 and "load reports alone" in refused.error()
    assert guarded.process.poll() is None


def test_attempts_are_logged_with_their_source_but_not_each(start, backend_address):
    drover = start(_config(backend_address, token=TOKEN))
    began = time.monotonic()
    for _ in range(50):
        assert ask(drover.admin_port, f"GET /?token={TOKEN}", _HOST, bearer("guess-0815")).status == 401
    seconds = time.monotonic() - began
    lines = wait_until(lambda: drover.events("admin_unauthorized"), "the attempt is logged")
    assert len(lines) <= seconds + 1
    assert lines[0]["peer"].startswith("127.0.0.1:") and lines[0]["attempts"] == "1"
    assert TOKEN not in drover.log() and "guess-0815" not in drover.log()


MUTATIONS = ["/api/v1/backends/default/web-1/ready", "/api/v1/backends/default/web-1/maintenance",
             "/api/v1/backends/default/web-1/weight", "/api/v1/backends/default/web-1/load", "/api/v1/shutdown",
             "/api/v1/backends/default/web-1/drain", "/api/v1/pools/default/drain", "/api/v1/freeze", "/api/v1/unfreeze",
             "/api/v1/reload"]


@pytest.mark.parametrize("path", MUTATIONS)
def test_get_changes_nothing(open_drover, path):
    before = open_drover.backends()
    for method in ("GET", "HEAD"):
        refused = ask(open_drover.admin_port, f"{method} {path}", _HOST)
        assert refused.status == 405
        assert refused.head.get("Allow") == ("PUT" if path.endswith("weight") else "POST")
    assert open_drover.backends() == before and open_drover.process.poll() is None


def test_methods_that_nobody_has(open_drover):
    for line in ("TRACE /health", "OPTIONS /health", "PATCH /health", "DELETE /health"):
        refused = ask(open_drover.admin_port, line, _HOST)
        assert refused.status == 405 and refused.head.get("Allow") == "GET, HEAD" and refused.error()
    refused = ask(open_drover.admin_port, "CONNECT localhost:80", "Host: localhost:80")
    assert refused.status == 405 and refused.head.get("Allow") and refused.error()


BAD_HEADS = {
    "garbage": (b"GARBAGE\r\n\r\n", 400),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    "no Host": (plain_request("GET /health HTTP/1.1"), 400),
    "two Hosts": (plain_request("GET /health HTTP/1.1", _HOST, _HOST), 400),
    "an empty Host": (plain_request("GET /health HTTP/1.1", "Host:"), 400),
    "another host in the target": (plain_request("GET http://evil.example/health HTTP/1.1", _HOST), 400),
    "a bare LF": (b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    "a folded line": (plain_request("GET /health HTTP/1.1", _HOST, "X: a", " b"), 400),
    "a space before the colon": (plain_request("GET /health HTTP/1.1", _HOST, "X : a"), 400),
    "NUL": (plain_request("GET /health HTTP/1.1", _HOST, "X: a\0b"), 400),
    "HTTP/2.0": (plain_request("GET /health HTTP/2.0", _HOST), 400),
    "a head over 8 KiB": (plain_request("GET /health HTTP/1.1", _HOST, "X: " + "x" * 9000), 431),
    "a hundred headers and one": (plain_request("GET /health HTTP/1.1", _HOST, *(f"X{i}: 1" for i in range(100))), 431),
    "a target over 2 KiB": (plain_request("GET /" + "x" * 3000 + " HTTP/1.1", _HOST), 414),
    "a body with GET": (plain_request("GET /health HTTP/1.1", _HOST, "Content-Length: 5") + b"hello", 413),
    "chunks with GET": (plain_request("GET /health HTTP/1.1", _HOST, "Transfer-Encoding: chunked") + b"0\r\n\r\n", 413),
    "a length and chunks":
        (plain_request(_LOAD + " HTTP/1.1", _HOST, "Content-Length: 2", "Transfer-Encoding: chunked") + b"{}", 400),
    "two lengths": (plain_request(_LOAD + " HTTP/1.1", _HOST, "Content-Length: 2", "Content-Length: 3") + b"{}", 400),
}


def _with_body(line, body):
    return plain_request(line + " HTTP/1.1", _HOST, f"Content-Length: {len(body)}") + body


# Known to be bad only by the path, which the port of probes does not have.
BAD_CALLS = {
    "chunks": (plain_request(_LOAD + " HTTP/1.1", _HOST, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", 411),
    "a body over 64 KiB": (plain_request(_LOAD + " HTTP/1.1", _HOST, "Content-Length: 65537") + bytes(65537), 413),
    "a body without end": (plain_request(_LOAD + " HTTP/1.1", _HOST, "Content-Length: 99999999999") + bytes(1 << 20), 413),
    "no body": (plain_request(_LOAD + " HTTP/1.1", _HOST), 400),
    "chunks for a drain": (plain_request(_DRAIN + " HTTP/1.1", _HOST, "Transfer-Encoding: chunked") + b"0\r\n\r\n", 411),
    "a drain with a member that is none": (_with_body(_DRAIN, b'{"paze":"1/s"}'), 400),
    "a drain with a member twice": (_with_body(_DRAIN, b'{"pace":"1/s","pace":"2/s"}'), 400),
    "a drain in no time": (_with_body(_DRAIN, b'{"deadline":"0s"}'), 400),
    "a drain whose grace outlasts it": (_with_body(_DRAIN, b'{"deadline":"5s","grace":"5s"}'), 400),
    "a drain that is no JSON": (_with_body(_DRAIN, b"\xff\0"), 400),
    "a drain of nobody": (_with_body("POST /api/v1/backends/default/web-9/drain", b"{}"), 404),
    "a drain of no pool": (_with_body("POST /api/v1/pools/nope/drain", b"{}"), 404),
    "a body with DELETE": (_with_body("DELETE /api/v1/drains/d1", b"{}"), 413),
    "settings for a freeze": (_with_body("POST /api/v1/freeze", b'{"for":"1m"}'), 400),
    "settings for a reload": (_with_body("POST /api/v1/reload", b'{"file":"/etc/passwd"}'), 400),
    "a percent sign alone": (plain_request("POST /api/v1/backends/default/%/ready HTTP/1.1", _HOST), 400),
}


def _refusal(port, request):
    stream = connect(port)
    stream.send_if_open(request)
    refused = Answer(stream)
    assert refused.error()
    return refused.status


@pytest.mark.parametrize("name", BAD_HEADS)
def test_bad_heads_are_refused_on_both_ports(open_drover, name):
    request, status = BAD_HEADS[name]
    assert _refusal(open_drover.admin_port, request) == status
    assert _refusal(probes_port(open_drover), request) == status


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_refused(open_drover, name):
    request, status = BAD_CALLS[name]
    assert _refusal(open_drover.admin_port, request) == status
    assert _refusal(probes_port(open_drover), request) == 404


@pytest.mark.parametrize("behind", [b"garbage\r\n\r\n", plain_request("POST /api/v1/shutdown HTTP/1.1", _HOST),
                                    b"\0" * (1 << 20)])
def test_what_comes_behind_a_request_is_thrown_away(open_drover, behind):
    stream = connect(open_drover.admin_port)
    stream.send_if_open(plain_request("GET /ready HTTP/1.1", _HOST) + behind)
    answer = Answer(stream)
    assert answer.status == 200 and answer.text == '{"ready":true}\n'
    assert open_drover.admin("/ready")[0] == 200


@pytest.mark.parametrize("surface", ["admin", "probes"])
def test_a_slow_request_is_408(open_drover, surface):
    """A head and a body that drip in, both at once: 5 s."""
    port = open_drover.admin_port if surface == "admin" else probes_port(open_drover)
    began = time.monotonic()
    slow = [connect(port, b"GET /health HTTP/1.1\r\nHost: loc")]
    if surface == "admin":
        slow.append(connect(port, plain_request(_LOAD + " HTTP/1.1", _HOST, "Content-Length: 18") + b'{"cpu'))
    assert open_drover.admin("/health")[0] == 200  # nobody else waits
    for stream in slow:
        refused = Answer(stream)
        assert refused.status == 408 and refused.error()
        assert 4.5 < time.monotonic() - began < 5 + slack(1)


def test_a_crowd_on_either_port_keeps_nobody_out(open_drover):
    ports = (open_drover.admin_port, probes_port(open_drover))
    crowds = [[connect(port, b"GET /hea") for _ in range(100)] for port in ports]
    for port in ports:
        assert ask(port, "GET /health", _HOST).status == 200
    assert open_drover.descriptors() < 2 * 64 + 100
    for crowd in crowds:
        for stream in crowd:
            stream.close()


def test_probes_serve_what_is_open_under_any_name(guarded):
    port = probes_port(guarded)
    for host in ("drover.internal:9901", "10.0.0.1", "localhost"):
        for path in ("/health", "/ready", "/metrics"):
            answer = ask(port, f"GET {path}", f"Host: {host}", "Origin: http://evil.example")
            assert answer.status == 200 and answer.length == len(answer.text) > 10
            assert ask(port, f"HEAD {path}", f"Host: {host}").text == ""
            refused = ask(port, f"POST {path}", f"Host: {host}")
            assert refused.status == 405 and refused.head.get("Allow") == "GET, HEAD" and refused.error()
    for line in ("GET /", "GET /nowhere", "GET /api/v1/backends", "GET /api/v1/sessions", "GET /api/v1/config", _LOAD,
                 *(f"POST {path}" for path in MUTATIONS)):
        for shown in ([], [bearer(TOKEN)]):
            refused = ask(port, line, _HOST, *shown)
            assert refused.status == 404 and refused.error()
    assert guarded.process.poll() is None


def test_drover_on_other_addresses_wants_a_token(start, backend_address):
    drover = start(_config(backend_address, bind="0.0.0.0:0", token=TOKEN))
    assert ask(drover.admin_port, "GET /api/v1/backends", _HOST).status == 401
    assert ask(drover.admin_port, "GET /api/v1/backends", _HOST, bearer(TOKEN)).status == 200
