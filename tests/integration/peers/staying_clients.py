"""Clients on python3-websockets that stay: each sends a message and waits for the answer; a line on stdout tells when
all have it, and at the end of stdin they close as they should. Arguments: the port, how many, their own address."""

import asyncio
import sys

import websockets


async def main():
    port, count, address = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    clients = [await websockets.connect(f"ws://127.0.0.1:{port}/chat?token=secret", local_addr=(address, 0))
               for _ in range(count)]
    for client in clients:
        await client.send("hello")
        await client.recv()
    print(flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for client in clients:
        await client.close()


asyncio.run(main())
