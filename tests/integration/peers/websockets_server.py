"""An echo server on python3-websockets with the commands of node/ws_server.mjs, and "!late TEXT": that text, once
something has come on another connection. Prints its port and a report for every connection that ends, one JSON object a
line. Arguments: --deflate, and for TLS the files of a certificate and its key."""

import asyncio
import contextlib
import hashlib
import json
import logging
import ssl
import sys

import websockets

logging.disable(logging.CRITICAL)
late = {}  # by connection: the event that its late text waits for, and the task


def emit(record):
    print(json.dumps(record), flush=True)


async def obey(socket, command):
    verb, *words = command[1:].split(" ")
    if verb == "fragments":
        count, size = map(int, words)
        await socket.send([bytes([index & 0xFF]) * size for index in range(count)])
    elif verb == "ping":
        await (await socket.ping(words[0]))
        await socket.send("pong:" + words[0])
    elif verb == "close":
        await socket.close(int(words[0]), " ".join(words[1:]))
    elif verb == "stream":
        number = 0
        while True:
            await socket.send(f"tick {number}")
            number += 1
            await asyncio.sleep(0.0005)
    elif verb == "late":
        await_others(socket, words[0])


def await_others(socket, text):
    spoken = asyncio.Event()

    async def send():
        await spoken.wait()
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.send(text)

    late[socket] = (spoken, asyncio.create_task(send()))


async def serve(socket, path):
    received = []
    try:
        async for message in socket:
            kind = "text" if isinstance(message, str) else "binary"
            data = message.encode() if isinstance(message, str) else message
            for spoken in (spoken for other, (spoken, _) in late.items() if other is not socket):
                spoken.set()
            received.append([kind, len(data), hashlib.sha256(data).hexdigest()])
            if message[:1] == "!":
                await obey(socket, message)
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    emit({"path": path, "subprotocol": socket.subprotocol, "messages": received,
          "close": [socket.close_code, socket.close_reason]})


async def main():
    files = [argument for argument in sys.argv[1:] if argument != "--deflate"]
    tls = None
    if files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*files)
    async with websockets.serve(
            serve, "127.0.0.1", 0, subprotocols=["chat.v2", "chat.v1"], ping_interval=None, max_size=None,
            compression="deflate" if "--deflate" in sys.argv else None, backlog=1024, ssl=tls) as server:
        emit({"port": server.sockets[0].getsockname()[1]})
        await asyncio.Future()


asyncio.run(main())
