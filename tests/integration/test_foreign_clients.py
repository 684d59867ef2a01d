"""Libraries that know nothing of Drover: of a drain they see a Close as any server sends it, and come back to another
backend. What they tell is all that they got, so a frame of Drover's own would be seen here."""
# ctest: tls both
# ctest: busy

import contextlib
import itertools
import json
import subprocess
import threading

import pytest
from harness import wait_until
from harness.forms import forget, node_environment, note_server, server_files, url_of
from harness.peers import NODE

# What each tells of a life with one drain in it, without the messages themselves.
_STORIES = {
    "ws": ["open", "tick", "close", "open", "tick"],
    "graphql": ["connecting", "open", "connected", "tick", "close", "connecting", "open", "connected", "tick"],
    "engine": ["open", "tick", "close", "open", "tick"],
}
_MESSAGES = {"ws": set(), "graphql": {"connection_ack", "next"}, "engine": {"open", "message"}}
_CLOSE = ["close", 1012, "the backend is taken out of service; please reconnect"]
_CLOSES = {"ws": _CLOSE, "graphql": _CLOSE, "engine": [*_CLOSE, "transport close"]}
# What comes of a frame that they did not ask for.
_BROKEN = {
    "graphql": (["error", "Invalid message 'type' property \"migrate_connection\""], 4004),
    "engine": (["error", "server error"], None),  # it did not wait for a Close
}


class _Process:
    """One of Node.js that prints a JSON value a line."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(
            ["node", str(NODE / script), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=node_environment())
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def close(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


class _Scene:
    """Drover between a client of that kind and two servers, a and b."""

    def __init__(self, kind, start, stack, **config):
        backends = []
        for name in "ab":
            process = _Process("foreign_server.mjs", kind, name, *server_files())
            server = stack.enter_context(contextlib.closing(process))
            port = wait_until(lambda server=server: server.lines, f"the server {name}")[0]["port"]
            note_server(port)
            stack.callback(forget, port)
            backends.append({"name": name, "address": f"127.0.0.1:{port}"})
        self.drover = start({"backends": backends} | config)
        url = url_of(f"ws://127.0.0.1:{self.drover.port}")
        self._client = stack.enter_context(contextlib.closing(_Process("foreign_client.mjs", kind, url)))

    @property
    def told(self):
        """All that the client has told so far."""
        return list(self._client.lines)

    def ticks(self):
        """[server, numbers] for each run of ticks of one server."""
        parsed = [event[1].split() for event in self.told if event[0] == "tick"]
        return [[name, [int(number) for _, number in run]]
                for name, run in itertools.groupby(parsed, lambda tick: tick[0])]

    def drain(self):
        """Of the backend that the client is on, once it has heard of it."""
        ((name, _),) = wait_until(self.ticks, "something of a server")
        status, plan = self.drover.admin(f"/api/v1/backends/default/{name}/drain", "POST", {"pace": "1000/s"})
        assert (status, plan["total"]) == (202, 1), plan
        return name

    def plan(self):
        return self.drover.admin("/api/v1/drains/d1")[1]


@pytest.fixture(name="scene")
def fixture_scene(start):
    with contextlib.ExitStack() as stack:
        yield lambda kind, **config: _Scene(kind, start, stack, **config)


@pytest.mark.parametrize("kind", _STORIES)
def test_a_drain_is_a_close_that_they_come_back_from(scene, kind):
    it = scene(kind)
    left = it.drain()
    wait_until(lambda: len(it.ticks()) == 2 and len(it.ticks()[1][1]) >= 10, "it goes on on the other one")
    told = it.told
    assert {event[1] for event in told if event[0] == "message"} == _MESSAGES[kind]
    steps = [event[0] for event in told if event[0] != "message"]
    assert [step for step, _ in itertools.groupby(steps)] == _STORIES[kind]
    assert [event for event in told if event[0] == "close"] == [_CLOSES[kind]]
    # Of each connection all that came before its end, and nothing else.
    for name, numbers in it.ticks():
        assert numbers == list(range(len(numbers))), name
    assert [name for name, _ in it.ticks()] == [left, "b" if left == "a" else "a"]
    assert it.drover.session()["why"] == "drain"
    wait_until(lambda: it.plan()["state"] == "done", "the plan is done")
    assert it.plan()["moved"] == {"handoff": 0, "notify": 0, "close": 1, "forced": 0, "failed": 0}


@pytest.mark.parametrize("kind", _BROKEN)
def test_a_frame_that_they_did_not_ask_for_breaks_them(scene, kind):
    """Which is why nobody gets one who has not opted in; and that one would be seen above."""
    it = scene(kind, migration={"notify": "always"})
    it.drain()
    close = wait_until(lambda: next((event for event in it.told if event[0] == "close"), None), "its end")
    error, how = _BROKEN[kind]
    assert error in it.told and close[1] == how


def test_npm_ws_hands_an_unasked_frame_to_the_application(scene):
    it = scene("ws", migration={"notify": "always"})
    it.drain()
    wait_until(lambda: any(event[0] == "tick" and "migrate_connection" in event[1] for event in it.told), "the frame")
