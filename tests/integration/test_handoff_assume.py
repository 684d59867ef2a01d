"""`handoff: assume`: sessions of servers that know nothing of Drover move without their clients' noticing; also when
the servers are stopped as a deployment stops them, and nobody asks the admin port for anything."""

import asyncio
import contextlib
import time

import pytest
import websockets
from harness import CLOSE, PING, PONG, TEXT, client_frame, close_body, scrape, slack, wait_until
from harness.forms import tls_of, url_of
from harness.handoff import talk
from harness.numbering import NumberingCrowd, echoed
from harness.stoppable import LANGUAGES, EchoBackend, Fleet

_ASSUME = {"handoff": "assume"}


def _open(it):
    client, old = it.open(takes_part=False)
    assert old.key is None  # nobody offers what it does not know
    return client, old


def _read_ping(backend):
    frame = backend.stream.read_frame()
    assert frame.opcode == PING, frame
    return frame.payload


# Step by step.


def test_the_old_one_is_pinged_waited_for_and_closed(moves):
    it = moves(migration=_ASSUME | {"quiet": "300ms"})
    client, old = _open(it)
    talk(client, old)
    it.drain()
    new = it.dialled("b").join_not()
    assert new.resumed and new.key is None
    assert new.head.get("X-Drover-Previous-Backend") == "a"
    payload = _read_ping(old)
    client.send(client_frame(TEXT, b"held"))
    old.text("a late reply")
    old.send(PONG, payload)
    old.text("a later one")
    at = time.monotonic()
    assert [client.read_frame().payload for _ in range(2)] == [b"a late reply", b"a later one"]
    old.read_close(1001)
    assert 0.25 <= time.monotonic() - at <= 0.45 + slack(0.3)
    assert not new.stream.readable()  # the old one may still say something until its Close
    old.text("the last one")
    assert client.read_frame().payload == b"the last one"
    old.close_with(1001)
    assert new.read_text() == "held"  # and no enter
    talk(client, new)
    assert it.wait_for("done")["moved"]["handoff"] == 1


def test_quiet_begins_anew_with_every_byte(moves):
    it = moves(migration=_ASSUME | {"quiet": "300ms"})
    client, old = _open(it)
    it.drain()
    it.dialled("b").join_not()
    old.send(PONG, _read_ping(old))
    for number in range(6):
        time.sleep(0.1)
        old.text(str(number))
        assert client.read_frame().payload == b"%d" % number
    at = time.monotonic()
    old.read_close(1001)
    assert time.monotonic() - at >= 0.25


@pytest.mark.parametrize("pongs", [False, True])
def test_who_is_never_quiet_is_forced(moves, pongs):
    it = moves(migration=_ASSUME | {"quiet": "300ms", "handoff_timeout": "1s"})
    client, old = _open(it)
    it.drain()
    new = it.dialled("b").join_not()
    payload = _read_ping(old)
    if pongs:
        old.send(PONG, payload)
    said = 0
    while not old.stream.readable(0.1):
        old.text(str(said))
        said += 1
    old.read_close(1001)
    old.close_with(1001)
    assert [client.read_frame().payload for _ in range(said)] == [b"%d" % number for number in range(said)]
    talk(client, new)
    assert it.wait_for("done")["moved"]["forced"] == 1


@pytest.mark.parametrize("end", [lambda old: old.stream.shutdown_write(), lambda old: None], ids=["end", "nothing"])
def test_an_end_or_the_time_for_it_is_as_good_as_a_close(moves, end):
    it = moves(migration=_ASSUME | {"quiet": "50ms"}, timeouts={"close": "500ms"})
    client, old = _open(it)
    it.drain()
    new = it.dialled("b").join_not()
    old.send(PONG, _read_ping(old))
    old.read_close(1001)
    end(old)
    client.send(client_frame(TEXT, b"held"))
    assert new.read_text() == "held"
    talk(client, new)


@pytest.mark.parametrize("code", [1000, 1011, 4000])
def test_another_close_ends_the_session(moves, code):
    it = moves(migration=_ASSUME)
    client, old = _open(it)
    it.drain()
    it.dialled("b").join_not()
    _read_ping(old)
    old.close_with(code)
    assert client.read_frame().close_code == code


@pytest.mark.parametrize("code", [1001, 1012])
def test_the_close_of_a_server_that_stops_moves_the_session(moves, code):
    it = moves(migration=_ASSUME)
    client, old = _open(it)
    old.close_with(code)
    new = it.dialled("b").join_not()
    talk(client, new)


# With servers that nobody changed.


def test_one_that_takes_no_more_clients_can_still_drain(start):
    """A session that moves has a third descriptor."""
    with Fleet("ab", lambda name, port: EchoBackend("py", name, port)) as fleet:
        drover = start({"backends": fleet.config, "migration": _ASSUME}, descriptors=(200, 200))
        capacity = int(drover.events("limits")[0]["max_connections"])
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", capacity, reading_of=echoed) as crowd:
            crowd.wait_for_more()
            plan = drover.admin("/api/v1/backends/default/a/drain", "POST", {"pace": "50/s"})[1]
            wait_until(lambda: drover.admin(f"/api/v1/drains/{plan['id']}")[1]["state"] == "done", "it is empty")
            done = drover.admin(f"/api/v1/drains/{plan['id']}")[1]
            crowd.wait_for_more()
            crowd.assert_whole()
    assert done["moved"]["handoff"] == plan["total"] > 0, done
    assert scrape(drover).value("resources_exhausted_total") == 0


@pytest.mark.parametrize("code", [1001, 1012])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_deployment_disconnects_nobody(start, language, code):
    """What had no reply yet is lost, and what the clients were in the middle of saying ends their session: so these say
    nothing in fragments, and their losses are told."""
    with Fleet("abc", lambda name, port: EchoBackend(language, name, port, code=code)) as fleet:
        drover = start({"backends": fleet.config, "migration": _ASSUME})
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", 60, reading_of=echoed, fragments=False) as crowd:
            crowd.wait_for_more()
            for name in "abc":
                fleet.restart(name)
                crowd.wait_for_more()
            clients = crowd.finish()
    assert [client.errors for client in clients if client.errors] == []
    lost = sum(client.unanswered() for client in clients)
    print(f"{language}, {code}: {lost} of {sum(client.sent for client in clients)} had no reply")
    assert all(client.unanswered() <= 3 for client in clients)  # at most what was being worked on, a move
    assert scrape(drover).sum("migrations_total", mode="handoff") > 0
    assert {record["why"] for record in drover.wait_for_sessions(60)} == {"normal"}


# What is broadcast is not what anybody asked for: some of it may be missed, or come twice.


async def _listen(url, ticks, stop):
    async with websockets.connect(url, ssl=tls_of(url), ping_interval=None) as client:
        while not stop.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                ticks.append(int((await asyncio.wait_for(client.recv(), 0.1)).split()[1]))


@pytest.mark.parametrize("tick", [20, 400])
def test_what_a_broadcast_loses(start, tick):
    async def listen_through_a_drain(drover):
        stop, heard = asyncio.Event(), [[] for _ in range(20)]
        tasks = [asyncio.create_task(_listen(url_of(f"ws://127.0.0.1:{drover.port}/"), ticks, stop)) for ticks in heard]
        await asyncio.sleep(1)
        ask = asyncio.get_running_loop().run_in_executor
        plan = (await ask(None, drover.admin, "/api/v1/backends/default/a/drain", "POST", {"pace": "100/s"}))[1]
        while plan["state"] != "done":
            await asyncio.sleep(0.05)
            plan = (await ask(None, drover.admin, f"/api/v1/drains/{plan['id']}"))[1]
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*tasks)
        return plan, heard

    with Fleet("ab", lambda name, port: EchoBackend("py", name, port, tick=tick)) as fleet:
        drover = start({"backends": fleet.config, "migration": _ASSUME | {"handoff_timeout": "1s"}})
        plan, heard = asyncio.run(listen_through_a_drain(drover))
    moved = plan["moved"]
    assert moved["handoff"] + moved["forced"] == plan["total"] > 0, moved
    missed = sum(ticks[-1] - ticks[0] + 1 - len(set(ticks)) for ticks in heard)
    twice = sum(len(ticks) - len(set(ticks)) for ticks in heard)
    print(f"a number every {tick} ms, {plan['total']} moves ({moved['forced']} forced): {missed} were missed, "
          f"{twice} came twice")
    # Of two servers, one after the other: what was heard is in order but for a repeat at the seam.
    for ticks in heard:
        assert sum(1 for one, next_one in zip(ticks, ticks[1:]) if next_one <= one) <= 1, ticks


def test_a_client_close_ends_both(moves):
    it = moves(migration=_ASSUME)
    client, old = _open(it)
    it.drain()
    new = it.dialled("b").join_not()
    payload = _read_ping(old)
    client.send(client_frame(CLOSE, close_body(1000)))
    old.send(PONG, payload)
    old.read_close(1001)
    old.close_with(1001)
    new.read_close(1000)
    new.close_with(1000)
    assert client.read_frame().close_code == 1000
