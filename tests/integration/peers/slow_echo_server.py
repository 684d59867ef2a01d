"""An echo server on python3-websockets that knows nothing of Drover: every reply takes a while, and SIGTERM closes all
connections. With a tick it tells everybody a number that often, which is the same everywhere at the same time. Text
"!poison" ends it at once. Prints its port. Arguments: port, delay (ms, at most), code of the Close, tick (ms, 0: none),
and for TLS the files of a certificate and its key."""

import asyncio
import json
import logging
import os
import random
import signal
import ssl
import sys
import time

import websockets

logging.disable(logging.CRITICAL)
port, delay, code, tick = map(int, sys.argv[1:5])
sockets = set()


async def serve(socket):
    sockets.add(socket)
    try:
        async for message in socket:
            if message == "!poison":
                os._exit(1)
            await asyncio.sleep(random.uniform(0, delay) / 1000)
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        sockets.remove(socket)


async def tell_everybody():
    while True:
        number = int(time.time() * 1000) // tick + 1
        await asyncio.sleep(number * tick / 1000 - time.time())
        websockets.broadcast(sockets, f"tick {number}")


async def main():
    tls = None
    if len(sys.argv) > 5:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*sys.argv[5:])
    async with websockets.serve(serve, "127.0.0.1", port, ping_interval=None, compression=None, backlog=1024,
                                ssl=tls) as server:
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        ticking = asyncio.create_task(tell_everybody()) if tick else None
        await stopped.wait()
        server.server.close()
        if ticking:
            ticking.cancel()
        await asyncio.gather(*(socket.close(code) for socket in list(sockets)))


asyncio.run(main())
