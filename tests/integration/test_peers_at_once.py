"""500 foreign clients at once, and libwebsockets' test server, which keeps its own idea of subprotocols."""
# ctest: tls both
# ctest: alone

import asyncio

import pytest
from harness import PATIENCE, Drover
from harness.peers import CLIENTS, LwsServer, ServerProcess, dial, play

_CLIENTS = 500


async def _one_of_many(url, number, everyone_is_connected):
    async with dial(url, compression=None) as client:
        await everyone_is_connected(number)
        for round_number in range(5):
            message = f"client {number} round {round_number} " + "x" * (number * 7)
            await client.send(message)
            assert await client.recv() == message
        await client.close(1000, str(number))
        return client.close_code


async def _all_at_once(url):
    connected = 0
    complete = asyncio.Event()

    async def everyone_is_connected(_):
        nonlocal connected
        connected += 1
        if connected == _CLIENTS:
            complete.set()
        await asyncio.wait_for(complete.wait(), PATIENCE)

    return await asyncio.gather(*(_one_of_many(url, number, everyone_is_connected) for number in range(_CLIENTS)))


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("server", ["websockets", "ws"])
def test_500_clients_at_once(start, workers, server):
    with ServerProcess(server) as backend:
        drover = start({"workers": workers, "backends": [backend.address]})
        assert set(asyncio.run(_all_at_once(f"ws://127.0.0.1:{drover.port}/many"))) == {1000}
        sessions = drover.wait_for_sessions(_CLIENTS)
        assert len(sessions) == _CLIENTS
        assert {(record["messages_in"], record["messages_out"], record["why"]) for record in sessions} == {
            (5, 5, "normal")}
        # The same frames both ways, but a client masks each of its six (five messages and a Close) with four bytes.
        masks = 4 * 6 * _CLIENTS
        assert sum(record["bytes_in"] - record["bytes_out"] for record in sessions) == masks


@pytest.fixture(scope="module")
def lws():
    with LwsServer() as server:
        yield server


@pytest.fixture(scope="module", params=[1, 4])
def lws_proxy(request, lws):
    with Drover({"workers": request.param, "backends": [lws.address]}) as drover:
        yield drover


def _both_ways(lws, proxy, client, steps, subprotocol):
    direct, through = (play(client, f"ws://127.0.0.1:{port}/", steps, [subprotocol])
                       for port in (lws.port, proxy.port))
    assert through == direct
    return direct


@pytest.mark.parametrize("client", CLIENTS)
def test_libwebsockets_mirrors(lws, lws_proxy, client):
    # Its mirror's buffer ends at 4 KiB.
    steps = []
    for size in (0, 1, 125, 126, 1000, 4000):
        steps += [{"send": "text", "size": size}, {"receive": 1}]
    steps += [{"ping": "to libwebsockets"}, {"close": [3000, "bye"]}]
    transcript = _both_ways(lws, lws_proxy, client, steps, "lws-mirror-protocol")
    assert transcript[0][1] == "lws-mirror-protocol" and len(transcript) == 9


@pytest.mark.parametrize("client", CLIENTS)
def test_libwebsockets_counts_and_closes(lws, lws_proxy, client):
    # It sends 0, 1, 2 … on its own clock: the first three are the same in every run, the Close ends both runs alike.
    transcript = _both_ways(lws, lws_proxy, client, [{"receive": 3}, {"close": [1000, "enough"]}],
                            "dumb-increment-protocol")[:4]
    assert [entry[2] for entry in transcript[1:]] == [1, 1, 1]
