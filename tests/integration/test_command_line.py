"""The command line: checks, versions, exit codes, --pidfile, --daemon, --demo; and the admin server's first answers."""

import asyncio
import json
import os
import pathlib
import re
import signal
import socket

import pytest
import websockets
from harness import Drover, connect, refused_port, run_drover, upgrade_request, wait_until
from harness.peers import free_port


@pytest.fixture
def write(tmp_path):
    """Writes a configuration file."""
    def to_file(text, name="drover.yaml"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(path)
    return to_file


_GOOD = 'listen: "127.0.0.1:0"\nbackends: ["127.0.0.1:9001", "127.0.0.1:9002"]\nadmin: {bind: "127.0.0.1:0"}\n'
_BAD = 'lisen: "127.0.0.1:0"\nbackends: ["127.0.0.1:9001"]\nworkers: many\nlimits: {head_timeout: 10}\n'


def test_check_of_a_good_file(write):
    done = run_drover("-t", "-c", write(_GOOD))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [("-t",), ("-T",), ()], ids=["-t", "-T", "start"])
def test_bad_file_is_1_with_every_error_and_its_place(write, arguments):
    path = write(_BAD)
    done = run_drover(*arguments, "-c", path)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    assert "lisen" in said and "did you mean 'listen'?" in said
    for line in (1, 3, 4):
        assert re.search(rf"drover\.yaml:{line}:\d+", said), f"line {line} in {said}"


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "listen: ':1'\n", "--- {}\n--- {}\n"])
def test_unusable_file_is_1(write, text):
    done = run_drover("-t", "-c", write(text))
    assert done.returncode == 1 and done.stderr


def test_keys_of_later_versions_are_refused_by_name(write):
    done = run_drover("-t", "-c", write(_GOOD + "slow_client: {policy: drop}\n"))
    assert done.returncode == 1 and "'slow_client.policy' is not implemented" in done.stderr


def test_missing_file_is_1(tmp_path):
    done = run_drover("-c", str(tmp_path / "nowhere.yaml"))
    assert done.returncode == 1 and "nowhere.yaml" in done.stderr


def test_effective_configuration_can_be_read_back(write):
    shown = run_drover("-T", "-c", write(_GOOD))
    assert shown.returncode == 0
    assert "head_timeout: 10s" in shown.stdout and "policy: health_score" in shown.stdout
    again = run_drover("-T", "-c", write(shown.stdout, "again.yaml"))
    assert (again.returncode, again.stdout) == (0, shown.stdout)


@pytest.fixture
def diff(write):
    """Runs -t --diff on two texts."""
    def compare(old, new):
        return run_drover("-t", "--diff", write(old, "old.yaml"), write(new, "new.yaml"))
    return compare


def test_diff_tells_what_a_reload_would_do(diff):
    done = diff(_GOOD, _GOOD.replace("127.0.0.1:9002", "127.0.0.1:9003") + "ping: {clients: 1m}\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "pool default: backend 127.0.0.1:9003 is added",
        "pool default: backend 127.0.0.1:9002 is removed: its sessions are drained",
        "pool default: ping.clients 30s -> 1m"]
    assert done.stderr == ""


def test_diff_of_what_is_the_same(diff):
    done = diff(_GOOD, "# the same\n" + _GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing changes\n", "")


def test_diff_that_needs_a_restart_is_1_and_tells_all_the_same(diff):
    done = diff(_GOOD, _GOOD + "workers: 1\nattempts: 9\n")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["workers auto -> 1", "pool default: attempts 3 -> 9"]
    assert done.stderr.endswith("new.yaml: error: a reload would be refused: workers: auto -> 1 needs a restart\n")


def test_diff_reports_the_errors_and_warnings_of_both(diff):
    done = diff(_BAD, _GOOD + "attempts: none\nping: {clients: 0s}\n")
    assert done.returncode == 1 and done.stdout == ""
    for place in ("old.yaml:1:1: error", "old.yaml:3:10: error", "new.yaml:4:11: error", "new.yaml:5:17: warning"):
        assert place in done.stderr, place
    for old, new in ((_BAD, _GOOD), (_GOOD, _BAD)):
        done = diff(old, new)
        assert done.returncode == 1 and done.stdout == "" and "lisen" in done.stderr


def test_diff_reads_the_certificates_of_the_new_one_alone(diff):
    tls = ('listeners: [{bind: "127.0.0.1:0", tls: {certificates: [{cert: nowhere.pem, key: nowhere.key}]}}]\n'
           'backends: ["127.0.0.1:9001"]\n')
    done = diff(_GOOD, tls)
    assert done.returncode == 1 and done.stdout == "" and "nowhere.pem" in done.stderr
    done = diff(tls, _GOOD)
    assert done.returncode == 0 and 'listener "127.0.0.1:0": tls is removed' in done.stdout.splitlines()


def test_diff_shows_no_secret(diff):
    def secrets(letter):
        return 'resume: {secrets: ["%s"]}\n' % (letter * 20)

    done = diff(_GOOD + secrets("a"), _GOOD + secrets("b"))
    assert (done.returncode, done.stdout) == (0, "resume.secrets are changed\n")


def test_versions():
    short = run_drover("-v")
    assert short.returncode == 0 and re.search(r"\d+\.\d+", short.stdout)
    long = run_drover("-V")
    assert long.returncode == 0
    for library in ("libuv", "llhttp", "wslay", "OpenSSL", "yaml-cpp"):
        assert library.lower() in long.stdout.lower(), library


@pytest.mark.parametrize("arguments", [(), ("--no-such-option",), ("-c",), ("stray",), ("-t",),
                                       ("--diff", "a", "b"), ("-t", "--diff", "a")], ids=" ".join)
def test_wrong_usage_is_2(arguments):
    done = run_drover(*arguments)
    assert done.returncode == 2 and done.stderr


def test_help():
    done = run_drover("--help")
    assert done.returncode == 0
    for option in ("-c", "-t", "-T", "--diff", "-v", "-V", "--pidfile", "--daemon", "--demo"):
        assert option in done.stdout, option


def test_address_in_use_is_1(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_drover("-c", write({"listen": address, "backends": ["127.0.0.1:1"], "admin": {"bind": ""}}))
        assert done.returncode == 1 and address in done.stderr


def test_pidfile(tmp_path):
    path = tmp_path / "drover.pid"
    with Drover({"backends": ["127.0.0.1:1"]}, arguments=("--pidfile", str(path))) as drover:
        assert path.read_text().strip() == str(drover.pid)
    assert not path.exists()


def _gone(pid):
    """Whether the process has ended; an unreaped one counts as ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_daemon_is_ready_when_its_parent_returns(write, tmp_path):
    port = free_port()
    pidfile = tmp_path / "drover.pid"
    path = write({"listen": f"127.0.0.1:{port}", "backends": [f"127.0.0.1:{refused_port()}"], "admin": {"bind": ""},
                  "log": {"access": str(tmp_path / "access.log")}, "shutdown": {"deadline": "1s"}})
    done = run_drover("--daemon", "--pidfile", str(pidfile), "-c", path)
    assert done.returncode == 0, done.stderr
    pid = int(pidfile.read_text())
    try:
        assert connect(port, upgrade_request()).read_head().status == 503
        assert os.getsid(pid) != os.getsid(0)
        wait_until(lambda: '"session"' in (tmp_path / "access.log").read_text(), "the access line in its file")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: _gone(pid), "the daemon has ended")


def test_daemon_that_cannot_start_is_1(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = write({"listen": f"127.0.0.1:{taken.getsockname()[1]}", "backends": ["127.0.0.1:1"],
                      "admin": {"bind": ""}})
        assert run_drover("--daemon", "-c", path).returncode == 1


def test_demo_prints_what_to_paste_and_answers():
    with Drover(arguments=("--demo",)) as drover:
        def said():
            return re.search(r"ws://[\w.\[\]:-]+:\d+[\w/.-]*", drover.output() + drover.log())

        url = wait_until(said, "a line to paste").group(0)
        assert int(re.search(r":(\d+)", url.removeprefix("ws:")).group(1)) == drover.port

        async def talk(path):
            async with websockets.connect(url.rstrip("/") + path, extra_headers={"X-Shown": "yes"}) as client:
                for message in ("hello", b"\x00\xff" * 70_000):
                    await client.send(message)
                    assert await client.recv() == message
                await client.send("whoami")
                return await client.recv()

        answers = [asyncio.run(talk("/room/7")) for _ in range(4)]
        for answer in answers:
            assert "/room/7" in answer and "x-shown" in answer.lower() and "x-forwarded-for" in answer.lower()
        assert len(set(answer[:200] for answer in answers)) >= 2


def test_health_and_ready(start, backend):
    drover = start({"backends": [backend.address], "limits": {"max_connections": 50}})
    status, health = drover.admin("/health")
    assert (status, health["status"]) == (200, "healthy")
    assert health["version"] and health["uptime_seconds"] >= 0
    pool = health["checks"]["connection_pool"]
    assert (pool["healthy"], pool["active_connections"], pool["max_connections"]) == (True, 0, 50)
    client = connect(drover.port, upgrade_request())
    backend.accept()
    wait_until(lambda: drover.connections() == 1, "one connection is counted")
    client.close()
    assert drover.admin("/ready")[0] == 200
    assert drover.admin("/nowhere")[0] == 404
    assert drover.admin("/health", method="POST")[0] == 405


def test_admin_is_not_served_to_foreign_hosts(start, backend):
    drover = start({"backends": [backend.address]})
    stream = connect(drover.admin_port, b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert stream.read_head().status == 403


def test_admin_can_be_off(start, backend):
    drover = start({"backends": [backend.address], "admin": {"bind": ""}})
    assert drover.admin_port is None


def test_access_log_can_be_off_or_a_file(start, backend, tmp_path):
    path = tmp_path / "access.log"
    for target in ("off", str(path)):
        drover = start({"backends": [f"127.0.0.1:{refused_port()}"], "log": {"access": target}})
        assert connect(drover.port, upgrade_request()).read_head().status == 503
        drover.stop()
        assert drover.sessions() == []
    assert json.loads(path.read_text())["status"] == 503
