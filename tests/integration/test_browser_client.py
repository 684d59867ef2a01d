"""clients/js in a real browser, through Drover, to python3-websockets. That server echoes, so a page can send itself
the frame that asks it to move, without a drain; one case has a drain of Drover's."""
# ctest: tls both
# ctest: busy

import functools
import http.server
import json
import pathlib
import threading

import pytest
from harness import Drover, secured, wait_until
from harness.browser import Browser
from harness.forms import url_of
from harness.peers import ServerProcess

_CLIENT = pathlib.Path(__file__).resolve().parents[2] / "clients/js"

_PRELUDE = """
  const {DroverSocket} = await import('/index.js');
  const next = (socket, type) => new Promise((done) => socket.addEventListener(type, done, {once: true}));
  const closing = async (socket) => {
    const event = await next(socket, 'close');
    return {native: event instanceof CloseEvent, code: event.code, reason: event.reason, clean: event.wasClean};
  };
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", name="page")
def fixture_page():
    """A browser on a page whose server has the client's files."""
    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=_CLIENT))
    thread = threading.Thread(target=files.serve_forever)
    thread.start()
    try:
        with Browser() as browser:
            browser.visit(f"http://127.0.0.1:{files.server_port}/README.md")
            yield browser
    finally:
        files.shutdown()
        thread.join()
        files.server_close()


@pytest.fixture(name="server")
def fixture_server():
    with ServerProcess("websockets") as server:
        yield server


@pytest.fixture(name="drover")
def fixture_drover(server):
    with Drover({"backends": [server.address]}) as drover:
        yield drover


def _play(page, drover, script):
    """With `url`, which is secure where the form of the tests is."""
    url = url_of(f"ws://127.0.0.1:{drover.port}/chat")
    assert url.startswith("wss:") == secured("client")
    return page.run(f"{_PRELUDE} const url = {json.dumps(url)}; {script}")


def test_text_binary_subprotocol_and_close(page, drover):
    assert _play(page, drover, """
      const socket = new DroverSocket(url, ['other', 'chat.v2']);
      socket.send('žluťoučký 🐎');  // before it is open
      const {data: text} = await next(socket, 'message');
      socket.binaryType = 'arraybuffer';
      socket.send(new Uint8Array([1, 2, 3]));
      const {data: bytes} = await next(socket, 'message');
      socket.binaryType = 'blob';
      socket.send(new Blob(['in a blob']));
      const event = await next(socket, 'message');
      const told = [socket.protocol, socket.readyState, socket.url === url, event instanceof MessageEvent];
      socket.close(3000, 'done');
      const closed = await closing(socket);
      return {text, bytes: [...new Uint8Array(bytes)], blob: await event.data.text(), told, closed};
    """) == {
        "text": "žluťoučký 🐎", "bytes": [1, 2, 3], "blob": "in a blob", "told": ["chat.v2", 1, True, True],
        "closed": {"native": True, "code": 3000, "reason": "done", "clean": True},
    }
    record = drover.session()
    assert (record["why"], record["messages_in"], record["messages_out"]) == ("normal", 3, 3)


def test_a_close_of_the_application_is_the_end(page, drover):
    assert _play(page, drover, """
      const socket = new DroverSocket(url, ['chat.v2']);
      socket.send('!close 4001 enough of it');
      return await closing(socket);
    """) == {"native": True, "code": 4001, "reason": "enough of it", "clean": True}
    assert drover.session()["initiator"] == "backend"


def test_moves_without_a_gap(page, drover, server):
    played = _play(page, drover, """
      const socket = new DroverSocket(url, ['chat.v2'], {lingerQuiet: 300});
      const types = [];
      for (const type of ['open', 'migrating', 'migrated', 'migrationfailed', 'reconnecting', 'error', 'close']) {
        socket.addEventListener(type, () => types.push(type));
      }
      const received = [];
      socket.onmessage = ({data}) => received.push(Number(data));
      await next(socket, 'open');
      let sent = 0;
      const timer = setInterval(() => { for (let burst = 0; burst < 5; ++burst) socket.send(`${sent++}`); }, 1);
      const until = async (condition) => {
        for (const end = performance.now() + 10000; !condition();) {
          if (performance.now() > end) throw new Error(`in vain: ${condition}; ${types}`);
          await new Promise((done) => setTimeout(done, 5));
        }
      };
      await until(() => received.length > 50);
      socket.send('!late -1');
      socket.send(JSON.stringify({
        type: 'migrate_connection', reason: 'drain', new_endpoint: `${url}?drover_migrate=1`, session_token: 'v1.abc',
        reconnect_delay: 50, deadline: 5000,
      }));
      const {detail} = await next(socket, 'migrated');
      const before = sent;
      await until(() => sent > before + 50);
      clearInterval(timer);
      await until(() => received.length >= sent + 1);
      window.moved = socket;
      const missing = Array.from({length: sent}, (_, number) => number).filter((number) => !received.includes(number));
      return {types, missing, others: received.length - sent, before, sent, resumed: detail.resumed};
    """)
    assert played["types"] == ["open", "migrating", "migrated"]
    # The other message is the one that the server sent on the old connection when it knew of the new one.
    assert (played["missing"], played["others"], played["resumed"]) == ([], 1, True)
    old = wait_until(lambda: server.reports and server.reports[0], "the server's report on the old one")
    assert old["close"][0] == 1000
    assert len(old["messages"]) == played["before"] + 2  # with "!late" and the one that made it move
    assert drover.session()["why"] == "normal"

    page.run("window.moved.close(); await new Promise((done) => { window.moved.onclose = done; });")
    records = drover.wait_for_sessions(2)
    assert sum(record["messages_in"] for record in records) == played["sent"] + 2
    assert {record["subprotocol"] for record in records} == {"chat.v2"}


def test_a_drain_moves_the_page_without_a_gap(page, start):
    with ServerProcess("websockets") as one, ServerProcess("websockets") as other:
        drover = start({"backends": [one.address, other.address], "policy": "round_robin"})
        _play(page, drover, """
          const socket = window.drained = new DroverSocket(url, ['chat.v2'], {lingerQuiet: 300});
          const types = window.types = [];
          for (const type of ['open', 'migrating', 'migrated', 'migrationfailed', 'reconnecting', 'error', 'close']) {
            socket.addEventListener(type, () => types.push(type));
          }
          window.received = [];
          socket.onmessage = ({data}) => window.received.push(Number(data));
          window.moved = next(socket, 'migrated');  // it may have moved before anybody asks
          await next(socket, 'open');
          window.sent = 0;
          window.timer = setInterval(() => socket.send(`${window.sent++}`), 1);
        """)
        (session,) = drover.admin("/api/v1/sessions")[1]["sessions"]
        left, entered = (one, other) if session["backend"] == one.address else (other, one)
        body = {"pace": "20/s", "deadline": "20s", "grace": "5s"}
        status, plan = drover.admin(f"/api/v1/backends/default/{left.address}/drain", "POST", body)
        assert (status, plan["total"]) == (202, 1), plan
        assert page.run("return (await window.moved).detail.resumed;")
        wait_until(lambda: drover.admin("/api/v1/drains/d1")[1]["state"] == "done", "the plan is done")
        assert drover.admin("/api/v1/drains/d1")[1]["moved"] == {
            "handoff": 0, "notify": 1, "close": 0, "forced": 0, "failed": 0}
        played = page.run("""
          clearInterval(window.timer);
          while (window.received.length < window.sent) await new Promise((done) => setTimeout(done, 5));
          window.drained.close();
          await new Promise((done) => window.drained.addEventListener('close', done));
          return {types: window.types, received: window.received, sent: window.sent};
        """)
        assert played["types"] == ["open", "migrating", "migrated", "close"]
        assert sorted(played["received"]) == list(range(played["sent"]))
        # The same session, on the one after the other, which share its messages between them.
        records = drover.wait_for_sessions(2)
        assert [record["backends"][0]["name"] for record in records] == [left.address, entered.address]
        assert {(record["resume_id"], record["subprotocol"]) for record in records} == {
            (session["resume_id"], "chat.v2")}
        assert sum(record["messages_in"] for record in records) == played["sent"]
        assert min(record["messages_in"] for record in records) > 0


def test_comes_back_when_a_backend_is_lost(page, start):
    with ServerProcess("websockets") as one, ServerProcess("websockets") as other:
        drover = start({"backends": [one.address, other.address], "policy": "round_robin"})
        _play(page, drover, """
          window.kept = new DroverSocket(url, ['chat.v2'], {minDelay: 50, maxDelay: 200});
          window.kept.send('here');
          await next(window.kept, 'message');
          window.lost = next(window.kept, 'reconnecting');  // it may be back before anybody asks
        """)
        active = wait_until(lambda: [server for server in (one, other)
                                     if drover.backends()[server.address]["active"] == 1], "the session")
        active[0].kill()
        assert page.run("""
          const {kept} = window;
          const next = (type) => new Promise((done) => kept.addEventListener(type, done, {once: true}));
          await window.lost;
          kept.send('back again');
          const {data} = await next('message');
          kept.close();
          await next('close');
          return data;
        """) == "back again"
