"""`drover ctl` against a running Drover: what it shows, what it changes, and what it says where it cannot."""

import contextlib
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios

import pytest
from harness import (
    PATIENCE, TEXT, AnsweringBackend, backend_frame, client_frame, connect, drover_binary, open_tunnel, refused_port,
    run_drover, upgrade_request, wait_until)

TOKEN = "s3cret-token-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing of the tests' surroundings."""
    for name in ("DROVER_ADMIN", "DROVER_ADMIN_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def ctl(drover, *arguments):
    return run_drover("ctl", "--admin", f"127.0.0.1:{drover.admin_port}", *arguments)


def said(drover, *arguments):
    """What it prints, where it can do what it is asked."""
    done = ctl(drover, *arguments)
    assert done.returncode == 0 and "\x1b" not in done.stdout, (done.stdout, done.stderr)
    return done.stdout


def refused(done, *parts):
    """That it could not be done, and that it says why."""
    assert (done.returncode, done.stdout) == (1, ""), (done.stdout, done.stderr)
    for part in parts:
        assert part in done.stderr, done.stderr


def rows(table):
    """A table's rows as lists of cells, two spaces apart, without its titles."""
    return [re.split(r" {2,}", line.strip()) for line in table.splitlines()[1:]]


@pytest.fixture
def two_pools(start):
    """Drover with the pools chat (a, b of limit 9) and mail (a), and backends that answer."""
    with contextlib.ExitStack() as stack:
        a, b, c = (stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in "abc")
        yield start({"workers": 2, "pools": {
            "chat": {"policy": "round_robin", "backends": [
                {"name": "a", "address": a.address}, {"name": "b", "address": b.address, "max_connections": 9}]},
            "mail": {"backends": [{"name": "a", "address": c.address}]}},
            "routes": [{"match": {"path": "/mail"}, "pool": "mail"}, {"pool": "chat"}]})


def open_clients(drover, count, path="/chat"):
    clients = [connect(drover.port, upgrade_request(path)) for _ in range(count)]
    for client in clients:
        assert client.read_head().status == 101
    return clients


def test_status_is_ready_with_its_limits_and_backends(two_pools):
    clients = open_clients(two_pools, 4)
    text = said(two_pools, "status")
    headline, ready, ceilings, table = re.fullmatch(r"(.*)\n(.*)\n\n(.*?)\n\n(.*)", text, re.DOTALL).groups()
    version = two_pools.admin("/health")[1]["version"]
    assert re.fullmatch(rf"drover {re.escape(version)} at 127.0.0.1:{two_pools.admin_port}, up [0-9ms]+", headline)
    assert ready == "ready"
    shown = {row[0]: row[1:] for row in rows(ceilings)}
    health = two_pools.admin("/health")[1]["checks"]
    assert shown["connections"][:2] == ["4", str(health["connection_pool"]["max_connections"])]
    assert shown["descriptors"][1] == str(health["descriptors"]["limit"])
    assert shown["ports"][:2] == ["2", str(health["ports"]["limit"])]
    assert shown["ports"][3] == f"to {health['ports']['backend']}"
    assert re.fullmatch(r"\d+(\.\d)? [MG]B", shown["memory"][0])
    assert shown["buffered"][0] == "0 B" and shown["log lines dropped"][0] == "0"
    addresses = {name: one["address"] for name, one in two_pools.backends("chat").items()}
    chat_a, chat_b, mail_a = rows(table)
    assert chat_a[:6] == ["chat", "a", addresses["a"], "up", "1", "2"]
    assert chat_b[:6] == ["chat", "b", addresses["b"], "up", "1", "2/9"]
    assert mail_a[:2] == ["mail", "a"] and mail_a[5] == "0"
    assert chat_a[-2:] == ["2", "0"]  # sessions, failures
    assert len(clients) == 4


def test_status_that_is_not_ready_is_an_answer_too(start):
    drover = start({"backends": [f"127.0.0.1:{refused_port()}"], "health_check": {"interval": "100ms"}})
    wait_until(lambda: drover.admin("/ready")[0] == 503, "not ready")
    text = said(drover, "status")
    assert "\nnot ready: no pool has an eligible backend\n" in text
    assert re.search(r"^default .* down ", text, re.MULTILINE)


def test_status_shows_reported_load_and_latency(start, servers):
    server = servers(body={"cpu_usage": 0.4, "memory_usage": 0.25})
    drover = start({"backends": [server.address], "health_check": {"type": "http", "interval": "100ms"}})
    wait_until(lambda: drover.backends()[server.address]["load"], "a load report")
    (row,) = rows(said(drover, "status").split("\n\n")[-1])
    assert row[8:10] == ["40 %", "25 %"]
    assert re.fullmatch(r"[\d.]+ ms", row[7]) and re.fullmatch(r"\d+m?s", row[10]), row


def test_status_as_json_is_what_the_admin_port_says(two_pools):
    shown = json.loads(said(two_pools, "status", "--json"))
    assert list(shown) == ["health", "ready", "backends", "drains"]
    assert shown["ready"] == {"ready": True}
    assert shown["health"]["checks"].keys() == two_pools.admin("/health")[1]["checks"].keys()
    assert shown["backends"] == two_pools.admin("/api/v1/backends")[1]
    assert shown["drains"] == {"drains": [], "frozen": False}


def test_sessions_are_listed_filtered_and_limited(two_pools):
    clients = open_clients(two_pools, 10) + open_clients(two_pools, 3, "/mail?secret=1")
    ports = {str(client.local_port) for client in clients}
    listed = rows(said(two_pools, "sessions"))
    assert {row[1].rsplit(":", 1)[1] for row in listed} == ports
    assert {(row[2], row[-1]) for row in listed} == {("chat", "/chat"), ("mail", "/mail")}
    assert len(rows(said(two_pools, "sessions", "--pool", "mail"))) == 3
    assert len(rows(said(two_pools, "sessions", "--pool", "chat", "--backend", "b"))) == 5
    (one,) = rows(said(two_pools, "sessions", "--client", f"127.0.0.1:{clients[0].local_port}"))
    assert one[1] == f"127.0.0.1:{clients[0].local_port}"
    assert len(rows(said(two_pools, "sessions", "--client", "127.0.0.1"))) == 13
    few = ctl(two_pools, "sessions", "--limit", "4")
    assert len(rows(few.stdout)) == 4 and "there are more than these 4" in few.stderr
    none = ctl(two_pools, "sessions", "--client", "10.0.0.1")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "no sessions\n")
    refused(ctl(two_pools, "sessions", "--pool", "nope"), "no pool 'nope' (404 from 127.0.0.1:")


def test_sessions_over_several_pages_become_one(start):
    with contextlib.closing(AnsweringBackend("a")) as backend:
        drover = start({"backends": [backend.address], "workers": 2})
        clients = open_clients(drover, 1_003)
        everything = ctl(drover, "sessions", "--all", "--json")
        assert everything.stderr == ""
        merged = json.loads(everything.stdout)
        assert list(merged) == ["sessions", "cursor"] and merged["cursor"] is None
        assert {one["client"] for one in merged["sessions"]} == {f"127.0.0.1:{one.local_port}" for one in clients}
        assert len(merged["sessions"]) == 1_003
        most = json.loads(said(drover, "sessions", "--limit", "1002", "--json"))
        assert len(most["sessions"]) == 1_002 and most["cursor"]
        assert len(rows(ctl(drover, "sessions").stdout)) == 100
        assert len(rows(said(drover, "sessions", "--all"))) == 1_003


def test_one_session_in_full_and_its_end(drover, backend):
    client, server = open_tunnel(drover.port, backend, upgrade_request("/chat?token=x"))
    client.send(client_frame(TEXT, b"hello"))
    server.read_frame()
    server.send(backend_frame(TEXT, b"ho"))
    client.read_frame()
    (identity,) = [row[0] for row in rows(said(drover, "sessions"))]
    shown = dict(re.split(r" {2,}", line) for line in said(drover, "sessions", identity).splitlines())
    assert shown["id"] == identity and shown["path"] == "/chat" and shown["subprotocol"] == "-"
    assert shown["client"] == f"127.0.0.1:{client.local_port}" and shown["backend"] == backend.address
    assert (shown["messages in"], shown["messages out"], shown["bytes in"]) == ("1", "1", "11 B")
    assert json.loads(said(drover, "sessions", identity, "--json"))["id"] == identity
    assert said(drover, "close", identity) == f"{identity}: closing\n"
    assert client.read_frame().payload[:2] == struct.pack(">H", 1001)
    client.reset()
    assert drover.session()["why"] == "admin"
    refused(ctl(drover, "sessions", identity), f"no session '{identity}' (404")
    refused(ctl(drover, "close", identity), f"no session '{identity}' (404")
    refused(ctl(drover, "close", "../backends"), "no session '../backends'")


def test_backends_are_taken_out_given_back_and_weighed(two_pools):
    assert said(two_pools, "maintenance", "chat/a") == "chat/a: maintenance (was ready)\n"
    assert two_pools.backends("chat")["a"]["admin"] == "maintenance"
    assert two_pools.backends("mail")["a"]["admin"] == "ready"
    assert re.search(r"^chat +a .* maintenance ", said(two_pools, "status"), re.MULTILINE)
    open_clients(two_pools, 4)
    assert {row[3] for row in rows(said(two_pools, "sessions"))} == {"b"}
    assert said(two_pools, "ready", "chat/a") == "chat/a: ready (was maintenance)\n"
    assert said(two_pools, "ready", "chat/a") == "chat/a: ready, as before\n"
    assert said(two_pools, "weight", "b", "7") == "chat/b: weight 7 (was 1)\n"
    assert two_pools.backends("chat")["b"]["weight"] == 7
    assert json.loads(said(two_pools, "--json", "weight", "b", "8"))["weight"] == 8
    refused(ctl(two_pools, "weight", "b", "1001"), "1 to 1000", "(400 from 127.0.0.1:")
    refused(ctl(two_pools, "ready", "a"), "chat/a, mail/a")
    refused(ctl(two_pools, "ready", "chat/aa"), "no backend 'chat/aa'; did you mean 'chat/a'?")
    assert two_pools.backends("chat")["b"]["weight"] == 8


def test_a_stricter_agent_is_told(start, servers):
    server = servers(agent="maint")
    drover = start({"backends": [server.address],
                    "health_check": {"type": "http", "interval": "100ms", "agent_port": server.agent_port}})
    wait_until(lambda: drover.backends()[server.address]["admin"] == "maintenance", "the agent's word")
    assert "; its agent says maintenance" in said(drover, "ready", server.address)


def test_names_with_all_that_they_may_hold(start):
    with contextlib.closing(AnsweringBackend("a")) as backend:
        port = backend.address.rsplit(":", 1)[1]
        drover = start({"pools": {"p": {"backends": [{"name": "[web]", "address": f"localhost:{port}"}]}},
                        "routes": [{"pool": "p"}]})
        name = next(one for one in drover.backends("p") if one.endswith(f"@127.0.0.1:{port}"))
        assert said(drover, "maintenance", name) == f"p/{name}: maintenance (was ready)\n"
        assert said(drover, "weight", f"p/{name}", "3") == f"p/{name}: weight 3 (was 1)\n"
        assert said(drover, "sessions", "--client", "[::1]") == ""


def test_the_configuration_in_force(drover):
    shown, raw = said(drover, "config"), said(drover, "config", "--json")
    assert json.loads(shown) == json.loads(raw) == drover.admin("/api/v1/config")[1]
    assert shown.startswith('{\n  "workers": 1,\n')


def test_where_the_admin_port_is_and_the_token(start, backend, monkeypatch, tmp_path):
    drover = start({"backends": [backend.address], "admin": {"bind": "127.0.0.1:0", "token": TOKEN}})
    address = f"127.0.0.1:{drover.admin_port}"
    refused(ctl(drover, "status"), f"the admin port at {address} wants a token: set DROVER_ADMIN_TOKEN")
    token_file = tmp_path / "token"
    token_file.write_text("an0ther-token-0123456789\n")
    refused(ctl(drover, "--token-file", str(token_file), "status"), "does not take this token")
    token_file.write_text(TOKEN + "\n")
    assert said(drover, "--token-file", str(token_file), "status").startswith("drover ")
    monkeypatch.setenv("DROVER_ADMIN", address)
    monkeypatch.setenv("DROVER_ADMIN_TOKEN", TOKEN)
    for arguments in (("status",), ("config",), ("sessions",), ("maintenance", backend.address)):
        done = run_drover("ctl", *arguments)
        assert done.returncode == 0 and TOKEN not in done.stdout + done.stderr, done.stderr
    monkeypatch.setenv("DROVER_ADMIN", "127.0.0.1:1")
    monkeypatch.delenv("DROVER_ADMIN_TOKEN")
    config = tmp_path / "drover.yaml"
    config.write_text(json.dumps({"listen": ":0", "backends": [backend.address],
                                  "admin": {"bind": address, "token": TOKEN}}))
    assert f"at {address}" in run_drover("ctl", "-c", str(config), "status").stdout


def test_the_admin_port_may_be_named(drover):
    done = run_drover("ctl", "--admin", f"localhost:{drover.admin_port}", "status")
    assert done.returncode == 0 and f" at localhost:{drover.admin_port}," in done.stdout, done.stderr
    port = refused_port()
    refused(run_drover("ctl", "--admin", f"localhost:{port}", "status"), f"no answer at localhost:{port}: connection")


def test_nobody_there_and_somebody_else():
    address = f"127.0.0.1:{refused_port()}"
    refused(run_drover("ctl", "--admin", address, "status"),
            f"no answer at {address}: connection refused; is Drover running, and is admin.bind that address?")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        refused(run_drover("ctl", "--admin", address, "--timeout", "100ms", "sessions"),
                f"no answer at {address} within 100ms")


def test_the_traffic_port_is_not_the_admin_port(drover):
    done = run_drover("ctl", "--admin", f"127.0.0.1:{drover.port}", "status")
    refused(done, f"127.0.0.1:{drover.port} answers 426 with something that is not JSON; is it Drover's admin port?")


def test_wrong_usage_is_2(drover):
    for arguments in ((), ("statsu",), ("weight", "a"), ("--token", TOKEN, "status")):
        done = ctl(drover, *arguments)
        assert done.returncode == 2 and "usage: drover ctl status" in done.stderr and done.stdout == ""
    assert run_drover("ctl", "--help").returncode == 0


def _on_terminal(drover, columns, **environment):
    """What `drover ctl status` writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen([drover_binary(), "ctl", "--admin", f"127.0.0.1:{drover.admin_port}", "status"],
                                   stdout=theirs, env=os.environ | environment)
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while chunk := terminal.read(4096):
                written += chunk
        assert process.wait(PATIENCE) == 0
    return written.decode()


def test_a_terminal_gets_colours_and_lines_that_fit(two_pools):
    written = _on_terminal(two_pools, 40)
    assert "\x1b[32mready\x1b[0m" in written
    plain = _on_terminal(two_pools, 40, NO_COLOR="1")
    assert "\x1b" not in plain and re.sub(r"\x1b\[\d+m", "", written).split("\r\n")[1] == plain.split("\r\n")[1]
    assert max(len(line) for line in plain.split("\r\n\r\n")[-1].split("\r\n")) == 40 and "…" in plain
    assert "…" not in said(two_pools, "status")


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(two_pools):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([drover_binary(), "ctl", "--admin", f"127.0.0.1:{two_pools.admin_port}", "status"],
                          stdout=writer, stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
    os.close(writer)
    assert done.returncode == -13 and done.stderr == b""  # SIGPIPE
