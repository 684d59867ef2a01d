"""Out of descriptors: live tunnels go on, Drover does not spin, and accepting recovers by itself."""
# ctest: tls both

import resource
import time

import pytest
from harness import PING, SLOW, AnsweringBackend, client_frame, connect, connect_unaccepted, upgrade_request, wait_until

_WINDOW = 2.0  # seconds over which the CPU is measured
_CPU_SHARE = 0.05


@pytest.fixture
def answering():
    backend = AnsweringBackend("only")
    yield backend
    backend.close()


def _tunnel(drover, answering):
    """(client, backend) of an open tunnel."""
    client = connect(drover.port, upgrade_request())
    assert client.read_head().status == 101
    return client, answering.streams[-1]


def _is_alive(client, server):
    client.send(client_frame(PING, b"alive?"))
    return server.read_frame().payload == b"alive?"


def _cpu_share(drover, meanwhile):
    """Drover's share of one CPU over the window, in which `meanwhile` is called over and over."""
    before, began = drover.cpu_seconds(), time.monotonic()
    while time.monotonic() - began < _WINDOW:
        meanwhile()
        time.sleep(0.1)  # the window is the measurement
    return (drover.cpu_seconds() - before) / (time.monotonic() - began)



@pytest.mark.parametrize("workers", [1, 4])
def test_descriptors_taken_away_at_run_time(start, answering, workers):
    drover = start({"workers": workers, "backends": [answering.address], "limits": {"head_timeout": "60s"}})
    tunnels = [_tunnel(drover, answering) for _ in range(10)]
    soft, hard = resource.prlimit(drover.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (drover.descriptors(), hard))
    waiting = [connect_unaccepted(drover.port, upgrade_request()) for _ in range(50)]
    share = _cpu_share(drover, lambda: _is_alive(*tunnels[0]))
    assert SLOW or share < _CPU_SHARE
    assert all(_is_alive(*tunnel) for tunnel in tunnels)
    resource.prlimit(drover.pid, resource.RLIMIT_NOFILE, (soft, hard))
    # Those that still wait are served; Drover may have turned the others away.
    turned_away = 0
    for client in waiting:
        if client.fill() and client.read_head().status == 101:
            continue
        turned_away += 1
    assert turned_away < len(waiting)
    _tunnel(drover, answering)[0].close()
    assert all(_is_alive(*tunnel) for tunnel in tunnels)


@pytest.mark.parametrize("workers", [1, 4])
def test_few_descriptors_from_the_start(start, answering, workers):
    drover = start({"workers": workers, "backends": [answering.address]}, descriptors=(160, 160))
    (limits,) = drover.events("limits")
    capacity = int(limits["max_connections"])
    assert int(limits["descriptors"]) == 160 and 0 < capacity <= 80
    tunnels = [_tunnel(drover, answering) for _ in range(capacity)]
    more = [connect_unaccepted(drover.port, upgrade_request()) for _ in range(30)]
    share = _cpu_share(drover, lambda: _is_alive(*tunnels[0]))
    assert SLOW or share < _CPU_SHARE
    assert drover.descriptors() < 160
    assert drover.admin("/health")[0] == 200
    assert all(_is_alive(*tunnel) for tunnel in tunnels)
    for client in more:
        client.reset()
    for client, _ in tunnels[:5]:
        client.reset()

    def again():
        client = connect_unaccepted(drover.port, upgrade_request())
        return client.fill() and client.read_head().status == 101

    wait_until(again, "accepting recovers")
    assert all(_is_alive(*tunnel) for tunnel in tunnels[5:])
