"""What systemd is told (sd_notify(3)): the start, reloads with the time of their beginning, and the end."""

import signal
import socket
import time

import pytest


@pytest.fixture(name="systemd")
def fixture_systemd(tmp_path):
    """What it heard last is read by heard()."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(15)
        yield heard


def _heard(systemd):
    return dict(line.split("=", 1) for line in systemd.recv(4096).decode().splitlines())


def test_it_is_told_of_everything(start, backend, systemd):
    config = {"backends": [backend.address]}
    drover = start(config, environment={"NOTIFY_SOCKET": systemd.getsockname()})
    began = _heard(systemd)
    assert (began["READY"], began["MAINPID"]) == ("1", str(drover.pid))
    assert began["STATUS"].endswith(f"serving on 127.0.0.1:{drover.port}")

    for text, refused in (("listn: 1", True), (None, False)):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        if text:
            drover.write_file(text)
        drover.reload(None if text else config)
        reloading = _heard(systemd)
        assert reloading["RELOADING"] == "1"
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        ready = _heard(systemd)
        assert ready["READY"] == "1" and ("the last reload was refused" in ready["STATUS"]) == refused

    drover.signal(signal.SIGTERM)
    stopping = _heard(systemd)
    assert stopping["STOPPING"] == "1" and "shutting down" in stopping["STATUS"]
    assert drover.wait() == 0
