"""Clients and servers that nobody here wrote, through Drover and without it: the transcripts of both ends must be
the same."""
# ctest: tls
# ctest: busy

import contextlib
import itertools

import pytest
from harness import Drover
from harness.peers import CLIENTS, SERVERS, ServerProcess, play

_SIZES = (0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20)  # every form of the length, and both of its borders
_paths = itertools.count()  # a server's report is found by its path
_direct = {}  # what a scenario gives without Drover, played once for every number of workers


def _echo(kind, *sizes, fragments=1):
    for size in sizes:
        yield {"send": kind, "size": size, "fragments": fragments}
        yield {"receive": 1}


_DONE = {"close": [1000, "done"]}
SCENARIOS = {
    "binary": [*_echo("binary", *_SIZES), _DONE],
    "text": [*_echo("text", *_SIZES), {"send": "text", "literal": "žluťoučký 🐎"}, {"receive": 1}, _DONE],
    "fragments from the client": [
        *_echo("binary", 5, 1000, 1 << 20, fragments=5), *_echo("text", 5, 70_000, fragments=5), _DONE],
    "fragments from the server": [
        {"send": "text", "literal": "!fragments 7 1"}, {"receive": 1},
        {"send": "text", "literal": "!fragments 30 70000"}, {"receive": 1}, _DONE],
    "pings": [
        {"ping": "from the client"}, *_echo("text", 10), {"ping": "x" * 125},
        {"send": "text", "literal": "!ping from-the-server"}, {"receive": 1}, _DONE],
    "many in flight": [*({"send": "binary", "size": size} for size in range(0, 3000, 7)), {"receive": 429}, _DONE],
}
CLOSES = [(1000, ""), (1000, "done"), (1001, "going away"), (3000, "registered"), (4999, "é" * 61)]


@pytest.fixture(scope="module")
def servers():
    """Every foreign server, plain and with permessage-deflate, by (kind, deflate)."""
    with contextlib.ExitStack() as stack:
        yield {(kind, deflate): stack.enter_context(ServerProcess(kind, *(["--deflate"] if deflate else [])))
               for kind in SERVERS for deflate in (False, True)}


@pytest.fixture(scope="module", params=[1, 4], ids=["1 worker", "4 workers"])
def proxy(request, servers):
    """Drover before all of them, told apart by the first segment of the path."""
    name = {key: f"{key[0]}{'-deflate' if key[1] else ''}" for key in servers}
    with Drover({
        "workers": request.param,
        "routes": [{"match": {"path": f"/{name[key]}"}, "pool": name[key]} for key in servers],
        "pools": {name[key]: {"backends": [server.address]} for key, server in servers.items()},
    }) as drover:
        yield drover


def _play(port, backend, client, server, steps, deflate, subprotocols):
    """The transcripts of both ends."""
    path = f"/{server}{'-deflate' if deflate else ''}/{next(_paths)}"
    transcript = play(client, f"ws://127.0.0.1:{port}{path}", steps, subprotocols, deflate)
    return transcript, {key: value for key, value in backend.report(path).items() if key != "path"}


def _both_ways(proxy, servers, client, server, steps, deflate=False, subprotocols=()):
    """Plays the scenario without and with Drover; returns the client's transcript that both gave."""
    backend = servers[server, deflate]
    scenario = (client, server, steps, deflate, subprotocols)
    if (key := repr(scenario)) not in _direct:
        _direct[key] = _play(backend.port, backend, *scenario)
    assert _play(proxy.port, backend, *scenario) == _direct[key]
    return _direct[key][0]


peers = pytest.mark.parametrize("client,server", list(itertools.product(CLIENTS, SERVERS)))


@peers
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_messages_are_the_same_with_and_without_drover(proxy, servers, client, server, scenario):
    transcript = _both_ways(proxy, servers, client, server, SCENARIOS[scenario])
    assert len([entry for entry in transcript if entry[0] == "message"]) == sum(
        step.get("receive", 0) for step in SCENARIOS[scenario])


@peers
@pytest.mark.parametrize("scenario", ["binary", "text", "fragments from the client", "fragments from the server"])
def test_permessage_deflate_passes_through(proxy, servers, client, server, scenario):
    transcript = _both_ways(proxy, servers, client, server, SCENARIOS[scenario], deflate=True)
    assert "permessage-deflate" in transcript[0][2]


@peers
@pytest.mark.parametrize("offer,chosen", [(["chat.v2"], "chat.v2"), (["other", "chat.v2"], "chat.v2"), ([], None)])
def test_subprotocol_is_the_servers_choice(proxy, servers, client, server, offer, chosen):
    transcript = _both_ways(proxy, servers, client, server, [_DONE], subprotocols=offer)
    assert transcript[0][1] == chosen


@peers
@pytest.mark.parametrize("code,reason", CLOSES, ids=str)
def test_close_from_the_client(proxy, servers, client, server, code, reason):
    transcript = _both_ways(proxy, servers, client, server, [*_echo("text", 3), {"close": [code, reason]}])
    assert transcript[-1][1] == code


@peers
@pytest.mark.parametrize("code,reason", CLOSES, ids=str)
def test_close_from_the_server(proxy, servers, client, server, code, reason):
    steps = [{"send": "text", "literal": f"!close {code} {reason}"}, {"close": None}]
    assert _both_ways(proxy, servers, client, server, steps)[-1] == ["close", code, reason]


@pytest.mark.parametrize("server", SERVERS)
def test_close_without_a_code_from_the_client(proxy, servers, server):
    # python3-websockets cannot send one.
    assert _both_ways(proxy, servers, "ws", server, [{"close": []}])[-1][1] == 1005


@pytest.mark.parametrize("client", CLIENTS)
def test_close_without_a_code_from_the_server(proxy, servers, client):
    steps = [{"send": "text", "literal": "!close"}, {"close": None}]
    assert _both_ways(proxy, servers, client, "ws", steps)[-1][1] == 1005
