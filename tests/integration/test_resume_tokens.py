"""DESIGN section 7: clients that come back with a resume token, and those that say they can be asked to reconnect. What
backends get to see of that, what becomes of tokens that are not good, and that none stands where it can be read."""
# ctest: tls both

import contextlib
import json

import pytest
from harness import (
    TEXT, AnsweringBackend, connect, open_tunnel, plain_request, refused_port, run_drover, secured, slack, switching,
    upgrade_request, wait_until)
from harness.peers import CLIENTS, ServerProcess, play
from harness.tokens import mint, opened

_SECRET = "correct horse battery staple"
_OLD_SECRET = "an old secret, long enough"
_ID = "00112233445566778899aabbccddeeff"

# The three ways in which a token comes: (path, header lines).
_CARRIERS = {
    "query": lambda token: (f"/chat?room=7&session_token={token}&x=%20", ()),
    "header": lambda token: ("/chat?room=7&x=%20", (f"X-Session-Token: {token}",)),
    "subprotocol": lambda token: ("/chat?room=7&x=%20", (f"Sec-WebSocket-Protocol: drover.token.{token}",)),
}


def _settings(backend, **resume):
    return {"backends": [backend.address], "timeouts": {"close": "1s"}, "log": {"level": "debug"},
            "resume": {"secrets": [_SECRET]} | resume}


@pytest.fixture
def resuming(start, backend):
    """Drover that ignores tokens that are not good, and says so at debug."""
    return start(_settings(backend))


@pytest.fixture
def rejecting(start, backend):
    """Drover that answers them with 401."""
    return start(_settings(backend, secrets=[_SECRET, _OLD_SECRET], on_invalid_token="reject"))


def _seen(drover, backend, path="/chat", *headers):
    """What the backend gets to see of an upgrade, and what the client is answered: (request, answer)."""
    client = connect(drover.port, upgrade_request(path, *headers))
    server = backend.accept()
    request = server.read_head()
    server.send(switching(request))
    answer = client.read_head()
    assert answer.status == 101
    client.reset()
    server.close()
    return request, answer


def _refused(drover, path="/chat", *headers):
    client = connect(drover.port, upgrade_request(path, *headers))
    answer = client.read_head()
    body = client.read_to_end().decode()
    client.close()
    return answer, body


def _check_resumed(drover, request):
    """The backend sees the session that was, and the access line tells of it."""
    assert request.get("X-Drover-Session") == _ID
    assert request.get("X-Drover-Resumed") == "1"
    assert request.get("X-Request-ID") not in (None, "", _ID)  # this request is another one
    record = drover.session()
    assert record["resume_id"] == _ID
    assert record["request_id"] == request.get("X-Request-ID")


def _check_new(request):
    assert request.get("X-Drover-Session") not in (None, "", _ID)
    assert request.get("X-Drover-Resumed") is None


def _ignored(drover):
    return [fields["reason"] for fields in drover.events("resume_token_ignored")]


@pytest.mark.parametrize("carrier", _CARRIERS)
def test_a_client_comes_back_as_the_session_that_it_was(resuming, backend, carrier):
    token = mint(_SECRET, _ID)
    path, headers = _CARRIERS[carrier](token)
    request, answer = _seen(resuming, backend, path, *headers)
    _check_resumed(resuming, request)
    assert request.target == "/chat?room=7&x=%20"
    assert request.get("X-Session-Token") is None
    assert request.get("Sec-WebSocket-Protocol") is None
    assert token not in str(request)
    chosen = f"drover.token.{token}" if carrier == "subprotocol" else None
    assert answer.get("Sec-WebSocket-Protocol") == chosen


def test_without_a_token_a_session_is_new_and_cannot_say_otherwise(resuming, backend):
    request, _ = _seen(resuming, backend, "/chat", "X-Drover-Resumed: 1", "X_Drover_Resumed: 1",
                       f"X-Drover-Session: {_ID}")
    _check_new(request)
    assert "x_drover_resumed" not in request.names()


def test_nothing_of_it_goes_on_where_tokens_are_not_good_either(resuming, backend):
    request, _ = _seen(resuming, backend, "/chat?session_token=v1.a&drover_migrate=1&session_token=v1.b",
                       "X-Session-Token: v1.c", "x_session_token: v1.d", "Sec-WebSocket-Protocol: a, drover.token.v1.e",
                       "Sec-WebSocket-Protocol: drover.migrate.v1,b")
    _check_new(request)
    assert request.target == "/chat"
    assert request.get("Sec-WebSocket-Protocol") == "a, b"
    assert "v1." not in str(request)
    assert wait_until(lambda: _ignored(resuming), "a line about it") == ["there is more than one resume token"]


def test_a_pool_that_notifies_nobody_does_not_let_it_through_either(start, backend):
    drover = start(_settings(backend) | {"migration": {"notify": "off"}})
    request, answer = _seen(drover, backend, "/chat?drover_migrate=1&x", "Sec-WebSocket-Protocol: drover.migrate.v1")
    assert request.target == "/chat?x"
    assert request.get("Sec-WebSocket-Protocol") is None
    assert answer.get("Sec-WebSocket-Protocol") == "drover.migrate.v1"


def _bad_tokens():
    good = mint(_SECRET, _ID)
    return {
        "forged": ("v1." + "A" * 80, "forged"),
        "of_a_removed_secret": (mint("another secret, long enough", _ID), "forged"),
        "cut": (good[:-4], "forged"),
        "cut_within_a_byte": (good[:-3], "malformed"),
        "changed": (good[:20] + ("A" if good[20] != "A" else "B") + good[21:], "forged"),
        "padded": (good + "=", "malformed"),
        "not_a_token": ("hello", "malformed"),
        "huge": ("v1." + "A" * 4000, "too long"),
        "expired": (mint(_SECRET, _ID, lifetime=-1), "expired"),
        "another_pools": (mint(_SECRET, _ID, pool="mail"), "another pool"),
    }


@pytest.mark.parametrize("kind", _bad_tokens())
def test_a_token_that_is_not_good_is_ignored(resuming, backend, kind):
    token, reason = _bad_tokens()[kind]
    request, _ = _seen(resuming, backend, f"/chat?session_token={token}")
    _check_new(request)
    assert request.target == "/chat"
    (told,) = wait_until(lambda: _ignored(resuming), "a line about it")
    assert reason in told


@pytest.mark.parametrize("kind", _bad_tokens())
def test_a_token_that_is_not_good_is_rejected_where_the_configuration_says_so(rejecting, backend, kind):
    token, reason = _bad_tokens()[kind]
    answer, body = _refused(rejecting, f"/chat?session_token={token}")
    assert answer.status == 401
    assert answer.get("WWW-Authenticate") == "Drover-Token"
    assert reason in body and token not in body
    assert backend.untouched()
    record = rejecting.session()
    assert record["status"] == 401 and reason in record["detail"]


def test_a_good_token_is_not_rejected_nor_none_at_all(rejecting, backend):
    request, _ = _seen(rejecting, backend, f"/chat?session_token={mint(_SECRET, _ID)}")
    assert request.get("X-Drover-Session") == _ID
    request, _ = _seen(rejecting, backend, "/chat?session_token=", "X-Session-Token:")
    _check_new(request)


def test_a_token_of_the_secret_before_is_still_good(rejecting, backend):
    request, _ = _seen(rejecting, backend, f"/chat?session_token={mint(_OLD_SECRET, _ID)}")
    _check_resumed(rejecting, request)


def test_the_route_decides_which_pool_a_token_is_good_for(start, backend):
    drover = start({
        "pools": {"chat": {"backends": [backend.address]}, "mail": {"backends": [backend.address]}},
        "routes": [{"match": {"path": "/chat"}, "pool": "chat"}, {"match": {"path": "/mail"}, "pool": "mail"}],
        "resume": {"secrets": [_SECRET], "on_invalid_token": "reject"}})
    token = mint(_SECRET, _ID, pool="mail")
    assert _seen(drover, backend, f"/mail?session_token={token}")[0].get("X-Drover-Session") == _ID
    assert _refused(drover, f"/chat?session_token={token}")[0].status == 401


def test_every_dial_of_a_session_says_that_it_is_back(start):
    with contextlib.closing(AnsweringBackend("a", "HTTP/1.1 500 No")) as a, \
            contextlib.closing(AnsweringBackend("b", "HTTP/1.1 500 No")) as b:
        drover = start(_settings(a) | {"backends": [a.address, b.address]})
        client = connect(drover.port, upgrade_request(f"/chat?session_token={mint(_SECRET, _ID)}"))
        assert client.read_head().status == 500
        (first,), (second,) = a.heads, b.heads
        for head in (first, second):
            assert head.get("X-Drover-Session") == _ID and head.get("X-Drover-Resumed") == "1"
            assert head.target == "/chat"
        assert first.get("X-Request-ID") == second.get("X-Request-ID")


class TestPreferredBackend:
    """A token may say where to."""

    @staticmethod
    def _server_of(drover, *headers, path="/chat?"):
        client = connect(drover.port, upgrade_request(path, *headers))
        answer = client.read_head()
        assert answer.status == 101
        client.reset()
        return answer.get("X-Backend")

    @pytest.fixture
    def three(self):
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in ("a", "b", "c")]

    @staticmethod
    def _start(start, three, **settings):
        return start({"backends": [{"name": each.name, "address": each.address} for each in three],
                      "policy": "round_robin", "resume": {"secrets": [_SECRET]}} | settings)

    def _tally(self, drover, backend, path="/chat?"):
        return {self._server_of(drover, path=f"{path}&session_token={mint(_SECRET, _ID, backend=backend)}")
                for _ in range(6)}

    def test_it_is_tried_first(self, start, three):
        drover = self._start(start, three)
        for name in ("b", "c", "a"):
            assert self._tally(drover, name) == {name}

    def test_one_that_is_not_in_the_pool_any_more_is_no_preference(self, start, three):
        drover = self._start(start, three, resume={"secrets": [_SECRET], "on_invalid_token": "reject"})
        assert self._tally(drover, "gone") == {"a", "b", "c"}
        assert {head.get("X-Drover-Session") for each in three for head in each.heads} == {_ID}

    def test_nor_is_one_that_takes_no_sessions(self, start, three):
        drover = self._start(start, three)
        assert drover.admin("/api/v1/backends/default/b/maintenance", "POST")[0] == 200
        assert self._tally(drover, "b") == {"a", "c"}

    def test_one_that_fails_passes_the_turn_on(self, start, three):
        drover = self._start(start, three, backends=[
            {"name": "a", "address": three[0].address}, {"name": "b", "address": f"127.0.0.1:{refused_port()}"}])
        assert self._tally(drover, "b") == {"a"}
        assert [head.get("X-Drover-Session") for head in three[0].heads] == [_ID] * 6

    def test_the_owner_of_a_key_beats_it(self, start, three):
        drover = self._start(start, three, policy={"consistent_hash": {"key": "query:room", "bound": 100}})
        owner = self._server_of(drover, path="/chat?room=7")
        for name in ("a", "b", "c"):
            assert self._tally(drover, name, "/chat?room=7") == {owner}
            assert self._tally(drover, name) == {name}  # no key, no owner


class TestOptIn:
    """Subprotocols that are meant for Drover: browsers fail where an offer is answered with none."""

    @pytest.mark.parametrize("offer, forwarded, backend_chooses, answered", [
        ("drover.migrate.v1", None, None, "drover.migrate.v1"),
        ("drover.migrate.v1, chat", "chat", None, "drover.migrate.v1"),
        ("drover.migrate.v1, chat", "chat", "chat", "chat"),
        ("chat, superchat", "chat, superchat", None, None),
        ("chat, drover.token.v1.x", "chat", None, None),
        ("chat, drover.token.v1.x", "chat", "chat", "chat"),
        ("drover.token.v1.x", None, None, "drover.token.v1.x"),
        ("drover.token.v1.x, drover.migrate.v1", None, None, "drover.migrate.v1"),
    ])
    def test_the_answer_to_an_offer(self, resuming, backend, offer, forwarded, backend_chooses, answered):
        client = connect(resuming.port, upgrade_request("/chat", f"Sec-WebSocket-Protocol: {offer}"))
        server = backend.accept()
        request = server.read_head()
        assert request.get("Sec-WebSocket-Protocol") == forwarded
        choice = (f"Sec-WebSocket-Protocol: {backend_chooses}",) if backend_chooses else ()
        server.send(switching(request, *choice))
        answer = client.read_head()
        assert answer.status == 101 and answer.get("Sec-WebSocket-Protocol") == answered
        client.reset()
        shown = answered or ""
        assert resuming.session()["subprotocol"] == ("drover.token.***" if "token" in shown else shown)

    @pytest.mark.parametrize("chosen", ["drover.migrate.v1", "drover.token.v1.x"])
    def test_a_backend_cannot_choose_what_it_was_not_offered(self, resuming, backend, chosen):
        offer = f"Sec-WebSocket-Protocol: chat, {chosen}"
        client = connect(resuming.port, upgrade_request("/chat", offer))
        server = backend.accept()
        server.send(switching(server.read_head(), f"Sec-WebSocket-Protocol: {chosen}"))
        assert client.read_head().status == 502

    @pytest.mark.parametrize("client", CLIENTS)
    @pytest.mark.parametrize("offered", [
        ["drover.migrate.v1"], ["drover.token"], ["drover.token", "drover.migrate.v1"]])
    def test_a_client_that_nobody_here_wrote_gets_its_answer(self, start, client, offered):
        """`ws` has the browsers' rule: an offer that is answered with no subprotocol fails."""
        names = [f"{name}.{mint(_SECRET, _ID)}" if name == "drover.token" else name for name in offered]
        with ServerProcess("websockets") as server:
            drover = start(_settings(server))
            transcript = play(client, f"ws://127.0.0.1:{drover.port}/chat", [{"close": [1000, ""]}], names)
            assert transcript[0][:2] == ["open", names[-1]]
            resumed = "drover.token" in offered
            assert (drover.session()["resume_id"] == _ID) == resumed


class TestTheWholeWay:
    """A client is asked to reconnect, with a token and to its own URL, and comes back as itself."""

    _SCHEME = "wss" if secured("client") else "ws"

    @pytest.mark.parametrize("settings, path, headers, url", [
        ({}, "/chat?room=7&drover_migrate=1&session_token=v1.old", (),
         "{scheme}://chat.example:99/chat?room=7&drover_migrate=1"),
        ({}, "/chat", ("Sec-WebSocket-Protocol: drover.migrate.v1",), "{scheme}://chat.example:99/chat"),
        ({}, "/chat?drover_migrate=1", ("X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"),
         "{scheme}://chat.example:99/chat?drover_migrate=1"),
        ({"trusted_proxies": ["127.0.0.1"]}, "/chat?drover_migrate=1",
         ("X-Forwarded-Proto: https", "X-Forwarded-Host: outer.example"), "wss://outer.example/chat?drover_migrate=1"),
        ({"migration": {"notify": "always"}}, "/chat", (), "{scheme}://chat.example:99/chat"),
        ({"migration": {"endpoint": "wss://other.example/"}}, "/chat?drover_migrate=1", (), "wss://other.example/"),
    ], ids=["query", "subprotocol", "untrusted", "trusted", "always", "endpoint"])
    def test_there_and_back(self, start, settings, path, headers, url):
        with contextlib.closing(AnsweringBackend("a")) as a, contextlib.closing(AnsweringBackend("b")) as b:
            backends = {each.name: each for each in (a, b)}
            drover = start(_settings(a) | {"backends": [
                {"name": each.name, "address": each.address} for each in backends.values()]} | settings)
            client = connect(drover.port, upgrade_request(path, *headers, host="chat.example:99"))
            served_by = backends.pop(client.read_head().get("X-Backend"))
            session = served_by.heads[0].get("X-Drover-Session")
            status, _ = drover.admin(f"/api/v1/backends/default/{served_by.name}/drain", "POST", {"grace": "10s"})
            assert status == 202
            frame = client.read_frame()
            assert frame.opcode == TEXT
            told = json.loads(frame.payload)
            assert list(told) == [
                "type", "reason", "new_endpoint", "session_token", "reconnect_delay", "deadline"]
            assert (told["type"], told["reason"]) == ("migrate_connection", "drain")
            assert told["new_endpoint"] == url.format(scheme=self._SCHEME)
            assert told["deadline"] == told["reconnect_delay"] + 10_000
            resume_id, pool, backend, left = opened(_SECRET, told["session_token"])
            assert (resume_id, pool, backend) == (session, "default", "")
            until_then = told["deadline"] / 1000 + 60
            assert until_then - slack(5) <= left <= until_then + 1
            again = connect(drover.port, upgrade_request(f"/chat?session_token={told['session_token']}"))
            assert again.read_head().status == 101
            (other,) = backends.values()
            assert other.heads[0].get("X-Drover-Session") == session
            assert other.heads[0].get("X-Drover-Resumed") == "1"
            for stream in (client, again):
                stream.reset()


def test_a_token_can_be_read_nowhere(resuming, backend):
    tokens = [mint(_SECRET, _ID), mint(_SECRET, _ID, pool="mail"), "v1." + "B" * 80]
    streams = []
    for token in tokens:
        for path, headers in (carry(token) for carry in _CARRIERS.values()):
            streams += open_tunnel(resuming.port, backend, upgrade_request(path, *headers))
    for path in ("/api/v1/sessions", "/api/v1/backends", "/metrics", "/health", "/ready"):
        status, body = resuming.admin(path)
        assert status == 200
        assert not any(token in str(body) for token in tokens), path
    for token in tokens:  # a request that is refused, and one that is none
        path, _ = _CARRIERS["query"](token)
        connect(resuming.port, plain_request(f"GET {path} HTTP/1.1", "Host: localhost")).read_head()
        connect(resuming.port, upgrade_request(path, "Content-Length: 5")).read_head()
    for stream in streams:
        stream.reset()
    resuming.wait_for_sessions(15)
    resuming.stop()
    said = resuming.output() + resuming.log()
    for token in tokens:
        assert token not in said, [line for line in said.splitlines() if token in line]
    assert "resume_token_ignored" in said and "session_token" not in said and "***" in said


class TestRandomSecret:
    """Without a secret tokens cannot outlive the process, and an operator has to know."""

    @staticmethod
    def _warnings(drover):
        return drover.events("resume_secret_random")

    def test_it_is_told_once_at_start(self, start, backend):
        drover = start({"backends": [backend.address]})
        (warning,) = self._warnings(drover)
        assert "resume.secrets" in warning["hint"]
        request, _ = _seen(drover, backend, f"/chat?session_token={mint('', _ID)}")
        _check_new(request)
        assert len(self._warnings(drover)) == 1

    def test_not_where_there_is_one(self, resuming):
        assert not self._warnings(resuming)

    def test_not_where_the_configuration_is_only_checked(self, tmp_path, backend):
        file = tmp_path / "drover.yaml"
        file.write_text(f"{{listen: '127.0.0.1:0', backends: ['{backend.address}']}}")
        checked = run_drover("-t", "-c", str(file))
        assert checked.returncode == 0
        assert "resume" not in checked.stdout + checked.stderr
