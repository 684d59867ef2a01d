"""The logs: rotation, disks that are full, both formats, open lines."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess

import pytest
from harness import TEXT, RawBackend, backend_frame, client_frame, connect, open_tunnel, plain_request, \
    upgrade_request, wait_until

_TIME = r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z"


def _reject(drover, path="/"):
    """A session that ends at once: ordinary HTTP is answered with 426."""
    client = connect(drover.port, plain_request(f"GET {path} HTTP/1.1", "Host: localhost"))
    assert b" 426 " in client.read_to_end()
    client.close()


def _records(path):
    """The access lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _paths(path):
    return [record["path"] for record in _records(path)]


def _wait_for_lines(path, count):
    wait_until(lambda: path.read_text().count("\n") >= count, f"{count} lines in {path}")


def test_a_rotation_loses_no_line_and_the_old_file_gets_no_more(start, backend, tmp_path):
    path = tmp_path / "access.log"
    drover = start({"backends": [backend.address], "log": {"access": str(path)}})
    for rotation in range(5):
        for number in range(20):
            _reject(drover, f"/{rotation}/{number}")
        _wait_for_lines(path, 20)
        path.rename(path.with_suffix(f".{rotation}"))
        drover.signal(signal.SIGUSR1)
        wait_until(lambda count=rotation + 1: len(drover.events("logs_reopened")) == count, "logs are reopened")
    _reject(drover, "/last")
    _wait_for_lines(path, 1)
    assert _paths(path) == ["/last"]
    for rotation in range(5):
        assert sorted(_paths(path.with_suffix(f".{rotation}"))) == sorted(f"/{rotation}/{n}" for n in range(20))
    assert drover.events("logs_reopened")[0] == {"path": str(path)}


def test_a_log_that_cannot_be_reopened_stays_and_says_what_to_do(start, backend, tmp_path):
    place, moved = tmp_path / "place", tmp_path / "moved"
    place.mkdir()
    drover = start({"backends": [backend.address], "log": {"access": str(place / "access.log")}})
    place.rename(moved)
    drover.signal(signal.SIGUSR1)
    (failure,) = wait_until(lambda: drover.events("logs_reopen_failed"), "a failure is logged")
    assert failure["path"] == str(place / "access.log")
    assert "No such file or directory (errno 2)" in failure["reason"] and "SIGUSR1" in failure["hint"]
    _reject(drover, "/still")
    _wait_for_lines(moved / "access.log", 1)
    assert _paths(moved / "access.log") == ["/still"]
    place.mkdir()
    drover.signal(signal.SIGUSR1)
    wait_until(lambda: drover.events("logs_reopened"), "logs are reopened")
    assert (place / "access.log").exists()


@pytest.mark.parametrize("side", ["client", "backend"])
def test_a_line_says_who_has_broken_which_rule(start, backend, side):
    drover = start({"backends": [backend.address], "timeouts": {"close": "200ms"}})
    client, server = open_tunnel(drover.port, backend)
    if side == "client":
        client.send(client_frame(3, b"reserved"))
    else:
        server.send(backend_frame(3, b"reserved"))
    line = drover.session()
    assert (line["why"], line["detail"]) == ("protocol_error", f"reserved opcode, from the {side}")


@pytest.mark.parametrize("target", ["stdout", "stderr", "off"])
def test_there_is_nothing_to_reopen_of_a_pipe(start, backend, target):
    drover = start({"backends": [backend.address], "log": {"access": target}})
    drover.signal(signal.SIGUSR1)
    (event,) = wait_until(lambda: drover.events("nothing_to_reopen"), "it says so")
    assert event == {"reason": "log.access is not a file"}


def _dropped(drover):
    (value,) = re.findall(r"^drover_log_lines_dropped_total (\d+)$", drover.admin("/metrics")[1], re.MULTILINE)
    return int(value)


@contextlib.contextmanager
def _small_disk(size, folder):
    """A folder on a file system of so many bytes, which nobody else sees mounted: it is there as long as its holder."""
    script = f"mkdir -p disk && mount -t tmpfs -o size={size} tmpfs disk && echo mounted && exec sleep infinity"
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", script], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as holder:
        try:
            if holder.stdout.readline() != b"mounted\n":
                pytest.skip("needs root, to mount a file system")
            yield f"/proc/{holder.pid}/root{folder}/disk"
        finally:
            holder.kill()


def test_a_full_disk_costs_lines_and_nothing_else(start, backend, tmp_path):
    page = os.sysconf("SC_PAGE_SIZE")
    with _small_disk(4 * page, tmp_path) as disk, open(f"{disk}/filler", "wb") as filler:
        filler.write(bytes(3 * page))
        filler.flush()
        drover = start({"backends": [backend.address], "log": {"access": f"{disk}/access.log"}})
        client, server = open_tunnel(drover.port, backend)
        sent = 0
        while _dropped(drover) < 10:
            _reject(drover, f"/{sent}")
            sent += 1
        client.send(client_frame(TEXT, b"there"))
        assert server.read_frame().payload == b"there"
        server.send(backend_frame(TEXT, b"and back"))
        assert client.read_frame().payload == b"and back"
        def lines():
            with open(f"{disk}/access.log", encoding="utf-8") as log:
                return log.read().splitlines()

        def written():
            return [json.loads(line)["path"] for line in lines() if line.endswith("}")]

        wait_until(lambda: len(written()) + _dropped(drover) == sent, "every line is written or lost")
        assert not drover.events("log_lines_dropped")
        filler.truncate(0)
        _reject(drover, "/room")
        (event,) = wait_until(lambda: drover.events("log_lines_dropped"), "the losses are told of")
        assert (event["log"], event["reason"]) == ("access", "no_space")
        assert event["detail"] == "No space left on device"
        assert int(event["count"]) == _dropped(drover)
        assert written() == [f"/{number}" for number in range(sent - _dropped(drover))] + ["/room"]
        assert len(lines()) - len(written()) <= 1  # the one that was cut
        client.close(), server.close()
        drover.stop()


def test_a_file_at_its_largest_size_ends_nothing(start, backend, tmp_path):
    path = tmp_path / "access.log"
    drover = start({"backends": [backend.address], "log": {"access": str(path)}})
    before = resource.prlimit(drover.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(drover.pid, resource.RLIMIT_FSIZE, (100, before[1]))
    _reject(drover, "/cut")
    wait_until(lambda: _dropped(drover) == 1, "a line is lost")
    resource.prlimit(drover.pid, resource.RLIMIT_FSIZE, before)
    _reject(drover, "/whole")
    wait_until(lambda: drover.events("log_lines_dropped"), "the loss is told of")
    cut, whole = path.read_text().splitlines()
    assert len(cut) == 100 and json.loads(whole)["path"] == "/whole"


def _text_lines(drover, event):
    found = re.findall(rf"^{_TIME} {event} (.*)$", drover.output(), re.MULTILINE)
    return [dict(part.split("=", 1) for part in line.split(" ")) for line in found]


def test_text_lines_say_what_the_json_says(start):
    backend = RawBackend()
    drover = start({"pools": {"chat": {"backends": [{"name": "web-1", "address": backend.address}]}},
                    "routes": [{"pool": "chat"}], "log": {"format": "text", "level": "debug"}})
    client, server = open_tunnel(drover.port, backend, upgrade_request(
        "/room?token=1", "Sec-WebSocket-Protocol: mqtt"), ["Sec-WebSocket-Protocol: mqtt"])
    client_port = client.local_port
    (opened,) = wait_until(lambda: _text_lines(drover, "open"), "an open line")
    for stream in (client, server):
        stream.close()
    (line,) = wait_until(lambda: _text_lines(drover, "session"), "a session line")
    resume_id = line["resume_id"]
    same = {"client": f"127.0.0.1:{client_port}", "pool": "chat", "backend": "web-1", "path": "/room", "attempts": "1",
            "subprotocol": "mqtt", "id": line["id"], "request_id": resume_id, "resume_id": resume_id}
    assert same.items() <= opened.items() and same.items() <= line.items()
    assert line["status"] == "101" and line["end"].endswith("_lost")
    assert re.fullmatch(r"\d+\.\d{3}s", line["duration"])
    assert re.fullmatch(r"0/\d+B", line["in"]) and re.fullmatch(r"0/\d+B", line["out"])
    backend.close()


def test_a_text_line_stays_one_line(start, backend):
    drover = start({"backends": [backend.address], "log": {"format": "text"}})
    _reject(drover, '/a"b\\c=[x]')
    wait_until(lambda: drover.output().endswith("\n"), "a line")
    (line,) = drover.output().splitlines()
    assert r' path="/a\"b\\c=[x]" ' in line


def _opened(drover):
    lines = [json.loads(line) for line in drover.output().splitlines()]
    return [line for line in lines if line["event"] == "open"]


def test_an_open_line_at_debug_when_a_tunnel_begins(start, backend):
    drover = start({"backends": [backend.address], "log": {"level": "debug"}})
    client, server = open_tunnel(drover.port, backend, upgrade_request("/room?token=1"))
    (line,) = wait_until(lambda: _opened(drover), "an open line")
    assert list(line) == ["event", "time", "id", "resume_id", "request_id", "client", "route", "pool", "backend",
                          "attempts", "path", "subprotocol"]
    assert re.fullmatch(_TIME, line["time"])
    assert line["client"] == f"127.0.0.1:{client.local_port}"
    assert (line["pool"], line["backend"], line["attempts"]) == ("default", backend.address, 1)
    assert (line["path"], line["subprotocol"]) == ("/room", "")
    client.close(), server.close()
    ended = drover.session()
    for key in ("id", "resume_id", "request_id", "route", "path"):
        assert ended[key] == line[key]


def test_no_open_line_above_debug_or_for_who_is_rejected(start, backend):
    quiet = start({"backends": [backend.address], "log": {"level": "info"}})
    client, server = open_tunnel(quiet.port, backend)
    client.close(), server.close()
    quiet.session()
    assert not _opened(quiet)
    loud = start({"backends": [backend.address], "log": {"level": "debug"}})
    _reject(loud)
    loud.session()
    assert not _opened(loud)
