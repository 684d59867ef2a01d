"""The examples of docs/examples, without Drover between them and whoever plays its part: they keep the contract of
docs/migration.md, and serve clients that come by themselves."""

import contextlib
import json

import pytest
from harness import CLOSE, CONTINUATION, TEXT, client_frame, close_body, connect, upgrade_request
from harness.stoppable import LANGUAGES, ExampleBackend
from harness.handoff import HANDOFF, order
from harness.numbering import NumberingCrowd

_KEY = "0123456789abcdef0123456789abcdef"
_NEW_KEY = "fedcba9876543210fedcba9876543210"
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.fixture(params=LANGUAGES, name="backend_of")
def fixture_backend_of(request):
    with contextlib.ExitStack() as stack:
        yield lambda name="web-1", **options: stack.enter_context(ExampleBackend(request.param, name, **options))


class Peer:
    """Drover's part of a connection, or a client's where there is no key."""

    def __init__(self, backend, key=None, *headers):
        self.key = key
        offer = [f"{HANDOFF}: v1; key={key}"] if key else []
        self.stream = connect(backend.port, upgrade_request("/chat", *offer, *headers))
        self.head = self.stream.read_head()
        assert self.head.status == 101
        assert self.head.get(HANDOFF) == ("v1" if key else None)

    def say(self, text, opcode=TEXT, **frame):
        self.stream.send(client_frame(opcode, text.encode(), **frame))

    def read(self):
        frame = self.stream.read_frame()
        assert (frame.opcode, frame.fin) == (TEXT, True), frame
        return json.loads(frame.payload)

    def leave(self):
        """The state that it leaves with."""
        self.say(order("leave", self.key))
        left = self.read()
        assert list(left)[:2] == ["drover", "key"] and left["drover"] == "left" and left["key"] == self.key
        return left["state"]

    def enter(self, state, why="left"):
        self.say(order("enter", self.key, why=why, state=state, **{"from": "web-1"}))

    def asks(self, text):
        self.say(text)
        reply = self.read()
        assert reply["echo"] == text
        return reply["n"], reply["by"]

    def close(self):
        self.stream.send(client_frame(CLOSE, close_body(1001)))
        assert self.stream.read_frame().close_code == 1001
        self.stream.close()

    def is_closed_with(self, code):
        assert self.stream.read_frame().close_code == code
        self.stream.send(client_frame(CLOSE, close_body(code)))
        self.stream.drain()
        self.stream.close()


def test_the_count_moves_along(backend_of):
    old = Peer(backend_of("web-1"), _KEY)
    assert [old.asks("one"), old.asks("two")] == [(1, "web-1"), (2, "web-1")]
    state = old.leave()
    new = Peer(backend_of("web-2"), _NEW_KEY, "X-Drover-Resumed: 1")
    new.enter(state)
    assert new.asks("three") == (3, "web-2")
    old.close()
    assert new.leave() == {"n": 3}


def test_what_is_being_worked_on_is_answered_before_left(backend_of):
    peer = Peer(backend_of(delay=20), _KEY)
    for word in ("one", "two", "three"):
        peer.say(word)
    peer.say(order("leave", _KEY))
    assert [peer.read()["echo"] for _ in range(3)] == ["one", "two", "three"]
    assert peer.read() == {"drover": "left", "key": _KEY, "state": {"n": 3}}


def test_who_may_not_leave_goes_on_where_it_is(backend_of):
    peer = Peer(backend_of(), _KEY)
    assert peer.asks("one")[0] == 1
    peer.enter(peer.leave())
    assert peer.asks("two")[0] == 2


@pytest.mark.parametrize("why", ["forced", "token", "closed", "rescued"])
def test_without_a_state_it_begins_anew(backend_of, why):
    peer = Peer(backend_of(), _KEY, "X-Drover-Resumed: 1")
    peer.enter(None, why)
    assert peer.asks("one")[0] == 1


def test_nothing_is_served_before_enter(backend_of):
    peer = Peer(backend_of(), _KEY, "X-Drover-Resumed: 1")
    peer.say("one")
    peer.is_closed_with(1002)


def test_a_resumed_connection_without_the_contract_waits_for_nothing(backend_of):
    assert Peer(backend_of(), None, "X-Drover-Resumed: 1").asks("one")[0] == 1


@pytest.mark.parametrize("key", [None, _KEY], ids=["alone", "contract"])
@pytest.mark.parametrize("verb", ["leave", "left", "enter", "leaving"])
def test_what_a_client_forges_is_a_message_like_any(backend_of, key, verb):
    peer = Peer(backend_of(), key)
    forged = order(verb, _NEW_KEY, state={"n": 1000}, why="left")
    assert peer.asks(forged) == (1, "web-1")
    assert peer.asks('{"drover":' + "[" * 10_000)[0] == 2


def test_messages_in_fragments_and_binary_ones(backend_of):
    peer = Peer(backend_of(), _KEY)
    peer.say("on", fin=False)
    peer.say("e", CONTINUATION)
    assert peer.read()["echo"] == "one"
    peer.stream.send(client_frame(2, b"\x00\xff"))
    assert peer.read() == {"n": 2, "echo": "00ff", "by": "web-1"}


def test_at_sigterm_those_of_the_contract_are_served_until_they_leave(backend_of):
    backend = backend_of()
    kept, other = Peer(backend, _KEY), Peer(backend)
    assert kept.asks("one")[0] == other.asks("one")[0] == 1
    backend.terminate()
    other.is_closed_with(1001)
    assert kept.read() == {"drover": "leaving", "key": _KEY}
    with pytest.raises(OSError):
        connect(backend.port)
    assert kept.asks("two")[0] == 2
    assert kept.leave() == {"n": 2}
    kept.close()
    assert backend.wait() == 0


def test_who_does_not_leave_is_closed_after_the_grace(backend_of):
    backend = backend_of(grace=0.2)
    peer = Peer(backend, _KEY)
    backend.terminate()
    assert peer.read()["drover"] == "leaving"
    peer.is_closed_with(1001)
    assert backend.wait() == 0


def test_compression_only_without_contexts(backend_of):
    peer = Peer(backend_of(), _KEY, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    chosen = peer.head.get("Sec-WebSocket-Extensions")
    assert chosen is None or {"server_no_context_takeover", "client_no_context_takeover"} <= set(
        chosen.replace(" ", "").split(";"))
    peer.say(order("leave", _KEY))  # Drover compresses nothing
    frame = peer.stream.read_frame()
    assert frame.rsv == 0 and json.loads(frame.payload)["drover"] == "left"


def test_the_clients_of_the_tests_find_nothing_wrong_with_them(backend_of):
    backend = backend_of(delay=5)
    with NumberingCrowd(f"ws://127.0.0.1:{backend.port}", 20, interval=0.02,
                        deflating=lambda number: "node" in backend.process.args[0] and number % 3 == 0) as crowd:
        crowd.wait_for_more(30)
        crowd.assert_whole()
    print(f"the longest reply took {crowd.longest:.3f} s")
