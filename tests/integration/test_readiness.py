"""Whether new sessions are welcome, as /ready and a listener's health_path say: backends, required pools, shutdown."""

import signal

import pytest
from harness import AnsweringBackend, connect, open_tunnel, plain_request, upgrade_request, wait_until

_HEALTH = "/-/ready"


def _listener(**more):
    return {"listeners": [{"bind": "127.0.0.1:0", "health_path": _HEALTH, **more}]}


def _ask(drover, method="GET", path=_HEALTH, headers=()):
    """The head and the body that a client of the listener gets."""
    client = connect(drover.port, plain_request(f"{method} {path} HTTP/1.1", "Host: any.example", *headers))
    head = client.read_head()
    return head, client.read_to_end()


@pytest.fixture
def answering():
    """A backend that says 101 to everybody."""
    backend = AnsweringBackend("a")
    yield backend
    backend.close()


def test_a_listener_tells_that_drover_is_ready(start, answering):
    drover = start({**_listener(), "backends": [answering.address]})
    head, body = _ask(drover)
    assert (head.status, head.get("content-type"), body) == (200, "application/json", b'{"ready":true}\n')
    head, body = _ask(drover, "HEAD")
    assert (head.status, head.get("content-length"), body) == (200, "15", b"")
    assert _ask(drover, path=f"{_HEALTH}?from=lb")[0].status == 200


def test_it_is_no_request_like_others(start, answering):
    drover = start({**_listener(), "backends": [answering.address]})
    for _ in range(3):
        assert _ask(drover)[0].status == 200
    hasty = connect(drover.port, plain_request(f"GET {_HEALTH} HTTP/1.1", "Host: any.example"))
    assert hasty.read_head().status == 200
    hasty.reset()
    assert _ask(drover, path="/-/readyx")[0].status == 426
    (line,) = drover.wait_for_sessions(1)
    assert line["path"] == "/-/readyx"
    metrics = drover.admin("/metrics")[1]
    assert 'drover_upgrades_total{pool="default",code="426",source="drover"} 1\n' in metrics
    assert 'code="200"' not in metrics


def test_other_methods_and_handshakes_go_the_usual_way(start, answering):
    drover = start({**_listener(), "backends": [answering.address]})
    assert _ask(drover, "POST", headers=["Content-Length: 0"])[0].status == 426
    client = connect(drover.port, upgrade_request(_HEALTH))
    assert client.read_head().status == 101


def test_without_the_key_nobody_answers_there(start, answering):
    drover = start({"backends": [answering.address]})
    assert _ask(drover)[0].status == 426


def test_no_eligible_backend_is_not_ready(start, answering):
    drover = start({**_listener(), "backends": [answering.address]})
    assert drover.admin(f"/api/v1/backends/default/{answering.address}/maintenance", "POST")[0] == 200
    assert _ask(drover)[0].status == 503
    assert _ask(drover)[1] == b'{"ready":false}\n'
    assert drover.admin("/ready") == (503, {"ready": False, "reason": "no pool has an eligible backend"})
    assert drover.admin(f"/api/v1/backends/default/{answering.address}/ready", "POST")[0] == 200
    assert _ask(drover)[0].status == 200


def test_a_required_pool_must_have_one(start, answering):
    pools = {"chat": {"backends": [answering.address], "required": True},
             "mail": {"backends": [answering.address]}}
    drover = start({**_listener(), "pools": pools,
                    "routes": [{"match": {"path": "/mail"}, "pool": "mail"}, {"pool": "chat"}]})
    assert _ask(drover)[0].status == 200
    drover.admin(f"/api/v1/backends/mail/{answering.address}/maintenance", "POST")
    assert _ask(drover)[0].status == 200
    drover.admin(f"/api/v1/backends/mail/{answering.address}/ready", "POST")
    drover.admin(f"/api/v1/backends/chat/{answering.address}/maintenance", "POST")
    assert _ask(drover)[0].status == 503
    assert drover.admin("/ready")[1]["reason"] == "pool 'chat' is required and has no eligible backend"


def test_while_it_announces_its_end_it_is_not_ready_and_still_accepts(start, backend):
    drover = start({**_listener(), "backends": [backend.address], "shutdown": {"announce": "60s"}})
    open_tunnel(drover.port, backend)
    drover.signal(signal.SIGTERM)
    wait_until(lambda: _ask(drover)[0].status == 503, "the listener says that it is not ready")
    assert drover.admin("/ready") == (503, {"ready": False, "reason": "shutting down"})
    open_tunnel(drover.port, backend)
    drover.signal(signal.SIGTERM)
    assert drover.wait() == 3
