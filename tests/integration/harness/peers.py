"""WebSocket peers that nobody here wrote: python3-websockets, npm `ws` and libwebsockets' test server, as processes,
and scenarios that a client plays. A scenario is a list of steps, each a dict with one of: send ("text" or "binary",
with size or literal, and fragments), receive (a count), ping (a payload), close ([code, reason] or [] for no code;
None waits for the server's)."""

import asyncio
import atexit
import hashlib
import hmac
import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import threading

import pytest
import websockets

from harness.certificates import defaults
from harness.forms import forget, node_environment, note_server, secured, server_files, tls_of, url_of
from harness.waiting import PATIENCE, wait_until

_HERE = pathlib.Path(__file__).resolve().parents[1]
NODE = _HERE / "node"
CLIENTS = ("websockets", "ws")
SERVERS = ("websockets", "ws")


class ServerProcess:
    """An echo server; `reports` has what it saw of each connection that ended."""

    def __init__(self, kind, *arguments):
        command = {
            "websockets": [sys.executable, str(_HERE / "peers/websockets_server.py")],
            "ws": ["node", str(NODE / "ws_server.mjs")],
        }[kind]
        self.process = subprocess.Popen(
            [*command, *arguments, *server_files()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.address = f"127.0.0.1:{self.port}"
        note_server(self.port)
        self.reports = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.reports.append(json.loads(line))

    def report(self, path):
        """What it saw of the connection with that path, which no other connection may have."""
        return wait_until(lambda: next((report for report in self.reports if report["path"] == path), None),
                          f"the server's report on {path}")

    def kill(self):
        """SIGKILL, and gone when this returns."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        forget(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class LwsServer:
    """libwebsockets-test-server: the subprotocols lws-mirror-protocol and dumb-increment-protocol."""

    def __init__(self):
        command = ["libwebsockets-test-server", "--port=0"]
        if secured("backend"):
            command = _with_default_certificate([*command, "--ssl"])
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = wait_until(self._listening_port, "libwebsockets-test-server listens")
        self.address = f"127.0.0.1:{self.port}"
        note_server(self.port)

    def _listening_port(self):
        """It never prints the port that it got, so the kernel is asked."""
        assert self.process.poll() is None, "libwebsockets-test-server ended"
        folder = f"/proc/{self.process.pid}/fd"
        inodes = {os.readlink(f"{folder}/{entry}") for entry in os.listdir(folder)}
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.process.pid}/net/{table}", encoding="ascii") as rows:
                for fields in (row.split() for row in list(rows)[1:]):
                    if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                        return int(fields[1].rsplit(":", 1)[1], 16)
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        forget(self.port)


def _with_default_certificate(command):
    """It knows no other certificate than that of its own folder, whose key is too short for today's OpenSSL: the
    default one is put in its place, for its eyes only."""
    files = [(source, f"/usr/share/libwebsockets-test-server/libwebsockets-test-server.{target}")
             for source, target in zip(defaults().server.files.values(), ("pem", "key.pem"))]
    mounts = " && ".join(f"mount --bind {source} {target}" for source, target in files)
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*namespace, mounts], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace to give libwebsockets-test-server a certificate in")
    return [*namespace, f"{mounts} && exec {' '.join(command)}"]


def _payload(step, index):
    """The same bytes for the same step in every run."""
    if "literal" in step:
        return step["literal"].encode()
    block = hmac.digest(str(index).encode(), step["send"].encode(), hashlib.sha512)
    pattern = block.hex().encode() if step["send"] == "text" else block
    return (pattern * (step["size"] // len(pattern) + 1))[: step["size"]]


async def _send(client, step, index):
    data = _payload(step, index)
    parts = step.get("fragments", 1)
    size = -(-len(data) // parts)
    pieces = [data[part * size : (part + 1) * size] for part in range(parts)]
    if step["send"] == "text":
        pieces = [piece.decode() for piece in pieces]
    await client.send(pieces if parts > 1 else pieces[0])


async def _receive(client, count, transcript):
    for _ in range(count):
        try:
            message = await client.recv()
        except websockets.ConnectionClosed:
            return
        kind = "text" if isinstance(message, str) else "binary"
        data = message.encode() if isinstance(message, str) else message
        transcript.append(["message", kind, len(data), hashlib.sha256(data).hexdigest()])


def dial(url, **options):
    """websockets.connect() to a ws:// URL, over TLS where it is spoken there, and without pings of its own."""
    url = url_of(url)
    return websockets.connect(url, ssl=tls_of(url), ping_interval=None, open_timeout=PATIENCE, **options)


async def _play(url, steps, subprotocols, deflate):
    transcript = []
    async with dial(url, subprotocols=subprotocols or None, compression="deflate" if deflate else None,
                    max_size=None) as client:
        transcript.append(["open", client.subprotocol, client.response_headers.get("Sec-WebSocket-Extensions")])
        for index, step in enumerate(steps):
            if "send" in step:
                await _send(client, step, index)
            elif "receive" in step:
                await _receive(client, step["receive"], transcript)
            elif "ping" in step:
                await (await client.ping(step["ping"]))
                transcript.append(["pong", step["ping"]])
            else:
                if step["close"] is not None:
                    await client.close(*step["close"])
                await client.wait_closed()
                transcript.append(["close", client.close_code, client.close_reason])
    return transcript


class _WsClient:
    """npm `ws` as a client, in a process that plays one scenario after the other and ends with this one."""

    _one = None

    def __init__(self):
        self._process = subprocess.Popen(["node", str(NODE / "ws_client.mjs")], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, bufsize=0, env=node_environment())
        atexit.register(self._end)

    def _end(self):
        self._process.kill()
        self._process.wait()

    def _play(self, scenario):
        self._process.stdin.write(json.dumps(scenario).encode() + b"\n")
        transcript = b""
        if select.select([self._process.stdout], [], [], PATIENCE)[0]:
            transcript = self._process.stdout.readline()
        if transcript:
            return json.loads(transcript)
        self._end()  # it has said why on stderr
        raise AssertionError(f"no transcript of {scenario}")

    @classmethod
    def play(cls, scenario):
        """Its transcript."""
        if cls._one is None or cls._one._process.poll() is not None:
            cls._one = cls()
        return cls._one._play(scenario)


def play(client, url, steps, subprotocols=(), deflate=False):
    """Plays a scenario with one of CLIENTS and returns its transcript."""
    if client == "websockets":
        return asyncio.run(asyncio.wait_for(_play(url, steps, list(subprotocols), deflate), PATIENCE))
    return _WsClient.play(
        {"url": url_of(url), "steps": steps, "subprotocols": list(subprotocols), "deflate": deflate})


def free_port():
    """A port that was free a moment ago, for programs that cannot say which one they got."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
