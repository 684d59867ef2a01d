"""Peers that do what comes into their heads: clients that talk, ping, stop reading, close, reset or vanish within a
message, and backends of the handoff's contract that keep to it mostly. For what must hold whatever happens."""

import asyncio
import contextlib
import json
import random
import re
import socket
import struct

from harness.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, backend_frame, client_frame, close_body, xor
from harness.raw import accept_of, plain_request, upgrade_request

_OFFER = re.compile(rb"x-drover-handoff: v1; key=([0-9a-f]{32})", re.IGNORECASE)
_KEY = re.compile(rb"sec-websocket-key: (\S+)", re.IGNORECASE)
_LOST = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


async def _read_frame(reader):
    """(opcode, payload)"""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack(">Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(length)
    return first & 0x0F, xor(payload, mask) if mask else payload


def _reset(writer):
    with contextlib.suppress(OSError):  # it may have ended
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _end(writer):
    with contextlib.suppress(*_LOST, RuntimeError):
        writer.close()


class _Backend:
    """`address`, and connections that each live a life of their own. `calm`: they only keep to the contract."""

    def __init__(self, chance):
        self.chance = chance
        self.calm = False
        self.address = ""
        self.writers = set()
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def kill(self):
        """As a crash does: all its connections are reset."""
        for writer in list(self.writers):
            _reset(writer)

    def is_told(self, share):
        return not self.calm and self.chance.random() < share

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            await self._greet(reader, writer)
        except _LOST:
            pass
        finally:
            self.writers.discard(writer)
            _end(writer)

    async def _greet(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        offer = _OFFER.search(head)
        if self.is_told(0.03):
            return writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        if self.is_told(0.02):
            return await reader.read()  # never an answer
        if self.is_told(0.03):
            return _reset(writer)
        if self.is_told(0.2):
            await asyncio.sleep(self.chance.random() * 0.3)
        accept = accept_of(_KEY.search(head)[1].decode())
        answer = plain_request("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                               f"Sec-WebSocket-Accept: {accept}", "X-Drover-Handoff: v1")
        if self.is_told(0.1):
            answer += backend_frame(TEXT, b"hello")
        if self.is_told(0.03):
            answer += backend_frame(CLOSE, close_body(1001))
        writer.write(answer)
        await self._talk(reader, writer, offer[1].decode())

    async def _talk(self, reader, writer, key):
        while True:
            opcode, payload = await _read_frame(reader)
            if opcode == CLOSE:
                writer.write(backend_frame(CLOSE, payload))
                if self.is_told(0.1):
                    await reader.read()  # and never an end
                return
            if opcode == PING and not self.is_told(0.3):
                writer.write(backend_frame(PONG, payload))
            if opcode != TEXT:
                continue
            if payload.startswith(b'{"drover":"leave"'):
                await self._leave(writer, key)
            elif not payload.startswith(b'{"drover":"enter"'):
                self._reply(writer, key, payload)

    def _say(self, writer, verb, key):
        message = {"drover": verb, "key": key, "state": "s" * self.chance.randrange(900)}
        writer.write(backend_frame(TEXT, json.dumps(message, separators=(",", ":")).encode()))

    def _reply(self, writer, key, payload):
        if self.is_told(0.004):
            self._say(writer, self.chance.choice(["leaving", "left"]), key)
        if self.is_told(0.003):
            writer.write(backend_frame(CLOSE, close_body(self.chance.choice([1001, 1012, 1000, 4000]))))
        if self.is_told(0.002):
            return _reset(writer)
        if self.is_told(0.002):
            writer.write(backend_frame(TEXT, b"half", fin=False))
        writer.write(backend_frame(TEXT, payload))

    async def _leave(self, writer, key):
        if self.is_told(0.3):
            await asyncio.sleep(self.chance.random() * 0.4)
        if self.is_told(0.05):
            return  # never an answer
        if self.is_told(0.05):
            return _reset(writer)
        if self.is_told(0.1):
            writer.write(backend_frame(CLOSE, close_body(1001)))
        self._say(writer, "left", key)
        if self.is_told(0.1):
            writer.write(backend_frame(TEXT, b"too late"))
        if self.is_told(0.1):
            self._say(writer, "left", key)


class Churn:
    """`clients` at a time before `names` of backends, for as long as run() is given. Whatever ends a client's connection,
    another one comes in its place."""

    def __init__(self, names, clients, seed):
        self.chance = random.Random(seed)
        self.backends = {name: _Backend(self.chance) for name in names}
        self.clients = clients
        self.ended = self.replies = 0
        self.garbled = []  # what clients got that nobody has sent them
        self._over = False

    async def start(self):
        for backend in self.backends.values():
            await backend.start()

    async def run(self, port, seconds, disturb, end):
        """`disturb(name)` is called with a backend's name, again and again, in a thread, and `end()` before the clients
        are told to go."""
        clients = [asyncio.create_task(self._client(port)) for _ in range(self.clients)]
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            name = self.chance.choice(list(self.backends))
            if self.chance.random() < 0.04:
                self.backends[name].kill()
            await asyncio.to_thread(disturb, name)
            await asyncio.sleep(0.03)
        end()
        self._over = True
        for backend in self.backends.values():
            backend.calm = True
        await asyncio.gather(*clients)
        for backend in self.backends.values():
            backend.kill()

    async def _client(self, port):
        await asyncio.sleep(self.chance.random())
        while not self._over:
            with contextlib.suppress(*_LOST):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await self._live(reader, writer)
                finally:
                    _end(writer)
            self.ended += 1
            await asyncio.sleep(0.02)

    async def _live(self, reader, writer):
        writer.write(upgrade_request("/chat?drover_migrate=1" if self.chance.random() < 0.3 else "/chat"))
        if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
            return
        reading = asyncio.create_task(self._read(reader, writer))
        try:
            while not self._over and not reading.done():
                await asyncio.sleep(self.chance.random() * 0.3)
                if not self._speak(writer):
                    return
            if not reading.done():
                writer.write(client_frame(CLOSE, close_body(1000)))
                await asyncio.wait([reading], timeout=20)
        finally:
            reading.cancel()

    def _speak(self, writer):
        """False: the client has gone."""
        what = self.chance.random()
        if what < 0.01:
            _reset(writer)
        elif what < 0.015:
            writer.write(client_frame(TEXT, b"half a message", fin=False))
        elif what < 0.02:
            writer.write(client_frame(TEXT, b"half a frame")[:9])
        elif what < 0.025:
            writer.write(client_frame(CONTINUATION, b"of nothing"))
        else:
            for _ in range(self.chance.randrange(1, 4)):
                writer.write(client_frame(TEXT, b"word " * self.chance.randrange(1, 200)))
            if what < 0.2:
                writer.write(client_frame(PING, b"there?"))
            if what < 0.03:
                writer.write(client_frame(CLOSE, close_body(1000)))
            return True
        return False

    async def _read(self, reader, writer):
        with contextlib.suppress(*_LOST):
            while True:
                opcode, payload = await _read_frame(reader)
                if opcode == CLOSE:
                    return writer.write(client_frame(CLOSE, payload))
                if opcode == PING:
                    writer.write(client_frame(PONG, payload))
                if opcode in (TEXT, CONTINUATION):
                    self.replies += 1
                    self._judge(payload)

    def _judge(self, payload):
        asked = payload.startswith((b'{"type":"migrate_connection"', b'{"type":"server_shutdown"'))
        if not asked and payload.replace(b"word ", b"") not in (b"", b"hello", b"half", b"too late"):
            self.garbled.append(payload)
