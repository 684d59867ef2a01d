"""A WebSocket echo server on python3-websockets that also reports how it is, in whatever form a test wants: GET /health
with status and body, the ORCA header on that and on the 101, and an agent port. A line of JSON on stdin changes what it
says, and is answered by a line once it holds; the first line on stdout has its ports. Arguments: its port, and for TLS
the files of a certificate and its key."""

import asyncio
import http
import json
import logging
import ssl
import sys

import websockets

logging.disable(logging.CRITICAL)

STATE = {
    "status": 200,       # of GET /health
    "body": "",          # of it: text, or anything else as JSON
    "orca": "",          # endpoint-load-metrics, on /health and on the 101
    "upgrade": 101,      # else: the status that refuses every upgrade
    "agent": "up\n",     # the agent's line
}
SEEN = {"probes": 0, "upgrades": 0, "queries": 0, "hosts": []}


def emit(record):
    print(json.dumps(record), flush=True)


async def process_request(path, headers):
    if path.split("?")[0] == "/health" and "Upgrade" not in headers:
        SEEN["probes"] += 1
        SEEN["hosts"].append(headers.get("Host"))
        body = STATE["body"] if isinstance(STATE["body"], str) else json.dumps(STATE["body"])
        extra = [("endpoint-load-metrics", STATE["orca"])] if STATE["orca"] else []
        return http.HTTPStatus(STATE["status"]), [("Content-Type", "application/json"), *extra], body.encode()
    SEEN["upgrades"] += 1
    if STATE["upgrade"] != 101:
        return http.HTTPStatus(STATE["upgrade"]), [], b"no\n"
    return None


def extra_headers(_path, _headers):
    return [("endpoint-load-metrics", STATE["orca"])] if STATE["orca"] else []


async def serve(socket, _path):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass


async def answer_query(_reader, writer):
    SEEN["queries"] += 1
    writer.write(STATE["agent"].encode())
    writer.close()


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*sys.argv[2:])
    agent = await asyncio.start_server(answer_query, "127.0.0.1", 0)
    async with websockets.serve(serve, "127.0.0.1", port, ping_interval=None, max_size=None, compression=None,
                                backlog=4096, process_request=process_request,
                                extra_headers=extra_headers, ssl=tls) as server:
        emit({"port": server.sockets[0].getsockname()[1], "agent": agent.sockets[0].getsockname()[1]})
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            STATE.update(json.loads(line))
            emit(SEEN)


asyncio.run(main())
