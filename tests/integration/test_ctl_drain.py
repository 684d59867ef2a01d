"""`drover ctl drain` and its kin against a running Drover: what somebody who watches a drain sees, and exit codes."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess

import pytest
from harness import PATIENCE, AnsweringBackend, connect, run_drover, upgrade_request, wait_until
from harness.drover import drover_binary


@pytest.fixture
def two_backends(start):
    """Drover with a pool chat of a and b, and four sessions on each."""
    with contextlib.ExitStack() as stack:
        a, b = (stack.enter_context(contextlib.closing(AnsweringBackend(name))) for name in "ab")
        drover = start({"workers": 2, "routes": [{"pool": "chat"}], "pools": {"chat": {
            "policy": "round_robin", "timeouts": {"close": "100ms"},
            "backends": [{"name": "a", "address": a.address}, {"name": "b", "address": b.address}]}}})
        clients = [connect(drover.port, upgrade_request("/chat")) for _ in range(8)]
        for client in clients:
            assert client.read_head().status == 101
        yield drover


def _words(drover, *arguments):
    return [drover_binary(), "ctl", "--admin", f"127.0.0.1:{drover.admin_port}", *arguments]


def ctl(drover, *arguments):
    return run_drover("ctl", "--admin", f"127.0.0.1:{drover.admin_port}", *arguments)


def _admin_state(drover, name="a"):
    return drover.backends("chat")[name]["admin"]


@contextlib.contextmanager
def _running(drover, *arguments, **options):
    """A ctl that goes on, as a process."""
    with subprocess.Popen(_words(drover, *arguments), stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def _started(drover):
    return wait_until(lambda: drover.admin("/api/v1/drains")[1]["drains"], "the drain has begun")


def test_a_drain_is_watched_until_it_is_done(two_backends):
    done = ctl(two_backends, "drain", "a", "--mode", "close", "--pace", "100/s")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    *running, last = done.stdout.splitlines()
    assert running
    for line in running:
        assert re.fullmatch(r"chat/a: running, [\d.]+ %, \d of 4 left( \(\d told\))?, 100/s, \d+ms to go", line), line
    assert last == "chat/a: done, 4 sessions: close 4"
    assert two_backends.backends("chat")["a"]["active"] == 0 and two_backends.backends("chat")["b"]["active"] == 4
    (row,) = ctl(two_backends, "drains").stdout.splitlines()[1:]
    assert re.split(r" {2,}", row)[:8] == ["d1", "operator", "chat", "a", "done", "4", "0", "0"]


def test_a_dry_run_and_a_start_without_waiting(two_backends):
    dry = ctl(two_backends, "drain", "chat/a", "--dry-run", "--pace", "2/s")
    assert dry.returncode == 0 and re.fullmatch(r"chat/a: dry run, 4 sessions in \S+ at 2/s: close 4\n", dry.stdout)
    assert _admin_state(two_backends) == "ready"
    started = ctl(two_backends, "drain", "chat/a", "--pace", "0.1/s", "--no-wait", "--json")
    assert started.returncode == 0 and json.loads(started.stdout)["id"] == "d1"
    assert _admin_state(two_backends) == "drain"
    status = ctl(two_backends, "status")
    assert re.search(r"^drain d1 of chat/a: running, [\d.]+ %, \d of 4 left", status.stdout, re.MULTILINE)


def test_what_is_wrong_is_said_and_starts_nothing(two_backends):
    for arguments, part in ((("a", "--deadline", "5s", "--grace", "5s"), "grace has to be below deadline"),
                            (("chat",), "for all of the pool: --pool chat"), (("--pool", "chta"), "no pool 'chta'")):
        done = ctl(two_backends, "drain", *arguments)
        assert (done.returncode, done.stdout) == (1, "") and part in done.stderr, done.stderr
    assert two_backends.admin("/api/v1/drains")[1]["drains"] == []
    done = ctl(two_backends, "drain", "--cancel", "d9")
    assert (done.returncode, done.stdout) == (1, "") and "no drain 'd9'" in done.stderr


def test_a_drain_with_nobody_to_go_to_expires(two_backends):
    done = ctl(two_backends, "drain", "--pool", "chat", "--deadline", "300ms", "--grace", "0")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["pool chat: waiting, 0.0 %, 8 of 8 left, no other backend can take them",
                                        "pool chat: expired, 8 sessions, 8 of them still there"]
    assert done.stderr.startswith("warning: nobody else is eligible")


def test_a_drain_that_somebody_cancels(two_backends):
    assert ctl(two_backends, "freeze").returncode == 0
    assert "\nfrozen: no drain moves a session\n" in ctl(two_backends, "status").stdout
    with _running(two_backends, "drain", "a", stdout=subprocess.PIPE) as watching:
        _started(two_backends)
        cancelled = ctl(two_backends, "drain", "--cancel", "d1")
        assert cancelled.returncode == 0
        assert cancelled.stdout == "chat/a: cancelled, 4 sessions, 4 of them still there\n"
        assert cancelled.stderr.startswith("no new sessions still for a: POST ")
        printed, _ = watching.communicate(timeout=PATIENCE)
        assert watching.returncode == 1
        assert printed.splitlines() == ["chat/a: frozen, 0.0 %, 4 of 4 left",
                                        "chat/a: cancelled, 4 sessions, 4 of them still there"]
    assert ctl(two_backends, "unfreeze").stdout == "drains go on\n"
    assert two_backends.admin("/api/v1/drains")[1]["frozen"] is False


def test_an_interrupt_leaves_the_drain_running(two_backends):
    with _running(two_backends, "drain", "a", "--pace", "0.1/s", stdout=subprocess.PIPE) as watching:
        assert watching.stdout.readline().startswith("chat/a: running")
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=PATIENCE)
        assert watching.returncode == -signal.SIGINT
        assert said == "\ndrain d1 goes on; drover ctl drain --cancel d1 ends it\n"
    assert two_backends.admin("/api/v1/drains/d1")[1]["state"] == "running"


def test_a_lost_connection_ends_the_watching(two_backends):
    with _running(two_backends, "drain", "a", "--pace", "0.1/s", stdout=subprocess.PIPE) as watching:
        assert watching.stdout.readline().startswith("chat/a: running")
        two_backends.process.kill()  # a shutdown would cancel the drain first
        two_backends.process.wait(PATIENCE)
        _, said = watching.communicate(timeout=PATIENCE)
        assert watching.returncode == 1 and "drain d1 goes on" in said and "no answer at" in said, said


def test_a_terminal_has_one_line_that_is_drawn_again(two_backends):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal, \
            _running(two_backends, "drain", "a", "--mode", "close", "--pace", "4/s", stdout=theirs) as watching:
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while chunk := terminal.read(4096):
                written += chunk
        assert watching.wait(PATIENCE) == 0
    *drawn, last = written.decode().split("\r\x1b[K")[1:]
    assert len(drawn) >= 3 and all("\n" not in line and re.search(r"chat/a \[[#-]{20}\] ", line) for line in drawn[:-1])
    assert last == "chat/a: done, 4 sessions: close 4\r\n" and "[#####" in written.decode()
