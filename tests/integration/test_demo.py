"""The demo of handoff: its page, the socket behind the page, its buttons; in a browser too."""

import asyncio
import http.client
import json
import re

import pytest
import websockets
from harness import PATIENCE, Drover, connect, upgrade_request, wait_until
from harness.browser import Browser
from harness.documents import ROOT

_HANDOFF_KEY = "0123456789abcdef0123456789abcdef"
_HANDOFF = ("X-Drover-Handoff", f"v1; key={_HANDOFF_KEY}")


@pytest.fixture(scope="module", name="drover")
def fixture_drover():
    with Drover(arguments=("--demo",)) as drover:
        yield drover


@pytest.fixture(autouse=True)
def _both_serve(drover):
    """As a test before may not have left it."""
    yield
    for name, backend in drover.backends().items():
        if backend["admin"] != "ready":
            drover.admin(f"/api/v1/backends/default/{name}/ready", "POST")
    _wait_for(drover, lambda backends: all(one["eligible"] for one in backends.values()))


def _wait_for(drover, condition):
    wait_until(lambda: condition(drover.backends()), "the backends are as they should")


def _request(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def test_the_page(drover):
    status, headers, body = _request(drover.port, "GET", "/")
    assert status == 200
    assert body == (ROOT / "src/app/demo_page.html").read_text(encoding="utf-8")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert int(headers["Content-Length"]) == len(body.encode())
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';") and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert _request(drover.port, "GET", "/?again")[2] == body


def test_head_has_the_pages_head_alone(drover):
    status, headers, body = _request(drover.port, "HEAD", "/")
    assert (status, body) == (200, "")
    assert headers.items() == _request(drover.port, "GET", "/")[1].items()


def test_the_page_loads_nothing(drover):
    body = _request(drover.port, "GET", "/")[2]
    assert not re.search(r"""\b(?:src|href)\s*=\s*["'](?!data:)|@import|url\(|\bimport\b|fetch\(|XMLHttp""", body)
    assert "innerHTML" not in body  # what people write is never markup


@pytest.mark.parametrize("method, path", [("GET", "/demo"), ("GET", "/favicon.ico"), ("POST", "/"), ("OPTIONS", "/")])
def test_other_requests_are_answered_as_without_a_page(drover, start, method, path):
    plain = start({"backends": ["127.0.0.1:1"]})
    assert _request(drover.port, method, path)[::2] == _request(plain.port, method, path)[::2]
    assert _request(plain.port, "GET", "/")[0] == 426


def test_it_listens_on_loopback_alone(drover):
    assert [fields["address"] for fields in drover.events("listening")] == [f"127.0.0.1:{drover.port}"]


# --- The socket.


class _Visit:
    """A client of the page's kind."""

    def __init__(self, socket):
        self.socket = socket

    async def ask(self, **message):
        await self.socket.send(json.dumps(message))

    async def next(self, kind):
        """The next message that begins with that member; others are passed over."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            if next(iter(message)) == kind:
                return message

    async def tick(self, number):
        await self.ask(tick=number)
        answer = await self.next("tick")
        assert answer["tick"] == number
        return answer

    async def backends(self, condition):
        """Waits until they are shown so."""
        while not condition({one["name"]: one for one in (await self.next("backends"))["backends"]}):
            pass


def _visit(port, play, **options):
    """What `play` returns for a visit of the port. Without pings: a backend that is killed has none to answer."""
    async def visit():
        async with websockets.connect(f"ws://127.0.0.1:{port}/demo", ping_interval=None, **options) as socket:
            return await play(_Visit(socket))
    return asyncio.run(visit())


def test_ticks_are_counted_by_the_backend_that_says_hello(drover):
    async def play(visit):
        hello = await visit.next("hello")
        answers = [await visit.tick(number) for number in (7, 9, 11)]
        return hello, answers

    hello, answers = _visit(drover.port, play)
    assert (hello["why"], hello["count"]) == ("new", 0)
    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert {answer["backend"] for answer in answers} == {hello["hello"]}


def test_lines_reach_both_backends(drover):
    async def play(first):
        async with websockets.connect(f"ws://127.0.0.1:{drover.port}/demo") as socket:
            second = _Visit(socket)
            names = {(await first.next("hello"))["hello"], (await second.next("hello"))["hello"]}
            await first.ask(name="Ann")
            await first.ask(say="žluťoučký 🐎")
            while (line := await second.next("line"))["text"] != "žluťoučký 🐎":
                pass
            return names, line["from"]

    assert _visit(drover.port, play) == ({"demo-1", "demo-2"}, "Ann")


@pytest.mark.parametrize("origin, status", [
    ("http://127.0.0.1:{port}", 101), ("http://localhost:{port}", 403), ("http://127.0.0.1", 403),
    ("http://evil.example", 403), ("null", 403)])
def test_only_its_own_page_may_connect(drover, origin, status):
    client = connect(drover.port, upgrade_request("/demo", f"Origin: {origin.format(port=drover.port)}",
                                                  host=f"127.0.0.1:{drover.port}"))
    assert client.read_head().status == status
    client.close()


def _visit_on_the_second(drover, play):
    """What `play` returns for a visit that demo-2 serves, while demo-1 has nobody."""
    async def begin(visit):
        assert (await visit.next("hello"))["hello"] == "demo-2"
        drover.admin("/api/v1/backends/default/demo-1/ready", "POST")
        return await play(visit)

    drover.admin("/api/v1/backends/default/demo-1/maintenance", "POST")
    return _visit(drover.port, begin)


def test_the_buttons_drain_and_restore(drover):
    async def play(visit):
        await visit.ask(drain="demo-1")
        _wait_for(drover, lambda backends: backends["demo-1"]["admin"] == "drain")
        await visit.backends(lambda shown: shown["demo-1"]["state"] == "drain")
        await visit.ask(restore="demo-1")
        _wait_for(drover, lambda backends: backends["demo-1"]["admin"] == "ready")
        await visit.backends(lambda shown: shown["demo-1"]["state"] == "ready")

    _visit_on_the_second(drover, play)
    assert drover.events("drain_started")[-1]["backends"] == "demo-1"
    assert drover.events("backend_operator_state")[-1]["peer"] == drover.events("drain_started")[-1]["peer"]


def test_the_button_kill(drover):
    async def play(visit):
        await visit.ask(kill="demo-1")
        await visit.backends(lambda shown: shown["demo-1"]["state"] == "down")
        _wait_for(drover, lambda backends: backends["demo-1"]["probe"] == "down")
        await visit.backends(lambda shown: shown["demo-1"]["state"] == "ready")
        return await visit.tick(1)

    assert _visit_on_the_second(drover, play)["count"] == 1


# --- The contract, spoken to the backends' own ports.


def _own_port(drover, name):
    return int(drover.backends()[name]["address"].rsplit(":", 1)[1])


def _order(verb, **members):
    return {"drover": verb, "key": _HANDOFF_KEY, **members}


def test_a_visit_is_carried_on_by_the_other_backend(drover):
    async def leave(visit):
        assert visit.socket.response_headers["X-Drover-Handoff"] == "v1"
        await visit.ask(name="Ann")
        await visit.tick(1)
        await visit.ask(**_order("leave"))
        return await visit.next("drover")

    left = _visit(_own_port(drover, "demo-1"), leave, extra_headers=[_HANDOFF])
    assert (left["drover"], left["key"], left["state"]["count"]) == ("left", _HANDOFF_KEY, 1)

    async def enter(visit):
        assert visit.socket.response_headers["X-Drover-Handoff"] == "v1"
        await visit.ask(**_order("enter", why="left", state=left["state"], **{"from": "demo-1"}))
        return json.loads(await visit.socket.recv()), await visit.tick(2)

    hello, answer = _visit(_own_port(drover, "demo-2"), enter, extra_headers=[_HANDOFF, ("X-Drover-Resumed", "1")])
    assert hello == {"hello": "demo-2", "why": "left", "from": "demo-1", "count": 1, "name": "Ann"}
    assert answer["count"] == 2


def test_who_is_not_asked_by_drover_does_not_take_part(drover):
    async def play(visit):
        assert "X-Drover-Handoff" not in visit.socket.response_headers
        await visit.next("hello")
        await visit.ask(**_order("leave"))
        return await visit.tick(1)

    assert _visit(_own_port(drover, "demo-1"), play)["count"] == 1


# --- Moves: of Drover's, and as the page shows them.


def test_the_count_goes_on_over_a_drain(drover):
    async def play(visit):
        before = [await visit.tick(number) for number in range(1, 6)]
        await visit.ask(drain=before[-1]["backend"])
        number, answer = 5, before[-1]
        while answer["backend"] == before[-1]["backend"]:
            number += 1
            answer = await visit.tick(number)
            assert answer["count"] == number
        return answer["backend"]

    assert _visit(drover.port, play) in ("demo-1", "demo-2")


@pytest.fixture(scope="module", name="browser")
def fixture_browser():
    with Browser() as browser:
        yield browser


class _Page:
    """The demo's page in a browser."""

    def __init__(self, browser, port):
        self._browser = browser
        browser.visit(f"http://127.0.0.1:{port}/")
        wait_until(lambda: self.number("count") > 0, "the counter runs")

    def text(self, name):
        """Of the element of that id; empty where there is none."""
        return self._browser.run(f"return document.getElementById({json.dumps(name)})?.textContent ?? '';")

    def number(self, name):
        return int(self.text(name) or 0)

    def numbers(self, *names):
        """All of one moment."""
        return self._browser.run(
            f"return {json.dumps(names)}.map((name) => Number(document.getElementById(name).textContent));")

    def press(self, button, backend):
        """Once it can be pressed."""
        script = f"""
          const button = document.querySelector('[data-backend={backend}] .{button}:enabled');
          button?.click();
          return button != null;
        """
        wait_until(lambda: self._browser.run(script), f"{button} can be pressed")

    def state(self, backend):
        return self._browser.run(f"return document.querySelector('[data-backend={backend}]')?.dataset.state;")

    def say(self, name, text):
        self._browser.run(f"""
          document.getElementById('name').value = {json.dumps(name)};
          document.getElementById('name').onchange();
          document.getElementById('text').value = {json.dumps(text)};
          document.querySelector('#say button').click();
        """)


@pytest.fixture(name="page")
def fixture_page(browser, drover):
    page = _Page(browser, drover.port)
    yield page
    browser.visit("about:blank")


def _other(backend):
    return {"demo-1": "demo-2", "demo-2": "demo-1"}[backend]


def test_the_page_counts_and_chats(page):
    assert page.text("backend") in ("demo-1", "demo-2")
    page.say("Ann", "<i>hello</i>")
    wait_until(lambda: f"Ann on {page.text('backend')}: <i>hello</i>" in page.text("chat"), "the line, as text")
    count, sent, lost, jumps, sockets = page.numbers("count", "sent", "lost", "jumps", "sockets")
    assert (lost, jumps, sockets) == (0, 0, 1)
    assert 0 <= sent - count <= 100


def test_the_pages_buttons(page):
    other = _other(page.text("backend"))
    page.press("drain", other)
    wait_until(lambda: page.state(other) == "drain", "it is drained")
    page.press("restore", other)
    wait_until(lambda: page.state(other) == "ready", "it is restored")
    page.press("kill", other)
    wait_until(lambda: page.state(other) == "down", "it is down")
    wait_until(lambda: page.state(other) == "ready", "it is back")
    assert page.numbers("lost", "jumps", "sockets", "moved") == [0, 0, 1, 0]


def test_the_pages_socket_survives_a_drain(page):
    for move in (1, 2):
        old = page.text("backend")
        page.press("drain", old)
        moved = rf"moved from {old} to {_other(old)}, pause (\d+(?:\.\d)?) ms"
        wait_until(lambda: re.search(moved, page.text("moves")), "the move is told")
        assert page.text("backend") == _other(old)
        assert not page.text("none")
        before = page.number("count")
        wait_until(lambda: page.number("count") > before, "the count goes on")
        assert page.numbers("lost", "jumps", "sockets", "moved") == [0, 0, 1, move]
        page.press("restore", old)
        wait_until(lambda: page.state(old) == "ready", "it is restored")


def test_the_pages_socket_survives_a_kill(page):
    old = page.text("backend")
    page.press("kill", old)
    wait_until(lambda: f"moved from {old} to {_other(old)}, pause" in page.text("moves"), "the rescue is told")
    assert f"{old} was lost, and the count with it" in page.text("moves")
    assert page.numbers("jumps", "sockets", "moved") == [0, 1, 1]
