"""The load's TLS against a server of another make: what was not resumed is told, and so is what went wrong."""

import json
import subprocess

import pytest
from programs import Backend, Certificate, Nginx


class _WithoutTickets(Nginx):
    def configuration(self, backend, tuned, certificate):
        return super().configuration(backend, tuned, certificate).replace("tickets on", "tickets off")


@pytest.fixture(scope="module")
def load(build, tmp_path_factory):
    """Runs the load against a server that `start` starts; returns its result."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = Certificate(folder)

    def run(start, *arguments, seconds=0.3):
        with Backend(build, ["127.0.0.1"]) as backend, start(folder, backend.addresses[0], certificate) as server:
            words = [build / "bench/drover-bench-load", "--target", server.address, "--seconds", str(seconds),
                     "--warmup", "0", *arguments]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60,
                                  check=False)
        result = json.loads(done.stdout)
        assert done.returncode == (1 if result["errors"] else 0)
        return result
    return run


def _nginx(folder, backend, certificate):
    return Nginx(folder, backend, certificate=certificate)


def test_every_client_comes_back_with_its_session(load):
    result = load(_nginx, "--case", "churn", "--sessions", "5", "--tls", "resumed")
    assert result["errors"] == 0, result
    assert result["tls"]["full"] == 5 and result["tls"]["resumed"] > 0


def test_the_window_waits_until_every_client_has_a_session(load):
    # So many full handshakes take longer than the window, which may be too short for a connection to come to its end.
    result = load(_nginx, "--case", "churn", "--sessions", "400", "--tls", "resumed", seconds=0.02)
    assert result["tls"]["full"] == 400, result


def test_a_server_that_resumes_nothing_is_an_error(load):
    def start(folder, backend, certificate):
        return _WithoutTickets(folder, backend, certificate=certificate)
    result = load(start, "--case", "churn", "--sessions", "5", "--tls", "resumed")
    assert "were full: only the first of each client was to be" in result["first_error"]
    assert result["errors"] == 1 and result["tls"]["full"] > 5 and result["tls"]["resumed"] == 0


def test_full_handshakes_stay_full(load):
    result = load(_nginx, "--case", "churn", "--sessions", "5", "--tls", "full")
    assert result["errors"] == 0 and result["tls"]["full"] > 5 and result["tls"]["resumed"] == 0


def test_a_server_without_tls_is_an_error_with_a_reason(load):
    def start(folder, backend, _):
        return Nginx(folder, backend)
    result = load(start, "--case", "closed", "--sessions", "2", "--tls", "full")
    assert result["errors"] > 0 and result["first_error"].startswith("TLS: ")
