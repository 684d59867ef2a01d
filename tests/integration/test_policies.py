"""Which backend of a pool a session goes to: the policies by weight, max_connections."""

import collections

import pytest
from harness import AnsweringBackend, connect, upgrade_request, wait_until


@pytest.fixture
def fleet():
    """Makes named backends."""
    made = []

    def make(*names):
        made.extend(AnsweringBackend(name) for name in names)
        return made[-len(names):]

    yield make
    for backend in made:
        backend.close()


def _entries(backends, **values):
    """The backends of a pool; each value is a list with one entry a backend."""
    return [{"name": backend.name, "address": backend.address}
            | {key: value[index] for key, value in values.items()} for index, backend in enumerate(backends)]


def _open(drover):
    """An open session: (its connection, the backend's name)."""
    client = connect(drover.port, upgrade_request())
    head = client.read_head()
    return client, head.get("X-Backend") if head.status == 101 else head.status


def test_round_robin_is_exact_and_smooth(start, fleet):
    drover = start({"policy": "round_robin", "backends": _entries(fleet("a", "b", "c"), weight=[1, 2, 3])})
    sessions = [_open(drover) for _ in range(60)]
    picks = [name for _, name in sessions]
    for begin in range(0, 60, 6):
        assert collections.Counter(picks[begin : begin + 6]) == {"a": 1, "b": 2, "c": 3}
    assert all("".join(three) != "ccc" for three in zip(picks, picks[1:], picks[2:]))


def test_least_connections_prefers_the_idle_one(start, fleet):
    drover = start({"policy": "least_connections", "timeouts": {"close": "200ms"},
                    "backends": _entries(fleet("a", "b"))})
    sessions = [_open(drover) for _ in range(8)]
    assert collections.Counter(name for _, name in sessions) == {"a": 4, "b": 4}
    for client, name in sessions:
        if name == "a":
            client.reset()
    drover.wait_for_sessions(4)
    more = [_open(drover) for _ in range(4)]
    assert {name for _, name in more} == {"a"}


def test_least_connections_counts_by_weight(start, fleet):
    drover = start({"policy": "least_connections", "backends": _entries(fleet("a", "b"), weight=[1, 3])})
    sessions = [_open(drover) for _ in range(40)]
    assert collections.Counter(name for _, name in sessions) == {"a": 10, "b": 30}


def test_health_score_is_the_default(start, fleet):
    """Without reports it goes by connections, which are live; a latency that nobody is slow at is no part of it."""
    drover = start({"backends": _entries(fleet("a", "b")), "score": {"latency": 0}, "timeouts": {"close": "200ms"}})
    sessions = {name: client for client, name in (_open(drover), _open(drover))}
    assert set(sessions) == {"a", "b"}
    sessions["b"].reset()
    drover.wait_for_sessions(1)
    replacement, name = _open(drover)
    assert name == "b"
    replacement.close()


@pytest.mark.parametrize("policy", ["health_score", "least_connections", "round_robin", "random_two",
                                    {"consistent_hash": {"key": "query:n", "bound": 1}}])
def test_weights_are_kept_within_two_percent(start, fleet, policy):
    drover = start({"policy": policy, "score": {"latency": 0},
                    "backends": _entries(fleet("a", "b", "c"), weight=[1, 2, 3])})
    sessions = []
    for number in range(600):
        client = connect(drover.port, upgrade_request(f"/ws?n={number}"))
        sessions.append((client, client.read_head().get("X-Backend")))
    counts = collections.Counter(name for _, name in sessions)
    for name, share in {"a": 100, "b": 200, "c": 300}.items():
        assert abs(counts[name] - share) <= 0.02 * 600, counts


@pytest.mark.parametrize("policy", ["health_score", "least_connections", "round_robin", "random_two",
                                    "consistent_hash"])
@pytest.mark.parametrize("workers", [1, 4])
def test_max_connections_of_a_backend_is_never_exceeded(start, fleet, policy, workers):
    drover = start({"workers": workers, "policy": policy, "timeouts": {"close": "200ms"},
                    "backends": _entries(fleet("a", "b"), max_connections=[1, 3], weight=[5, 1])})
    sessions = [_open(drover) for _ in range(4)]
    assert collections.Counter(name for _, name in sessions) == {"a": 1, "b": 3}
    assert _open(drover)[1] == 503
    client, freed = sessions[2]
    client.reset()
    # Its place is given back behind its line in the log.
    wait_until(lambda: sum(backend["active"] for backend in drover.backends().values()) == 3, "a place is free")
    replacement, name = _open(drover)
    assert name == freed
    replacement.close()


def test_max_connections_of_drover(start, fleet):
    drover = start({"backends": _entries(fleet("a")), "limits": {"max_connections": 2}, "timeouts": {"close": "200ms"}})
    assert drover.events("limits")[0]["max_connections"] == "2"
    first, second = _open(drover), _open(drover)
    # A third is refused or waits in the backlog; in either case no tunnel.
    third = connect(drover.port, upgrade_request())
    assert not third.readable(0.2) or not third.fill() or third.read_head().status == 503
    third.reset()
    first[0].reset()
    wait_until(lambda: _open(drover)[1] == "a", "a place for another session")
    second[0].send(b"")


@pytest.mark.parametrize("by", ["client", "backend"])
@pytest.mark.parametrize("end", ["reset", "close"])
def test_the_lease_is_given_back_whatever_the_end(start, fleet, by, end):
    (only,) = fleet("a")
    drover = start({"backends": _entries([only], max_connections=[1]), "timeouts": {"close": "200ms"}})
    client, _ = _open(drover)
    assert _open(drover)[1] == 503
    getattr(client if by == "client" else only.streams[0], end)()
    wait_until(lambda: _open(drover)[1] == "a", "the place of the session that ended")
