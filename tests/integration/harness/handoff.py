"""Backends of the handoff's contract (docs/migration.md) that do exactly what a test says, step by step, and the scene
of a session that moves from one to another."""

import contextlib
import json
import re
import select
import time
import zlib

from harness.frames import CLOSE, CONTINUATION, PING, TEXT, backend_frame, client_frame, close_body
from harness.raw import RawBackend, Stream, connect, plain_request, switching, upgrade_request
from harness.waiting import PATIENCE, wait_until

HANDOFF = "X-Drover-Handoff"
_OFFER = re.compile(r"v1; key=([0-9a-f]{32})")
# The only form of permessage-deflate that can be moved.
NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
DRAIN = "/api/v1/backends/default/{}/drain"


def order(verb, key, **members):
    """A message of the contract, as text."""
    return json.dumps({"drover": verb, "key": key} | members, separators=(",", ":"))


def left_with(key, state):
    """As text; `state` is text too, so that it is sent as it is."""
    return f'{{"drover":"left","key":"{key}","state":{state}}}'


def deflated(text):
    """The payload of a compressed message without context takeover, RFC 7692 section 7.2.1."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(text.encode()) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Dialled:
    """A connection that Drover has opened to a backend, with its request head read. Nothing has been answered yet."""

    def __init__(self, backend):
        self.name = backend.name
        self.stream: Stream = backend.accept()
        self.head = self.stream.read_head()

    @property
    def key(self):
        """Of the handoff; none where Drover offers none."""
        offer = self.head.get(HANDOFF)
        return offer and _OFFER.fullmatch(offer)[1]

    @property
    def resumed(self):
        return self.head.get("X-Drover-Resumed") == "1"

    # What it says.

    def join(self, *headers):
        """101, with its part in the contract."""
        self.stream.send(switching(self.head, f"{HANDOFF}: v1", *headers))
        return self

    def join_not(self, *headers):
        """101 of a backend that knows nothing of handoffs."""
        self.stream.send(switching(self.head, *headers))
        return self

    def refuse(self, status="403 Forbidden"):
        self.stream.send(plain_request(f"HTTP/1.1 {status}", "Content-Length: 0"))

    def text(self, payload, **frame):
        self.stream.send(backend_frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **frame))

    def send(self, opcode, payload=b"", **frame):
        self.stream.send(backend_frame(opcode, payload, **frame))

    def leaving(self):
        self.text(order("leaving", self.key))

    def left(self, state="null"):
        """`state`: JSON text."""
        self.text(left_with(self.key, state))

    def left_in_fragments(self, state, sizes, between=b""):
        """In frames of these sizes and one with the rest; `between`: what comes after each but the last."""
        payload = left_with(self.key, state).encode()
        opcode = TEXT
        for size in sizes:
            self.send(opcode, payload[:size], fin=False)
            self.stream.send(between)
            payload, opcode = payload[size:], CONTINUATION
        self.send(opcode, payload)

    def close_with(self, code, reason=""):
        self.send(CLOSE, close_body(code, reason))

    # What it is told.

    def read_text(self):
        """The payload of the next frame, which is a text message as clients send it."""
        frame = self.stream.read_frame()
        assert (frame.opcode, frame.fin, frame.rsv, frame.masked) == (TEXT, True, 0, True), frame
        return frame.payload.decode()

    def read_leave(self):
        assert self.read_text() == order("leave", self.key)

    def read_enter(self):
        """Its members, checked: in this order, and nothing else."""
        return json.loads(self.read_enter_text())

    def read_enter_text(self):
        text = self.read_text()
        message = json.loads(text)
        assert list(message) == ["drover", "key", "why", "state", "from"], text
        assert (message["drover"], message["key"]) == ("enter", self.key), text
        assert text.startswith(f'{{"drover":"enter","key":"{self.key}","why":"{message["why"]}","state":'), text
        return text

    def read_close(self, code):
        frame = self.stream.read_frame()
        assert (frame.opcode, frame.close_code) == (CLOSE, code), frame

    def is_left(self):
        """Drover's Close 1001, answered, and the end."""
        self.read_close(1001)
        self.stream.send_if_open(backend_frame(CLOSE, close_body(1001)))
        assert self.stream.read_to_end() == b""
        self.stream.close()

    def assert_nothing_came(self, seconds=0.1):
        assert not self.stream.readable(seconds), bytes(self.stream.buffer) or self.stream.fill() or self.stream.buffer


class ContractBackend(RawBackend):
    """One with a name, for Dialled."""

    def __init__(self, name):
        super().__init__()
        self.name = name


def talk(client, backend, word=b"hello"):
    """Something goes both ways, and nothing else has come before it."""
    client.send(client_frame(TEXT, word))
    assert backend.read_text() == word.decode()
    backend.text(b"re: " + word)
    frame = client.read_frame()
    assert (frame.opcode, frame.payload) == (TEXT, b"re: " + word), frame


def ping(client, payload=b"are you there"):
    client.send(client_frame(PING, payload))


def open_compressed(moves, extension):
    """As moves.open(), with permessage-deflate as the backend chooses it."""
    request = upgrade_request("/chat", f"Sec-WebSocket-Extensions: {extension}; client_max_window_bits")
    return moves.open(request, [f"Sec-WebSocket-Extensions: {extension}"])


class Moves:
    """A Drover before contract backends, and what its admin port does with them. As a context manager it closes all."""

    def __init__(self, start, names="ab", **config):
        self._stack = contextlib.ExitStack()
        self.backends = {name: self._stack.enter_context(contextlib.closing(ContractBackend(name))) for name in names}
        self.drover = start({"policy": "round_robin", "timeouts": {"upgrade": "5s", "close": "1s"}, "backends": [
            {"name": name, "address": backend.address} for name, backend in self.backends.items()]} | config)

    def open(self, request=None, answer_headers=(), takes_part=True):
        """(client, its backend), with both heads read. The first session goes to the first backend."""
        client = self._stack.enter_context(contextlib.closing(connect(self.drover.port, request or upgrade_request())))
        backend = self.dialled()
        (backend.join if takes_part else backend.join_not)(*answer_headers)
        head = client.read_head()
        assert head.status == 101, head
        assert not [name for name in head.names() if name.startswith("x-drover")], head
        return client, backend

    def dialled(self, names=None):
        """The next connection to any of these backends, all if none are named, that says anything: probes do not."""
        backends = {self.backends[name].listener.fileno(): self.backends[name] for name in names or self.backends}
        poll = select.poll()
        for listener in backends:
            poll.register(listener, select.POLLIN)
        deadline = time.monotonic() + PATIENCE
        while ready := poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            with contextlib.suppress(AssertionError):
                dialled = Dialled(backends[ready[0][0]])
                self._stack.callback(dialled.stream.close)
                return dialled
        raise AssertionError(f"nobody dials {[backend.name for backend in backends.values()]}")

    def untouched(self):
        """Whether no backend has a connection that waits."""
        return all(backend.untouched() for backend in self.backends.values())

    def ask(self, path, body=None, method="POST", status=(200, 202)):
        got, answer = self.drover.admin(path, method, body)
        assert got in status, answer
        return answer

    def drain(self, name="a", **body):
        """Its plan, as it begins."""
        return self.ask(DRAIN.format(name), {"pace": "1000/s"} | body)

    def plan(self, plan_id="d1"):
        return self.ask(f"/api/v1/drains/{plan_id}", method="GET")

    def wait_for(self, state, plan_id="d1"):
        wait_until(lambda: self.plan(plan_id)["state"] == state, f"the plan is {state}")
        return self.plan(plan_id)

    def move(self, client, old, state='{"n":1}'):
        """One whole handoff by a drain of the session's backend: the new one, which has read its enter."""
        plan = self.drain(old.name)
        new = self.dialled([name for name in self.backends if name != old.name]).join()
        old.read_leave()
        old.left(state)
        assert new.read_enter()["why"] == "left"
        old.is_left()
        talk(client, new)
        assert self.wait_for("done", plan["id"])["moved"]["handoff"] == 1
        self.ask(f"/api/v1/backends/default/{old.name}/ready")
        return new

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()
