"""A reload: each kind of change, what is refused, and what nobody notices."""

import http.client
import os
import signal
import socket

import pytest
from harness import (
    PATIENCE, TEXT, AnsweringBackend, backend_frame, client_frame, connect, open_tunnel,
    plain_request, refused_port, run_drover, scrape, switching, upgrade_request, wait_until)
from harness.peers import free_port


@pytest.fixture(name="backends")
def fixture_backends():
    """Two that answer with their names."""
    two = [AnsweringBackend(name) for name in ("a", "b")]
    yield two
    for backend in two:
        backend.close()


def _served_by(port, path="/chat", *headers):
    """The name of the backend that a new session comes to; the status where it comes to none."""
    client = connect(port, upgrade_request(path, *headers))
    head = client.read_head()
    client.close()
    return head.get("X-Backend") or head.status


def _talks(client, server):
    """Both directions of a tunnel work."""
    client.send(client_frame(TEXT, b"question"))
    assert server.read_frame().payload == b"question"
    server.send(backend_frame(TEXT, b"answer"))
    assert client.read_frame().payload == b"answer"


def _refused(drover, config):
    """The reasons."""
    event, _ = drover.reload(config)
    assert event == "reload_refused", drover.log()
    return [fields["error"] for event, fields in drover.reloads() if event == "reload_refused"]


def _hash(drover):
    ((labels, _),) = scrape(drover).series("config_info")
    return labels["hash"]


def test_an_equal_file_changes_nothing_and_says_so(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config)
    before = _hash(drover)
    assert drover.reload()[0] == "reload_unchanged"
    text = drover.config_file.read_text()
    drover.write_file("# other words\n" + text)
    assert drover.reload()[0] == "reload_unchanged"
    assert _hash(drover) == before
    assert scrape(drover).value("config_last_reload_successful") == 1


def test_everything_wrong_is_told_and_the_old_stays(start, backends):
    old = {"backends": [backends[0].address]}
    drover = start(old)
    before = _hash(drover)
    drover.write_file("listen: ':1'\nlisten_: 2\nbackends: ['127.0.0.1']\n")
    assert drover.reload()[0] == "reload_refused"
    wait_until(lambda: len(drover.events("reload_refused")) == 2, "both errors")
    first, second = [fields["error"] for fields in drover.events("reload_refused")]
    assert f"{drover.config_file}:2:1: error: unknown key 'listen_'" in first
    assert f"{drover.config_file}:3:12: error: " in second
    assert scrape(drover).value("config_last_reload_successful") == 0
    assert _hash(drover) == before and _served_by(drover.port) == "a"
    os.unlink(drover.config_file)
    assert drover.reload()[0] == "reload_refused"
    assert drover.reload({"backends": [backends[1].address]})[0] == "reloaded"
    assert scrape(drover).value("config_last_reload_successful") == 1
    assert _hash(drover) != before and _served_by(drover.port) == "b"


def test_workers_are_refused_by_name(start, backends):
    drover = start({"workers": 1, "backends": [backends[0].address]})
    (error,) = _refused(drover, {"workers": 2, "backends": [backends[1].address]})
    assert "workers" in error and "restart" in error
    assert _served_by(drover.port) == "a"


def test_the_demo_has_no_file(start):
    drover = start(arguments=("--demo",))
    event, fields = drover.reload()
    assert event == "reload_refused" and "--demo" in fields["error"]


def test_a_daemon_finds_the_file_that_was_named_from_another_folder(backends, tmp_path):
    port, pidfile, file = free_port(), tmp_path / "drover.pid", tmp_path / "drover.yaml"
    text = f"""{{listen: "127.0.0.1:{port}", backends: ["%s"], health_check: {{interval: 0s}}, admin: {{bind: ""}},
                log: {{access: off}}, shutdown: {{deadline: 1s}}}}"""
    file.write_text(text % backends[0].address)
    done = run_drover("--daemon", "--pidfile", str(pidfile), "-c", os.path.relpath(file))
    assert done.returncode == 0, done.stderr
    pid = int(pidfile.read_text())
    try:
        assert _served_by(port) == "a"
        file.write_text(text % backends[1].address)
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: _served_by(port) == "b", "the new file is in force")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the daemon has ended")


def test_a_burst_of_signals_is_a_few_loads_and_the_last_file_counts(start, backends):
    configs = [{"backends": [backend.address]} for backend in backends]
    drover = start(configs[0])
    for round_ in range(100):
        drover.rewrite(configs[round_ % 2])
        for _ in range(10):
            drover.signal(signal.SIGHUP)
    wait_until(lambda: _served_by(drover.port) == "b", "the last file is in force")
    drover.rewrite(configs[0])
    before = len(drover.reloads())
    for _ in range(1_000):
        drover.signal(signal.SIGHUP)
    wait_until(lambda: _served_by(drover.port) == "a", "the last file is in force")
    assert drover.reload()[0] == "reload_unchanged"
    assert len(drover.reloads()) - before < 100


def test_a_live_session_stays_where_it_is_but_for_the_drain_of_its_backend(start, backend, backends):
    drover = start({"backends": [backend.address]})
    drover.admin("/api/v1/freeze", "POST")
    client, server = open_tunnel(drover.port, backend)
    assert drover.reload({"backends": [backends[0].address]})[0] == "reloaded"
    assert _served_by(drover.port) == "a"
    _talks(client, server)
    drover.admin("/api/v1/unfreeze", "POST")
    assert client.read_frame().close_code == 1012


def _answer(drover, method, path, body=None):
    """The status of the admin port's answer."""
    connection = http.client.HTTPConnection("127.0.0.1", drover.admin_port, timeout=PATIENCE)
    connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_what_the_operator_has_set_outlives_it(start, backends):
    names = [{"name": one.name, "address": one.address} for one in backends]
    drover = start({"backends": names})
    assert _answer(drover, "POST", "/api/v1/backends/default/a/maintenance") == 200
    assert _answer(drover, "PUT", "/api/v1/backends/default/b/weight", '{"weight":7}') == 200
    assert drover.reload({"backends": names, "attempts": 2})[0] == "reloaded"
    told = drover.backends()
    assert (told["a"]["admin"], told["b"]["weight"]) == ("maintenance", 7)
    changed = [names[0] | {"weight": 3}, names[1] | {"max_connections": 9}]
    assert drover.reload({"backends": changed, "attempts": 2})[0] == "reloaded"
    told = drover.backends()
    assert (told["a"]["admin"], told["a"]["weight"], told["b"]["weight"]) == ("ready", 3, 1)


def _checked(backends, reload_wait):
    return {"backends": backends, "reload_wait": reload_wait,
            "health_check": {"type": "http", "interval": "100ms", "timeout": "1s", "rise": 1}}


def test_the_old_stay_until_the_new_are_up(start, servers):
    old, new = servers(), servers(status=503)
    drover = start(_checked([old.address], "60s"))
    wait_until(lambda: drover.events("backend_up"), "the first is up")
    assert drover.reload(_checked([new.address], "60s"))[0] == "reloaded"
    wait_until(lambda: len(drover.events("backend_down")) == 1, "the new one is down")
    assert old.tell()["upgrades"] == 0
    assert connect(drover.port, upgrade_request()).read_head().status == 101
    assert old.tell()["upgrades"] == 1 and not drover.events("backend_removed")
    assert drover.reload(_checked([new.address], "59s"))[0] == "reloaded"  # another reload makes no difference
    assert not drover.events("backend_removed")
    new.tell(status=200)
    (removed,) = wait_until(lambda: drover.events("backend_removed"), "the old one leaves")
    assert removed["backend"] == old.address and len(drover.events("backend_up")) == 2
    assert list(drover.backends()) == [new.address]


def test_but_no_longer_than_reload_wait(start, servers):
    old, dead = servers(), f"127.0.0.1:{refused_port()}"
    drover = start(_checked([old.address], "500ms"))
    wait_until(lambda: drover.events("backend_up"), "the first is up")
    assert drover.reload(_checked([dead], "500ms"))[0] == "reloaded"
    assert list(drover.backends()) == [dead, old.address]
    wait_until(lambda: drover.events("backend_removed"), "the old one leaves all the same")
    assert list(drover.backends()) == [dead]


def test_a_wait_goes_on_over_further_reloads_and_who_comes_back_just_stays(start, servers):
    first, second, dead = servers(), servers(), f"127.0.0.1:{refused_port()}"
    drover = start(_checked([first.address, second.address], "1500ms"))
    wait_until(lambda: len(drover.events("backend_up")) == 2, "both are up")
    assert drover.reload(_checked([dead], "1500ms"))[0] == "reloaded"
    assert drover.reload(_checked([dead, second.address], "60s"))[0] == "reloaded"
    wait_until(lambda: drover.events("backend_removed"), "the first leaves by the wait that it began with")
    assert [fields["backend"] for fields in drover.events("backend_removed")] == [first.address]
    assert set(drover.backends()) == {dead, second.address}
    assert len(drover.events("backend_up")) == 2  # the second was never another one


def test_who_is_removed_without_others_in_his_place_leaves_at_once(start, servers):
    first, second = servers(), servers()
    drover = start(_checked([first.address, second.address], "60s"))
    wait_until(lambda: len(drover.events("backend_up")) == 2, "both are up")
    assert drover.reload(_checked([first.address], "60s"))[0] == "reloaded"
    assert list(drover.backends()) == [first.address] and drover.events("backend_removed")


def test_another_health_check_applies_to_backends_that_stay(start, servers):
    server = servers()
    config = {"backends": [server.address]}
    drover = start(config)  # without checks
    assert drover.backends()[server.address]["probe"] == "up"
    check = {"type": "http", "path": "/health", "expect_status": 418, "interval": "100ms", "fall": 1}
    assert drover.reload(config | {"health_check": check})[0] == "reloaded"
    wait_until(lambda: drover.backends()[server.address]["probe"] == "down", "the new check finds it down")
    assert drover.reload(config | {"health_check": check | {"expect_status": 200, "rise": 1}})[0] == "reloaded"
    wait_until(lambda: drover.backends()[server.address]["probe"] == "up", "and the next one up")


def test_routes_and_trust_and_limits(start, backends):
    pools = {one.name: {"backends": [one.address]} for one in backends}
    config = {"pools": pools, "routes": [{"match": {"path": "/a"}, "pool": "a"}, {"pool": "b"}]}
    drover = start(config)
    assert (_served_by(drover.port, "/a"), _served_by(drover.port, "/x")) == ("a", "b")
    config |= {"routes": [{"match": {"path": "/x"}, "pool": "a"}], "trusted_proxies": ["127.0.0.1"],
               "limits": {"max_headers": 7}}
    assert drover.reload(config)[0] == "reloaded"
    assert (_served_by(drover.port, "/a"), _served_by(drover.port, "/x", "X-Forwarded-For: 1.2.3.4")) == (404, "a")
    assert backends[0].heads[-1].get("X-Forwarded-For").startswith("1.2.3.4")
    assert _served_by(drover.port, "/x", *[f"X-{number}: 1" for number in range(5)]) == 431


def test_max_connections(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config)
    first = open_tunnel(drover.port, backend)
    assert drover.reload(config | {"limits": {"max_connections": 1}})[0] == "reloaded"
    assert connect(drover.port, upgrade_request()).read_head().status == 503
    assert drover.admin("/health")[1]["checks"]["connection_pool"]["max_connections"] == 1
    assert drover.reload(config | {"limits": {"max_connections": 2}})[0] == "reloaded"
    second = open_tunnel(drover.port, backend)
    _talks(*first)
    _talks(*second)


def test_a_pool_comes_and_another_goes(start, backend, backends):
    drover = start({"pools": {"old": {"backends": [backend.address]}}, "routes": [{"pool": "old"}]})
    client, server = open_tunnel(drover.port, backend)
    assert drover.reload({"pools": {"new": {"backends": [backends[0].address]}}, "routes": [{"pool": "new"}]})[0] == \
        "reloaded"
    assert _served_by(drover.port) == "a"
    assert client.read_frame().close_code == 1012
    assert server.read_frame().close_code == 1001
    assert scrape(drover).sum("upgrades_total", pool="old") == 1  # nothing is forgotten


def test_a_handshake_in_flight_goes_on(start, backend, backends):
    drover = start({"backends": [backend.address]})
    request = upgrade_request()
    slow = connect(drover.port, request[:30])
    dialled = connect(drover.port, request)
    server = backend.accept()
    head = server.read_head()
    assert drover.reload({"backends": [backends[0].address]})[0] == "reloaded"
    server.send(switching(head))
    assert dialled.read_head().status == 101
    assert dialled.read_frame().close_code == 1012  # drained, as all of a backend that is gone
    assert server.read_frame().close_code == 1001
    slow.send(request[30:])
    assert slow.read_head().get("X-Backend") == "a"


def test_new_settings_of_tunnels_are_for_new_ones(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config)
    before = open_tunnel(drover.port, backend)
    assert drover.reload(config | {"limits": {"max_message_size": "10B"}})[0] == "reloaded"
    after = open_tunnel(drover.port, backend)
    message = client_frame(TEXT, b"eleven byte")
    for client, _ in (before, after):
        client.send(message)
    assert before[1].read_frame().payload == b"eleven byte"
    assert after[0].read_frame().close_code == 1009


def test_log_level_format_and_path(start, backend, tmp_path):
    paths = [tmp_path / "first.log", tmp_path / "second.log"]
    config = {"backends": [backend.address]}
    drover = start(config | {"log": {"access": str(paths[0])}})

    def reject():
        client = connect(drover.port, plain_request("GET / HTTP/1.1", "Host: localhost"))
        assert b" 426 " in client.read_to_end()

    reject()
    wait_until(lambda: paths[0].read_text().count("\n") == 1, "a line in the first")
    (error,) = _refused(drover, config | {"log": {"access": str(tmp_path / "none" / "x.log"), "level": "debug"}})
    assert "cannot open" in error and "x.log" in error
    reject()
    wait_until(lambda: paths[0].read_text().count("\n") == 2, "the old one goes on")
    assert not drover.events("attempt_failed")
    assert drover.reload(config | {"log": {"access": str(paths[1]), "format": "text", "level": "debug"}})[0] == "reloaded"
    reject()
    line = wait_until(lambda: paths[1].read_text().endswith("\n") and paths[1].read_text(), "a line in the second")
    assert not line.startswith("{") and paths[0].read_text().count("\n") == 2
    assert drover.reload(config | {"log": {"access": "off", "level": "debug"}})[0] == "reloaded"
    reject()
    assert drover.reload(config | {"log": {"access": "stdout"}})[0] == "reloaded"
    reject()
    assert len(drover.wait_for_sessions(1)) == 1 and paths[1].read_text() == line
    drover.signal(signal.SIGUSR1)
    wait_until(lambda: drover.events("nothing_to_reopen"), "stdout is no file")


def test_the_admin_port_moves_and_answers_whom_it_has(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config | {"admin": {"bind": "127.0.0.1:0"}})
    old = drover.admin_port
    slow = socket.create_connection(("127.0.0.1", old), timeout=PATIENCE)
    slow.sendall(b"GET /health HTTP/1.1\r\nHo")
    new = free_port()
    assert drover.reload(config | {"admin": {"bind": f"127.0.0.1:{new}"}, "probes": {"bind": "127.0.0.1:0"}})[0] == \
        "reloaded"
    drover.admin_port = new
    assert drover.admin("/health")[0] == 200
    slow.sendall(b"st: localhost\r\n\r\n")
    assert slow.recv(4096).startswith(b"HTTP/1.1 200")
    slow.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", old), timeout=PATIENCE)
    assert drover.events("probes_listening")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (error,) = _refused(drover, config | {"admin": {"bind": f"127.0.0.1:{port}"}})
        assert str(port) in error and "admin.bind" in error
    assert drover.admin("/health")[0] == 200


def test_tokens_change(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config | {"admin": {"bind": "127.0.0.1:0", "token": "first-token-of-all"}})
    assert drover.admin("/api/v1/config")[0] == 401
    assert drover.reload(config | {"admin": {"bind": "127.0.0.1:0"}})[0] == "reloaded"
    assert drover.admin("/api/v1/config")[0] == 200


def test_the_configuration_that_is_told_is_that_in_force(start, backend):
    config = {"backends": [backend.address]}
    drover = start(config)
    assert drover.reload(config | {"attempts": 7})[0] == "reloaded"
    assert drover.admin("/api/v1/config")[1]["pools"]["default"]["attempts"] == 7
    assert drover.reload(config | {"attempts": 9, "workers": 5})[0] == "reload_refused"
    assert drover.admin("/api/v1/config")[1]["pools"]["default"]["attempts"] == 7
    backend.close()
