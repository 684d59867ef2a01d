"""A real browser through Drover."""
# ctest: tls
# ctest: busy

import json

import pytest
from harness import Drover, secured, wait_until
from harness.browser import Browser
from harness.forms import url_of
from harness.peers import SERVERS, ServerProcess

# open(url, protocols): a socket that is open; its inbox has what came, `gone` is a promise of how it closed.
_PRELUDE = """
  const open = (url, protocols = []) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    socket.inbox = [];
    socket.wake = () => {};
    socket.onmessage = (event) => { socket.inbox.push(event.data); socket.wake(); };
    socket.gone = new Promise((done) => {
      socket.onclose = ({code, reason, wasClean}) => {
        done({code, reason, wasClean});
        reject(new Error(`closed with ${code}`));
      };
    });
    socket.onopen = () => resolve(socket);
  });
  const receive = async (socket) => {
    while (socket.inbox.length === 0) await new Promise((resolve) => { socket.wake = resolve; });
    return socket.inbox.shift();
  };
"""


@pytest.fixture(scope="module", name="browser")
def fixture_browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module", name="server", ids=str,
                params=[(kind, deflate) for kind in SERVERS for deflate in (False, True)])
def fixture_server(request):
    kind, deflate = request.param
    with ServerProcess(kind, *(["--deflate"] if deflate else [])) as server:
        server.deflates = deflate
        yield server


@pytest.fixture(name="drover")
def fixture_drover(server):
    with Drover({"backends": [server.address], "workers": 2}) as drover:
        yield drover


def _play(browser, drover, script):
    """With `url`, which is secure where the form of the tests is."""
    url = url_of(f"ws://127.0.0.1:{drover.port}/chat")
    assert url.startswith("wss:") == secured("client")
    return browser.run(f"{_PRELUDE} const url = {json.dumps(url)}; {script}")


def test_text_and_its_close(browser, drover):
    played = _play(browser, drover, """
      const socket = await open(url);
      const received = [];
      for (const text of ['', 'hello', 'žluťoučký 🐎', 'x'.repeat(1 << 20)]) {
        socket.send(text);
        received.push(await receive(socket) === text);
      }
      socket.close(3000, 'done');
      return {received, ...await socket.gone};
    """)
    assert played == {"received": [True] * 4, "code": 3000, "reason": "done", "wasClean": True}
    record = drover.session()
    assert (record["why"], record["messages_in"], record["messages_out"]) == ("normal", 4, 4)


def test_a_mebibyte_of_binary(browser, drover):
    assert _play(browser, drover, """
      const socket = await open(url);
      const sent = new Uint8Array(1 << 20);
      for (let at = 0; at < sent.length; at += 65536) crypto.getRandomValues(sent.subarray(at, at + 65536));
      socket.send(sent);
      const received = new Uint8Array(await receive(socket));
      socket.close();
      await socket.gone;
      return received.length === sent.length && received.every((byte, at) => byte === sent[at]);
    """)


def test_what_the_server_sends_in_fragments(browser, drover):
    assert _play(browser, drover, """
      const socket = await open(url);
      socket.send('!fragments 30 70000');
      const received = new Uint8Array(await receive(socket));
      socket.close();
      return received.length === 2100000 && received.every((byte, at) => byte === Math.floor(at / 70000));
    """)


def test_subprotocol_and_compression(browser, drover, server):
    protocol, extensions = _play(browser, drover, """
      const socket = await open(url, ['other', 'chat.v2']);
      const told = [socket.protocol, socket.extensions];
      socket.close();
      return told;
    """)
    assert protocol == "chat.v2"
    assert extensions.startswith("permessage-deflate") == server.deflates


def test_the_servers_close(browser, drover):
    assert _play(browser, drover, """
      const socket = await open(url);
      socket.send('!close 4001 enough of it');
      return await socket.gone;
    """) == {"code": 4001, "reason": "enough of it", "wasClean": True}
    assert drover.session()["initiator"] == "backend"


def test_several_at_once(browser, drover):
    # With more of them Chromium takes its time, some seconds, to open them.
    assert _play(browser, drover, """
      const one = async (number) => {
        const socket = await open(`${url}/${number}`);
        for (let round = 0; round < 20; ++round) {
          socket.send(`${number}.${round}`);
          if (await receive(socket) !== `${number}.${round}`) return 'wrong';
        }
        socket.close(1000);
        return (await socket.gone).code;
      };
      return [...new Set(await Promise.all(Array.from({length: 5}, (_, number) => one(number))))];
    """) == [1000]
    assert {record["why"] for record in drover.wait_for_sessions(5)} == {"normal"}


def test_an_answer_that_is_no_101(browser, start, backend):
    drover = start({"backends": [backend.address], "routes": [{"match": {"path": "/other"}, "pool": "default"}]})
    message = _play(browser, drover, "return await open(url).catch((error) => error.message);")
    assert message == "closed with 1006"
    assert drover.session()["status"] == 404


def test_a_backend_that_is_lost(browser, start):
    with ServerProcess("ws") as server:
        drover = start({"backends": [server.address]})
        _play(browser, drover, "window.kept = await open(url); kept.send('here'); await receive(kept);")
        wait_until(lambda: drover.backends()[server.address]["active"] == 1, "the session")
        server.kill()
        told = browser.run("return await window.kept.gone;")
        assert told == {"code": 1012, "reason": "backend lost", "wasClean": True}
