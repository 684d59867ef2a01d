"""A rolling restart by drains: 200 clients that never stop talking keep their connections, and nothing is lost, repeated
or out of its turn. Of backends that take part in handoffs, the count of each session goes on where it was."""
# ctest: tls both

import pytest
from harness import PATIENCE, SLOW, scrape, wait_until
from harness.forms import secured
from harness.numbering import NumberingCrowd, echoed
from harness.stoppable import LANGUAGES, EchoBackend, ExampleBackend, Fleet

_CLIENTS = 200
_DRAINS = 5 if SLOW else 20
_ASSUMED_DRAINS = 5 if SLOW or secured("backend") else 20  # what TLS is to a move, the others show
_PACE = 200
_POOLS = {"mixed": {"web-1": "py", "web-2": "mjs", "web-3": "py"}, "deflate": dict.fromkeys(("a", "b", "c"), "mjs")}


def _drain(drover, name):
    """All of one backend, which may have sessions again when this returns. How many there were."""
    status, plan = drover.admin(f"/api/v1/backends/default/{name}/drain", "POST", {"pace": f"{_PACE}/s"})
    assert status == 202, plan
    # By the log: to be asked all the time would keep Drover and this machine from what is measured.
    wait_until(lambda: any(ended["id"] == plan["id"] for ended in drover.events("drain_ended")), f"{name} is empty",
               4 * PATIENCE)
    done = drover.admin(f"/api/v1/drains/{plan['id']}")[1]
    drover.admin(f"/api/v1/backends/default/{name}/ready", "POST")
    assert (done["state"], done["left"], done["warnings"]) == ("done", 0, []), done
    everybody = {"handoff": plan["total"], "notify": 0, "close": 0, "forced": 0, "failed": 0}
    assert (done["moved"], done["ended"]) == (everybody, 0), (plan, done)
    return plan["total"]


def _roll(drover, names, crowd, drains=_DRAINS):
    """The backends one after the other, over and over. How many sessions each drain moved."""
    crowd.wait_for_more()
    moved = []
    for number in range(drains):
        moved.append(_drain(drover, names[number % len(names)]))
        crowd.wait_for_more()
    crowd.assert_whole()
    return moved


def _check_moves(drover, what, moved, crowd):
    """These, and no others; prints what they took."""
    metrics = scrape(drover)
    pauses = metrics.sum("migration_pause_seconds_count")
    mean = metrics.sum("migration_pause_seconds_sum") / pauses
    slowest = [labels["le"] for labels, value in metrics.series("migration_pause_seconds_bucket") if value < pauses]
    print(f"{what}: moved {moved}; {sum(client.received for client in crowd.clients)} replies, the longest took "
          f"{crowd.longest:.3f} s; the clients' thread stood still for up to {crowd.stalled:.3f} s; "
          f"a pause took {mean * 1000:.1f} ms in the mean, the longest more than {slowest[-1:]} s")
    assert pauses == sum(moved) == metrics.sum("migrations_total", mode="handoff", result="ok") > 0
    assert metrics.sum("migrations_total") == sum(moved)
    assert {record["why"] for record in drover.wait_for_sessions(_CLIENTS)} == {"normal"}
    assert sum(len(record["backends"]) - 1 for record in drover.sessions()) == sum(moved)


@pytest.mark.parametrize("pool", _POOLS)
def test_a_rolling_restart_is_not_noticed(start, pool):
    languages = _POOLS[pool]
    with Fleet(languages, lambda name, port: ExampleBackend(languages[name], name, port, delay=20)) as fleet:
        drover = start({"workers": 2, "backends": fleet.config})
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", _CLIENTS,
                            deflating=lambda number: pool == "deflate" and number % 3 == 0) as crowd:
            moved = _roll(drover, list(languages), crowd)
    _check_moves(drover, pool, moved, crowd)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nor_is_one_of_servers_that_know_nothing_of_it(start, language):
    """Their replies take up to 50 ms."""
    with Fleet("abc", lambda name, port: EchoBackend(language, name, port)) as fleet:
        drover = start({"workers": 2, "backends": fleet.config, "migration": {"handoff": "assume"}})
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", _CLIENTS, reading_of=echoed) as crowd:
            moved = _roll(drover, "abc", crowd, _ASSUMED_DRAINS)
    _check_moves(drover, f"assume, {language}", moved, crowd)


def test_a_rolling_restart_by_sigterm_is_not_noticed_either(start):
    """Nobody asks for a drain: the backends say that they leave, and go when they are empty."""
    languages = _POOLS["mixed"]
    with Fleet(languages, lambda name, port: ExampleBackend(languages[name], name, port, delay=20)) as fleet:
        drover = start({"workers": 2, "backends": fleet.config})
        with NumberingCrowd(f"ws://127.0.0.1:{drover.port}/chat", 60) as crowd:
            crowd.wait_for_more()
            for name in languages:
                fleet.restart(name)
                crowd.wait_for_more()
            crowd.assert_whole()
    print(f"the longest reply took {crowd.longest:.3f} s")
    assert scrape(drover).sum("migrations_total", mode="handoff", result="ok") >= 60
    assert {record["why"] for record in drover.wait_for_sessions(60)} == {"normal"}
