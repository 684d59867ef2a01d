"""Which pool a request goes to, and what its route changes or refuses."""
# ctest: tls both

import pytest
from harness import AnsweringBackend, connect, upgrade_request


@pytest.fixture
def pools():
    """Backends by the name of their pool."""
    backends = {name: AnsweringBackend(name) for name in ("chat", "news", "rest")}
    yield backends
    for backend in backends.values():
        backend.close()


def _start(start, pools, routes):
    return start({"routes": routes,
                  "pools": {name: {"backends": [backend.address]} for name, backend in pools.items()}})


def _reached(drover, path="/", host="localhost", *headers):
    """The pool that answered, or the status where none did."""
    head = connect(drover.port, upgrade_request(path, *headers, host=host)).read_head()
    return head.get("X-Backend") if head.status == 101 else head.status


def test_host_is_matched_without_case_and_port(start, pools):
    drover = _start(start, pools, [{"match": {"host": "chat.example.com"}, "pool": "chat"}, {"pool": "rest"}])
    for host in ("chat.example.com", "CHAT.Example.Com", "chat.example.com:8080"):
        assert _reached(drover, host=host) == "chat", host
    for host in ("example.com", "a.chat.example.com", "chat.example.com.evil", "chat.example.co"):
        assert _reached(drover, host=host) == "rest", host


def test_path_is_a_prefix_on_segment_borders(start, pools):
    drover = _start(start, pools, [{"match": {"path": "/ws"}, "pool": "chat"}, {"pool": "rest"}])
    for path in ("/ws", "/ws/", "/ws/a/b", "/ws?q=1", "/ws/?q"):
        assert _reached(drover, path) == "chat", path
    for path in ("/", "/wsx", "/w", "/WS", "/a/ws", "/?/ws", "/%77s"):
        assert _reached(drover, path) == "rest", path


def test_the_first_match_wins(start, pools):
    drover = _start(start, pools, [
        {"match": {"host": "a.example", "path": "/deep"}, "pool": "chat"},
        {"match": {"path": "/deep"}, "pool": "news"},
        {"match": {"host": "a.example"}, "pool": "rest"}])
    assert _reached(drover, "/deep/er", "a.example") == "chat"
    assert _reached(drover, "/deep", "b.example") == "news"
    assert _reached(drover, "/", "a.example") == "rest"


def test_no_match_is_404(start, pools):
    drover = _start(start, pools, [{"match": {"host": "a.example", "path": "/ws"}, "pool": "chat"}])
    assert _reached(drover, "/ws", "b.example") == 404
    assert _reached(drover, "/other", "a.example") == 404
    record = drover.wait_for_sessions(2)[0]
    assert (record["status"], record["why"], record["backends"]) == (404, "rejected", [])


def test_websocket_true_and_false(start, pools):
    drover = _start(start, pools, [
        {"match": {"websocket": False}, "pool": "rest"}, {"match": {"websocket": True}, "pool": "chat"}])
    assert _reached(drover) == "chat"


def test_the_short_form_is_the_pool_default(start, pools):
    drover = start({"backends": [pools["chat"].address]})
    assert _reached(drover, "/any/thing", "any.example") == "chat"
    assert {record["pool"] for record in drover.wait_for_sessions(1)} == {"default"}


@pytest.mark.parametrize("path,forwarded", [
    ("/ws/room/7?q=1", "/room/7?q=1"), ("/ws", "/"), ("/ws/", "/"), ("/ws?q=1", "/?q=1"), ("/ws//a", "//a"),
    ("/ws/%2Fa", "/%2Fa")])
def test_strip_prefix(start, pools, path, forwarded):
    drover = _start(start, pools, [{"match": {"path": "/ws"}, "pool": "chat", "strip_prefix": True}])
    assert _reached(drover, path) == "chat"
    assert pools["chat"].heads[-1].target == forwarded


def test_without_strip_prefix_the_path_is_kept(start, pools):
    drover = _start(start, pools, [{"match": {"path": "/ws"}, "pool": "chat"}])
    assert _reached(drover, "/ws/room") == "chat"
    assert pools["chat"].heads[-1].target == "/ws/room"


def test_allowed_origins(start, pools):
    drover = _start(start, pools, [{
        "pool": "chat", "allowed_origins": ["https://a.example", "https://*.b.example", "http://c.example:8080"]}])
    for origin in ("https://a.example", "HTTPS://A.example", "https://x.b.example", "https://x.y.b.example",
                   "http://c.example:8080"):
        assert _reached(drover, "/", "localhost", f"Origin: {origin}") == "chat", origin
    for origin in ("http://a.example", "https://a.example:444", "https://a.example.evil", "https://b.example",
                   "https://xb.example", "http://c.example", "null", "https://evil/.b.example"):
        assert _reached(drover, "/", "localhost", f"Origin: {origin}") == 403, origin
    assert _reached(drover) == "chat"


def test_several_listeners_serve_the_same_routes(start, pools):
    drover = start({"listeners": [{"bind": "127.0.0.1:0"}, {"bind": "127.0.0.1:0"}],
                    "backends": [pools["chat"].address]})
    assert len(set(drover.ports)) == 2
    for port in drover.ports:
        assert connect(port, upgrade_request()).read_head().status == 101
