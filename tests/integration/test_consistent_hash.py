"""consistent_hash: one key, one backend; a backend that leaves moves its own keys only; nobody has more than `bound`
times its share."""

import collections
import contextlib
import math

import pytest
from harness import AnsweringBackend, connect, upgrade_request

KEYS = 400


@pytest.fixture
def fleet():
    """Makes named backends."""
    with contextlib.ExitStack() as stack:
        yield lambda names: [stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in names]


def entries(backends, **values):
    """The backends of a pool."""
    return [{"name": backend.name, "address": backend.address} | values for backend in backends]


def open_session(drover, path="/chat", *headers):
    """A session, and where it went."""
    client = connect(drover.port, upgrade_request(path, *headers))
    head = client.read_head()
    assert head.status == 101, head.start_line
    return client, head.get("X-Backend")


def owners(drover, keys):
    """The backend of each room; the sessions are held until all have been opened."""
    held = {key: open_session(drover, f"/ws?room={key}") for key in keys}
    for client, _ in held.values():
        client.reset()
    return {key: backend for key, (_, backend) in held.items()}


@pytest.mark.parametrize("key, path, headers", [
    ("query:room", "/ws?a=1&room={}", []),
    ("header:X-Tenant", "/ws", ["X-Tenant: {}"]),
    ("cookie:sid", "/ws", ["Cookie: other=1; sid={}"]),
    ("path:2", "/rooms/{}/ws", []),
])
def test_a_key_has_one_backend(start, fleet, key, path, headers):
    drover = start({"workers": 2, "policy": {"consistent_hash": {"key": key, "bound": 100}},
                    "backends": entries(fleet("abcde"))})
    places = collections.defaultdict(set)
    for round_number in range(3):
        for tenant in range(20):
            client, backend = open_session(drover, path.format(f"t{tenant}"),
                                           *(header.format(f"t{tenant}") for header in headers))
            places[tenant].add(backend)
            client.reset()
    assert all(len(backends) == 1 for backends in places.values())
    assert len(set.union(*places.values())) >= 4


def test_the_client_address_is_the_default_key(start, fleet):
    drover = start({"policy": {"consistent_hash": {"bound": 100}}, "trusted_proxies": ["127.0.0.1"],
                    "backends": entries(fleet("abcde"))})
    by_address = {address: {open_session(drover, "/ws", f"X-Forwarded-For: {address}")[1] for _ in range(3)}
                  for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6")}
    assert all(len(backends) == 1 for backends in by_address.values())
    assert len(set.union(*by_address.values())) >= 2


def test_removing_one_of_ten_moves_its_own_keys(start, fleet):
    """At most 1.2 × its share, what the bound pushes on included."""
    backends = fleet("abcdefghij")
    policy = {"consistent_hash": {"key": "query:room", "bound": 1.25}}
    keys = [f"room-{number}" for number in range(KEYS)]
    before = owners(start({"policy": policy, "backends": entries(backends)}), keys)
    after = owners(start({"policy": policy, "backends": entries(backends[:-1])}), keys)
    moved = sum(before[key] != after[key] for key in keys)
    share = sum(backend == "j" for backend in before.values())
    assert share > 0 and moved <= 1.2 * max(share, KEYS / 10), (moved, share)
    assert set(after.values()) == set("abcdefghi")


def test_nobody_exceeds_the_bound(start, fleet):
    """Even where all sessions have one key."""
    drover = start({"policy": {"consistent_hash": {"key": "query:room", "bound": 1.25}},
                    "backends": entries(fleet("abcd"))})
    counts, held = collections.Counter(), []
    for number in range(200):
        client, backend = open_session(drover, "/ws?room=" + ("hot" if number % 2 else str(number)))
        held.append(client)
        counts[backend] += 1
        # Of the n sessions that there are with this one: ceil(1.25 · n / 4).
        assert counts[backend] <= math.ceil(1.25 * (number + 1) / 4), counts
    assert len(counts) == 4


def test_without_a_key_the_least_loaded_takes_it(start, fleet):
    drover = start({"policy": {"consistent_hash": {"key": "query:room"}}, "backends": entries(fleet("abcd"))})
    held = [open_session(drover, "/ws") for _ in range(20)]
    assert collections.Counter(backend for _, backend in held) == {name: 5 for name in "abcd"}
