"""A thousand reloads, with other, equal and broken files in turn, under 200 clients that never stop: no session and no
message is lost, and Drover does not grow."""

import asyncio
import signal
import threading

from harness import (
    SLOW, AnsweringBackend, Authority, client_context, connect, connect_tls, plain_request, scrape, upgrade_request,
    wait_until)
from harness.peers import ServerProcess, dial, free_port

_RELOADS = 300 if SLOW else 1_000
_WARM_UP = 100
_CLIENTS = 200
_PAUSE = 0.25  # seconds between two messages of a client
_GROWTH = 1 << 20  # bytes, from the end of the warm-up on


def _private_bytes(pid):
    """What the process alone has, and has written to."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        fields = dict(line.split(":", 1) for line in list(rollup)[1:])
    return int(fields["Private_Dirty"].split()[0]) << 10


class _Clients(threading.Thread):
    """Each says its numbers, one after the other, and hears each of them once."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port = port
        self.heard = [0] * _CLIENTS
        self.failures = []
        self._going = True
        self.start()

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        await asyncio.gather(*(self._talk(index) for index in range(_CLIENTS)))

    async def _talk(self, index):
        try:
            async with dial(f"ws://127.0.0.1:{self._port}/live/{index}", compression=None) as client:
                while self._going:
                    said = f"{index} {self.heard[index]}"
                    await client.send(said)
                    heard = await client.recv()
                    assert heard == said, f"{heard!r} for {said!r}"
                    self.heard[index] += 1
                    await asyncio.sleep(_PAUSE)
        except Exception as failure:  # whatever it is, it is one too many
            self.failures.append((index, repr(failure)))

    def finish(self):
        self._going = False
        self.join(60)
        assert not self.is_alive()


class _Handshakes(threading.Thread):
    """There is always a handshake under way: the next one has begun before one is finished."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port = port
        self.done, self.failures = 0, []
        self._stopping = threading.Event()
        self.start()

    def run(self):
        request = upgrade_request("/short")
        pending = None
        while not self._stopping.is_set():
            try:
                begun = connect(self._port, request[:50])
                if pending:
                    pending.send(request[50:])
                    assert pending.read_head().status == 101
                    pending.close()
                    self.done += 1
                pending = begun
                self._stopping.wait(0.01)  # a rate that the backends can bear: they keep what they have answered
            except (OSError, AssertionError) as failure:
                self.failures.append(repr(failure))
                return
        pending.close()

    def finish(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive()


def _config(number, server, shorts, ports, certificates):
    """`number` 0 … 2: each differs from the others in listeners, certificates, pools, backends, routes and limits, but
    not in where the clients come in and go to."""
    sides = {f"side{index}": {"backends": ["127.0.0.1:9"]} for index in range(number)}
    return {
        "workers": 2, "log": {"access": "off"}, "reload_wait": "500ms",
        "limits": {"max_connections": 5_000 + number, "head_timeout": "60s"}, "shutdown": {"pace": "10000/s"},
        "trusted_proxies": ["10.0.0.0/8"] * (number > 0),
        "listeners": [{"bind": "127.0.0.1:0", "health_path": f"/up{number}"},
                      {"bind": f"127.0.0.1:{ports[number % 2]}",
                       "tls": {"certificates": [certificates[number % 2].files]}}],
        "pools": {
            "live": {"backends": [server.address], "attempts": 1 + number,
                     "health_check": {"interval": f"{1 + number}s"}},
            "short": {"backends": [shorts[number].address, f"127.0.0.1:{9 + number}"], "policy": "round_robin",
                      "timeouts": {"close": "200ms"}, "health_check": {"interval": f"{200 + number}ms"}},
            **sides},
        "routes": [{"match": {"path": "/live"}, "pool": "live"}, {"match": {"path": f"/{number}"}, "pool": "live"},
                   {"pool": "short"}]}


def test_a_thousand_reloads(start):
    authority = Authority()
    certificates = [authority.issue("localhost") for _ in range(2)]
    ports = [free_port(), free_port()]
    shorts = [AnsweringBackend(name) for name in "abc"]
    with ServerProcess("ws") as server:
        configs = [_config(number, server, shorts, ports, certificates) for number in range(3)]
        drover = start(configs[0])
        clients, handshakes = _Clients(drover.port), _Handshakes(drover.port)
        wait_until(lambda: min(clients.heard) > 0, "all clients talk")
        descriptors, memory = None, None
        for number in range(_RELOADS):
            kind = number % 3
            if kind == 0:
                expected, config = "reloaded", configs[(number // 3 + 1) % 3]
            elif kind == 1:
                expected = "reload_unchanged"
            else:
                expected = "reload_refused"
                drover.write_file("{listen: ':1', backends: [" if number % 2 else "{listn: 1, listen: ':1', backends: ['a:1']}")
            assert drover.reload(None if kind == 2 else config)[0] == expected, drover.log()[-2_000:]
            if number == _WARM_UP:
                wait_until(lambda: not _leaving(drover), "closed listeners are gone")
                descriptors, memory = drover.descriptors(), _private_bytes(drover.pid)
        before = list(clients.heard)
        wait_until(lambda: all(now > then for now, then in zip(clients.heard, before)), "all clients still talk")
        wait_until(lambda: not _leaving(drover), "closed listeners are gone")
        growth = _private_bytes(drover.pid) - memory
        print(f"grown by {growth} bytes")
        assert SLOW or growth < _GROWTH, growth
        handshakes.finish()
        _the_last_good_file_is_in_force(drover, config, authority)
        wait_until(lambda: drover.descriptors() <= descriptors, "descriptors are back")
        wait_until(lambda: scrape(drover).value("connections_active") == _CLIENTS, "nobody else is left")
        clients.finish()
        assert (clients.failures, handshakes.failures) == ([], [])
        assert handshakes.done > _RELOADS / 10 and sum(clients.heard) > _CLIENTS
        _a_burst_ends_with_the_last_file(drover, configs)
    for short in shorts:
        short.close()


def _leaving(drover):
    """How many listeners that are not wanted any more are still there."""
    return len(drover.events("listening")) - len(drover.events("listener_closed")) - 2


def _the_last_good_file_is_in_force(drover, config, authority):
    told = drover.admin("/api/v1/config")[1]
    assert told["limits"]["max_connections"] == config["limits"]["max_connections"]
    assert list(told["pools"]) == list(config["pools"])
    health_path = config["listeners"][0]["health_path"]
    assert b" 200 " in connect(drover.port, plain_request(f"GET {health_path} HTTP/1.1", "Host: x")).read_to_end()
    port = int(config["listeners"][1]["bind"].rsplit(":", 1)[1])
    client = connect_tls(port, client_context(authority), upgrade_request("/live"))
    assert client.read_head().status == 101
    client.close()


def _a_burst_ends_with_the_last_file(drover, configs):
    drover.reload(configs[0])
    for number in range(300):
        drover.rewrite(configs[number % 3])
        drover.signal(signal.SIGHUP)
    wait_until(lambda: drover.admin("/api/v1/config")[1]["limits"]["max_connections"] == 5_002, "the last file counts")
