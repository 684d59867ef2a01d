"""A WebSocket server whose connections Drover can move to another one while they live: docs/migration.md, "For authors
of backends". What it knows of a connection is a counter, which moves along. Debian 12: apt install python3-websockets
"""
import argparse
import asyncio
import json
import re
import signal
import ssl

import websockets

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--name", default="web-1")
parser.add_argument("--delay", type=float, default=0, help="ms that a reply takes")
parser.add_argument("--grace", type=float, default=30, help="s that connections have for leaving, after SIGTERM")
parser.add_argument("--cert")
parser.add_argument("--key")
options = parser.parse_args()
connections = {}  # each with its task


def key_of(headers):
    """What Drover's messages on this connection carry, and ours to it. None: it will not be moved."""
    offer = re.fullmatch(r"v1; key=([0-9a-f]{32})", headers.get("X-Drover-Handoff", ""))
    return offer and offer[1]


class Connection:
    def __init__(self, socket):
        self.socket, self.key, self.count = socket, key_of(socket.request_headers), 0  # the count is the state
        self.entered = not (self.key and "X-Drover-Resumed" in socket.request_headers)  # else `enter` comes first

    def order(self, message):
        """What Drover says with this message; empty where it is the client's, which cannot know the key."""
        return json.loads(message) if self.key and message[:10] == '{"drover":' and self.key in message[:100] else {}

    async def tell_drover(self, verb, **members):
        await self.socket.send(json.dumps({"drover": verb, "key": self.key, **members}))

    async def serve(self):
        # One message after the other: when `leave` is read, all that came before it is answered.
        async for message in self.socket:
            order = self.order(message)
            if order.get("drover") == "enter":
                self.count = (order["state"] or {"n": 0})["n"]  # no state: the old backend could not give it any more
                self.entered = True
            elif not self.entered:
                await self.socket.close(1002, "not the enter that this connection begins with")
            elif order.get("drover") == "leave":
                await self.tell_drover("left", state={"n": self.count})  # our last message: a Close follows, or `enter`
            elif not order:
                await self.reply(message if isinstance(message, str) else message.hex())

    async def reply(self, text):
        await asyncio.sleep(options.delay / 1000)
        self.count += 1
        await self.socket.send(json.dumps({"n": self.count, "echo": text, "by": options.name}))


async def serve(socket):
    connection = Connection(socket)
    connections[connection] = task = asyncio.current_task()
    task.add_done_callback(lambda _: connections.pop(connection))
    await connection.serve()


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if options.cert:
        tls.load_cert_chain(options.cert, options.key)
    server = await websockets.serve(  # no compression: it would also compress what Drover has to read
        serve, "127.0.0.1", options.port, compression=None, ssl=tls if options.cert else None, backlog=1024,
        extra_headers=lambda _, headers: {"X-Drover-Handoff": "v1"} if key_of(headers) else {})
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.server.close()  # the listening socket alone
    farewells = [each.tell_drover("leaving") if each.key else each.socket.close(1001) for each in connections]
    await asyncio.gather(*farewells, return_exceptions=True)
    if connections:
        await asyncio.wait(connections.values(), timeout=options.grace)  # they are served until they have left
    server.close()  # Close 1001 to those that are still here
    await server.wait_closed()


asyncio.run(main())
